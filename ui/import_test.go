package ui

import (
	"errors"
	"testing"

	"offbasic/probes"
)

// What could not be read is told by its fault, and not as a file with nothing
// in it.
func TestAFileThatCouldNotBeReadIsNoResult(t *testing.T) {
	s := importScreen{files: []string{"a.csv"}}
	s = s.take(importMsg{done: true, results: []ImportResult{{File: "a.csv"}}, err: errors.New("not text")})
	if len(s.results) > 0 || s.err == nil {
		t.Errorf("results are %+v, the error %v", s.results, s.err)
	}
	s = s.take(importMsg{done: true, results: []ImportResult{{File: "b.csv", Kind: probes.FromReport}}})
	if len(s.results) != 1 {
		t.Errorf("results are %+v", s.results)
	}
}
