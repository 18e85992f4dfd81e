package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"offbasic/probes"
)

// spelling is a way of sending a password wrongly. In its lines @ stands for
// the password, {...} for the base64 of what is inside.
type spelling struct {
	name    string
	lines   string
	account string // that is recorded; "" means whatever comes
}

func spellings() []spelling {
	late := "AUTH LOGIN\r\n{scan}\r\nx\r\n"
	mail := "MAIL FROM:<a@contoso.example>\r\nRCPT TO:<b@example.org>\r\n"
	return []spelling{
		{"account and password on the AUTH LOGIN line", "AUTH LOGIN scan @\r\n\r\n", ""},
		{"both in base64 on the AUTH LOGIN line", "AUTH LOGIN {scan} {@}\r\n\r\n", "scan"},
		{"both after a tab", "AUTH LOGIN\tscan\t@\r\n", "scan"},
		{"LOGIN with what PLAIN sends", "AUTH LOGIN {\x00u@c.example\x00@}\r\nx\r\n", "u@c.example"},
		{"LOGIN with what PLAIN sends, asked for", "AUTH LOGIN\r\n{\x00u@c.example\x00@}\r\nx\r\n", "u@c.example"},
		{"LOGIN with account, NUL and password", "AUTH LOGIN {scan\x00@}\r\nx\r\n", ""},
		{"LOGIN with NULs as they are", "AUTH LOGIN \x00scan\x00@\r\n", "scan"},
		{"LOGIN with NULs as they are, asked for", "AUTH LOGIN\r\n\x00scan\x00@\r\n", "scan"},
		{"LOGIN with NULs as they are, after a space", " AUTH LOGIN \x00scan\x00@\r\n", "scan"},
		{"LOGIN with NULs everywhere", "A\x00UTH LOGIN scan\x00@\r\n", ""},
		{"LOGIN with a line end between", "AUTH LOGIN\r\n{scan\n@}\r\n{y}\r\n", "scan"},
		{"LOGIN with both and a letter of Latin-1", "AUTH LOGIN\r\n{scan:@\xe9.}\r\n{y}\r\n", "scan"},
		{"LOGIN with both and two letters of Latin-1", "AUTH LOGIN\r\n{scan:@\xe9\xe8.}\r\n{y}\r\n", "scan"},
		{"PLAIN as words", "AUTH PLAIN scan @\r\n", ""},
		{"PLAIN with NULs as they are", "AUTH PLAIN \x00scan\x00@\r\n", "scan"},
		{"no mechanism", "AUTH {\x00u@c.example\x00@}\r\n", ""},
		{"a password for a mechanism", "AUTH @\r\n", ""},
		{"a base64 password for a mechanism", "AUTH {@}\r\n", ""},
		{"XOAUTH2 with spaces", "AUTH XOAUTH2\r\n{user=a@c.example auth=Bearer @}\r\n", "a@c.example"},
		{"XOAUTH2 with circumflexes", "AUTH XOAUTH2\r\n{user=a@c.example^Aauth=Bearer @^A^A}\r\n", "a@c.example"},
		{"XOAUTH2 with backslashes", "AUTH XOAUTH2\r\n{user=a@c.example\\x01auth=Bearer @}\r\n", "a@c.example"},
		{"XOAUTH2 with nothing between", "AUTH XOAUTH2\r\n{user=a@c.exampleauth=Bearer @}\r\n", "a@c.example"},
		{"XOAUTH2 with a colon", "AUTH XOAUTH2\r\n{user=a@c.example:@}\r\n", "a@c.example"},
		{"XOAUTH2 as it is", "AUTH XOAUTH2 user=a\x01auth=Bearer @\x01\x01\r\n", "a"},
		{"XOAUTH2 with what PLAIN sends", "AUTH XOAUTH2 {\x00u@c.example\x00@}\r\n", ""},
		{"XOAUTH2 with Basic", "AUTH XOAUTH2\r\n{user=a\x01auth=Basic @\x01\x01}\r\n", "a"},
		{"XOAUTH2 with the account last", "AUTH XOAUTH2\r\n{auth=Bearer @ user=a}\r\n", ""},
		{"OAUTHBEARER with account and password", "AUTH OAUTHBEARER\r\n{n,a=u:@,\x01auth=Bearer @\x01\x01}\r\n", "u"},
		{"OAUTHBEARER with circumflexes", "AUTH OAUTHBEARER\r\n{n,a=u:@,^Aauth=Bearer @^A^A}\r\n", "u"},
		{"CRAM-MD5 with the password", "AUTH CRAM-MD5\r\n{user @ 0123456789abcdef0123456789abcdef}\r\n", "user"},
		{"NTLM with the password", "AUTH NTLM @\r\n", ""},
		{"cancelled, then the password", "AUTH LOGIN\r\n{scan}\r\n*\r\n{@}\r\n@\r\n", ""},
		{"all at once", "AUTH LOGIN\r\n{scan}\r\n{@}\r\n@\r\n", "scan"},
		{"AUTHLOGIN", "AUTHLOGIN @\r\n", ""},
		{"late, after Help", late + "Help!@\r\n", "scan"},
		{"late, after help and a space", late + "help @\r\n", "scan"},
		{"late, after noop", late + "noop-@\r\n", "scan"},
		{"late, after every verb", late + "noop @\r\nvrfy @\r\nrset @\r\nexpn @\r\nhelp @\r\ndata @\r\nbdat @\r\nlhlo @\r\nstarttls @\r\nmail @\r\nrcpt @\r\nEHLO=@\r\nhelo:@\r\nMAIL=@\r\nquit @\r\n", "scan"},
		{"the AUTH parameter of MAIL", "MAIL FROM:<a@c.example> AUTH=@\r\n", ""},
		{"other parameters of MAIL", "MAIL FROM:<a@c.example> ENVID=@ X-FOO=@ @ SIZE=@ RET=@\r\n", ""},
		{"parameters of RCPT", "MAIL FROM:<a@c.example>\r\nRCPT TO:<b@c.example> ORCPT=rfc822;@ @\r\n", ""},
		{"in the sender", "MAIL FROM:<a:@@c.example>\r\n", ""},
		{"in the sender, without brackets", "MAIL FROM: a:@@c.example\r\n", ""},
		{"behind the sender", "MAIL FROM:<a@c.example @>\r\n", ""},
		{"before the sender", "MAIL FROM:@ <a@c.example>\r\n", ""},
		{"in a recipient", "MAIL FROM:<a@c.example>\r\nRCPT TO:<b:@@c.example>\r\n", ""},
		{"behind the name in EHLO", "EHLO a.example @\r\n", ""},
		{"LOGIN with name and password as account", "AUTH LOGIN\r\n{scan:@}\r\n{y}\r\n", "scan"},
		{"LOGIN with name, space, password as account", "AUTH LOGIN\r\n{scan @}\r\n{y}\r\n", "scan"},
		{"PLAIN with name and password as account", "AUTH PLAIN {\x00scan:@\x00y}\r\n", "scan"},
		{"LOGIN exchanged", "AUTH LOGIN\r\n{@}\r\n{scan@contoso.example}\r\n", "scan@contoso.example"},
		{"LOGIN exchanged, inline", "AUTH LOGIN {@}\r\n{scan@contoso.example}\r\n", "scan@contoso.example"},
		{"PLAIN exchanged", "AUTH PLAIN {\x00@\x00scan@contoso.example}\r\n", "scan@contoso.example"},
		{"LOGIN exchanged and broken off", "AUTH LOGIN\r\n{@}\r\n", ""},
		{"LOGIN exchanged and cancelled", "AUTH LOGIN\r\n{@}\r\n*\r\n", ""},
		{"POP3", "USER scan\r\nPASS @\r\n", ""},
		{"in a message", mail + "DATA\r\nSubject: x\r\n\r\nAUTH LOGIN\r\n{@}\r\n.\r\n", ""},
		{"PLAIN after tabs", "AUTH\tPLAIN\t{\x00u@c.example\x00@}\r\n", "u@c.example"},
		{"AUTH with a colon", "AUTH:PLAIN {\x00u@c.example\x00@}\r\n", "u@c.example"},
		{"AUTH with an equals sign", "AUTH=PLAIN {\x00u@c.example\x00@}\r\n", "u@c.example"},
		{"PLAIN with a colon", "AUTH PLAIN:{\x00u@c.example\x00@}\r\n", ""},
		{"PLAIN with an equals sign", "AUTH PLAIN={\x00u@c.example\x00@}\r\n", ""},
		{"LOGIN with a comma", "AUTH LOGIN,@\r\n", ""},
		{"LOGIN with quotes", "AUTH LOGIN \"scan\" \"@\"\r\n\r\n", ""},
		{"LOGIN with base64 in quotes", "AUTH LOGIN \"{scan}\" \"{@}\"\r\n\r\n", "scan"},
		{"a mechanism that needs the password", "AUTH SCRAM-SHA-1 @\r\n@\r\n", ""},
		{"lone carriage returns", "AUTH LOGIN\r{scan}\r{@}\r", "scan"},
		{"PLAIN in four parts", "AUTH PLAIN\r\n{u\x00\x00@\x00}\r\n", "u"},
		{"PLAIN in two parts", "AUTH PLAIN\r\n{scan\x00@}\r\n", ""},
		{"PLAIN without an account", "AUTH PLAIN\r\n{scan\x00\x00@}\r\n", "scan"},
		{"PLAIN with one NUL too many", "AUTH PLAIN\r\n{\x00\x00scan\x00@}\r\n", ""},
		{"PLAIN with \\0 for NUL", "AUTH PLAIN\r\n{\\0scan\\0@}\r\n", ""},
	}
}

