package wizard_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/wizard"
)

func values() wizard.ScriptValues {
	return wizard.ScriptValues{
		App:     wizard.Registration{Name: "SMTP devices", ClientID: "11111111-2222-3333-4444-555555555555", ObjectID: "66666666-7777-8888-9999-000000000000"},
		Mailbox: "scan@contoso.example", Outside: "ceo@contoso.example", SendAs: []string{"invoices@contoso.example"}, Group: "devices@contoso.example",
		Addresses: []string{"203.0.113.10"}, Certificate: "relay.contoso.example", HVE: "alerts@contoso.example",
		BillingPolicy: "22222222-3333-4444-5555-666666666666", Server: "EX01", Ranges: []string{"192.168.1.10"},
	}
}

func script(t *testing.T, name string) probes.Script {
	t.Helper()
	s, ok := wizard.ScriptNamed(name, values())
	if !ok {
		t.Fatalf("no script is named %s", name)
	}
	return s
}

// call finds the call of a cmdlet that a script changes something with.
func call(t *testing.T, s probes.Script, cmdlet string) probes.Cmdlet {
	t.Helper()
	for _, st := range s.Steps {
		for _, c := range []*probes.Cmdlet{&st.Do, st.Else} {
			if c != nil && c.Name == cmdlet {
				return *c
			}
		}
	}
	t.Fatalf("%s does not call %s", s.Name, cmdlet)
	return probes.Cmdlet{}
}

