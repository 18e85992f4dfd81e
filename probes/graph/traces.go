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

// Traces reads the message trace since a time, at most TraceReach back, and
// emits a sighting for each row, as SignIns does. A row tells the public
// address that a message came from, never that of the device, and not how it
// was signed in.
//
// Source: Microsoft Graph, "List messageTraces"; resource type
// exchangeMessageTrace.
func (c Client) Traces(ctx context.Context, since time.Time, told func(LogRead), emit func(probes.Sighting) error) (LogRead, error) {
	l := logReader{c: c, told: told, forbidden: TracesForbidden}
	until := c.now().UTC().Truncate(time.Second)
	var done time.Time // up to here, this second too
	for from := since.UTC().Truncate(time.Second); from.Before(until); from = done {
		to := from.Add(traceWindow)
		if to.After(until) {
			to = until
		}
		err := l.pages(ctx, "/admin/exchange/tracing/messageTraces", url.Values{
			"$filter": {"receivedDateTime ge " + from.Format(time.RFC3339) + " and receivedDateTime le " + to.Format(time.RFC3339)},
			"$top":    {"1000"},
		}, func(raw json.RawMessage) error { return l.traced(raw, done, emit) })
		if err != nil {
			return l.read, err
		}
		done = to
	}
	return l.read, nil
}

// traced hands one row on, unless the question before had it already.
func (l *logReader) traced(raw json.RawMessage, done time.Time, emit func(probes.Sighting) error) error {
	var row traceRow
	if json.Unmarshal(raw, &row) != nil || row.Received.IsZero() {
		l.read.Bad++
		return nil
	}
	if !done.IsZero() && !row.Received.After(done) {
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
	}, emit)
}
