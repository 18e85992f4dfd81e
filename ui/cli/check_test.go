package cli

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// ran runs the program in this process and returns its exit code and what it
// wrote.
func ran(t *testing.T, stdin string, args ...string) (code int, out, talk string) {
	t.Helper()
	var o, e bytes.Buffer
	p := Program{In: strings.NewReader(stdin), Out: &o, Err: &e, Now: time.Now, Env: func(name string) string {
		return map[string]string{"OFFBASIC_KEYRING": "none", "OFFBASIC_FOLDER": t.TempDir() + "/m"}[name]
	}}
	code = p.Run(t.Context(), args)
	return code, o.String(), e.String()
}

// tokenOf is an access token with these claims; nobody signed it.
func tokenOf(claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + enc([]byte(claims)) + "." + enc([]byte("signature"))
}

// A token comes by stdin alone, and nothing of it is in any output.
func TestTokenIsNeverShown(t *testing.T) {
	good := tokenOf(fmt.Sprintf(`{"aud":"https://outlook.office365.com","tid":"11111111-2222-3333-4444-555555555555","roles":["SMTP.SendAsApp"],"exp":%d}`, time.Now().Add(time.Hour).Unix()))
	for name, tt := range map[string]struct {
		stdin string
		args  []string
		code  int
		want  string
	}{
		"good":           {good + "\n", nil, ExitOK, "SMTP.SendAsApp"},
		"with its word":  {"Bearer " + good, nil, ExitOK, "SMTP.SendAsApp"},
		"for HVE":        {good, []string{"--route", "hve"}, ExitFindings, "Mail.Send"},
		"broken":         {strings.Replace(good, ".", "!", 1), nil, ExitFault, "token"},
		"nothing":        {"\n", nil, ExitUsage, "standard input"},
		"as an argument": {"", []string{good}, ExitUsage, "standard input"},
	} {
		code, out, talk := ran(t, tt.stdin, append([]string{"check", "token"}, tt.args...)...)
		if code != tt.code || !strings.Contains(out+talk, tt.want) {
			t.Errorf("%s: ended with %d: %s%s", name, code, out, talk)
		}
		for _, part := range strings.Split(good, ".")[1:] {
			if strings.Contains(out+talk, part) {
				t.Errorf("%s: the token is shown: %s%s", name, out, talk)
			}
		}
	}
}

func TestChecksAreRefusedForTheirArguments(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no domain":                {[]string{"dns"}, ExitUsage, "check dns"},
		"a domain that is none":    {[]string{"dns", "a b"}, ExitFault, "not a domain name"},
		"two domains":              {[]string{"dns", "a.example", "b.example"}, ExitUsage, "b.example"},
		"no such route":            {[]string{"dns", "a.example", "--route", "pigeon"}, ExitUsage, "pigeon"},
		"no address":               {[]string{"dns", "a.example", "--address", "x"}, ExitUsage, "IP address"},
		"no resolver":              {[]string{"dns", "a.example", "--resolver", "dns.example"}, ExitFault, "dns.example"},
		"a port that is none":      {[]string{"tls", "127.0.0.1:99999"}, ExitUsage, "99999"},
		"a mode that is none":      {[]string{"tls", "127.0.0.1:1", "--mode", "x"}, ExitUsage, "starttls"},
		"nobody named":             {[]string{"public-address", "--yes"}, ExitUsage, "--service"},
		"no consent":               {[]string{"public-address", "--service", "https://ip.example.org/"}, ExitUsage, "--yes"},
		"not over https":           {[]string{"public-address", "--service", "http://127.0.0.1/", "--yes"}, ExitFault, "https"},
		"a file that is not there": {[]string{"headers", "nowhere.eml"}, ExitFault, "nowhere.eml"},
	} {
		code, out, talk := ran(t, "", append([]string{"check"}, tt.args...)...)
		if code != tt.code || !strings.Contains(talk, tt.want) || out != "" {
			t.Errorf("%s: ended with %d: %s%s", name, code, out, talk)
		}
	}
}

// In the lab every look has something to look at.
func TestEveryLookWorksInTheLab(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"dns"}, ExitOK, "spf.protection.outlook.com"},
		{[]string{"dns", "--route", "direct", "--address", "203.0.113.10"}, ExitFindings, "203.0.113.10"},
		{[]string{"tls"}, ExitOK, "TLS 1.3"},
		{[]string{"port"}, ExitOK, "127.0.0.1"},
		{[]string{"dns", "--json"}, ExitOK, `"type":"finding","check":"dns-mx","status":"pass"`},
	} {
		code, out, talk := ran(t, "", append([]string{"check", "--lab"}, tt.args...)...)
		if code != tt.code || !strings.Contains(out, tt.want) || strings.Contains(out, "⟦") || strings.Contains(out, "{") && tt.args[len(tt.args)-1] != "--json" {
			t.Errorf("%v: ended with %d: %s%s", tt.args, code, out, talk)
		}
	}
}