// What each script must say to Exchange, with the page that says so.
func TestWhatScriptsSet(t *testing.T) {
	v := values()
	for _, tt := range []struct {
		claim, script, cmdlet, param string
		want                         probes.Value
	}{
		{
			"the service principal gets the object id of the enterprise application, not of the registration (New-ServicePrincipal, -ObjectId)",
			"service-principal", "New-ServicePrincipal", "ObjectId", probes.Text(v.App.ObjectID),
		},
		{"and the client id (New-ServicePrincipal, -AppId)", "service-principal", "New-ServicePrincipal", "AppId", probes.Text(v.App.ClientID)},
		{"the right on a mailbox is FullAccess; SendAs is none of its values (Add-MailboxPermission, -AccessRights)", "service-principal", "Add-MailboxPermission", "AccessRights", probes.Text("FullAccess")},
		{"sending as another address is a right of its own (Add-RecipientPermission, -AccessRights takes SendAs only)", "send-as", "Add-RecipientPermission", "AccessRights", probes.Text("SendAs")},
		{"OAuth needs SMTP AUTH on the mailbox: the switch acts on both (Set-CASMailbox, -SmtpClientAuthenticationDisabled)", "service-principal", "Set-CASMailbox", "SmtpClientAuthenticationDisabled", probes.Bool(false)},
		{"App RBAC has one role for SMTP (SMTP Onboarding to App RBAC Overview)", "app-rbac", "New-ManagementRoleAssignment", "Role", probes.Text("Application SMTP.SendAsApp")},
		{"-App takes the object id that Get-ServicePrincipal shows (New-ManagementRoleAssignment, -App)", "app-rbac", "New-ManagementRoleAssignment", "App", probes.Var("principal.ObjectId")},
		{"its scope is a filter on the group's distinguished name (SMTP Onboarding to App RBAC Overview)", "app-rbac", "New-ManagementScope", "RecipientRestrictionFilter", probes.Filter("MemberOfGroup", "group.DistinguishedName")},
		{"a connector that relays to the Internet is of type OnPremises (New-InboundConnector, -ConnectorType)", "connector-address", "New-InboundConnector", "ConnectorType", probes.Text("OnPremises")},
		{"a certificate is looked at when TLS is required (New-InboundConnector, -TlsSenderCertificateName)", "connector-certificate", "New-InboundConnector", "RequireTls", probes.Bool(true)},
		{"Direct Send is refused by one switch (Set-OrganizationConfig, -RejectDirectSend)", "direct-send-reject", "Set-OrganizationConfig", "RejectDirectSend", probes.Bool(true)},
		{"a High Volume Email account is a mail user (New-MailUser, -HVEAccount)", "hve-account", "New-MailUser", "HVEAccount", probes.Switch()},
		{"its password is asked for when the script runs (New-MailUser, -Password)", "hve-account", "New-MailUser", "Password", probes.Secret()},
		{"its allowed apps are object ids of enterprise applications (Add-HVEAppAccess, -AppIds)", "hve-account", "Add-HVEAppAccess", "AppIds", probes.List(v.App.ObjectID)},
		{"Basic is taken off a policy by this exact syntax (Set-AuthenticationPolicy, -AllowBasicAuthSmtp)", "basic-block-all", "Set-AuthenticationPolicy", "AllowBasicAuthSmtp", probes.Off()},
		{"an exception is a policy that allows it (New-AuthenticationPolicy, -AllowBasicAuthSmtp)", "basic-exception", "New-AuthenticationPolicy", "AllowBasicAuthSmtp", probes.Switch()},
		{"a High Volume Email account keeps its password by such a policy (Troubleshoot High Volume Email for Microsoft 365)", "hve-password", "Set-User", "AuthenticationPolicy", probes.Var("policy.Name")},
		{"and is named by its GUID (Set-User, -Identity)", "hve-password", "Set-User", "Identity", probes.Var("account.Guid")},
		{"a policy is taken from a user by $null (Set-User, -AuthenticationPolicy)", "basic-block-remove", "Set-User", "AuthenticationPolicy", probes.Null()},
		{"and from the organisation (Set-OrganizationConfig, -DefaultAuthenticationPolicy)", "basic-block-remove", "Set-OrganizationConfig", "DefaultAuthenticationPolicy", probes.Null()},
		{"a user is named by his GUID; an address is not among the forms (Set-User, -Identity)", "basic-block-pilot", "Set-User", "Identity", probes.Var("member.Guid")},
		{"old TLS is opted into (Opt in to the Exchange Online endpoint for legacy TLS)", "legacy-tls", "Set-TransportConfig", "AllowLegacyTLSClients", probes.Bool(true)},
		{"devices connect to the front end (New-ReceiveConnector, -TransportRole)", "onprem-relay", "New-ReceiveConnector", "TransportRole", probes.Text("FrontendTransport")},
		{"and only from these addresses (New-ReceiveConnector, -RemoteIPRanges)", "onprem-relay", "New-ReceiveConnector", "RemoteIPRanges", probes.List("192.168.1.10")},
		{"relaying is one extended right (Add-ADPermission, example 2)", "onprem-relay", "Add-ADPermission", "ExtendedRights", probes.Text("ms-Exch-SMTP-Accept-Any-Recipient")},
		{"for ANONYMOUS LOGON, S-1-5-7 (well-known SIDs)", "onprem-relay", "Add-ADPermission", "User", probes.Account("S-1-5-7")},
	} {
		t.Run(tt.script+" "+tt.cmdlet+" "+tt.param, func(t *testing.T) {
			got, ok := call(t, script(t, tt.script), tt.cmdlet).Param(tt.param)
			if !ok || !equal(got, tt.want) {
				t.Errorf("%s: %+v, want %+v", tt.claim, got, tt.want)
			}
		})
	}
}

func equal(a, b probes.Value) bool {
	return a.Kind == b.Kind && a.Text == b.Text && a.Bool == b.Bool && slices.Equal(a.List, b.List) && a.Property == b.Property && a.Days == b.Days
}

