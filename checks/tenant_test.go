package checks_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

const (
	client       = "11111111-2222-3333-4444-555555555555"
	object       = "66666666-7777-8888-9999-000000000000"
	registration = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	tenantID     = "99999999-0000-1111-2222-333333333333"
	scan         = "scan@contoso.example"
)

func tenantNow() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// answer is what a script read, an hour ago.
func answer(script string, results map[string]rows) probes.ReadBackFile {
	return probes.ReadBackFile{
		Type: "readback", Schema: 1, Script: script, Tenant: tenantID,
		Made: tenantNow().Add(-time.Hour).Format(time.RFC3339), Results: results,
	}
}

func principalRow(object string) rows { return rows{{"AppId": client, "ObjectId": object}} }

// whole is a tenant that was read as a whole, set up by rights on a mailbox.
func whole() checks.TenantFacts {
	state := answer("tenant-state", map[string]rows{
		"organization_config": {{"DefaultAuthenticationPolicy": "", "RejectDirectSend": "False"}},
		"transport_config":    {{"SmtpClientAuthenticationDisabled": "True"}},
		"accepted_domains":    {{"DomainName": "contoso.example"}}, "authentication_policies": {}, "users_with_policy": {},
		"cas_mailboxes":      {{"PrimarySmtpAddress": scan, "SmtpClientAuthenticationDisabled": "False"}, {"PrimarySmtpAddress": "it@contoso.example"}},
		"service_principals": principalRow(object), "assignments": {},
	})
	one := answer("service-principal", map[string]rows{
		"service_principal": principalRow(object), "mailbox_permission": {{"AccessRights": "FullAccess"}},
		"cas_mailbox": {{"PrimarySmtpAddress": scan, "SmtpClientAuthenticationDisabled": "False"}},
	})
	no := false
	return checks.TenantFacts{
		Now: tenantNow(), Tenant: tenantID, Mailboxes: []string{scan}, Direct: true,
		App:     checks.AppFacts{ClientID: client, ObjectID: object, Rights: probes.MailboxRights},
		Answers: []probes.ReadBackFile{state, one},
		Graph: &checks.GraphFacts{
			TenantID: tenantID, SecurityDefaults: &no, Registration: registration, Principal: object, Enabled: new(true),
			Roles: &[]string{probes.SendAsApp}, Access: &[]probes.AccessPolicy{policy("MFA", func(p *probes.AccessPolicy) {
				p.ClientApps, p.Controls = []string{"browser", "mobileAppsAndDesktopClients"}, []string{"mfa"}
			})},
		},
		Token: token(nil), TokenAt: tenantNow().Add(-time.Minute), Skew: new(time.Second), Made: map[string]time.Time{},
	}
}

func token(change func(*probes.Claims)) *probes.Claims {
	c := &probes.Claims{Audience: "https://outlook.office365.com", Tenant: tenantID, App: client, Object: object, Roles: []string{probes.SendAsApp}}
	if change != nil {
		change(c)
	}
	return c
}

// reads puts rows into the read-back of the whole tenant, or into that of the
// set-up.
func reads(f *checks.TenantFacts, id string, r rows) {
	for i := range f.Answers {
		f.Answers[i].Results = maps.Clone(f.Answers[i].Results)
		if _, there := f.Answers[i].Results[id]; there {
			f.Answers[i].Results[id] = r
		}
	}
}

func roleOnly(f *checks.TenantFacts) {
	f.App.Rights, f.App.Group, f.App.Outside = probes.RoleRights, "devices@contoso.example", "ceo@contoso.example"
	f.Token = token(func(c *probes.Claims) { c.Roles = nil })
	reads(f, "mailbox_permission", rows{})
	reads(f, "assignments", rows{{"Name": "SMTP devices", "Role": probes.SendAsAppRole, "RoleAssigneeName": object, "CustomResourceScope": "SMTP devices"}})
}

func inScopeRows(in string) rows { return rows{{"RoleName": probes.SendAsAppRole, "InScope": in}} }

