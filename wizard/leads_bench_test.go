package wizard

import (
	"fmt"
	"testing"
	"time"

	"offbasic/probes"
)

// BenchmarkLeads takes up the rows of a sign-in log, beside what it costs to
// read them (probes/exports).
func BenchmarkLeads(b *testing.B) {
	rows := make([]probes.Sighting, 1000)
	for i := range rows {
		rows[i] = probes.Sighting{
			Kind: probes.FromSignIns, Account: fmt.Sprintf("s%d@contoso.example", i), Peer: "203.0.113.10", Messages: 1, OldTLS: -1,
			At: time.Date(2026, 11, 1+i%20, 8, 0, i%60, 0, time.UTC),
		}
	}
	b.ReportAllocs()
	var l Leads
	for i := 0; b.Loop(); i++ {
		l.Add(rows[i%len(rows)])
	}
}
