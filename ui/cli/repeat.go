package cli

import (
	"net"
	"slices"
	"strings"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/submit"
	"offbasic/ui/text"
)

// Repeats are the commands that do the same as a trial without this program,
// for a POSIX shell. A secret is the variable PASSWORD or TOKEN; the caller
// sets it. One that a program cannot do is "".
type Repeats struct {
	Swaks string `json:"swaks,omitempty"`
	Curl  string `json:"curl,omitempty"`
}

// Repeat writes the commands. Nothing in them is a secret.
func (w *Work) Repeat(t probes.Trial) Repeats {
	r := repeat{Trial: t, hello: "offbasic.invalid"}
	r.Subject = w.Text.T("trial.subject", text.Args{"id": "test"})
	if id, ok := strings.CutPrefix(t.Message, "session "); ok {
		r.file = w.Folder.Dir() + "/messages/" + id + ".eml"
	} else {
		r.file = t.Message
	}
	if t.Mode == "" || len(t.To) == 0 {
		return Repeats{} // of an earlier version, which did not remember how
	}
	if way, ok := checks.WayOf(t.Route); ok && way.Host == checks.HostGraph {
		return Repeats{Curl: r.graph()}
	}
	var err error
	if r.host, r.port, err = net.SplitHostPort(t.Server); err != nil {
		return Repeats{}
	}
	return Repeats{Swaks: r.swaks(), Curl: r.curl()}
}

// repeat is a trial that is written as a command.
type repeat struct {
	probes.Trial
	host, port, hello string
	Subject           string
	file              string // with the captured message; "" is the test message
}

// The variables that stand for secrets.
const (
	password = `"$PASSWORD"`
	token    = `"$TOKEN"`
)

// quote writes one word for a POSIX shell.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func quoted(words ...string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quote(w)
	}
	return strings.Join(out, " ")
}

// swaks cannot sign in with a token (20201014).
func (r repeat) swaks() string {
	m := submit.Mechanism(r.Mechanism)
	if m.IsOAuth() {
		return ""
	}
	words := []string{quoted("swaks", "--server", r.host, "--port", r.port, "--ehlo", r.hello, "--from", first(r.From, "<>"), "--to", strings.Join(r.To, ","))}
	switch {
	case r.TLS == nil && r.Mode == probes.StartTLS && r.took("in_clear"), r.Mode == probes.NoTLS:
	case r.Mode == probes.Implicit:
		words = append(words, "--tls-on-connect")
	default:
		words = append(words, "--tls")
	}
	if r.Mode != probes.NoTLS && !r.took("certificate_allowed") && !r.took("in_clear") {
		words = append(words, "--tls-verify")
	}
	if r.TLS != nil && r.TLS.Client != "" {
		words = append(words, "--tls-cert client.pem --tls-key client.pem")
	}
	if m != submit.None {
		words = append(words, quoted("--auth", r.Mechanism, "--auth-user", r.Account, "--auth-password")+" "+password)
	}
	if r.file != "" {
		return strings.Join(append(words, quoted("--data", "@"+r.file)), " ")
	}
	return strings.Join(append(words, quoted("--header", "Subject: "+r.Subject, "--body", "offbasic")), " ")
}

func (r repeat) took(quirk string) bool { return slices.Contains(r.Quirks, quirk) }

func (r repeat) curl() string {
	scheme := "smtp"
	if r.Mode == probes.Implicit {
		scheme = "smtps"
	}
	words := []string{quoted("curl", "--verbose", "--url", scheme+"://"+net.JoinHostPort(r.host, r.port)+"/"+r.hello, "--mail-from", r.From)}
	for _, to := range r.To {
		words = append(words, quoted("--mail-rcpt", to))
	}
	if r.Mode == probes.StartTLS && !r.took("in_clear") {
		words = append(words, "--ssl-reqd")
	}
	if r.took("certificate_allowed") {
		words = append(words, "--insecure")
	}
	if r.TLS != nil && r.TLS.Client != "" {
		words = append(words, "--cert client.pem")
	}
	switch m := submit.Mechanism(r.Mechanism); {
	case m.IsOAuth():
		words = append(words, quoted("--login-options", "AUTH="+r.Mechanism, "--user", r.Account+":", "--oauth2-bearer")+" "+token)
	case m != submit.None:
		words = append(words, quoted("--login-options", "AUTH="+r.Mechanism, "--user", r.Account+":")+password)
	}
	return r.fed(append(words, "--upload-file"))
}

// fed gives a command its message: a file, or the test message on stdin.
func (r repeat) fed(words []string) string {
	command := strings.Join(words, " ")
	if r.file != "" {
		return command + " " + quote(r.file)
	}
	lines := []string{"From: " + r.From, "To: " + strings.Join(r.To, ", "), "Subject: " + r.Subject, "", "offbasic"}
	return `printf '%s\r\n' ` + quoted(lines...) + " | " + command + " -"
}

// graph posts the message in base64.
func (r repeat) graph() string {
	post := quoted("curl", "--verbose", "--request", "POST", "--header") + ` "Authorization: Bearer $TOKEN" ` +
		quoted("--header", "Content-Type: text/plain", "--data-binary", "@-", "https://"+r.Server+"/v1.0/users/"+r.From+"/sendMail")
	if r.file != "" {
		return "base64 < " + quote(r.file) + " | tr -d '\\n' | " + post
	}
	lines := []string{"From: " + r.From, "To: " + strings.Join(r.To, ", "), "Subject: " + r.Subject, "", "offbasic"}
	return `printf '%s\r\n' ` + quoted(lines...) + ` | base64 | tr -d '\n' | ` + post
}

// repeatLine is the commands in the JSON contract.
type repeatLine struct {
	Type  string `json:"type"`
	Trial string `json:"trial"`
	Repeats
}

// repeated prints the command of one program, or says that it has none.
func (c *call) repeated(w *Work, t probes.Trial, with string) error {
	r := w.Repeat(t)
	line := map[string]string{"swaks": r.Swaks, "curl": r.Curl}[with]
	if c.json {
		return c.line(repeatLine{"repeat", t.ID, map[string]Repeats{"swaks": {Swaks: r.Swaks}, "curl": {Curl: r.Curl}}[with]})
	}
	c.say("")
	if line == "" {
		c.say("%s", c.tr.T("repeat.none", text.Args{"program": with}))
		return nil
	}
	for _, name := range []string{"PASSWORD", "TOKEN"} {
		if strings.Contains(line, "$"+name) {
			c.say("%s", c.tr.T("repeat."+strings.ToLower(name)))
		}
	}
	if t.TLS != nil && t.TLS.Client != "" {
		c.say("%s", c.tr.T("repeat.certificate"))
	}
	c.say("%s", line)
	return nil
}