// tenants are variations of a tenant, with the findings that make each up: what
// fails or warns, by check and status.
func tenants() []struct {
	name   string
	change func(*checks.TenantFacts)
	want   []string
} {
	type facts = *checks.TenantFacts
	return []struct {
		name   string
		change func(*checks.TenantFacts)
		want   []string
	}{
		{"all is well", func(facts) {}, nil},
		{"App RBAC and nothing else", roleOnly, nil},
		{"read long ago", func(f facts) { f.Now = f.Now.AddDate(0, 0, 8) }, []string{"tenant-age warn tenant-state"}},
		{"the clock is 2 minutes wrong", func(f facts) { f.Skew = new(-2 * time.Minute) }, []string{"tenant-clock warn"}},
		{"the clock is an hour wrong", func(f facts) { f.Skew = new(time.Hour) }, []string{"tenant-clock fail"}},
		{"the object id of the registration was entered", func(f facts) { f.App.ObjectID = registration }, []string{"tenant-app-id fail"}},
		{"the enterprise application is off", func(f facts) { f.Graph.Enabled = new(false) }, []string{"tenant-app-disabled fail"}},
		{"a token for Graph", func(f facts) { f.Token = token(func(c *probes.Claims) { c.Audience = "https://graph.microsoft.com" }) }, []string{"tenant-token-audience fail"}},
		{"a token of another tenant", func(f facts) { f.Token = token(func(c *probes.Claims) { c.Tenant = registration }) }, []string{"tenant-token-tenant fail"}},
		{"a token of another app", func(f facts) { f.Token = token(func(c *probes.Claims) { c.App = registration }) }, []string{"tenant-token-app fail"}},
		{"Exchange does not know the app", func(f facts) {
			reads(f, "service_principals", rows{})
			reads(f, "service_principal", rows{})
		}, []string{"tenant-principal fail service-principal"}},
		{"the classic mistake: the object id of the registration", func(f facts) {
			reads(f, "service_principal", principalRow(strings.ToUpper(registration)))
		}, []string{"tenant-principal-registration fail service-principal-remove"}},
		{"the client id as object id", func(f facts) { reads(f, "service_principal", principalRow(client)) }, []string{"tenant-principal-client fail service-principal-remove"}},
		{"some other object id", func(f facts) { reads(f, "service_principal", principalRow(tenantID)) }, []string{"tenant-principal-other fail service-principal-remove"}},
		{"no rights at all", func(f facts) {
			f.Token = token(func(c *probes.Claims) { c.Roles = nil })
			reads(f, "mailbox_permission", rows{})
		}, []string{"tenant-rights-none fail service-principal"}},
		{"rights and no consent", func(f facts) { f.Token = token(func(c *probes.Claims) { c.Roles = nil }) }, []string{"tenant-rights-consent fail"}},
		{"consent and no rights", func(f facts) { reads(f, "mailbox_permission", rows{}) }, []string{"tenant-rights-mailbox fail service-principal"}},
		{"role and consent", func(f facts) { roleOnly(f); f.Token = token(nil) }, []string{"tenant-rights-claim fail"}},
		{"a role beside the rights that were chosen", func(f facts) {
			roleOnly(f)
			f.App.Rights, f.Token = probes.MailboxRights, token(nil)
			reads(f, "mailbox_permission", rows{{"AccessRights": "FullAccess"}})
		}, []string{"tenant-rights-claim fail app-rbac-remove"}},
		{"rights left over beside the role", func(f facts) {
			roleOnly(f)
			reads(f, "mailbox_permission", rows{{"AccessRights": "FullAccess, ReadPermission"}})
		}, []string{"tenant-rights-permission fail mailbox-rights-remove"}},
		{"the other model than the one that was chosen", func(f facts) { f.App.Rights = probes.RoleRights }, []string{"tenant-rights-model warn"}},
		{"a role without a scope", func(f facts) {
			roleOnly(f)
			reads(f, "assignments", rows{{"Name": "all", "Role": probes.SendAsAppRole, "RoleAssigneeName": client, "CustomResourceScope": ""}})
		}, []string{"tenant-rights-everywhere fail app-rbac-remove"}},
		{"the mailbox is in the scope, another is not", func(f facts) {
			roleOnly(f)
			f.Answers[1].Results["inside"], f.Answers[1].Results["outside"] = inScopeRows("True"), inScopeRows("False")
		}, nil},
		{"the mailbox is not in the scope", func(f facts) { roleOnly(f); f.Answers[1].Results["inside"] = inScopeRows("False") }, []string{"tenant-rights-inside fail"}},
		{"another mailbox is in the scope", func(f facts) { roleOnly(f); f.Answers[1].Results["outside"] = inScopeRows("True") }, []string{"tenant-rights-outside fail"}},
		{"the mailbox outside was refused", func(f facts) {
			roleOnly(f)
			f.Outside = &probes.Trial{Route: probes.OAuth, From: "ceo@contoso.example", Outcome: probes.TrialRefused, Reply: &probes.Reply{Code: 535, Enhanced: "5.7.3"}}
		}, nil},
		{"with rights on mailboxes another mailbox was taken", func(f facts) {
			f.Outside = &probes.Trial{Route: probes.OAuth, From: "ceo@contoso.example", Outcome: probes.TrialSent}
		}, []string{"tenant-rights-outside fail"}},
		{"SMTP AUTH is off for the mailbox", func(f facts) {
			reads(f, "cas_mailbox", rows{{"PrimarySmtpAddress": scan, "SmtpClientAuthenticationDisabled": "True"}})
		}, []string{"tenant-smtp-auth-mailbox fail smtp-auth"}},
		{"SMTP AUTH is off for the mailbox, which is in no list", func(f facts) {
			f.Answers = f.Answers[:1]
			reads(f, "cas_mailboxes", rows{})
		}, []string{"tenant-smtp-auth-mailbox fail smtp-auth"}},
		{"the mailbox follows the organisation", func(f facts) {
			reads(f, "cas_mailbox", rows{{"PrimarySmtpAddress": scan, "SmtpClientAuthenticationDisabled": ""}})
		}, []string{"tenant-smtp-auth-follows fail smtp-auth"}},
		{"a mailbox of another domain", func(f facts) { reads(f, "accepted_domains", rows{{"DomainName": "fabrikam.example"}}) }, []string{"tenant-domain fail"}},
		{"security defaults", func(f facts) { f.Graph.SecurityDefaults = new(true) }, []string{"tenant-security-defaults warn"}},
		{"Conditional Access blocks legacy clients", access(nil), []string{"tenant-access-legacy warn"}},
		{"Conditional Access blocks legacy clients of all but some", access(func(p *probes.AccessPolicy) { p.Excluded = 2 }), []string{"tenant-access-legacy-except warn"}},
		{"Conditional Access blocks legacy clients of some", access(func(p *probes.AccessPolicy) { p.Everyone, p.Included = false, 1 }), []string{"tenant-access-legacy-some warn"}},
		{"Conditional Access would block legacy clients", access(func(p *probes.AccessPolicy) { p.State = probes.AccessReportOnly }), []string{"tenant-access-report warn"}},
		{"Conditional Access blocks legacy clients away from the office", access(func(p *probes.AccessPolicy) { p.Narrowed = true }), nil},
		{"Conditional Access blocks device codes", access(codes), []string{"tenant-access-code warn"}},
		{"Conditional Access blocks device codes of all but some", access(func(p *probes.AccessPolicy) { codes(p); p.Excluded = 1 }), []string{"tenant-access-code-except warn"}},
		{"Conditional Access blocks device codes of some", access(func(p *probes.AccessPolicy) { codes(p); p.Everyone, p.Included = false, 3 }), []string{"tenant-access-code-some warn"}},
		{"Conditional Access blocks the device codes of a printer", func(f facts) {
			access(codes)(f)
			f.DeviceCode = []string{"MFP"}
		}, []string{"tenant-access-code warn", "tenant-access-code-senders warn"}},
		{"Conditional Access for applications", access(apps("ServicePrincipalsInMyTenant")), []string{"tenant-access-workload warn"}},
		{"Conditional Access was not read", func(f facts) { f.Graph.Access = nil }, nil},
		{"Direct Send is refused", func(f facts) {
			reads(f, "organization_config", rows{{"DefaultAuthenticationPolicy": "", "RejectDirectSend": "True"}})
		}, []string{"tenant-direct-send fail"}},
		{"SMTP AUTH is on for all", func(f facts) { reads(f, "transport_config", rows{{"SmtpClientAuthenticationDisabled": "False"}}) }, []string{"tenant-smtp-auth-organization warn"}},
		{"a policy of its own refuses a password in use", func(f facts) {
			f.Passwords = []string{scan}
			reads(f, "authentication_policies", rows{{"Name": "Block", "AllowBasicAuthSmtp": "False"}})
			reads(f, "users_with_policy", rows{{"UserPrincipalName": "SCAN@contoso.example", "AuthenticationPolicy": "CN=Block,CN=Auth Policies"}})
		}, []string{"tenant-policy fail basic-exception"}},
		{"the default policy refuses a password in use", func(f facts) {
			f.Passwords = []string{scan}
			reads(f, "authentication_policies", rows{{"Name": "Block", "AllowBasicAuthSmtp": "False"}})
			reads(f, "organization_config", rows{{"DefaultAuthenticationPolicy": "Block", "RejectDirectSend": "False"}})
		}, []string{"tenant-policy fail basic-exception"}},
	}
}