// What a script must not do, with the page that says why.
func TestWhatScriptsLeaveAlone(t *testing.T) {
	for _, tt := range []struct{ claim, script, cmdlet, param string }{
		{"a blocking policy allows nothing (New-AuthenticationPolicy: Basic is blocked by default)", "basic-block-pilot", "New-AuthenticationPolicy", "AllowBasicAuthSmtp"},
		{"this restriction belongs to type Partner (New-InboundConnector, -RestrictDomainsToIPAddresses)", "connector-address", "New-InboundConnector", "RestrictDomainsToIPAddresses"},
		{"this restriction belongs to type Partner (New-InboundConnector, -RestrictDomainsToCertificate)", "connector-certificate", "New-InboundConnector", "RestrictDomainsToCertificate"},
		{"an address connector takes devices without TLS as well", "connector-address", "New-InboundConnector", "RequireTls"},
	} {
		if v, ok := call(t, script(t, tt.script), tt.cmdlet).Param(tt.param); ok {
			t.Errorf("%s sets -%s %+v: %s", tt.script, tt.param, v, tt.claim)
		}
	}
	for _, name := range wizard.ScriptNames() {
		for _, st := range script(t, name).Steps {
			if _, ok := st.Do.Param("SmtpClientAuthenticationDisabled"); ok && st.Do.Name == "Set-TransportConfig" {
				t.Errorf("%s changes the organisation's switch of SMTP AUTH", name)
			}
		}
	}
}

// A service principal is looked up with a condition: for an identity that
// nobody has the cmdlet may return all of them (Get-ServicePrincipal,
// -Identity, Caution), and the first of all would be given the mailbox.
func TestServicePrincipalIsLookedUpWithACondition(t *testing.T) {
	for _, name := range []string{"service-principal", "app-rbac", "send-as"} {
		for _, st := range script(t, name).Steps {
			if st.Unless == nil || st.Unless.Name != "Get-ServicePrincipal" {
				continue
			}
			w := st.Unless.Where
			if len(w) != 1 || w[0].Property != "AppId" || !slices.Equal(w[0].Is, []string{values().App.ClientID}) {
				t.Errorf("%s takes any of %+v", name, w)
			}
		}
	}
}

// A script that changes something says by its expectations whether that is so
// afterwards; every step is made only where it is needed, and every name in an
// expectation is one that is read.
func TestEveryChangingScriptCanBeChecked(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		s := script(t, name)
		if s.Changes() != (len(s.Expects) > 0) {
			t.Errorf("%s changes something: %t, and expects %d values", name, s.Changes(), len(s.Expects))
		}
		if len(s.Reads) == 0 {
			t.Errorf("%s reads nothing back", name)
		}
		for _, e := range s.Expects {
			i := slices.IndexFunc(s.Reads, func(r probes.ReadBack) bool { return r.ID == e.Read })
			if i < 0 || !slices.Contains(s.Reads[i].Select, e.Property) || e.Label != "" && !slices.Contains(s.Reads[i].Select, e.Label) {
				t.Errorf("%s expects %s of %s %q, which is not read", name, e.Property, e.Read, e.Label)
			}
		}
		ids := map[string]bool{}
		for _, st := range s.Steps {
			if ids[st.ID] {
				t.Errorf("%s has two steps %s", name, st.ID)
			}
			ids[st.ID] = true
		}
	}
}

// Variables are set by an earlier step, or by the loop that uses them.
func TestVariablesAreSetBeforeTheyAreUsed(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		s, set := script(t, name), map[string]bool{}
		check := func(where string, e *probes.Each, cmdlets ...*probes.Cmdlet) {
			here := map[string]bool{}
			if e != nil {
				here[e.As] = true
				if e.In != nil {
					for _, v := range e.In.Variables() {
						if !set[v] {
							t.Errorf("%s, %s: $%s holds nothing", name, where, v)
						}
					}
				}
			}
			for _, c := range cmdlets {
				if c == nil {
					continue
				}
				for _, v := range c.Variables() {
					if !set[v] && !here[v] {
						t.Errorf("%s, %s: $%s holds nothing", name, where, v)
					}
				}
			}
		}
		for _, st := range s.Steps {
			check(st.ID, st.Each, st.Unless, &st.Do)
			set[st.As] = true
			check(st.ID, st.Each, st.Else)
		}
		for _, r := range s.Reads {
			check(r.ID, r.Each, &r.Cmdlet)
		}
	}
}

