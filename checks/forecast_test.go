package checks_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
)

// way is the way of a route.
func way(t *testing.T, r probes.Route) checks.Way {
	t.Helper()
	w, ok := checks.WayOf(r)
	if !ok {
		t.Fatalf("%s has no way", r)
	}
	return w
}

// Every route but a replacement can be tried, and so can what is done today.
func TestEveryRouteThatCanBeTriedHasAWay(t *testing.T) {
	for _, r := range append(probes.Routes(), probes.Basic) {
		w, ok := checks.WayOf(r)
		if ok != (r != probes.Replace) {
			t.Errorf("%s: has a way: %t", r, ok)
		}
		if !ok {
			continue
		}
		if len(w.SignIn) == 0 || w.Reach == "" || w.From == "" || w.TLS == "" || w.Host == checks.HostFixed && w.Name == "" {
			t.Errorf("%s: %+v leaves something open", r, w)
		}
		if w.Plain != (r == probes.Relay) {
			t.Errorf("%s: may go in clear: %t", r, w.Plain)
		}
		for _, l := range []checks.Bound{w.Size, w.Count} {
			if (l.N == 0) != (l.Source == "") {
				t.Errorf("%s: limit %+v without a source, or a source without a limit", r, l)
			}
		}
	}
}

// The services are those of public configurations, with their ports.
func TestServicesOfTheCatalogue(t *testing.T) {
	want := []string{"brevo", "mailjet", "sendgrid", "smtp2go", "postmark", "ses"}
	var got []string
	for _, s := range checks.Services() {
		got = append(got, s.ID)
		if s.Host == "" || len(s.Ports) == 0 || s.Source == "" || s.Confidence == "" || s.Region != strings.Contains(s.Host, "{region}") {
			t.Errorf("%+v is not whole", s)
		}
		for _, p := range s.Implicit {
			if !slices.Contains(s.Ports, p) {
				t.Errorf("%s: %d is not among its ports", s.ID, p)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the catalogue has %v, want %v", got, want)
	}
}

const page = "From: Scanner <scan@contoso.example>\r\nSubject: x\r\n\r\npage\r\n"

// envelopes are messages that meet every judgement of the forecast.
func envelopes() []checks.Envelope {
	plain := checks.Envelope{
		Message: checks.ReadMessage([]byte(page)), MailFrom: "scan@contoso.example", RcptTo: []string{"it@contoso.example"}, Account: "scan@contoso.example",
	}
	variant := func(change func(*checks.Envelope)) checks.Envelope {
		e := plain
		change(&e)
		return e
	}
	raw := func(s string) checks.Envelope {
		return variant(func(e *checks.Envelope) { e.Message = checks.ReadMessage([]byte(s)) })
	}
	sized := func(n int64) checks.Envelope {
		return variant(func(e *checks.Envelope) { e.Message.Size = n })
	}
	return []checks.Envelope{
		plain, sized(10_200_000), sized(10_600_000), sized(200_000_000), raw("Subject: no From\r\n\r\nx"),
		raw("From: a@b.example\r\nFrom: c@d.example\r\n\r\nx"), raw("From: Scan, Halle 2 <scan@contoso.example>\r\n\r\nx"),
		raw("From: scan@contoso.example\r\nSubject: caf\xe9\r\n\r\nx"), raw(page + strings.Repeat("x", 1200)),
		variant(func(e *checks.Envelope) { e.MailFrom = "copier@old.example" }),
		variant(func(e *checks.Envelope) { e.RcptTo = []string{"it@contoso.example", "x@example.org"} }),
		variant(func(e *checks.Envelope) { e.RcptTo = slices.Repeat([]string{"it@contoso.example"}, 1001) }),
	}
}

func TestEveryForecastIsReachedAndGivesItsArguments(t *testing.T) {
	reached := map[string]bool{}
	for _, e := range envelopes() {
		for _, w := range checks.Ways() {
			for _, domains := range [][]string{nil, {"contoso.example"}} {
				for _, f := range checks.Forecast(e, w, checks.TenantFacts{Domains: domains}) {
					key := fmt.Sprintf("check.%s.%s", f.Check, f.Status)
					reached[key] = true
					filled(t, key, f.Args)
					if (f.Remedy != "") != (f.Status == checks.Warn || f.Status == checks.Fail) {
						t.Errorf("%s has the remedy %q", key, f.Remedy)
					}
				}
			}
		}
	}
	listed := map[string]bool{}
	for _, c := range checks.ForecastChecks() {
		for _, s := range c.Outcomes {
			key := fmt.Sprintf("check.%s.%s", c.ID, s)
			if listed[key] = true; !reached[key] {
				t.Errorf("nothing reaches %s", key)
			}
		}
	}
	for key := range reached {
		if !listed[key] {
			t.Errorf("%s is not in the table", key)
		}
	}
}

// what a message meets on a route, in short.
func meets(e checks.Envelope, w checks.Way, domains ...string) map[checks.ID]checks.Status {
	out := map[checks.ID]checks.Status{}
	for _, f := range checks.Forecast(e, w, checks.TenantFacts{Domains: domains}) {
		out[f.Check] = f.Status
	}
	return out
}

// The limits at their edges: 50 recipients and 10 MB on HVE and ACS
// (HVEFIELD; Microsoft, "Service limits for Azure Communication Services"),
// 4 MB of base64 at Graph, 157286400 bytes at smtp.office365.com.
func TestLimitsAtTheirEdges(t *testing.T) {
	for _, tt := range []struct {
		route probes.Route
		size  int64
		want  checks.Status
	}{
		{probes.HVE, 10_000_000, checks.Pass},
		{probes.HVE, 10_000_001, checks.Warn},
		{probes.HVE, 10 << 20, checks.Warn},
		{probes.HVE, 10<<20 + 1, checks.Fail},
		{probes.ACS, 10<<20 + 1, checks.Fail},
		{probes.Graph, 3_000_000, checks.Pass},
		{probes.Graph, 3_000_001, checks.Warn},
		{probes.Graph, 3_145_728, checks.Warn},
		{probes.Graph, 3_145_730, checks.Fail},
		{probes.OAuth, 157286400, checks.Pass},
		{probes.OAuth, 157286401, checks.Fail},
		{probes.Connector, 1 << 40, checks.Skip},
		{probes.Relay, 1 << 40, checks.Skip},
	} {
		e := envelopes()[0]
		e.Message.Size = tt.size
		if got := meets(e, way(t, tt.route))["forecast-size"]; got != tt.want {
			t.Errorf("%d bytes over %s: %s, want %s", tt.size, tt.route, got, tt.want)
		}
	}
	for n, want := range map[int]checks.Status{50: checks.Pass, 51: checks.Fail} {
		e := envelopes()[0]
		e.RcptTo = slices.Repeat([]string{"it@contoso.example"}, n)
		if got := meets(e, way(t, probes.HVE))["forecast-count"]; got != want {
			t.Errorf("%d recipients: %s, want %s", n, got, want)
		}
	}
}

func TestOutsideIsForThoseWhoReachIt(t *testing.T) {
	e := envelopes()[0]
	e.RcptTo = []string{"it@CONTOSO.example", "x@contoso.example.org"}
	for r, want := range map[probes.Route]checks.Status{
		probes.OAuth: checks.Pass, probes.HVE: checks.Fail, probes.Connector: checks.Pass, probes.Direct: checks.Fail,
		probes.ACS: checks.Pass, probes.Graph: checks.Pass, probes.Relay: "", probes.Provider: checks.Pass,
	} {
		if got := meets(e, way(t, r), "contoso.example")["forecast-reach"]; got != want {
			t.Errorf("%s: %q, want %q", r, got, want)
		}
	}
}

// What a message shows, byte by byte.
func TestReadMessage(t *testing.T) {
	m := checks.ReadMessage([]byte("FROM : \"Scan, er\"\r\n <scan@contoso.example>\nX-Caf\xe9: 1\r\n\r\nabc\rd\x00\xff\n"))
	want := checks.MessageFacts{
		Size: int64(len("FROM : \"Scan, er\"\r\n <scan@contoso.example>\r\nX-Caf\xe9: 1\r\n\r\nabc\r\nd\x00\xff\r\n")), From: "scan@contoso.example",
		FromText: "\"Scan, er\" <scan@contoso.example>", FromFields: 1, EightBody: true, NUL: true, Longest: 23, LoneEnds: 3,
	}
	if len(m.EightBit) != 1 || !strings.HasPrefix(m.EightBit[0], "X-Caf") {
		t.Errorf("8-bit fields %q", m.EightBit)
	}
	m.EightBit = nil
	if got, want := fmt.Sprintf("%+v", m), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("read %s\nwant %s", got, want)
	}
}

// Only what the catalogue lists as temporary is tried again, three times.
func TestRetryOnlyWhereTheReplySaysSo(t *testing.T) {
	e := checks.NewExplainer()
	for reply, want := range map[string]bool{
		"432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.": true,
		"421 4.3.2 Service not available":            true,
		"454 4.7.0 Temporary authentication failure": true,
		"535 5.7.3 Authentication unsuccessful":      false,
		"550 5.7.64 TenantAttribution; Relay Access": false,
		"421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2.": false,
		"471 Something of tomorrow": false,
	} {
		r, _ := probes.ParseReply(reply)
		if _, again := e.RetryWait(r, 1); again != want {
			t.Errorf("%s: again %t, want %t", reply, again, want)
		}
	}
	r, _ := probes.ParseReply("432 4.3.2 Concurrent connections limit exceeded.")
	for n, want := range []int{1: 5, 2: 15, 3: 30, 4: 0} {
		if got, _ := e.RetryWait(r, n); n > 0 && got != want {
			t.Errorf("after %s attempts %d s, want %d", strconv.Itoa(n), got, want)
		}
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte(page))
	f.Add([]byte("From: a <b@c\r\n\t>\n\n\r\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := checks.ReadMessage(raw)
		if m.Size < int64(len(raw)) || m.Longest > len(raw) {
			t.Errorf("%q: %+v", raw, m)
		}
	})
}
