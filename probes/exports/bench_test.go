package exports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"testing"

	"offbasic/probes"
)

// signInFile is a sign-in log of n rows.
func signInFile(n int) []byte {
	b := bytes.NewBufferString(signIns)
	for i := range n {
		fmt.Fprintf(b, "2026-11-20T08:%02d:%02dZ,%d,Scanner,scan%d@contoso.example,Member,none,none,Office 365 Exchange Online,192.0.2.%d,\"Lyon, FR\",Success,0,,Authenticated SMTP\n",
			i/60%60, i%60, i, i%500, i%250)
	}
	return b.Bytes()
}

// BenchmarkSignIns reads a sign-in log; BenchmarkEncodingCSV reads the same
// with the standard library and does nothing with it.
func BenchmarkSignIns(b *testing.B) {
	file := signInFile(100_000)
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		sum, err := Read(b.Context(), open, Options{Name: "x", Now: now}, func() {}, func(probes.Sighting) error { return nil })
		if err != nil || sum.Rows != 100_002 {
			b.Fatal(sum.Rows, err)
		}
	}
}

func BenchmarkEncodingCSV(b *testing.B) {
	file := signInFile(100_000)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		r := csv.NewReader(bytes.NewReader(file))
		r.ReuseRecord = true
		rows := 0
		for {
			_, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			rows++
		}
		if rows != 100_004 {
			b.Fatal(rows)
		}
	}
}
