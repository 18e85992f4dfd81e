package lab_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/wizard"
)

// ordinary are values that the lab's tenant has.
func ordinary(l *lab.Lab) wizard.ScriptValues {
	return wizard.ScriptValues{
		App:     wizard.Registration{Name: l.App().Name, ClientID: l.App().ClientID, ObjectID: l.App().ObjectID},
		Mailbox: "accounting@contoso.example", Outside: "it@contoso.example", SendAs: []string{"scan@contoso.example", "it@contoso.example"},
		Group: l.Group(), Addresses: []string{"203.0.113.10", "198.51.100.0/24"}, Certificate: "relay.contoso.example",
		HVE: "alerts@contoso.example", BillingPolicy: l.BillingPolicy(), Server: l.Server(), Ranges: []string{"192.168.1.10", "192.168.2.0/24"},
	}
}

func named(t *testing.T, name string, v wizard.ScriptValues) probes.Script {
	t.Helper()
	if err := v.Validate(name); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s, ok := wizard.ScriptNamed(name, v)
	if !ok {
		t.Fatalf("no script is named %s", name)
	}
	return s
}

// execute runs a script that must not stop, and says what is not as expected.
func execute(t *testing.T, l *lab.Lab, s probes.Script) (probes.ReadBackFile, []checks.Compared) {
	t.Helper()
	file, err := l.Execute(t.Context(), s)
	if err != nil || file.Error != "" || file.Step != "" {
		t.Fatalf("%s: %v; the read-back says %q at %q", s.Name, err, file.Error, file.Step)
	}
	var wrong []checks.Compared
	for _, c := range checks.CompareReadBack(s, file) {
		if !c.OK {
			wrong = append(wrong, c)
		}
	}
	return file, wrong
}

// Every script in a tenant where nothing is set up: executed, executed again
// with the same answer, everything as it should be, and every row read. The
// shared mailbox is a new one; a user's mailbox would not become one.
func TestEveryScriptMayRunTwiceAndReadsBackWhatItSet(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		t.Run(name, func(t *testing.T) {
			l := start(t, lab.Options{})
			v := ordinary(l)
			if name == "shared-mailbox" {
				v.Mailbox = "copier@contoso.example"
			}
			if name == "hve-password" { // for an account that is there
				execute(t, l, named(t, "hve-account", v))
			}
			s := named(t, name, v)
			var first string
			for run := range 2 {
				file, wrong := execute(t, l, s)
				if len(wrong) > 0 || len(file.Unread) > 0 {
					t.Errorf("run %d: not as it should be: %+v, not read: %v", run+1, wrong, file.Unread)
				}
				if online := s.Module == probes.ExchangeOnline; (file.Tenant == l.Tenant().ID) != online {
					t.Errorf("run %d: the read-back is of tenant %q", run+1, file.Tenant)
				}
				for _, r := range s.Reads {
					for _, row := range file.Results[r.ID] {
						if len(row) != len(r.Select) {
							t.Errorf("run %d: %s has %v, want %v", run+1, r.ID, row, r.Select)
						}
					}
				}
				b, _ := json.Marshal(file.Results)
				if run == 0 {
					first = string(b)
				} else if string(b) != first {
					t.Errorf("the second run reads back\n%s\nthe first\n%s", b, first)
				}
			}
		})
	}
}

// All scripts in one tenant, one after the other, and then again: what one
// sets does not stop another.
func TestAllScriptsRunInOneTenant(t *testing.T) {
	l := start(t, lab.Options{})
	for range 2 {
		for _, name := range wizard.ScriptNames() {
			execute(t, l, named(t, name, ordinary(l)))
		}
	}
}

// Undo is a call that Exchange takes: each is executed after its script.
func TestEveryUndoIsACallThatExchangeTakes(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		t.Run(name, func(t *testing.T) {
			l := start(t, lab.Options{})
			v := ordinary(l)
			if name == "shared-mailbox" {
				v.Mailbox = "copier@contoso.example"
			}
			if name == "hve-password" { // of an account that is there
				execute(t, l, named(t, "hve-account", v))
			}
			s := named(t, name, v)
			execute(t, l, s)
			back := probes.Script{Name: name, Module: s.Module}
			for _, st := range slices.Backward(s.Steps) {
				if st.Undo != nil {
					back.Steps = append(back.Steps, probes.ScriptStep{ID: st.ID, Do: *st.Undo})
				}
			}
			if _, err := l.Execute(t.Context(), back); err != nil {
				t.Errorf("undo: %v", err)
			}
			if _, wrong := execute(t, l, s); len(wrong) > 0 {
				t.Errorf("made again after the undo: %+v", wrong)
			}
		})
	}
}

