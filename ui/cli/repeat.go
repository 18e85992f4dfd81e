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
// for a POSIX shell. A secret is the variable PASSWORD or TOKEN, which the
// caller sets and need not export; no command has it among its arguments, where
// everybody on the machine could read it. One that a program cannot do is "".
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

// secret is what a command signs in with: the variable that stands for it,
// what takes it from the person, and how curl takes it.
type secret struct {
	variable string
	// ask reads it without showing it. A line of a terminal is 1024 bytes on
	// macOS, and a token is longer: it is read byte by byte.
	ask string
	// line is a line of curl's configuration, with & for the secret.
	line string
}

func passwordSecret() secret {
	return secret{"PASSWORD", "stty -echo; IFS= read -r PASSWORD; stty echo", `user = "&"`}
}

func tokenSecret(line string) secret {
	return secret{"TOKEN", "stty -echo -icanon; IFS= read -r TOKEN; stty echo icanon", line}
}

// value is the secret as a word of the shell, which stops without it.
func (s secret) value() string { return `"${` + s.variable + `:?}"` }

// toCurl is curl with the secret in the configuration that it reads from
// stdin. printf is part of the shell: it is no process with arguments.
func (s secret) toCurl(printed, curl string) string {
	return "printf " + printed + " " + s.value() + ` | sed 's/["\\]/\\&/g; s/.*/` + s.line + `/' | ` + curl
}

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
		// Every option can be given as a variable of the environment.
		words[0] = "SWAKS_OPT_auth_password=" + passwordSecret().value() + " " + words[0]
		words = append(words, quoted("--auth", r.Mechanism, "--auth-user", r.Account, "--auth-hide-password"))
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
	m, file := submit.Mechanism(r.Mechanism), first(r.file, testMessage)
	if m != submit.None {
		words = append(words, quoted("--login-options", "AUTH="+r.Mechanism))
	}
	if m.IsOAuth() {
		words = append(words, quoted("--user", r.Account+":"))
	}
	curl := strings.Join(append(words, quoted("--upload-file", file)), " ")
	switch {
	case m.IsOAuth():
		curl = tokenSecret(`oauth2-bearer = "&"`).toCurl(`'%s\n'`, configured(curl))
	case m != submit.None:
		curl = passwordSecret().toCurl(`'%s:%s\n' `+quote(r.Account), configured(curl))
	}
	if r.file != "" {
		return curl
	}
	return r.made() + " > " + testMessage + " && " + curl
}

// configured has curl read its configuration from stdin.
func configured(curl string) string { return strings.Replace(curl, "curl ", "curl --config - ", 1) }

// The files that a command makes where it is run: its stdin has the secret.
const (
	testMessage = "offbasic.eml"
	encodedMail = "offbasic.b64"
)

// made writes the test message.
func (r repeat) made() string {
	return `printf '%s\r\n' ` + quoted("From: "+r.From, "To: "+strings.Join(r.To, ", "), "Subject: "+r.Subject, "", "offbasic")
}

// graph posts the message in base64.
func (r repeat) graph() string {
	message := r.made() + " | base64"
	if r.file != "" {
		message = "base64 < " + quote(r.file)
	}
	post := quoted("curl", "--verbose", "--request", "POST", "--header", "Content-Type: text/plain", "--data-binary", "@"+encodedMail,
		"https://"+r.Server+"/v1.0/users/"+r.From+"/sendMail")
	return message + ` | tr -d '\n' > ` + encodedMail + " && " + tokenSecret(`header = "Authorization: Bearer &"`).toCurl(`'%s\n'`, configured(post))
}

// notes are what to know before a command is run, as comments of the shell.
func (w *Work) notes(t probes.Trial, line string) []string {
	var out []string
	for _, s := range []secret{passwordSecret(), tokenSecret("")} {
		if strings.Contains(line, s.value()) {
			out = append(out, "# "+w.Text.T("repeat."+strings.ToLower(s.variable), text.Args{"command": s.ask}))
		}
	}
	if len(out) > 0 && strings.Contains(line, "curl ") {
		out = append(out, "# "+w.Text.T("repeat.shown"))
	}
	if t.TLS != nil && t.TLS.Client != "" {
		out = append(out, "# "+w.Text.T("repeat.certificate"))
	}
	return out
}

// RepeatText is every command that there is, each with what to know before.
func (w *Work) RepeatText(t probes.Trial) string {
	r := w.Repeat(t)
	var out []string
	for _, line := range []string{r.Swaks, r.Curl} {
		if line != "" {
			out = append(out, strings.Join(append(w.notes(t, line), line), "\n"))
		}
	}
	return strings.Join(out, "\n\n")
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
	for _, note := range w.notes(t, line) {
		c.say("%s", note)
	}
	c.say("%s", line)
	return nil
}
