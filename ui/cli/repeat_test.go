package cli

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"offbasic/assets"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard/folder"
)

// shell reads a command line as POSIX has it ("Shell Command Language", 2.2
// Quoting): single quotes, double quotes without escapes, a backslash outside.
// Commands are separated by "|" and "&&". A variable stays as "${NAME:?}".
func shell(line string) (commands [][]string, err error) {
	var words []string
	var word strings.Builder
	in, open := byte(0), false
	end := func() {
		if open {
			words = append(words, word.String())
		}
		word.Reset()
		open = false
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case in != 0 && c == in:
			in = 0
		case in == '\'', in == '"' && c != '\\' && c != '`':
			word.WriteByte(c)
		case in != 0:
			return nil, errors.New("an escape inside double quotes")
		case c == '\'' || c == '"':
			in, open = c, true
		case c == '\\' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
			open = true
		case c == ' ':
			end()
		case c == '|', c == '&' && strings.HasPrefix(line[i:], "&&"):
			end()
			commands, words = append(commands, words), nil
			if c == '&' {
				i++
			}
		case strings.IndexByte("$;&()`<>*?[#~\n", c) >= 0:
			if c == '<' || c == '>' {
				end()
				words = append(words, string(c))
				continue
			}
			return nil, errors.New("an unquoted " + string(c))
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if in != 0 {
		return nil, errors.New("a quote is open")
	}
	end()
	return append(commands, words), nil
}

// repeater writes commands without a folder on disk.
func repeater(t *testing.T) *Work {
	t.Helper()
	tr, err := text.Load(assets.Locales(), "en")
	if err != nil {
		t.Fatal(err)
	}
	f, err := folder.Open(t.TempDir()+"/m's", folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &Work{Text: tr, Folder: f}
}

// after is the word that follows a flag.
func after(words []string, flag string) string {
	i := slices.Index(words, flag)
	if i < 0 || i+1 >= len(words) {
		return ""
	}
	return words[i+1]
}

// Values that a shell would take for its own stay values.
func hostile() []string {
	return []string{
		"o'brien@contoso.example", "$(reboot)@contoso.example", "`reboot`@contoso.example", "a b@contoso.example", `"a\"b"@contoso.example`,
		"a;b|c&d>e<f@contoso.example", "-oProxy@contoso.example", "*?[a]~#@contoso.example", "été@contoso.example", `a\b@contoso.example`, "!!@contoso.example",
	}
}

func TestCommandsAreReadAsTheyWereMeant(t *testing.T) {
	w := repeater(t)
	for _, value := range hostile() {
		for _, tr := range []probes.Trial{
			{Route: probes.Basic, Mechanism: "LOGIN"},
			{Route: probes.OAuth, Mechanism: "XOAUTH2"},
			{Route: probes.Graph},
			{Route: probes.Relay, Message: value},
			{Route: probes.Graph, Message: "session x"},
		} {
			tr.Server, tr.Mode, tr.From, tr.To, tr.Account = "mail.contoso.example:587", probes.StartTLS, value, []string{value}, value
			r := w.Repeat(tr)
			for name, line := range map[string]string{"swaks": r.Swaks, "curl": r.Curl} {
				if line == "" {
					continue
				}
				commands, err := shell(line)
				if err != nil {
					t.Errorf("%s: %s\n%s", name, err, line)
					continue
				}
				checkWords(t, name, commands, tr, value)
			}
		}
	}
}

func checkWords(t *testing.T, name string, commands [][]string, tr probes.Trial, value string) {
	t.Helper()
	last := commands[len(commands)-1]
	if assigned, ok := strings.CutPrefix(last[0], "SWAKS_OPT_auth_password="); ok {
		if last = last[1:]; assigned != "${PASSWORD:?}" || tr.Mechanism != "LOGIN" {
			t.Errorf("%s: the password is %q", name, assigned)
		}
	}
	want := map[string]string{"--from": value, "--to": value, "--mail-from": value, "--mail-rcpt": value, "--auth-user": value, "--user": value + ":"}
	for flag, w := range want {
		if got := after(last, flag); got != "" && got != w {
			t.Errorf("%s: %s is %q, want %q", name, flag, got, w)
		}
	}
	if last[0] != name {
		t.Errorf("the last command is %q, want %s", last[0], name)
	}
	for _, c := range commands {
		switch {
		case c[0] != "printf":
			if strings.Contains(strings.Join(c[1:], " "), "${") {
				t.Errorf("%s: an argument of %s has the secret: %q", name, c[0], c)
			}
		case c[1] == `%s\r\n` && !slices.Contains(c, "From: "+value):
			t.Errorf("%s: the message is %q", name, c)
		case c[1] == `%s:%s\n` && (len(c) != 4 || c[2] != value || c[3] != "${PASSWORD:?}"):
			t.Errorf("%s: who signs in is %q", name, c)
		case c[1] == `%s\n` && (len(c) != 3 || c[2] != "${TOKEN:?}"):
			t.Errorf("%s: the token is %q", name, c)
		}
	}
}

// A secret stands in no command, only the name of a variable.
func TestCommandsForEveryRoute(t *testing.T) {
	w := repeater(t)
	base := probes.Trial{Server: "mail.contoso.example:587", Mode: probes.StartTLS, From: "a@contoso.example", To: []string{"b@contoso.example", "c@contoso.example"}}
	for _, tt := range []struct {
		name        string
		edit        func(*probes.Trial)
		swaks, curl []string // that are in it
		not         []string
	}{
		{
			"token", func(tr *probes.Trial) {
				tr.Route, tr.Mechanism, tr.Account = probes.OAuth, "XOAUTH2", "a@contoso.example"
			},
			nil,
			[]string{"--ssl-reqd", `"${TOKEN:?}" | sed`, `oauth2-bearer = "&"`, "curl --config - ", "AUTH=XOAUTH2", "--user a@contoso.example:", "--mail-rcpt b@contoso.example --mail-rcpt c@contoso.example"},
			[]string{"--insecure"},
		},
		{
			"password", func(tr *probes.Trial) {
				tr.Route, tr.Mechanism, tr.Account = probes.Basic, "LOGIN", "a@contoso.example"
			},
			[]string{`SWAKS_OPT_auth_password="${PASSWORD:?}" swaks`, "--tls --tls-verify", "--auth-user a@contoso.example", "--to b@contoso.example,c@contoso.example"},
			[]string{`printf '%s:%s\n' a@contoso.example "${PASSWORD:?}" | sed`, `user = "&"`, "curl --config - "},
			[]string{"--auth-password ", "--user "},
		},
		{
			"implicit", func(tr *probes.Trial) { tr.Route, tr.Mode = probes.Relay, probes.Implicit },
			[]string{"--tls-on-connect"},
			[]string{"smtps://mail.contoso.example:587/"},
			[]string{"--ssl-reqd", "--auth", "--user"},
		},
		{
			"in clear", func(tr *probes.Trial) { tr.Route, tr.Quirks = probes.Relay, []string{"in_clear"} },
			[]string{"--server"},
			[]string{"smtp://"},
			[]string{"--tls", "--ssl-reqd"},
		},
		{
			"bad certificate", func(tr *probes.Trial) { tr.Route, tr.Quirks = probes.Relay, []string{"certificate_allowed"} },
			[]string{"--tls"},
			[]string{"--insecure"},
			[]string{"--tls-verify"},
		},
		{
			"client certificate", func(tr *probes.Trial) { tr.Route, tr.TLS = probes.Connector, &probes.TrialTLS{Client: "aa"} },
			[]string{"--tls-cert client.pem"},
			[]string{"--cert client.pem"},
			nil,
		},
		{
			"captured", func(tr *probes.Trial) { tr.Route, tr.Message = probes.Relay, "session 1" },
			[]string{"messages/1.eml'"},
			[]string{"messages/1.eml'"},
			[]string{"printf", "offbasic.eml"},
		},
		{
			"graph", func(tr *probes.Trial) { tr.Route, tr.Server = probes.Graph, "graph.microsoft.com" },
			nil,
			[]string{"https://graph.microsoft.com/v1.0/users/a@contoso.example/sendMail", `"${TOKEN:?}" | sed`, `header = "Authorization: Bearer &"`, "base64"},
			nil,
		},
	} {
		tr := base
		tt.edit(&tr)
		r := w.Repeat(tr)
		if (r.Swaks == "") != (tt.swaks == nil) {
			t.Errorf("%s: swaks is %q", tt.name, r.Swaks)
		}
		for _, c := range []struct {
			line string
			want []string
		}{{r.Swaks, tt.swaks}, {r.Curl, tt.curl}} {
			for _, part := range c.want {
				if !strings.Contains(c.line, part) {
					t.Errorf("%s: %q is not in %s", tt.name, part, c.line)
				}
			}
			for _, part := range tt.not {
				if strings.Contains(c.line, part) {
					t.Errorf("%s: %q is in %s", tt.name, part, c.line)
				}
			}
		}
	}
}

// A trial of an earlier version does not know how it was sent.
func TestAnOldTrialHasNoCommand(t *testing.T) {
	if r := repeater(t).Repeat(probes.Trial{Route: probes.OAuth, Server: "a:587", To: []string{"b@c.example"}}); r != (Repeats{}) {
		t.Errorf("wrote %+v", r)
	}
}
