package graph

import (
	"context"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"
	"time"

	"offbasic/probes"
)

// Traced is a message of the message trace, for one recipient.
type Traced struct {
	ID        string
	MessageID string
	Sender    string
	Recipient string
	Received  time.Time
	Subject   string
	Status    string // "delivered", "failed", "pending", ... as Graph writes it
	FromIP    string
	ToIP      string
	Size      int64
	Events    []TraceEvent
}

// TraceEvent is one thing that happened to a traced message.
type TraceEvent struct {
	At          time.Time
	Event       string // "Receive", "Deliver", "Fail", ...
	Action      string
	Description string
	Connector   string // its name; "" is not known
}

// traceSpan is how far around the time of sending the trace is asked for. At
// most ten days can be.
const traceSpan = 24 * time.Hour

// maxTracePages is how many pages of a trace are read.
const maxTracePages = 5

// traceRow is a row as Graph sends it.
type traceRow struct {
	ID        string    `json:"id"`
	MessageID string    `json:"messageId"`
	Sender    string    `json:"senderAddress"`
	Recipient string    `json:"recipientAddress"`
	Received  time.Time `json:"receivedDateTime"`
	Subject   string    `json:"subject"`
	Status    string    `json:"status"`
	FromIP    string    `json:"fromIP"`
	ToIP      string    `json:"toIP"`
	Size      int64     `json:"size"`
}

// Trace looks for a message to a recipient in the message trace, by its
// Message-ID. found is false when the trace does not have it, which shortly
// after sending says nothing.
//
// Source: Microsoft Graph, "List messageTraces", "exchangeMessageTrace:
// getDetailsByRecipient". The documented filters are those on the time and on
// the recipient; the Message-ID is compared here.
func (c Client) Trace(ctx context.Context, recipient, messageID string, sent time.Time) (t Traced, found bool, err error) {
	until := c.now().UTC()
	query := url.Values{
		"$filter": {"receivedDateTime ge " + sent.Add(-traceSpan).UTC().Format(time.RFC3339) +
			" and receivedDateTime le " + until.Format(time.RFC3339) +
			" and recipientAddress eq '" + strings.ReplaceAll(recipient, "'", "''") + "'"},
		"$top": {"1000"},
	}
	path := "/admin/exchange/tracing/messageTraces"
	for range maxTracePages {
		var list struct {
			Value []traceRow `json:"value"`
			Next  string     `json:"@odata.nextLink"`
		}
		if err := c.get(ctx, path, query, &list); err != nil {
			return t, false, err
		}
		for _, row := range list.Value {
			if strings.Trim(row.MessageID, "<>") == strings.Trim(messageID, "<>") {
				t = row.clean()
				t.Events, err = c.traceEvents(ctx, row.ID, recipient)
				return t, true, err
			}
		}
		var more bool
		if path, query, more = c.next(list.Next); !more {
			return t, false, nil
		}
	}
	return t, false, nil
}

// next is the path and the query of the next page, where the link leads to the
// same Graph.
func (c Client) next(link string) (path string, query url.Values, ok bool) {
	rest, ok := strings.CutPrefix(link, strings.TrimRight(c.Base, "/")+"/v1.0")
	if !ok {
		return "", nil, false
	}
	u, err := url.Parse(rest)
	if err != nil || u.Host != "" {
		return "", nil, false
	}
	return u.EscapedPath(), u.Query(), true
}

func (r traceRow) clean() Traced {
	short := func(s string) string { return probes.Clean(s, 300) }
	return Traced{
		ID: short(r.ID), MessageID: short(r.MessageID), Sender: short(r.Sender), Recipient: short(r.Recipient),
		Received: r.Received, Subject: short(r.Subject), Status: short(r.Status), FromIP: short(r.FromIP), ToIP: short(r.ToIP), Size: r.Size,
	}
}

// traceEvents are what happened to a message, in its order.
func (c Client) traceEvents(ctx context.Context, id, recipient string) ([]TraceEvent, error) {
	var list struct {
		Value []struct {
			At          time.Time `json:"dateTime"`
			Event       string    `json:"event"`
			Action      string    `json:"action"`
			Description string    `json:"description"`
			Data        string    `json:"data"`
		} `json:"value"`
	}
	quoted := url.PathEscape("'" + strings.ReplaceAll(recipient, "'", "''") + "'")
	path := "/admin/exchange/tracing/messageTraces/" + url.PathEscape(id) + "/getDetailsByRecipient(recipientAddress=" + quoted + ")"
	if err := c.get(ctx, path, nil, &list); err != nil {
		return nil, err
	}
	var out []TraceEvent
	for _, e := range list.Value[:min(len(list.Value), 100)] {
		out = append(out, TraceEvent{At: e.At, Event: probes.Clean(e.Event, 100), Action: probes.Clean(e.Action, 100), Description: probes.Clean(e.Description, 500), Connector: connectorIn(e.Data)})
	}
	return out, nil
}