// "535 5.7.3 Authentication unsuccessful": the Exchange service principal is
// missing, or the mailbox is not granted to the app (Microsoft, "Authenticate
// an IMAP, POP or SMTP connection using OAuth").
func TestRemovingTheServicePrincipalTakesItsRightsBack(t *testing.T) {
	l := start(t, lab.Options{})
	v := ordinary(l)
	execute(t, l, named(t, "service-principal", v))
	if got := withToken(t, l, "accounting@contoso.example", nil); got != "235 2.7.0 Authentication successful" {
		t.Fatalf("before the undo: %s", got)
	}
	s := named(t, "service-principal-remove", v)
	if file, wrong := execute(t, l, s); len(wrong) > 0 || len(file.Results["service_principal"]) > 0 {
		t.Errorf("after the undo: %+v, %v", wrong, file.Results)
	}
	if got := withToken(t, l, "accounting@contoso.example", nil); !strings.HasPrefix(got, "535 5.7.3 Authentication unsuccessful [") {
		t.Errorf("after the undo: %s", got)
	}
	// The rights went with the principal: made again, it has none.
	make := named(t, "service-principal", v)
	make.Steps = make.Steps[:1]
	execute(t, l, make)
	if got := withToken(t, l, "accounting@contoso.example", nil); !strings.HasPrefix(got, "535 5.7.3 Authentication unsuccessful [") {
		t.Errorf("a new service principal has rights: %s", got)
	}
}

// withToken signs in with the app's token, whose claims edit may change.
func withToken(t *testing.T, l *lab.Lab, mailbox string, edit func(map[string]any)) string {
	t.Helper()
	c := dial(t, l)
	c.startTLS()
	return c.say("AUTH XOAUTH2", b64("user="+mailbox+"\x01auth=Bearer "+l.IssueToken(edit)+"\x01\x01"))
}

// withPassword signs in with the password of an account.
func withPassword(t *testing.T, l *lab.Lab, account string) string {
	t.Helper()
	c := dial(t, l)
	c.startTLS()
	return c.say("AUTH LOGIN", b64(account), b64(l.Password(account)))
}