// sent is what the client sends, with this password.
func (s spelling) sent(password string) string {
	var b strings.Builder
	rest := s.lines
	// An "@" between a name and a domain is one; a password stands elsewhere.
	fill := func(text string) string {
		for _, domain := range []string{"c.example", "contoso.example", "example.org"} {
			text = strings.ReplaceAll(text, "@"+domain, "\uffff"+domain)
		}
		return strings.ReplaceAll(strings.ReplaceAll(text, "@", password), "\uffff", "@")
	}
	for {
		before, after, ok := strings.Cut(rest, "{")
		b.WriteString(fill(before))
		if !ok {
			return b.String()
		}
		inside, behind, _ := strings.Cut(after, "}")
		b.WriteString(plain64(fill(inside)))
		rest = behind
	}
}

// traces are the forms in which a password could be found: as it is, and in
// base64 at any place.
func traces(password string) []string {
	found := []string{strings.ToUpper(password)}
	for shift := range 3 {
		b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + password))
		found = append(found, strings.ToUpper(b[4:len(b)-4]))
	}
	return found
}

func TestAPasswordIsInNoRecordHoweverItIsSent(t *testing.T) {
	certs := sharedCertificates()
	for i, s := range spellings() {
		t.Run(s.name, func(t *testing.T) {
			store := &memory{}
			r := newRun(&Server{
				Policy: policy(t, "everything"), AllowPublic: true, Store: store,
				Limits: Limits{Peek: -1}, certs: certs,
			})
			password := fmt.Sprintf("S3cr3t-%02d-xyzzy", i)
			sent := s.sent(password)
			if !slices.ContainsFunc(traces(password), func(trace string) bool { return strings.Contains(strings.ToUpper(sent), trace) }) {
				t.Fatalf("no password is sent: %q", sent)
			}
			got := overBytes(r, []byte("EHLO device.example\r\n"+sent))
			for _, record := range append(store.sessions(), got) {
				assertNoTrace(t, record, password)
			}
			if s.account != "" && got.Account() != s.account {
				t.Errorf("account %q, want %q\n%v", got.Account(), s.account, got.Transcript)
			}
			if len(store.sessions()) == 0 {
				t.Error("no session was kept")
			}
		})
	}
}