func TestScriptsOnPremisesSayItInTheirName(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		s := script(t, name)
		if got := s.Module == probes.ExchangeOnPremises; s.Name != name || got != strings.Contains(name, "onprem") {
			t.Errorf("%s is called %s and runs in %s", name, s.Name, s.Module)
		}
	}
}

func TestMissingAndWrongValuesAreNamed(t *testing.T) {
	for _, tt := range []struct {
		name, script, value string
		change              func(*wizard.ScriptValues)
		want                error
	}{
		{"all is there", "app-rbac", "", func(*wizard.ScriptValues) {}, nil},
		{"no mailbox", "service-principal", "mailbox", func(v *wizard.ScriptValues) { v.Mailbox = "" }, wizard.ErrMissing},
		{"several mailboxes and no single one", "smtp-auth", "", func(v *wizard.ScriptValues) { v.Mailbox, v.Mailboxes = "", []string{"a@contoso.example"} }, nil},
		{"an apostrophe is fine in an address", "smtp-auth", "", func(v *wizard.ScriptValues) { v.Mailbox = "o'brien@contoso.example" }, nil},
		{"a name for an address", "smtp-auth", "mailbox", func(v *wizard.ScriptValues) { v.Mailbox = "scan" }, wizard.ErrAddress},
		{"a typographic apostrophe", "smtp-auth", "mailbox", func(v *wizard.ScriptValues) { v.Mailbox = "o’brien@contoso.example" }, wizard.ErrApostrophe},
		{"an app's name of 257 characters", "service-principal", "app-name", func(v *wizard.ScriptValues) { v.App.Name = strings.Repeat("é", 257) }, wizard.ErrAppName},
		{"an app's name with a line break", "service-principal", "app-name", func(v *wizard.ScriptValues) { v.App.Name = "a\nb" }, wizard.ErrAppName},
		{"one wrong mailbox of two", "smtp-auth", "mailbox", func(v *wizard.ScriptValues) { v.Mailboxes = []string{"a b@contoso.example"} }, wizard.ErrAddress},
		{"what the script does not use may be anything", "legacy-tls", "", func(v *wizard.ScriptValues) { v.Mailbox = "x" }, nil},
		{"an id that is none", "hve-account", "billing-policy", func(v *wizard.ScriptValues) { v.BillingPolicy = "pay" }, wizard.ErrGUID},
		{"the client id for the object id", "service-principal", "object-id", func(v *wizard.ScriptValues) { v.App.ObjectID = v.App.ClientID }, wizard.ErrSameID},
		{"a mailbox outside that is inside", "app-rbac", "outside", func(v *wizard.ScriptValues) { v.Outside = "SCAN@contoso.example" }, wizard.ErrSameMailbox},
		{"a private address in a connector", "connector-address", "address", func(v *wizard.ScriptValues) { v.Addresses = []string{"10.1.2.3"} }, wizard.ErrPublicIPv4},
		{"IPv6 in a connector (New-InboundConnector: not supported)", "connector-address", "address", func(v *wizard.ScriptValues) { v.Addresses = []string{"2001:db8::1"} }, wizard.ErrPublicIPv4},
		{"a range wider than /24 in a connector", "connector-address", "address", func(v *wizard.ScriptValues) { v.Addresses = []string{"203.0.112.0/23"} }, wizard.ErrPublicIPv4},
		{"a /24 in a connector", "connector-address", "", func(v *wizard.ScriptValues) { v.Addresses = []string{"203.0.113.0/24"} }, nil},
		{"loopback in a connector", "connector-address", "address", func(v *wizard.ScriptValues) { v.Addresses = []string{"127.0.0.1"} }, wizard.ErrPublicIPv4},
		{"an address for a certificate's name", "connector-certificate", "certificate", func(v *wizard.ScriptValues) { v.Certificate = "a@contoso.example" }, wizard.ErrCertificate},
		{"a wildcard certificate", "connector-certificate", "", func(v *wizard.ScriptValues) { v.Certificate = "*.contoso.example" }, nil},
		{"a wildcard inside (New-InboundConnector: not valid)", "connector-certificate", "certificate", func(v *wizard.ScriptValues) { v.Certificate = "relay.*.example" }, wizard.ErrCertificate},
		{"a name with a quote that ends nothing", "basic-block-all", "", func(v *wizard.ScriptValues) { v.Policy = "l'interdit" }, nil},
		{"a name of 65 characters", "basic-block-all", "policy", func(v *wizard.ScriptValues) { v.Policy = strings.Repeat("é", 65) }, wizard.ErrName},
		{"a name with a line break", "basic-block-all", "policy", func(v *wizard.ScriptValues) { v.Policy = "a\nb" }, wizard.ErrName},
		{"a name with a wildcard", "app-rbac", "group", func(v *wizard.ScriptValues) { v.Group = "*" }, wizard.ErrName},
		{"a relay open to all", "onprem-relay", "range", func(v *wizard.ScriptValues) { v.Ranges = []string{"0.0.0.0/0"} }, wizard.ErrRange},
		{"a relay open to all, as a span", "onprem-relay", "range", func(v *wizard.ScriptValues) { v.Ranges = []string{"0.0.0.0-255.255.255.255"} }, wizard.ErrRange},
		{"a span within a site", "onprem-relay", "", func(v *wizard.ScriptValues) { v.Ranges = []string{"192.168.1.1-192.168.1.24"} }, nil},
		{"a span backwards", "onprem-relay", "range", func(v *wizard.ScriptValues) { v.Ranges = []string{"192.168.1.24-192.168.1.1"} }, wizard.ErrRange},
		{"IPv6 of one network on the premises", "onprem-relay", "", func(v *wizard.ScriptValues) { v.Ranges = []string{"2001:db8::/64"} }, nil},
		{"a server with a path", "onprem-relay", "server", func(v *wizard.ScriptValues) { v.Server = `EX01\x` }, wizard.ErrHost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := values()
			tt.change(&v)
			err := v.Validate(tt.script)
			wrong, named := errors.AsType[*wizard.ValueError](err)
			if !errors.Is(err, tt.want) || named != (tt.want != nil) || named && wrong.Name != tt.value {
				t.Errorf("%s: %v, want %q: %v", tt.script, err, tt.value, tt.want)
			}
		})
	}
}