// connectorIn is the connector that the data of an event names. Its form is
// not documented: in the field it is XML, <root><MEP Name="ConnectorId"
// String="..."/></root>. In another form it names none.
func connectorIn(data string) string {
	var root struct {
		Fields []struct {
			Name  string `xml:"Name,attr"`
			Value string `xml:"String,attr"`
		} `xml:"MEP"`
	}
	if xml.Unmarshal([]byte(data), &root) != nil {
		return ""
	}
	for _, f := range root.Fields {
		if f.Name == "ConnectorId" {
			return probes.Clean(f.Value, 200)
		}
	}
	return ""
}

// The codes of what the message trace is refused for, beside those of every
// question to Graph.
const (
	TraceForbidden     probes.Code = "trace_forbidden"     // the permission is missing; args as Refused
	TraceUnprovisioned probes.Code = "trace_unprovisioned" // its service principal is not in the tenant; args as Refused
)

// TraceReceipt looks once for a message in the message trace.
func (c Client) TraceReceipt(ctx context.Context, recipient, messageID string, sent time.Time) (probes.Receipt, error) {
	r := probes.Receipt{MessageID: messageID, Mailbox: recipient, By: probes.ByTrace}
	t, found, err := c.Trace(ctx, recipient, messageID, sent)
	if !found {
		return r, traceFault(err)
	}
	r.Found, r.Received, r.Subject, r.Status, r.FromIP = true, t.Received, t.Subject, t.Status, t.FromIP
	r.AfterMS = max(0, t.Received.Sub(sent).Milliseconds())
	for _, e := range t.Events {
		r.Events = append(r.Events, probes.ReceiptEvent{At: e.At, Event: e.Event, Description: e.Description})
		if r.Connector == "" {
			r.Connector = e.Connector
		}
	}
	return r, nil // of a row without its events there is enough
}

// traceFault names what must be done in the tenant before the trace answers
// (Microsoft Graph, resource type exchangeMessageTrace, Prerequisites).
func traceFault(err error) error {
	f, ok := errors.AsType[*probes.Fault](err)
	if !ok || f.Code != Refused {
		return err
	}
	named := *f
	switch {
	case f.Args["status"] == "401" && strings.Contains(f.Args["message"], "Service principal-less"):
		named.Code = TraceUnprovisioned
	case f.Args["status"] == "403", f.Args["status"] == "401":
		named.Code = TraceForbidden
	default:
		return err
	}
	return &named
}

// TraceWaits is how long WaitTrace waits between its looks, when it is not
// told: about ten minutes in all, at 100 questions in five minutes at most.
func TraceWaits() []time.Duration {
	const s = time.Second
	return []time.Duration{0, 5 * s, 10 * s, 20 * s, 30 * s, 60 * s, 60 * s, 60 * s, 120 * s, 240 * s}
}

// WaitTrace looks for a message in the message trace until it is there and its
// fate is known, as Wait does in the mailbox.
func (c Client) WaitTrace(ctx context.Context, recipient, messageID string, sent time.Time,
	waits []time.Duration, tick func(attempt int, waited time.Duration),
) (probes.Receipt, error) {
	began := c.now()
	r := probes.Receipt{MessageID: messageID, Mailbox: recipient, By: probes.ByTrace}
	var err error
	for i, d := range waits {
		if d = max(d, asked(err)); d > 0 && !c.sleep(ctx, d) {
			return r, c.unreachable(ctx.Err())
		}
		if tick != nil {
			tick(i+1, c.now().Sub(began))
		}
		r, err = c.TraceReceipt(ctx, recipient, messageID, sent)
		r.Waited = c.now().Sub(began).Milliseconds()
		unsettled := strings.EqualFold(r.Status, "pending") || strings.EqualFold(r.Status, "gettingStatus")
		if r.Found && !unsettled || err != nil && !throttled(err) {
			return r, err
		}
	}
	return r, err
}
