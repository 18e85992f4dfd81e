package checks_test

import (
	"strings"
	"testing"

	"offbasic/checks"
)

func BenchmarkReadMessage20MB(b *testing.B) {
	line := strings.Repeat("A", 76) + "\r\n"
	raw := []byte(page + strings.Repeat(line, 20_000_000/len(line)))
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		checks.ReadMessage(raw)
	}
}
