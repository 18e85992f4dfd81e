package lab

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// traceAppID is the application whose service principal must be in the tenant
// before the message trace answers (Graph, resource type exchangeMessageTrace,
// Prerequisites).
const traceAppID = "8bd644d1-64a1-4d4b-ae52-2e0cbf64e373"

// traceAbsent is the fault of a tenant where that service principal is not.
const traceAbsent = "trace-unprovisioned"

// traceCalls are those of the message trace, version 1.0.
func traceCalls() []call {
	read := []string{"ExchangeMessageTrace.Read.All"}
	const traces = "/v1.0/admin/exchange/tracing/messageTraces"
	return []call{
		{
			method: http.MethodGet, path: traces, page: "messagetracingroot-list-messagetraces", roles: read, scopes: read,
			options: map[string][]string{"$filter": nil, "$top": nil, "$skiptoken": nil}, answer: (*Lab).listTraces,
		},
		{
			method: http.MethodGet, path: traces + "/{trace}/{function}", page: "exchangemessagetrace-getdetailsbyrecipient", roles: read, scopes: read,
			answer: (*Lab).traceDetails,
		},
	}
}

// traceProvisioned refuses until the service principal is there.
func (l *Lab) traceProvisioned(w http.ResponseWriter, r *http.Request) bool {
	if _, ok := l.enterprise(traceAppID); ok {
		return true
	}
	l.graphRefuse(w, r, http.StatusUnauthorized, "UnknownError", "Service principal-less Authentication failed")
	return false
}

// Without dates the trace looks back 48 hours (Graph, "List message traces").
const traceBack = 48 * time.Hour

// listTraces is "List message traces".
func (l *Lab) listTraces(w http.ResponseWriter, r *http.Request) {
	if !l.traceProvisioned(w, r) {
		return
	}
	query := r.URL.Query()
	top := 1000
	if t := query.Get("$top"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 || n > 5000 {
			l.graphRefuse(w, r, http.StatusBadRequest, "BadRequest", "The value of $top must be within 1 and 5000.")
			return
		}
		top = n
	}
	wanted, ok := traceFilter(query.Get("$filter"), l.now())
	if !ok {
		l.graphRefuse(w, r, http.StatusBadRequest, "BadRequest", "The query filter is not supported.")
		return
	}
	rows := []map[string]any{}
	l.dir.mu.Lock()
	for _, t := range slices.Backward(l.dir.traces) {
		if row := t.row(l.now()); wanted.has(t, row) {
			rows = append(rows, row)
		}
	}
	l.dir.mu.Unlock()
	skip, _ := strconv.Atoi(query.Get("$skiptoken")) // none, or one of the lab's own
	rows = rows[min(max(skip, 0), len(rows)):]
	answer := map[string]any{
		"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#admin/exchange/tracing/messageTraces", "value": rows[:min(top, len(rows))],
	}
	if len(rows) > top {
		query.Set("$skiptoken", strconv.Itoa(skip+top))
		answer["@odata.nextLink"] = l.GraphBase() + r.URL.Path + "?" + query.Encode()
	}
	writeJSON(w, http.StatusOK, answer)
}

// row is a row with Graph's names.
func (t *traced) row(now time.Time) map[string]any {
	return map[string]any{
		"id": t.id, "messageId": t.messageID, "subject": t.subject, "senderAddress": t.from, "recipientAddress": t.to,
		"fromIP": t.peer, "toIP": t.next, "status": t.statusAt(now), "size": t.size, "receivedDateTime": t.taken.UTC().Format(time.RFC3339),
	}
}

// wantedTraces is what a filter asks for.
type wantedTraces struct {
	from, to time.Time
	equal    map[string]string
}

// traceFilter reads terms joined by "and": receivedDateTime with ge and le, and
// the properties that can be compared with eq (Graph, resource type
// exchangeMessageTrace).
func traceFilter(filter string, now time.Time) (wantedTraces, bool) {
	want := wantedTraces{from: now.Add(-traceBack), equal: map[string]string{}}
	term := regexp.MustCompile(`^(fromIP|id|messageId|recipientAddress|senderAddress|status|toIP)\s+eq\s+'((?:[^']|'')*)'$`)
	date := regexp.MustCompile(`^receivedDateTime\s+(ge|le)\s+(\S+)$`)
	for _, part := range conjuncts(filter) {
		if m := term.FindStringSubmatch(part); m != nil {
			want.equal[m[1]] = strings.ReplaceAll(m[2], "''", "'")
			continue
		}
		m := date.FindStringSubmatch(part)
		if m == nil {
			return want, false
		}
		at, err := time.Parse(time.RFC3339, m[2])
		if err != nil {
			return want, false
		}
		if m[1] == "ge" {
			want.from = at
		} else {
			want.to = at
		}
	}
	return want, true
}

// has tells whether a row is asked for. The trace's times are whole seconds.
func (w wantedTraces) has(t *traced, row map[string]any) bool {
	if t.taken.Before(w.from.Truncate(time.Second)) || !w.to.IsZero() && t.taken.After(w.to.Add(time.Second)) {
		return false
	}
	for name, value := range w.equal {
		if s, _ := row[name].(string); !strings.EqualFold(s, value) {
			return false
		}
	}
	return true
}

// conjuncts splits a filter at "and" outside quotes.
func conjuncts(filter string) []string {
	if strings.TrimSpace(filter) == "" {
		return nil
	}
	var parts []string
	start, quoted := 0, false
	for i := range len(filter) {
		if filter[i] == '\'' {
			quoted = !quoted
		}
		if !quoted && i >= start && strings.HasPrefix(filter[i:], " and ") {
			parts = append(parts, strings.TrimSpace(filter[start:i]))
			start = i + len(" and ")
		}
	}
	return append(parts, strings.TrimSpace(filter[start:]))
}

// traceDetails is "getDetailsByRecipient": what happened to a message on its
// way to one recipient.
func (l *Lab) traceDetails(w http.ResponseWriter, r *http.Request) {
	if !l.traceProvisioned(w, r) {
		return
	}
	m := regexp.MustCompile(`^getDetailsByRecipient\(recipientAddress='((?:[^']|'')*)'\)$`).FindStringSubmatch(r.PathValue("function"))
	if m == nil {
		l.graphRefuse(w, r, http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+probes.Clean(r.PathValue("function"), 100)+"'.")
		return
	}
	recipient := strings.ReplaceAll(m[1], "''", "'")
	events := []map[string]any{}
	l.dir.mu.Lock()
	for _, t := range l.dir.traces {
		if t.id != r.PathValue("trace") || !strings.EqualFold(t.to, recipient) {
			continue
		}
		for i, e := range t.events {
			if i > 0 && t.arrives.After(l.now()) {
				break
			}
			events = append(events, map[string]any{
				"id": t.id, "messageId": t.messageID, "dateTime": t.taken.UTC().Format(time.RFC3339), "event": e.name, "action": "",
				"description": e.description, "data": t.extra(),
			})
		}
	}
	l.dir.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{
		"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#Collection(microsoft.graph.exchangeMessageTraceDetail)", "value": events,
	})
}
