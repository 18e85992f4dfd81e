package graph

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// mail is one message, with the properties that are asked for.
type mail struct {
	Subject  string    `json:"subject"`
	Received time.Time `json:"receivedDateTime"`
	Folder   string    `json:"parentFolderId"`
	Headers  []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"internetMessageHeaders"`
}

// Message looks for a message in a mailbox by its Message-ID, angle brackets
// included. A message that is not there is no error: Found is false.
//
// Source: Microsoft Graph, "List messages" and "Get mailFolder".
func (c Client) Message(ctx context.Context, mailbox, messageID string) (probes.Receipt, error) {
	r := probes.Receipt{MessageID: messageID, Mailbox: mailbox}
	user := "/users/" + url.PathEscape(mailbox)
	var list struct {
		Value []mail `json:"value"`
	}
	err := c.get(ctx, user+"/messages", url.Values{
		"$filter": {"internetMessageId eq '" + strings.ReplaceAll(messageID, "'", "''") + "'"},
		"$select": {"subject,receivedDateTime,internetMessageHeaders,parentFolderId"},
	}, &list)
	if err != nil {
		return r, err
	}
	i := slices.IndexFunc(list.Value, func(m mail) bool { return m.header("Received") != "" || !c.sentCopy(ctx, user, m.Folder) })
	if i < 0 {
		return r, nil
	}
	m := list.Value[i]
	r.Found, r.Received, r.Subject = true, m.Received, probes.Clean(m.Subject, 300)
	r.AuthAs = m.header("X-MS-Exchange-Organization-AuthAs")
	r.Results = m.header("Authentication-Results")
	r.Mechanism = m.header("X-MS-Exchange-Organization-AuthMechanism")
	r.Folder = c.folder(ctx, user, m.Folder)
	r.By, r.Head, r.Junk = probes.ByMailbox, m.head(), c.junk(ctx, user, m.Folder)
	return r, nil
}

// sentCopy tells the copy that a mailbox keeps of what it sent: it passed no
// server, and proves no arrival.
func (c Client) sentCopy(ctx context.Context, user, folder string) bool {
	var f struct {
		ID string `json:"id"`
	}
	return c.get(ctx, user+"/mailFolders/sentitems", url.Values{"$select": {"id"}}, &f) == nil && f.ID != "" && f.ID == folder
}

// header is the first header of that name, which is the one that the last
// server wrote.
func (m mail) header(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return probes.Clean(strings.TrimSpace(h.Value), 1000)
		}
	}
	return ""
}

// folder asks for a folder's display name. The message is found already: a
// name that Graph does not give stays absent.
func (c Client) folder(ctx context.Context, user, id string) string {
	if id == "" {
		return ""
	}
	var f struct {
		Name string `json:"displayName"`
	}
	if c.get(ctx, user+"/mailFolders/"+url.PathEscape(id), url.Values{"$select": {"displayName"}}, &f) != nil {
		return ""
	}
	return probes.Clean(f.Name, 100)
}

// Waits is how long Wait waits between its looks, when it is not told: about
// two minutes in all.
func Waits() []time.Duration {
	const s = time.Second
	return []time.Duration{0, s, 2 * s, 3 * s, 5 * s, 8 * s, 13 * s, 20 * s, 30 * s, 40 * s}
}

// Wait looks for a message until it is there: once after each of waits, and
// later when Graph asks for that with Retry-After. sent is when the message was
// handed over, for AfterMS. tick, which may be nil, is called before each look.
// A message that never showed is no error: Found is false.
func (c Client) Wait(ctx context.Context, mailbox, messageID string, sent time.Time,
	waits []time.Duration, tick func(attempt int, waited time.Duration),
) (probes.Receipt, error) {
	began := c.now()
	r := probes.Receipt{MessageID: messageID, Mailbox: mailbox}
	var err error
	for i, d := range waits {
		if d = max(d, asked(err)); d > 0 && !c.sleep(ctx, d) {
			return r, c.unreachable(ctx.Err())
		}
		if tick != nil {
			tick(i+1, c.now().Sub(began))
		}
		r, err = c.Message(ctx, mailbox, messageID)
		r.Waited = c.now().Sub(began).Milliseconds()
		if r.Found {
			r.AfterMS = max(0, r.Received.Sub(sent).Milliseconds())
			return r, err
		}
		if err != nil && !throttled(err) {
			return r, err
		}
	}
	return r, err
}

// sleep waits, and tells whether the context lives.
func (c Client) sleep(ctx context.Context, d time.Duration) bool {
	after := c.After
	if after == nil {
		after = time.After
	}
	select {
	case <-after(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func throttled(err error) bool {
	var f *probes.Fault
	return errors.As(err, &f) && f.Code == Throttled
}

// asked is how long Graph asked to wait, at most five minutes.
func asked(err error) time.Duration {
	var f *probes.Fault
	if !errors.As(err, &f) || f.Code != Throttled {
		return 0
	}
	s, err := strconv.ParseFloat(f.Args["retry_after"], 64)
	if err != nil {
		return 0
	}
	return min(time.Duration(s*float64(time.Second)), 5*time.Minute)
}
