package lab_test

import (
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/wizard"
)

const alerts = "alerts@contoso.example"

// withHVE makes the account as the wizard's script does.
func withHVE(t *testing.T, o lab.Options) *lab.Lab {
	t.Helper()
	l := start(t, o)
	execute(t, l, named(t, "hve-account", wizard.ScriptValues{
		App: wizard.Registration{ObjectID: l.App().ObjectID}, HVE: alerts, BillingPolicy: l.BillingPolicy(),
	}))
	return l
}

// hveToken signs in at High Volume Email with a token.
func hveToken(t *testing.T, l *lab.Lab, user string, edit func(map[string]any)) (*client, string) {
	t.Helper()
	c := secure(t, l, "hve")
	return c, c.say("AUTH XOAUTH2", xoauth2(user, l.IssueToken(edit)))
}

// withMailSend is a token for High Volume Email (Microsoft, "Use OAuth with
// High Volume Email": Mail.Send of Exchange Online).
func withMailSend(claims map[string]any) { claims["roles"] = []string{"Mail.Send"} }

// Microsoft, "Manage high volume emails for Microsoft 365": recipients inside,
// the account in the envelope and in From, 50 recipients, 10 MB.
func TestHVESendsInsideAsItself(t *testing.T) {
	l := withHVE(t, lab.Options{})
	session := func() *client {
		c, got := hveToken(t, l, alerts, withMailSend)
		wantReply(t, "sign-in", got, "235 2.7.0 Authentication successful")
		return c
	}
	wantTaken(t, "inside", session().send(alerts, inside))
	m := arrived(t, l, inside)
	if m.Folder != "Inbox" || m.header("X-MS-Exchange-Organization-AuthAs") != "Internal" {
		t.Errorf("in %s as %s", m.Folder, m.header("X-MS-Exchange-Organization-AuthAs"))
	}
	wantReply(t, "outside", session().send(alerts, outside), "550 5.5.105 External sending is not supported for High Volume Email accounts")
	wantReply(t, "another envelope", session().send("it@contoso.example", inside), "550 5.7.62")
	wantReply(t, "another From", session().sendAs(alerts, "it@contoso.example", inside), "550 5.6.241")
	wantReply(t, "11 MB", session().say("MAIL FROM:<"+alerts+"> SIZE=11534336"), "552 5.3.4 Message size exceeds fixed maximum message size")
	c := session()
	c.say("MAIL FROM:<" + alerts + ">")
	for range 50 {
		c.say("RCPT TO:<" + inside + ">")
	}
	wantReply(t, "the 51st recipient", c.say("RCPT TO:<"+inside+">"), "452 4.5.3 Too many recipients")
}

// delegated makes a token a user's.
func delegated(upn, scopes string) func(map[string]any) {
	return func(c map[string]any) {
		delete(c, "roles")
		c["idtyp"], c["upn"], c["scp"] = "user", upn, scopes
	}
}