// A placeholder is no value: it is named, no rule accepts it, and Exchange
// can have nothing of that name.
func TestPlaceholdersCannotBeMistaken(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		needs, _ := wizard.ScriptInputsOf(name)
		v, missing := wizard.ScriptValues{}.Filled(name)
		if !slices.Equal(slices.Sorted(slices.Values(missing)), slices.Sorted(slices.Values(needs))) {
			t.Errorf("%s: %v are placeholders, %v are needed", name, missing, needs)
		}
		wrong := 0
		if err := v.Validate(name); err != nil {
			wrong = len(err.(interface{ Unwrap() []error }).Unwrap())
		}
		if wrong != len(needs) {
			t.Errorf("%s: %d of %d placeholders are refused", name, wrong, len(needs))
		}
		if _, missing := values().Filled(name); len(missing) > 0 {
			t.Errorf("%s: %v are given and missing", name, missing)
		}
	}
}

// What is read of a script's inputs is what the table says: each input names
// one value, and no two the same.
func TestScriptInputsNameEachValueOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, in := range wizard.ScriptInputs() {
		if seen[in.Name] || (in.Text == nil) == (in.List == nil) {
			t.Errorf("input %s is named twice, or finds no value", in.Name)
		}
		seen[in.Name] = true
	}
	for _, name := range wizard.ScriptNames() {
		needs, takes := wizard.ScriptInputsOf(name)
		for _, in := range slices.Concat(needs, takes) {
			if !seen[in] {
				t.Errorf("%s takes %s, which is no input", name, in)
			}
		}
	}
}
