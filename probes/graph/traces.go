package graph

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"offbasic/probes"
)

// How much of the message trace there is, and how much of it one question can
// be about (Microsoft, "Graph-based message trace API onboarding guide";
// Get-MessageTraceV2).
const (
	TraceReach  = 90 * 24 * time.Hour
	traceWindow = 10 * 24 * time.Hour
)

// Traces reads the message trace since a time, at most TraceReach back, as
// SignIns does. A row tells the public address that a message came from, never
// that of the device, and not how it was signed in.
//
// Source: Microsoft Graph, "List messageTraces"; resource type
// exchangeMessageTrace.
func (c Client) Traces(ctx context.Context, since time.Time, to Logged) (LogRead, error) {
	l := logReader{c: c, to: to, forbidden: TracesForbidden, most: traceWindow}
	err := l.stretches(since, func(p stretch) error {
		return l.pages(ctx, p, "/admin/exchange/tracing/messageTraces", url.Values{
			"$filter": {"receivedDateTime ge " + p.from.Format(time.RFC3339) + " and receivedDateTime le " + p.to.Format(time.RFC3339)},
			"$top":    {"1000"},
		}, func(raw json.RawMessage) error { return l.traced(raw, p) })
	})
	return l.read, err
}

// traced hands one row on.
func (l *logReader) traced(raw json.RawMessage, p stretch) error {
	var row traceRow
	if json.Unmarshal(raw, &row) != nil || row.Received.IsZero() {
		l.read.Bad++
		return nil
	}
	if p.next(row.Received) {
		return nil
	}
	from := mailAddress(row.Sender)
	if from == "" {
		l.read.Skipped++ // a bounce
		return nil
	}
	_, domain, _ := strings.Cut(mailAddress(row.Recipient), "@")
	return l.emit(probes.Sighting{
		Kind: probes.FromTrace, OldTLS: -1, Messages: 1, From: from, To: domain, Peer: networkAddress(row.FromIP), Size: max(row.Size, 0),
		Refused: strings.EqualFold(row.Status, "failed"), At: row.Received.UTC(),
	})
}
