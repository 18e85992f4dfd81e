package cli

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// PostfixRelay is a relay of Postfix with sasl-xoauth2. No secret is in it.
type PostfixRelay struct {
	Name     string // of the machine, in HELO
	SMTP     string // host of client submission
	Port     int
	Account  string // mailbox that it signs in as
	Client   string // application (client) id
	TokenURL string
	Scope    string
	Networks []string // who may use it, beside the machine itself
	Admin    string   // who is told of what stays in the queue; may be empty
	Etc      string   // folder that the files are put into
}

// What stands for an app registration that is not known yet.
const (
	noClient = "APPLICATION_CLIENT_ID"
	noTenant = "TENANT_ID"
)

// postfixRelay gathers the values of a relay.
func (c *call) postfixRelay(m wizard.Migration, f relayFlags, allowed []string) (PostfixRelay, error) {
	cloud, ok := checks.CloudByID(m.Tenant.Cloud)
	if !ok {
		cloud, _ = checks.CloudByID("")
	}
	tenant, client := noTenant, noClient
	if m.App != nil {
		client = first(m.App.ClientID, noClient)
	}
	if m.Tenant.ID != "" {
		tenant = m.Tenant.ID
	}
	r := PostfixRelay{
		Name: first(f.name, "relay."+first(m.Tenant.Domain, "example.org")), SMTP: cloud.SMTP, Port: cloud.Ports[0],
		Account: first(f.account, relayAccount(m)), Client: client, TokenURL: cloud.Login + "/" + tenant + "/oauth2/v2.0/token",
		Scope: cloud.AppScope, Networks: postfixNetworks(allowed), Admin: f.admin, Etc: "/etc/postfix/relay",
	}
	return r, r.validate()
}

// relayAccount is the mailbox of the first sender whose route is a relay.
func relayAccount(m wizard.Migration) string {
	for _, s := range m.Senders {
		if s.Route == "relay" && s.Mailbox() != "" {
			return s.Mailbox()
		}
	}
	return ""
}

// postfixNetworks writes IPv6 as Postfix wants it.
func postfixNetworks(allowed []string) []string {
	var out []string
	for _, a := range allowed {
		if strings.Contains(a, ":") {
			address, bits, ok := strings.Cut(a, "/")
			a = "[" + address + "]"
			if ok {
				a += "/" + bits
			}
		}
		out = append(out, a)
	}
	return out
}

// validate holds values to forms in which nothing means anything to Postfix,
// to JSON or to a shell.
func (r PostfixRelay) validate() error {
	address := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$`)
	host := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)
	network := regexp.MustCompile(`^[0-9a-fA-F.:/\[\]]+$`)
	switch {
	case !address.MatchString(r.Account):
		return badUsage("usage.relay_account", text.Args{"name": r.Account})
	case r.Admin != "" && !address.MatchString(r.Admin):
		return badUsage("usage.relay_account", text.Args{"name": r.Admin})
	case !host.MatchString(r.Name):
		return badUsage("usage.relay_name", text.Args{"name": r.Name})
	case !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(r.Client):
		return badUsage("usage.relay_client", text.Args{"name": r.Client})
	case r.TokenURL != "" && !regexp.MustCompile(`^https://[A-Za-z0-9./:_-]+$`).MatchString(r.TokenURL):
		return badUsage("usage.relay_client", text.Args{"name": r.TokenURL})
	}
	for _, n := range r.Networks {
		if !network.MatchString(n) { // a span of addresses is for Exchange
			return badUsage("usage.relay_span", text.Args{"name": n})
		}
	}
	return nil
}

// Files are the files of the relay by their names.
func (r PostfixRelay) Files() (map[string]string, error) {
	names, err := fs.Glob(assets.Relay(), "*.tmpl")
	if err != nil {
		return nil, err
	}
	out := map[string]string{"client_secret": ""}
	for _, name := range names {
		t, err := template.ParseFS(assets.Relay(), name)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, r); err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(name, ".tmpl")] = b.String()
	}
	return out, nil
}

// writeRelay writes the files and a text that says what to do with them.
func (c *call) writeRelay(dir string, r PostfixRelay) error {
	files, err := r.Files()
	if err != nil {
		return err
	}
	files["README.txt"] = c.relayReadme(r)
	if err := makeFolder(filepath.Join(dir, "tokens")); err != nil {
		return err
	}
	for name, content := range files {
		if err := keepFile(filepath.Join(dir, name), content, modeOf(name)); err != nil {
			return err
		}
	}
	return nil
}

func modeOf(name string) (mode fs.FileMode) {
	if name == "renew-token" {
		return 0o700
	}
	return 0o600
}

// relaySteps is how the files become a relay.
func relaySteps() []string {
	return []string{"packages", "copy", "right", "secret", "chroot", "timer", "check", "device", "try"}
}

func (c *call) relayReadme(r PostfixRelay) string {
	var b strings.Builder
	line := func(s string) { b.WriteString(s + "\n") }
	line(c.tr.T("relay.readme", text.Args{"smtp": r.SMTP, "account": r.Account}))
	line("")
	for i, id := range relaySteps() {
		line(itoa(i+1) + ". " + c.tr.T("relay.step."+id, text.Args{"etc": r.Etc, "account": r.Account, "name": r.Name}))
	}
	line("")
	line(c.tr.T("relay.forget"))
	for _, id := range notForgotten("postfix") {
		line("- " + c.tr.T("relay.forget."+id))
	}
	return b.String()
}

// relayWritten says what was written, and what is left to do.
func (c *call) relayWritten(dir string, r PostfixRelay) error {
	names := []string{"README.txt", "main.cf", "tls_policy", "sasl_passwd", "sasl-xoauth2.conf", "app.json", "client_secret", "renew-token", "relay-token.service", "relay-token.timer"}
	if c.json {
		return c.line(relayLine{"relay", "postfix", dir, names, r.Account, r.Networks})
	}
	c.say("%s", c.tr.T("relay.written", text.Args{"dir": dir, "files": strings.Join(names, ", ")}))
	if r.Client == noClient || strings.Contains(r.TokenURL, noTenant) {
		c.say("%s", c.tr.T("relay.no_app", text.Args{"client": noClient, "tenant": noTenant}))
	}
	c.say("")
	c.say("%s", strings.TrimSuffix(c.relayReadme(r), "\n"))
	return nil
}