func TestTenantState(t *testing.T) {
	for _, tt := range tenants() {
		t.Run(tt.name, func(t *testing.T) {
			f := whole()
			tt.change(&f)
			var got []string
			for _, x := range checks.TenantState(f) {
				open := x.Check == "tenant-basic-open" // one mailbox may still use a password in every variation
				if (x.Status == checks.Fail || x.Status == checks.Warn) && !open {
					got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", x.Check, x.Status, x.Script)))
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// Every outcome of every check is reached, gives the arguments that its words
// want, and names a script only where its remedy is one.
func TestEveryFindingOfATenantIsReached(t *testing.T) {
	reached := map[string]bool{}
	see := func(f checks.TenantFacts) {
		for _, x := range checks.TenantState(f) {
			key := fmt.Sprintf("check.%s.%s", x.Check, x.Status)
			if x.Status == checks.Skip {
				key = "tenant.unknown." + string(x.Check)
			}
			reached[key] = true
			filled(t, key, x.Args)
			if x.Remedy != "" {
				reached["remedy."+x.Remedy] = true
				filled(t, "remedy."+x.Remedy, x.Args)
			}
		}
	}
	for _, tt := range tenants() {
		f := whole()
		tt.change(&f)
		see(f)
	}
	unread := checks.TenantFacts{Now: tenantNow(), Mailboxes: []string{scan}, Direct: true, App: checks.AppFacts{ClientID: client, Rights: probes.RoleRights}}
	see(unread)
	closed := whole()
	reads(&closed, "cas_mailboxes", rows{})
	closed.Answers = closed.Answers[:1]
	see(closed)
	for _, c := range checks.TenantChecks() {
		for _, s := range c.Outcomes {
			key := fmt.Sprintf("check.%s.%s", c.ID, s)
			if s == checks.Skip {
				key = "tenant.unknown." + string(c.ID)
			}
			if !reached[key] {
				t.Errorf("no variation reaches %s", key)
			}
		}
		if c.Remedy != "" && !reached["remedy."+c.Remedy] {
			t.Errorf("no variation reaches the remedy %s", c.Remedy)
		}
	}
}

// What another tenant's admin or a device wrote into a name cannot act on the
// terminal.
func TestFindingsOfATenantAreClean(t *testing.T) {
	f := whole()
	access(func(p *probes.AccessPolicy) { p.Name = "a\x1b[2Jb" })(&f)
	for _, x := range checks.TenantState(f) {
		for k, v := range x.Args {
			if strings.ContainsRune(v, 0x1b) {
				t.Errorf("%s: %s is %q", x.Check, k, v)
			}
		}
	}
}

// A newer answer stands over an older one, whatever their order.
func TestNewerAnswerCounts(t *testing.T) {
	f := whole()
	mended := answer("smtp-auth", map[string]rows{"cas_mailbox": {{"PrimarySmtpAddress": scan, "SmtpClientAuthenticationDisabled": "True"}}})
	mended.Made = tenantNow().Format(time.RFC3339)
	f.Answers = append([]probes.ReadBackFile{mended}, f.Answers...)
	if !slices.ContainsFunc(checks.TenantState(f), func(x checks.Finding) bool { return x.Check == "tenant-smtp-auth-mailbox" && x.Status == checks.Fail }) {
		t.Error("an older answer stands over a newer one")
	}
}

func TestRightsAreRecognised(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*checks.TenantFacts)
		want   probes.RightsModel
		known  bool
	}{
		{"permission and consent", func(*checks.TenantFacts) {}, probes.MailboxRights, true},
		{"role alone", roleOnly, probes.RoleRights, true},
		{"role and consent", func(f *checks.TenantFacts) { roleOnly(f); f.Token = token(nil) }, "", true},
		{"no token and no Graph", func(f *checks.TenantFacts) { f.Token, f.Graph = nil, nil }, "", false},
		{"a token from before the consent, and Graph from after it", func(f *checks.TenantFacts) {
			f.Made[checks.MadeConsent] = f.Now
			f.Token = token(func(c *probes.Claims) { c.Roles = nil })
		}, probes.MailboxRights, true},
		{"nothing read", func(f *checks.TenantFacts) { f.Answers = nil }, "", false},
	} {
		f := whole()
		tt.change(&f)
		if r := checks.Rights(f); r.Model != tt.want || r.Known != tt.known {
			t.Errorf("%s: model %q, known %t; want %q, %t", tt.name, r.Model, r.Known, tt.want, tt.known)
		}
	}
}

func TestPreferredModelOfRights(t *testing.T) {
	many := func(f *checks.TenantFacts) {
		f.Mailboxes = nil
		for i := range 20 {
			f.Mailboxes = append(f.Mailboxes, fmt.Sprintf("scan%d@contoso.example", i))
		}
	}
	nothing := func(f *checks.TenantFacts) {
		f.Token = token(func(c *probes.Claims) { c.Roles = nil })
		f.Answers = nil
	}
	reached := map[string]bool{}
	for _, tt := range []struct {
		name    string
		change  func(*checks.TenantFacts)
		refused bool
		want    probes.RightsModel
	}{
		{"one mailbox, nothing there", nothing, false, probes.MailboxRights},
		{"twenty mailboxes, nothing there", func(f *checks.TenantFacts) { nothing(f); many(f) }, false, probes.RoleRights},
		{"twenty mailboxes, and consent is given already", func(f *checks.TenantFacts) { many(f); f.Answers = f.Answers[:1] }, false, probes.MailboxRights},
		{"one mailbox, and consent was refused", nothing, true, probes.RoleRights},
		{"rights on mailboxes are in place", func(f *checks.TenantFacts) {}, true, probes.MailboxRights},
		{"the role is in place", roleOnly, false, probes.RoleRights},
		{"the role and a left-over right", func(f *checks.TenantFacts) {
			roleOnly(f)
			reads(f, "mailbox_permission", rows{{"AccessRights": "FullAccess"}})
		}, false, probes.RoleRights},
	} {
		f := whole()
		tt.change(&f)
		got := checks.PreferRights(f, tt.refused)
		if len(got) != 2 || got[0].Model != tt.want {
			t.Errorf("%s: %+v, want %s first", tt.name, got, tt.want)
		}
		for _, p := range got {
			for _, r := range slices.Concat(p.For, p.Against) {
				reached[r.ID] = true
				filled(t, "reason."+r.ID, r.Args)
			}
		}
	}
	for _, id := range checks.RightsReasonIDs() {
		if !reached[id] {
			t.Errorf("no variation reaches the reason %s", id)
		}
	}
}

func TestNegativeProof(t *testing.T) {
	reply := func(s string) *probes.Reply { r, _ := probes.ParseReply(s); return &r }
	for _, tt := range []struct {
		name  string
		trial probes.Trial
		want  checks.Status
	}{
		{"refused at the sign-in", probes.Trial{Route: probes.OAuth, Outcome: probes.TrialRefused, Reply: reply("535 5.7.3 Authentication unsuccessful")}, checks.Pass},
		{"refused as a sender", probes.Trial{Route: probes.OAuth, Outcome: probes.TrialRefused, Reply: reply("554 5.2.252 SendAsDenied; a not allowed to send as b")}, checks.Pass},
		{"taken", probes.Trial{Route: probes.OAuth, Outcome: probes.TrialSent, Reply: reply("250 2.0.0 OK")}, checks.Fail},
		{"refused because SMTP AUTH is off", probes.Trial{Route: probes.OAuth, Outcome: probes.TrialRefused, Reply: reply("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.")}, checks.Skip},
		{"the network failed", probes.Trial{Route: probes.OAuth, Outcome: probes.TrialFailed}, checks.Skip},
		{"no token", probes.Trial{Route: probes.OAuth, Outcome: probes.TrialFailed, AADSTS: "7000215"}, checks.Skip},
		{"another route", probes.Trial{Route: probes.Direct, Outcome: probes.TrialRefused, Reply: reply("535 5.7.3 x")}, checks.Skip},
	} {
		if got := checks.NegativeProof(tt.trial); got.Status != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got.Status, tt.want)
		}
	}
}