func assertNoTrace(t *testing.T, s probes.Session, password string) {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	upper := bytes.ToUpper(b)
	for _, trace := range traces(password) {
		if bytes.Contains(upper, []byte(trace)) {
			t.Errorf("the record holds %q: %s", trace, b)
		}
	}
}

func TestNamesInNTLMHoldNoPassword(t *testing.T) {
	for _, wide := range []bool{true, false} {
		d := signIn("NTLM", plain64(string(authenticate("CONTOSO S3cr3t", "scan:S3cr3t", "KM-C258\x00S3cr3t", wide))))
		if all := fmt.Sprintf("%+v %s", d.auth, d.shown); strings.Contains(all, "S3cr3t") || d.auth.Account != "scan" || d.auth.Host != "KM-C258" {
			t.Errorf("wide %v: %s", wide, all)
		}
	}
}

// A password in POP3, as it should not be sent.
func TestAPasswordOverPOP3IsInNoRecordHoweverItIsSent(t *testing.T) {
	certs := sharedCertificates()
	for i, s := range []spelling{
		{"as it should be", "USER scan\r\nPASS @\r\n", "scan"},
		{"with the account", "USER scan:@\r\nPASS x\r\n", "scan"},
		{"behind the account", "USER scan @\r\nPASS x\r\n", "scan"},
		{"exchanged", "USER @\r\nPASS scan@contoso.example\r\n", "scan@contoso.example"},
		{"exchanged and broken off", "USER @\r\n", ""},
		{"twice", "USER @\r\nUSER scan\r\nPASS @\r\n", "scan"},
		{"two ways", "USER @\r\nAUTH LOGIN\r\n{scan}\r\n{@}\r\n", ""},
		{"in APOP", "APOP scan @ 0123456789abcdef0123456789abcdef\r\n", "scan"},
		{"after a verb", "QUIT@\r\nNOOP @\r\nSTAT-@\r\nLIST @\r\nRETR @\r\nTOP @\r\nPASS@\r\nPASS=@\r\nUSER:@\r\n", ""},
		{"in AUTH", "AUTH @\r\nAUTH LOGIN {\x00scan\x00@}\r\n", "scan"},
	} {
		t.Run(s.name, func(t *testing.T) {
			store := &memory{}
			r := newRun(&Server{
				Policy: policy(t, "everything"), AllowPublic: true, Store: store,
				Limits: Limits{Peek: -1}, certs: certs,
			})
			password := fmt.Sprintf("S3cr3t-%02d-plugh", i)
			got := popOverBytes(r, []byte(s.sent(password)))
			for _, record := range append(store.sessions(), got) {
				assertNoTrace(t, record, password)
			}
			if s.account != "" && got.Account() != s.account {
				t.Errorf("account %q, want %q\n%v", got.Account(), s.account, got.Transcript)
			}
		})
	}
}
