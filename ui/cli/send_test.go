package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

// openLabFolder is a work on a lab, with a folder of its own.
func openLabFolder(t *testing.T, faults ...string) *Work {
	t.Helper()
	tr, err := text.Load(assets.Locales(), "en")
	if err != nil {
		t.Fatal(err)
	}
	env := func(name string) string { return map[string]string{"OFFBASIC_KEYRING": "none"}[name] }
	c := &call{Program: Program{Now: time.Now, Env: env}, tr: tr, folder: t.TempDir() + "/m", lab: true, faults: faults}
	w, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func reached(tr probes.Trial) string {
	at := tr.Reached()
	return at.Step + " " + string(at.Outcome) + " " + at.Reply + " " + string(at.Fault)
}

// On the lab every value has a default for every route.
func TestEveryRouteCanBeTriedOnTheLab(t *testing.T) {
	w := openLabFolder(t)
	for _, way := range checks.Ways() {
		for _, signIn := range way.SignIn {
			tr, err := w.Try(t.Context(), Try{Route: way.Route, SignIn: signIn}, nil)
			if err != nil {
				f, ok := errors.AsType[*probes.Fault](err)
				if way.Route == probes.HVE && ok && f.Code == "no_password" {
					continue // there is no HVE account before a script makes one
				}
				t.Errorf("%s with %s: %v", way.Route, signIn, err)
				continue
			}
			switch way.Route {
			case probes.OAuth, probes.HVE: // nothing is set up in Exchange yet
				if tr.Outcome != probes.TrialRefused || tr.Reached().Step != probes.StepAUTH {
					t.Errorf("%s with %s: %s at %s", way.Route, signIn, tr.Outcome, reached(tr))
				}
			default:
				if tr.Outcome != probes.TrialSent {
					t.Errorf("%s with %s: %s at %s", way.Route, signIn, tr.Outcome, reached(tr))
				}
			}
			if way.Host != checks.HostGraph && (tr.TLS == nil || !tr.TLS.Verified) {
				t.Errorf("%s: TLS is %+v", way.Route, tr.TLS)
			}
		}
	}
}

// A delegated token is the mailbox's own: the admin's would be refused for
// another's mailbox (Microsoft, "Authenticate an IMAP, POP or SMTP connection
// using OAuth"). By browser or by device code.
func TestWithADelegatedTokenTheMailboxSignsIn(t *testing.T) {
	for _, faults := range [][]string{nil, {"signin-no-browser"}} {
		for _, route := range []probes.Route{probes.OAuth, probes.Graph} {
			w := openLabFolder(t, faults...)
			box := w.Lab.Mailboxes()[0]
			tr, err := w.Try(t.Context(), Try{Route: route, Delegated: true}, nil)
			if err != nil || tr.Outcome != probes.TrialSent || tr.Claims == nil || tr.Claims.User != box {
				t.Errorf("%s %v: %s at %s as %+v (%v), want %s", route, faults, tr.Outcome, reached(tr), tr.Claims, err, box)
			}
		}
	}
}

const copied = "From: \"Kopierer\" <copier@contoso.example>\nTo: somebody@example.org\nSubject: Scan\nMessage-ID: <1@copier>\n\npage\n"

func eml(t *testing.T, message string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "scan.eml")
	if err := os.WriteFile(name, []byte(message), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A captured message goes out as it was made, and every change is told.
func TestACapturedMessageIsSentAsItWasMade(t *testing.T) {
	w := openLabFolder(t)
	for _, tt := range []struct {
		try  Try
		want string
		from string
	}{
		{Try{Route: probes.Direct}, "line_ends/smtp message_id/found_again", "copier@contoso.example"},
		{Try{Route: probes.Relay, From: "scan@contoso.example"}, "line_ends/smtp message_id/found_again header_from/asked mail_from/asked", "scan@contoso.example"},
		{Try{Route: probes.HVE, Account: "hve@contoso.example"}, "line_ends/smtp message_id/found_again header_from/route mail_from/route", "hve@contoso.example"},
		{Try{Route: probes.Graph, Account: "scan@contoso.example"}, "line_ends/smtp message_id/found_again header_to/route", "scan@contoso.example"},
	} {
		tt.try.EML = eml(t, copied)
		tr, err := w.Try(t.Context(), tt.try, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.try.Route, err)
			continue
		}
		var got []string
		for _, c := range tr.Changes {
			got = append(got, c.What+"/"+c.Why)
		}
		if s := strings.Join(got, " "); s != tt.want || tr.From != tt.from || tr.Message != "scan.eml" {
			t.Errorf("%s: from %s, changes %s, want %s", tt.try.Route, tr.From, s, tt.want)
		}
	}
}

// The message of a session, with the envelope that the device used.
func TestASessionIsSentAgain(t *testing.T) {
	w := openLabFolder(t)
	seen := captureOf(t, w, 1, func(addr string) { sendMail(t, addr) })
	tr, err := w.Try(t.Context(), Try{Route: probes.Direct, Session: seen[0].ID}, nil)
	// It has no From, and keeps none: that is what the route will say of it.
	if err != nil || tr.Explanation != "smtp-550-5.7.512" || tr.From != "nas@contoso.example" || tr.Message != "session "+seen[0].ID {
		t.Errorf("%+v, %v", tr, err)
	}
	if _, err := w.Try(t.Context(), Try{Route: probes.Direct, Session: "nobody"}, nil); err == nil {
		t.Error("a session that is not there was sent")
	}
}

// What cannot be sent is said before anybody is connected to.
func TestWhatCannotBeSentIsSaid(t *testing.T) {
	w := openWork(t, t.TempDir()+"/m")
	base := Try{From: "a@contoso.example", To: "b@contoso.example"}
	for _, tt := range []struct {
		name string
		edit func(*Try)
		want string
	}{
		{"no route", func(*Try) {}, "route_no_trial"},
		{"a replacement", func(t *Try) { t.Route = probes.Replace }, "route_no_trial"},
		{"no app", func(t *Try) { t.Route = probes.OAuth }, "no_app"},
		{"graph without app", func(t *Try) { t.Route = probes.Graph }, "no_app"},
		{"no recipient", func(t *Try) { t.Route, t.To = probes.Direct, "" }, "no_to"},
		{"no sender", func(t *Try) { t.Route, t.From = probes.Direct, "" }, "no_from"},
		{"no host", func(t *Try) { t.Route = probes.Relay }, "no_host"},
		{"no password", func(t *Try) { t.Route = probes.Basic }, "no_password"},
		{"no such provider", func(t *Try) { t.Route, t.Provider = probes.Provider, "x" }, "usage.provider"},
		{"no region", func(t *Try) { t.Route, t.Provider = probes.Provider, "ses" }, "usage.region"},
		{"another sign-in", func(t *Try) { t.Route, t.SignIn = probes.Direct, checks.ByToken }, "usage.auth"},
		{"clear for another route", func(t *Try) { t.Route, t.AllowPlain = probes.Direct, true }, "usage.allow_no_tls"},
		{"delegated password", func(t *Try) { t.Route, t.Delegated = probes.Basic, true }, "usage.delegated"},
		{"no certificate", func(t *Try) { t.Route, t.SignIn = probes.Connector, checks.ByCertificate }, "usage.client_cert"},
		{"no such certificate", func(t *Try) { t.Route, t.Certificate = probes.Connector, "/nowhere.pem" }, "certificate_unreadable"},
		{"a certificate without key", func(tr *Try) { tr.Route, tr.Certificate = probes.Connector, eml(t, "-----BEGIN CERTIFICATE-----\n") }, "client_certificate"},
		{"no such file", func(t *Try) { t.Route, t.EML = probes.Direct, "/nowhere.eml" }, "message_unreadable"},
		{"an empty file", func(tr *Try) { tr.Route, tr.EML = probes.Direct, eml(t, "\n") }, "message_empty"},
		{"both messages", func(t *Try) { t.Route, t.EML, t.Session = probes.Direct, "x", "y" }, "usage.one_message"},
		{"no such sender", func(t *Try) { t.Sender = "192.0.2.1" }, "no_such_sender"},
	} {
		try := base
		tt.edit(&try)
		_, err := w.Try(t.Context(), try, nil)
		got := ""
		var u usageError
		if f, ok := errors.AsType[*probes.Fault](err); ok {
			got = string(f.Code)
		} else if errors.As(err, &u) {
			got = u.key
		}
		if got != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

// An address that could be a command of its own goes nowhere.
func TestHostileAddressesGoNowhere(t *testing.T) {
	w := openLabFolder(t)
	for _, a := range []string{"a@b.example\r\nDATA", "a\x00@b.example", "a@b.example> SIZE=1", "a@b.example,c@d.example", "<>", "@", "a@", "\"a\r\n\"@b.example"} {
		for _, try := range []Try{{Route: probes.Direct, To: a}, {Route: probes.Direct, From: a}, {Route: probes.Basic, Account: a + "\r\n"}} {
			tr, err := w.Try(t.Context(), try, nil)
			if err == nil && tr.Outcome == probes.TrialSent {
				t.Errorf("%q was sent as %+v", a, try)
			}
			for _, l := range tr.Transcript {
				if l.From == probes.Client && strings.Contains(l.Text, "DATA") && len(tr.Transcript) < 4 {
					t.Errorf("%q: the client said %q", a, l.Text)
				}
			}
		}
	}
}

// A password is in no file of the folder and in nothing that is printed.
func TestAPasswordIsWrittenNowhere(t *testing.T) {
	w := openLabFolder(t)
	const wrong = "S0me-wrong.password"
	tr, err := w.Try(t.Context(), Try{Route: probes.Basic, Secret: func(context.Context) (string, error) { return wrong, nil }}, nil)
	if err != nil || tr.Outcome != probes.TrialRefused || tr.Reached().Step != probes.StepAUTH {
		t.Fatalf("%s, %v", reached(tr), err)
	}
	b, _ := json.Marshal(tr)
	files := readAll(t, w.Folder.Dir())
	files["the trial"] = string(b)
	repeats := w.Repeat(tr)
	files["the command"] = repeats.Swaks + repeats.Curl
	for name, content := range files {
		if strings.Contains(content, wrong) || strings.Contains(content, "UzBtZS13cm9uZy5wYXNzd29yZA") {
			t.Errorf("%s holds the password", name)
		}
	}
}

// Each route that serves a sender, side by side; what is not set up says so.
func TestRoutesAreCompared(t *testing.T) {
	w := openLabFolder(t)
	captureOf(t, w, 1, func(addr string) { sendMail(t, addr) })
	var events []string
	rows, err := w.Compare(t.Context(), "127.0.0.1", func(e CompareEvent) {
		if e.Trial != nil || e.Err != nil {
			events = append(events, string(e.Route))
		}
	})
	if err != nil || len(rows) != len(checks.Ways()) || len(events) != len(rows) {
		t.Fatalf("%d rows, events %q, %v", len(rows), events, err)
	}
	by := map[probes.Route]Compared{}
	for _, row := range rows {
		by[row.Route] = row
	}
	if r := by[probes.Direct]; r.Trial == nil || r.Trial.Outcome != probes.TrialSent || r.Receipt == nil || !r.Receipt.Found || r.Reach != checks.TenantOnly {
		t.Errorf("Direct Send is %+v", r)
	}
	if r := by[probes.OAuth]; r.Trial == nil || r.Trial.Outcome != probes.TrialRefused || len(r.Effort) == 0 {
		t.Errorf("OAuth is %+v", r)
	}
	if r := by[probes.Basic]; r.Err == nil && r.Trial == nil {
		t.Errorf("Basic is %+v", r)
	}
	if _, err := w.Compare(t.Context(), "nobody", nil); err == nil {
		t.Error("a sender that is not there was compared")
	}
}

// Before sending: what the message will meet, without a connection.
func TestAForecastConnectsToNobody(t *testing.T) {
	w := openWork(t, t.TempDir()+"/m")
	found, err := w.Forecast(t.Context(), Try{Route: probes.HVE, Account: "hve@contoso.example", To: "x@example.org", EML: eml(t, copied)})
	if err != nil || !slices.ContainsFunc(found, func(f checks.Finding) bool { return f.Check == "forecast-reach" && f.Args["route"] == "hve" }) {
		t.Errorf("%+v, %v", found, err)
	}
}

// A person is asked once, and with --password-stdin nobody.
func TestThePasswordIsAskedWithoutEchoOrReadFromStdin(t *testing.T) {
	tr, _ := text.Load(assets.Locales(), "en")
	asked := 0
	for name, flags := range map[string][]string{"asked": nil, "stdin": {"--password-stdin"}} {
		var out, talk bytes.Buffer
		p := Program{
			In: strings.NewReader("S0me-wrong.password\n"), Out: &out, Err: &talk, Now: time.Now,
			Env: func(name string) string {
				return map[string]string{"OFFBASIC_KEYRING": "none", "OFFBASIC_FOLDER": t.TempDir() + "/m"}[name]
			},
			ReadPassword: func(_ context.Context, prompt string) (string, error) {
				if asked++; prompt != tr.T("cli.password") {
					t.Errorf("asked %q", prompt)
				}
				return "S0me-wrong.password", nil
			},
		}
		args := append([]string{"send", "--route", "basic", "--host", "127.0.0.1", "--port", "1", "--from", "a@contoso.example", "--to", "b@contoso.example"}, flags...)
		if code := p.Run(t.Context(), args); code != ExitFindings {
			t.Errorf("%s: ended with %d: %s%s", name, code, out.String(), talk.String())
		}
		if strings.Contains(out.String()+talk.String(), "S0me-wrong") {
			t.Errorf("%s: printed the password", name)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
