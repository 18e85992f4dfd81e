package cli

import (
	"strings"
	"testing"
)

// A wrong command line ends with 2 before anything is opened, and says in the
// reader's language what is wrong and what to look at.
func TestWrongCommandLines(t *testing.T) {
	for _, tt := range []struct{ line, en, fr string }{
		{"sned", `no command named "sned"`, "« sned »"},
		{"help sned", "Did you mean offbasic send?", "Vouliez-vous dire offbasic send ?"},
		{"script shw", "Did you mean offbasic script show?", "Vouliez-vous dire offbasic script show ?"},
		{"plan extra", "Too many arguments", "Trop d’arguments"},
		{"rights a b", "Too many arguments", "Trop d’arguments"},
		{"join one", "offbasic join SENDER OTHER", "La commande s’écrit"},
		{"send --nope", "There is no flag --nope", "pas d’option --nope"},
		{"send -x", "There is no flag -x", "pas d’option -x"},
		{"send --to", "--to needs a value: --to ADDRESS", "--to demande une valeur : --to ADRESSE"},
		{"send --=x", "is not the form of a flag", "n’a pas la forme d’une option"},
		{"send --json=often --to a@b.example", "true or false", "true ou false"},
		{"capture --for abc", "write it as 30s", "écrivez-la comme 30s"},
		{"capture --count many", "whole number", "nombre entier"},
		{"capture --max-message 5X", "as in 50M", "comme 50M"},
		{"capture --listen nowhere --count 1", "nowhere is not an address and a port", "nowhere n’est pas une adresse"},
		{"send --session a --eml b", "--eml, --session do not go together", "ne vont pas ensemble"},
		{"send --to= --lab", "--to was given with nothing in it", "--to a été donné sans rien"},
		{"send --route oauth", "No recipient is named", "Aucun destinataire"},
		{"send --route nonsense --to a@contoso.example", "No route is named", "Aucune voie"},
		{"send --lab --to nope", "--to nope is not an e-mail address", "--to nope n’est pas une adresse"},
		{"send --lab --port 99999", "99999 is not a port", "99999 n’est pas un port"},
		{"send --lab --provider foo", "--provider is one of: brevo", "--provider est l’un de : brevo"},
		{"interview --replay last --to x", "--to x is not a server and a port", "--to x n’est pas un serveur"},
		{"lab --at mx=foo", "--at mx foo is not an address and a port", "--at mx foo n’est pas une adresse"},
		{"register --by-hand --tenant contoso.example --client-id 1 --object-id 2 --secret-stdin", "--object-id: This is not an ID", "--object-id : Ce n’est pas un ID"},
		{"script show connector-address --address 10.1.2.3", "--address 10.1.2.3: ", "--address 10.1.2.3 : "},
	} {
		for lang, want := range map[string]string{"en": tt.en, "fr": tt.fr} {
			code, out, talk := ran(t, "", append([]string{"--lang", lang}, strings.Fields(tt.line)...)...)
			why := map[string]string{"en": "\n  Why: ", "fr": "\n  Cause : "}[lang]
			now := map[string]string{"en": "\n  Now: ", "fr": "\n  À faire : "}[lang]
			plain := strings.ReplaceAll(talk, "\u00a0", " ")
			if code != ExitUsage || out != "" || !strings.Contains(plain, want) || !strings.Contains(plain, why) || !strings.Contains(plain, now) {
				t.Errorf("%s in %s: exit %d, stdout %q\n%s\nwant %q", tt.line, lang, code, out, talk, want)
			}
		}
	}
}

// The help that is named is that of the command.
func TestUsageErrorsNameTheirCommand(t *testing.T) {
	for line, want := range map[string]string{"send --nope": "offbasic send --help", "script show --nope": "offbasic script show --help", "--nope": "offbasic --help"} {
		if _, _, talk := ran(t, "", strings.Fields(line)...); !strings.Contains(talk, want) {
			t.Errorf("%s: %q, want %q", line, talk, want)
		}
	}
}

// A language without words is a mistake where somebody asked for it, and
// English where the system speaks it.
func TestLanguagesWithoutWords(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		want int
	}{
		{"by flag", []string{"--lang", "de", "devices"}, nil, ExitUsage},
		{"by flag behind the command", []string{"devices", "--lang=de"}, nil, ExitUsage},
		{"by our variable", []string{"devices"}, map[string]string{"OFFBASIC_LANG": "de"}, ExitUsage},
		{"of the system", []string{"devices"}, map[string]string{"LANG": "de_DE.UTF-8"}, ExitOK},
		{"French by our variable", []string{"devices"}, map[string]string{"OFFBASIC_LANG": "fr_FR.UTF-8"}, ExitOK},
	} {
		var out, talk strings.Builder
		p := Program{In: strings.NewReader(""), Out: &out, Err: &talk, Env: func(n string) string { return tt.env[n] }}
		if code := p.Run(t.Context(), tt.args); code != tt.want || code == ExitUsage && (!strings.Contains(talk.String(), "en (English)") || !strings.Contains(talk.String(), "fr (French)")) {
			t.Errorf("%s: exit %d, want %d\n%s", tt.name, code, tt.want, talk.String())
		}
	}
}

// Help is whole at every width: nothing is cut, and every flag that takes a
// value shows it.
func TestHelpIsWhole(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		for _, width := range []int{0, 20, 80, 200} {
			for _, line := range []string{"", "send", "register", "capture", "script show", "completion bash"} {
				var out strings.Builder
				p := Program{In: strings.NewReader(""), Out: &out, Err: &out, Env: func(string) string { return "" }, Width: func() int { return width }}
				args := append(strings.Fields(line), "--help", "--lang", lang)
				if code := p.Run(t.Context(), args); code != ExitOK || strings.Contains(out.String(), "…") || strings.Contains(out.String(), "⟦") {
					t.Errorf("%v, %d columns: exit %d\n%s", args, width, code, out.String())
				}
				if lang == "fr" && (strings.Contains(out.String(), "USAGE") || strings.Contains(out.String(), "FLAGS")) {
					t.Errorf("%v: English headings\n%s", args, out.String())
				}
			}
		}
	}
	_, out, _ := ran(t, "", "send", "--help")
	for _, want := range []string{"--repeat swaks|curl ", "--allow-no-tls --repeat swaks\n", " starttls, implicit or none ", "--to ADDRESS "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
