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
// Commands of a pipeline are separated by "|". A variable stays as "$NAME".
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
		case c == '|':
			end()
			commands, words = append(commands, words), nil
		case strings.IndexByte("$;&()`<>*?[#~\n", c) >= 0:
			if c == '<' {
				end()
				words = append(words, "<")
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
	want := map[string]string{"--from": value, "--to": value, "--mail-from": value, "--mail-rcpt": value}
	if tr.Mechanism == "LOGIN" {
		want["--auth-user"], want["--auth-password"], want["--user"] = value, "$PASSWORD", value+":$PASSWORD"
	}
	if tr.Mechanism == "XOAUTH2" {
		want["--user"], want["--oauth2-bearer"] = value+":", "$TOKEN"
	}
	for flag, w := range want {
		if got := after(last, flag); got != "" && got != w {
			t.Errorf("%s: %s is %q, want %q", name, flag, got, w)
		}
	}
	if last[0] != name {
		t.Errorf("the last command is %q, want %s", last[0], name)
	}
	if len(commands) > 1 && commands[0][0] == "printf" && !slices.Contains(commands[0], "From: "+value) {
		t.Errorf("%s: the message is %q", name, commands[0])
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
			[]string{"--ssl-reqd", `--oauth2-bearer "$TOKEN"`, "AUTH=XOAUTH2", "--mail-rcpt b@contoso.example --mail-rcpt c@contoso.example"},
			[]string{"--insecure"},
		},
		{
			"password", func(tr *probes.Trial) {
				tr.Route, tr.Mechanism, tr.Account = probes.Basic, "LOGIN", "a@contoso.example"
			},
			[]string{"--tls --tls-verify", `--auth-password "$PASSWORD"`, "--to b@contoso.example,c@contoso.example"},
			[]string{`--user a@contoso.example:"$PASSWORD"`},
			nil,
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
			[]string{"printf"},
		},
		{
			"graph", func(tr *probes.Trial) { tr.Route, tr.Server = probes.Graph, "graph.microsoft.com" },
			nil,
			[]string{"https://graph.microsoft.com/v1.0/users/a@contoso.example/sendMail", `"Authorization: Bearer $TOKEN"`, "base64"},
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