// Microsoft, "SMTP Onboarding to App RBAC Overview": the role covers the
// mailboxes in its scope, without a claim in the token; with the claim the
// rights on the mailbox count as well.
func TestRolesOfApplicationsReachTheirScopeAndNothingElse(t *testing.T) {
	l := start(t, lab.Options{})
	v := ordinary(l)
	execute(t, l, named(t, "app-rbac", v))
	turnOn := v
	turnOn.Mailboxes = []string{"scan@contoso.example", "accounting@contoso.example", "it@contoso.example"}
	execute(t, l, named(t, "smtp-auth", turnOn))
	noRole := func(claims map[string]any) { delete(claims, "roles") }
	const in, refused = "235 2.7.0 Authentication successful", "535 5.7.3 Authentication unsuccessful ["
	steps := []struct {
		name, mailbox string
		edit          func(map[string]any)
		want          string
	}{
		{"in the scope", "accounting@contoso.example", noRole, in},
		{"in the scope, another member", "scan@contoso.example", noRole, in},
		{"outside the scope", "it@contoso.example", noRole, refused},
		{"outside, with the claim but no right on the mailbox", "it@contoso.example", nil, refused},
		{"another service principal", "accounting@contoso.example", func(c map[string]any) { c["oid"] = l.App().RegistrationObjectID }, refused},
	}
	for _, tt := range steps {
		if got := withToken(t, l, tt.mailbox, tt.edit); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	outside := v
	outside.Mailbox = "it@contoso.example"
	execute(t, l, named(t, "service-principal", outside))
	if got := withToken(t, l, "it@contoso.example", nil); got != in {
		t.Errorf("a right on the mailbox and the claim: %s", got)
	}
	if got := withToken(t, l, "it@contoso.example", noRole); !strings.HasPrefix(got, refused) {
		t.Errorf("a right on the mailbox without the claim: %s", got)
	}
	// Both models for one mailbox are found by the read-back.
	both := outside
	both.Mailbox, both.Outside = "accounting@contoso.example", "it@contoso.example"
	execute(t, l, named(t, "service-principal", both))
	if _, wrong := execute(t, l, named(t, "app-rbac", both)); len(wrong) != 1 || wrong[0].ID != "one-model" {
		t.Errorf("both models: %+v, want one-model alone", wrong)
	}
}

// "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.":
// AllowBasicAuthSmtp is false in the effective authentication policy
// (New-AuthenticationPolicy). A policy covers Basic alone.
func TestAuthenticationPoliciesBlockPasswordsAndLeaveTokensAlone(t *testing.T) {
	const in, off = "235 2.7.0 Authentication successful", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. ["
	l := start(t, lab.Options{})
	v := ordinary(l)
	v.Mailbox, v.Mailboxes = "scan@contoso.example", []string{"scan@contoso.example", "it@contoso.example"}
	execute(t, l, named(t, "smtp-auth", v))
	execute(t, l, named(t, "service-principal", v))
	check := func(when, scan, it string) {
		t.Helper()
		for account, want := range map[string]string{"scan@contoso.example": scan, "it@contoso.example": it} {
			if got := withPassword(t, l, account); !strings.HasPrefix(got, want) {
				t.Errorf("%s, password of %s: %s, want %s", when, account, got, want)
			}
		}
		if got := withToken(t, l, "scan@contoso.example", nil); got != in {
			t.Errorf("%s, token: %s", when, got)
		}
	}
	check("without a policy", in, in)
	execute(t, l, named(t, "basic-block-pilot", v)) // it@ is not in the group
	check("blocked for the group", off, in)
	execute(t, l, named(t, "basic-block-all", v))
	check("blocked for all", off, off)
	exception := v
	exception.Mailbox, exception.Mailboxes = "it@contoso.example", nil
	execute(t, l, named(t, "basic-exception", exception))
	check("with an exception", off, in)
	execute(t, l, named(t, "basic-block-remove", v))
	check("the policy removed", in, in)
	l.SetRetired(true)
	if got := withPassword(t, l, "scan@contoso.example"); !strings.HasPrefix(got, "550 5.7.30 ") {
		t.Errorf("after the end of Basic: %s", got)
	}
}

// "554 5.2.252 SendAsDenied": the sender is another identity without Send As
// (Add-RecipientPermission).
func TestSendAsOpensOtherAddressesOfTheScript(t *testing.T) {
	l := start(t, lab.Options{})
	v := ordinary(l)
	v.Mailbox, v.SendAs = "scan@contoso.example", []string{"accounting@contoso.example"}
	execute(t, l, named(t, "service-principal", v))
	send := func(from string) string {
		c := dial(t, l)
		c.startTLS()
		c.say("AUTH XOAUTH2", b64("user=scan@contoso.example\x01auth=Bearer "+l.IssueToken(nil)+"\x01\x01"))
		return c.say("MAIL FROM:<"+from+">", "RCPT TO:<it@contoso.example>", "DATA", "From: "+from+"\r\n\r\n.")
	}
	if got := send("accounting@contoso.example"); !strings.HasPrefix(got, "554 5.2.252 SendAsDenied;") {
		t.Errorf("before: %s", got)
	}
	execute(t, l, named(t, "send-as", v))
	if got := send("accounting@contoso.example"); !strings.HasPrefix(got, "250 2.0.0 OK") {
		t.Errorf("after: %s", got)
	}
	if got := send("it@contoso.example"); !strings.HasPrefix(got, "554 5.2.252 SendAsDenied;") {
		t.Errorf("an address that was not given: %s", got)
	}
	// The app's right is the app's: a password does not get it.
	c := signIn(t, l)
	if got := c.say("MAIL FROM:<accounting@contoso.example>", "RCPT TO:<it@contoso.example>", "DATA", "From: accounting@contoso.example\r\n\r\n."); !strings.HasPrefix(got, "554 5.2.252") {
		t.Errorf("with the password: %s", got)
	}
	// What was sent is in the trace of usage, and only of this sender.
	file, _ := execute(t, l, named(t, "basic-usage", wizard.ScriptValues{Mailbox: "accounting@contoso.example"}))
	rows := file.Results["message_trace"]
	if len(rows) != 1 || rows[0]["SenderAddress"] != "accounting@contoso.example" || rows[0]["RecipientAddress"] != "it@contoso.example" || rows[0]["FromIP"] != l.PublicAddress() {
		t.Errorf("the trace has %v", rows)
	}
}

// The organisation's switch and the mailbox's act as before.
func TestSwitchesOfSMTPAUTHActOnBothWaysToSignIn(t *testing.T) {
	l := start(t, lab.Options{})
	v := ordinary(l)
	principal := named(t, "service-principal", v)
	principal.Steps = principal.Steps[:2] // SMTP AUTH stays as it is
	execute(t, l, principal)
	const off = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. ["
	for how, got := range map[string]string{
		"token": withToken(t, l, v.Mailbox, nil), "password": withPassword(t, l, v.Mailbox),
	} {
		if !strings.HasPrefix(got, off) {
			t.Errorf("%s: %s", how, got)
		}
	}
	execute(t, l, named(t, "smtp-auth", v))
	if got := withToken(t, l, v.Mailbox, nil); got != "235 2.7.0 Authentication successful" {
		t.Errorf("turned on: %s", got)
	}
}

// A password is asked for by the step that needs it, once, and is nowhere but
// in the account.
func TestSecretIsAskedForAndKeptOutOfEverything(t *testing.T) {
	const secret = "Zq8-never-written"
	var mu sync.Mutex
	var asked, logged []string
	l := start(t, lab.Options{
		Log: func(s string) { mu.Lock(); logged = append(logged, s); mu.Unlock() },
		Secret: func(script, step string) (string, error) {
			asked = append(asked, script+"."+step)
			return secret, nil
		},
	})
	s := named(t, "hve-account", ordinary(l))
	for range 2 {
		file, _ := execute(t, l, s)
		b, _ := json.Marshal(file)
		if strings.Contains(string(b), secret) {
			t.Errorf("the read-back holds the secret: %s", b)
		}
	}
	if !slices.Equal(asked, []string{"hve-account.account"}) {
		t.Errorf("asked %v, want once", asked)
	}
	if l.Password("alerts@contoso.example") != secret {
		t.Error("the account has another password")
	}
	mu.Lock()
	defer mu.Unlock()
	if strings.Contains(strings.Join(logged, "\n"), secret) {
		t.Error("the log holds the secret")
	}
}

func TestSecretThatNobodyGivesStopsTheScript(t *testing.T) {
	unwilling := errors.New("closed")
	for want, secret := range map[string]func(string, string) (string, error){
		"closed":                func(string, string) (string, error) { return "", unwilling },
		"an empty SecureString": func(string, string) (string, error) { return "", nil },
	} {
		l := start(t, lab.Options{Secret: secret})
		file, err := l.Execute(t.Context(), named(t, "hve-account", ordinary(l)))
		if err == nil || file.Step != "account" || !strings.Contains(file.Error, want) {
			t.Errorf("%v at %q: %q, want %q", err, file.Step, file.Error, want)
		}
	}
	l := start(t, lab.Options{}) // nobody is asked: a throw-away
	execute(t, l, named(t, "hve-account", ordinary(l)))
	if l.Password("alerts@contoso.example") == "" {
		t.Error("the account has no password")
	}
}

// What changes in the refusals of scripts, with the page that says so.
func TestScriptsWithValuesThatTheTenantDoesNotHave(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		change       func(*wizard.ScriptValues)
		cmdlet, want string
	}{
		{"no such mailbox", "service-principal", func(v *wizard.ScriptValues) { v.Mailbox = "nobody@contoso.example" }, "Add-MailboxPermission", "object 'nobody@contoso.example' couldn't be found"},
		{"no such group", "app-rbac", func(v *wizard.ScriptValues) { v.Group = "nobody" }, "Get-DistributionGroup", "object 'nobody' couldn't be found"},
		{"no such mailbox outside", "app-rbac", func(v *wizard.ScriptValues) { v.Outside = "nobody@contoso.example" }, "", ""},
		{"no such address to send as", "send-as", func(v *wizard.ScriptValues) { v.SendAs = []string{"x@contoso.example"} }, "Add-RecipientPermission", "object 'x@contoso.example' couldn't be found"},
		{"no such billing policy", "hve-account", func(v *wizard.ScriptValues) { v.BillingPolicy = "22222222-3333-4444-5555-666666666666" }, "Set-HVEAccountBillingPolicy", "couldn't be found"},
		{"a domain that is not accepted", "hve-account", func(v *wizard.ScriptValues) { v.HVE = "alerts@example.org" }, "New-MailUser", "not an accepted domain"},
		{"a shared mailbox elsewhere", "shared-mailbox", func(v *wizard.ScriptValues) { v.Mailbox = "copier@example.org" }, "New-Mailbox", "not an accepted domain"},
		{"no such server", "onprem-relay", func(v *wizard.ScriptValues) { v.Server = "EX99" }, "New-ReceiveConnector", "object 'EX99' couldn't be found"},
		{"no such account for an exception", "basic-exception", func(v *wizard.ScriptValues) { v.Mailbox = "nobody@contoso.example" }, "Get-User", "couldn't be found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := start(t, lab.Options{})
			v := ordinary(l)
			tt.change(&v)
			s := named(t, tt.script, v)
			file, err := l.Execute(t.Context(), s)
			if tt.cmdlet == "" { // a read that finds nothing is no row, and no expectation is met by it
				if err != nil || checks.AllAsExpected(checks.CompareReadBack(s, file)) {
					t.Errorf("%v, and all is as expected", err)
				}
				return
			}
			f, ok := errors.AsType[*probes.Fault](err)
			if !ok || f.Code != lab.ScriptRefused || f.Args["cmdlet"] != tt.cmdlet || !strings.Contains(file.Error, tt.want) {
				t.Errorf("%v; want %s: %s", err, tt.cmdlet, tt.want)
			}
		})
	}
}

// What the reference of the cmdlets does not allow.
func TestCallsThatTheReferenceDoesNotAllow(t *testing.T) {
	l := start(t, lab.Options{})
	text, list, p, call := probes.Text, probes.List, probes.P, probes.Call
	for _, tt := range []struct {
		name, module string
		c            probes.Cmdlet
		want         string
	}{
		{"a receive connector in Exchange Online (New-ReceiveConnector: on-premises only)", "", call("Get-ReceiveConnector"), "'Get-ReceiveConnector' is not recognized"},
		{"a service principal on the premises", probes.ExchangeOnPremises, call("Get-ServicePrincipal"), "'Get-ServicePrincipal' is not recognized"},
		{"IPv6 in a connector (New-InboundConnector, -SenderIPAddresses)", "", call("New-InboundConnector", p("Name", text("x")), p("SenderDomains", list("*")), p("SenderIPAddresses", list("2001:db8::1"))), "parameter 'SenderIPAddresses'"},
		{"a range wider than /24 in a connector", "", call("New-InboundConnector", p("Name", text("x")), p("SenderDomains", list("*")), p("SenderIPAddresses", list("203.0.112.0/23"))), "parameter 'SenderIPAddresses'"},
		{"a type that a connector cannot have", "", call("New-InboundConnector", p("Name", text("x")), p("SenderDomains", list("*")), p("ConnectorType", text("Internet"))), "parameter 'ConnectorType'"},
		{"a connector without domains", "", call("New-InboundConnector", p("Name", text("x"))), "missing mandatory parameters: SenderDomains"},
		{"a boolean for a switch", "", call("New-AuthenticationPolicy", p("Name", text("x")), p("AllowBasicAuthSmtp", probes.Bool(true))), "SwitchParameter"},
		{"a password in clear (New-MailUser, -Password)", "", call("New-MailUser", p("HVEAccount", probes.Switch()), p("Name", text("x")), p("Password", text("hunter2"))), "System.Security.SecureString"},
		{"a secret for a name", "", call("New-ManagementScope", p("Name", probes.Secret()), p("RecipientRestrictionFilter", text("MemberOfGroup -eq 'x'"))), "parameter 'Name'"},
		{"another right than SendAs (Add-RecipientPermission, -AccessRights)", "", call("Add-RecipientPermission", p("Identity", text("it@contoso.example")), p("Trustee", text("scan@contoso.example")), p("AccessRights", text("FullAccess"))), "parameter 'AccessRights'"},
		{"more rows than 5000 (Get-MessageTraceV2, -ResultSize)", "", call("Get-MessageTraceV2", p("ResultSize", text("5001"))), "System.Int32"},
		{"a filter that is none", "", call("Get-User", p("Filter", text("everything"))), "parameter 'Filter'"},
		{"$null where a setting cannot be taken away", "", call("Set-OrganizationConfig", p("RejectDirectSend", probes.Null())), "parameter 'RejectDirectSend'"},
		{"a policy that nobody made", "", call("Set-OrganizationConfig", p("DefaultAuthenticationPolicy", text("x"))), "couldn't be found"},
		{"a role for another protocol", "", call("New-ManagementRoleAssignment", p("Role", text("Application Mail.Send")), p("App", text("x"))), "couldn't be found"},
		{"a connector for nobody", probes.ExchangeOnPremises, call("New-ReceiveConnector", p("Name", text("x")), p("Bindings", list("0.0.0.0:25")), p("RemoteIPRanges", list("everybody"))), "parameter 'RemoteIPRanges'"},
		{"an account that Windows does not know", probes.ExchangeOnPremises, call("Get-ADPermission", p("Identity", text("x")), p("User", probes.Account("S-1-5-99"))), "could not be translated"},
	} {
		file, err := l.Execute(t.Context(), probes.Script{Module: tt.module, Steps: []probes.ScriptStep{{ID: "x", Do: tt.c}}})
		if err == nil || !strings.Contains(file.Error, tt.want) || strings.Contains(file.Error, "hunter2") {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
