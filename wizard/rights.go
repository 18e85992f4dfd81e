package wizard

import (
	"errors"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// RightsModel is how the app is allowed to send as a mailbox.
type RightsModel = probes.RightsModel

// The models of rights; an app has one of them.
const (
	MailboxRights = probes.MailboxRights
	RoleRights    = probes.RoleRights
)

// ErrNoApp is the answer to a choice about an app that is not there yet.
var ErrNoApp = errors.New("no app registration is entered")

// ErrNoModel is the answer to a model of rights that does not exist.
var ErrNoModel = errors.New("no such model of rights")

// ChooseRights decides how the app is allowed to send. What was set up or
// proved by the other model does not count for this one.
func (m *Migration) ChooseRights(r RightsModel) error {
	switch {
	case m.App == nil:
		return ErrNoApp
	case r != MailboxRights && r != RoleRights:
		return ErrNoModel
	case m.App.Rights == r || m.App.Rights == "" && r == MailboxRights:
		m.App.Rights = r
		return nil
	}
	m.App.Rights, m.App.Negative = r, nil
	for i := range m.Senders {
		if s := &m.Senders[i]; s.Route == probes.OAuth {
			s.SetUp = time.Time{}
		}
	}
	return nil
}

// SenderScripts names the scripts that set a sender's route up, the one to be
// preferred first: those of the route, and for OAuth that of the app's model of
// rights.
func (m Migration) SenderScripts(s Sender) []string {
	if s.Route == probes.OAuth && m.App != nil {
		return []string{checks.RightsScript(m.App.Rights)}
	}
	return RouteScripts(s.Route)
}

// OtherModel tells whether a script would set up the model of rights that was
// not chosen: an app must not have parts of both by accident.
func (m Migration) OtherModel(script string) bool {
	if m.App == nil || m.App.Rights == "" {
		return false
	}
	return script == checks.RightsScript(MailboxRights) && m.App.Rights == RoleRights ||
		script == checks.RightsScript(RoleRights) && m.App.Rights == MailboxRights
}

// SetUpRights remembers by which model the app has its rights, when a script
// of one set everything, and whom App RBAC is for.
func (m *Migration) SetUpRights(script string, v ScriptValues) {
	if m.App == nil || m.App.ClientID != v.App.ClientID {
		return
	}
	switch script {
	case checks.RightsScript(RoleRights):
		m.App.Rights, m.App.Group = RoleRights, v.Group
		if !strings.EqualFold(m.App.Outside, v.Outside) {
			m.App.Outside, m.App.Negative = v.Outside, nil
		}
	case checks.RightsScript(MailboxRights):
		m.App.Rights = MailboxRights
	}
}

// TriedOutside remembers a test send as the mailbox that the app must not
// reach, if it proved anything.
func (m *Migration) TriedOutside(t probes.Trial) error {
	if m.App == nil {
		return ErrNoApp
	}
	if checks.NegativeProof(t).Status == checks.Skip {
		return nil
	}
	m.App.Outside = t.From
	m.App.Negative = attempt(t)
	return nil
}

// NegativeProved tells whether the app was refused as a mailbox outside.
func (r Registration) NegativeProved() bool {
	return r.Negative != nil && r.Negative.Outcome == probes.TrialRefused
}

// RightsFacts is what the migration knows of the tenant, for package checks.
// What was read from the tenant and done to it is for the caller to add.
func (m Migration) RightsFacts() checks.TenantFacts {
	f := checks.TenantFacts{Tenant: m.Tenant.ID, Domains: m.Tenant.Domains, Graph: m.Directory, Made: map[string]time.Time{}}
	if m.App != nil {
		f.App = checks.AppFacts{
			ClientID: m.App.ClientID, ObjectID: m.App.ObjectID, Rights: m.App.Rights, Group: m.App.Group, Outside: m.App.Outside,
		}
		if !m.App.PrincipalMade.IsZero() {
			f.Made[checks.MadeEnterprise] = m.App.PrincipalMade
		}
	}
	for _, s := range m.Senders {
		box := s.Mailbox()
		if s.Route == probes.OAuth && box != "" {
			f.Mailboxes = include(f.Mailboxes, strings.ToLower(box))
		}
		f.Direct = f.Direct || s.Route == probes.Direct
		if s.State() != Proved && strings.Contains(s.Account, "@") && passwordMechanism(s.Seen.Mechanism) {
			f.Passwords = include(f.Passwords, strings.ToLower(s.Account))
		}
	}
	return f
}

// passwordMechanism tells a sign-in with a password from one with a token.
func passwordMechanism(mechanism string) bool {
	return mechanism != "" && !strings.Contains(mechanism, "OAUTH")
}