// Microsoft, "Authenticate an IMAP, POP or SMTP connection using OAuth": a
// user's token with SMTP.Send is good for the user's own mailbox, and for a
// shared one that the user has FullAccess to.
func TestUsersTokenIsGoodForTheUsersMailboxes(t *testing.T) {
	l := start(t, lab.Options{})
	const scan, accounting = "scan@contoso.example", "accounting@contoso.example"
	for _, address := range []string{scan, accounting} {
		execute(t, l, named(t, "smtp-auth", wizard.ScriptValues{Mailbox: address, Mailboxes: []string{address}}))
	}
	signIn := func(mailbox, upn, scopes string) string {
		return secure(t, l, "submission").say("AUTH XOAUTH2", xoauth2(mailbox, l.IssueToken(delegated(upn, scopes))))
	}
	const refused = "535 5.7.3 Authentication unsuccessful"
	wantReply(t, "own mailbox", signIn(scan, scan, "SMTP.Send"), "235 2.7.0 Authentication successful")
	wantReply(t, "another permission", signIn(scan, scan, "Mail.Send"), refused)
	wantReply(t, "another's mailbox", signIn(accounting, scan, "SMTP.Send"), refused)
	access := probes.Call("Add-MailboxPermission", probes.P("Identity", probes.Text(accounting)), probes.P("User", probes.Text(scan)), probes.P("AccessRights", probes.List("FullAccess")))
	s := probes.Script{Name: "access", Module: probes.ExchangeOnline, Steps: []probes.ScriptStep{{ID: "access", Do: access}}}
	if _, err := l.Execute(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	wantReply(t, "a shared mailbox", signIn(accounting, scan, "SMTP.Send"), "235 2.7.0 Authentication successful")
}

// The refusals of a token by High Volume Email, as its users and a public copy
// of Microsoft's troubleshooting page give them.
func TestHVERefusesTokensByReason(t *testing.T) {
	l := withHVE(t, lab.Options{})
	for _, tt := range []struct {
		what, user string
		edit       func(map[string]any)
		want       string
	}{
		{"SMTP.SendAsApp instead of Mail.Send", alerts, func(c map[string]any) { c["roles"] = []string{"SMTP.SendAsApp"} }, "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions"},
		{"an app that was not allowed", alerts, func(c map[string]any) { withMailSend(c); c["oid"] = l.App().RegistrationObjectID }, "550 5.7.240 The application is not allowed for use with this High Volume Email account"},
		{"expired", alerts, func(c map[string]any) { withMailSend(c); c["exp"] = time.Now().Add(-time.Minute).Unix() }, "535 5.7.143 Expired token"},
		{"about to expire", alerts, func(c map[string]any) { withMailSend(c); c["exp"] = time.Now().Add(time.Minute).Unix() }, "535 5.7.142 Token will expire soon"},
		{"for Graph", alerts, func(c map[string]any) { withMailSend(c); c["aud"] = "https://graph.microsoft.com" }, "535 5.7.3 Authentication unsuccessful"},
		{"a mailbox", inside, withMailSend, "550 5.2.240"},
		{"nobody", "nobody@contoso.example", withMailSend, "535 5.7.3 Authentication unsuccessful"},
		{"a user's token without Mail.Send", alerts, delegated(alerts, "SMTP.Send"), "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions"},
		{"a user's token", alerts, delegated(alerts, "Mail.Send"), "235 2.7.0 Authentication successful"},
	} {
		_, got := hveToken(t, l, tt.user, tt.edit)
		wantReply(t, tt.what, got, tt.want)
	}
	wantReply(t, "a malformed answer", secure(t, l, "hve").say("AUTH XOAUTH2", b64("user="+alerts)), "501 5.5.121 Invalid XOAUTH2 argument")
}

// Microsoft, "Troubleshoot High Volume Email": a password needs an
// authentication policy that allows it, and not the organisation's switch of
// SMTP AUTH, which is off from the start.
func TestHVEPasswordNeedsAPolicyThatAllowsIt(t *testing.T) {
	l := withHVE(t, lab.Options{})
	login := func(password string) string {
		return secure(t, l, "hve").say("AUTH LOGIN", b64(alerts), b64(password))
	}
	wantReply(t, "without a policy", login(l.Password(alerts)),
		"535 5.7.139 Authentication unsuccessful, the organization configuration doesn't allow this authentication request.")
	for range 2 {
		execute(t, l, named(t, "hve-password", wizard.ScriptValues{HVE: alerts}))
	}
	wantReply(t, "with the policy", login(l.Password(alerts)), "235 2.7.0 Authentication successful")
	wantReply(t, "with another password", login("no"), "535 5.7.3 Authentication unsuccessful")
}

// A log of smtp.office365.com of 2025-11-23: XOAUTH2 and LOGIN, after STARTTLS
// only.
func TestHVEOffersAuthAfterTLSOnly(t *testing.T) {
	l := start(t, lab.Options{})
	c := open(t, l, "hve")
	if got := c.say("EHLO a"); strings.Contains(got, "AUTH") || !strings.Contains(got, "SIZE 10485760") {
		t.Errorf("in clear: %q", got)
	}
	wantReply(t, "in clear", c.say("AUTH LOGIN"), "530 5.7.0 Must issue a STARTTLS command first")
	if got := secure(t, l, "hve").say("EHLO a"); !strings.Contains(got, "AUTH LOGIN XOAUTH2") {
		t.Errorf("with TLS: %q", got)
	}
}
