package checks

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// staleState is how old a state may be before it is read anew.
const staleState = 7 * 24 * time.Hour

func judgeAge(t *tenant) []Finding {
	switch {
	case t.read.IsZero():
		return by("tenant-state", judged(Skip))
	case t.Now.Sub(t.read) > staleState:
		return by("tenant-state", judged(Warn, "days", strconv.Itoa(int(t.Now.Sub(t.read)/(24*time.Hour)))))
	}
	return nil
}

// By how much the clock here may differ from the service's: a leeway for a
// token's times is "usually no more than a few minutes" (RFC 7519 section
// 4.1.4).
const (
	skewWarn = time.Minute
	skewFail = 5 * time.Minute
)

func judgeClock(t *tenant) []Finding {
	if t.Skew == nil {
		return one(Skip)
	}
	apart := t.Skew.Abs()
	args := []string{"seconds", strconv.Itoa(int(apart / time.Second))}
	switch {
	case apart > skewFail:
		return one(Fail, args...)
	case apart > skewWarn:
		return one(Warn, args...)
	}
	return one(Pass, args...)
}

// judgeAppID compares the object id that was entered with that of the
// enterprise application.
func judgeAppID(t *tenant) []Finding {
	if t.Graph == nil || t.Graph.Principal == "" || t.App.ObjectID == "" {
		return nil
	}
	args := []string{"have", t.App.ObjectID, "want", t.Graph.Principal}
	if strings.EqualFold(t.App.ObjectID, t.Graph.Principal) {
		return one(Pass, args...)
	}
	return one(Fail, args...)
}

func judgeAppEnabled(t *tenant) []Finding {
	if t.Graph == nil || t.Graph.Enabled == nil || *t.Graph.Enabled {
		return nil
	}
	return one(Fail, "app", t.App.ClientID)
}

func judgeAudience(t *tenant) []Finding {
	if t.Token == nil || outlook(t.Token.Audience) {
		return nil
	}
	return one(Fail, "have", t.Token.Audience)
}

func judgeTokenTenant(t *tenant) []Finding {
	if t.Token == nil || t.Tenant == "" || t.Token.Tenant == "" || strings.EqualFold(t.Token.Tenant, t.Tenant) || strings.Contains(t.Tenant, ".") {
		return nil
	}
	return one(Fail, "have", t.Token.Tenant, "want", t.Tenant)
}

func judgeTokenApp(t *tenant) []Finding {
	if t.Token == nil || t.App.ClientID == "" || strings.EqualFold(t.Token.App, t.App.ClientID) {
		return nil
	}
	return one(Fail, "have", t.Token.App, "want", t.App.ClientID)
}

func judgeToken(t *tenant) []Finding {
	switch {
	case t.App.ClientID == "":
		return nil
	case t.Token == nil:
		return one(Skip)
	case judgeAudience(t) != nil || judgeTokenTenant(t) != nil || judgeTokenApp(t) != nil:
		return nil
	}
	return one(Pass, "app", t.Token.App, "object", t.Token.Object)
}

// judgePrincipal looks for the app among Exchange's service principals.
func judgePrincipal(t *tenant) []Finding {
	switch {
	case t.App.ClientID == "":
		return nil
	case !t.principalsRead:
		return by("tenant-state", judged(Skip))
	case len(t.principals) == 0:
		return by(t.script(), judged(Fail, "app", t.App.ClientID))
	case t.wrong() == (principal{}):
		return one(Pass, "object", t.principals[0].object)
	}
	return nil
}

// wrong is the app's service principal when its object id is not that of the
// enterprise application.
func (t *tenant) wrong() principal {
	want := t.object()
	for _, p := range t.principals {
		if want != "" && !strings.EqualFold(p.object, want) {
			return p
		}
	}
	return principal{}
}

// judgeRegistrationID names the classic mistake: New-ServicePrincipal was
// given the object id of the app registration (Microsoft, "Authenticate an
// IMAP, POP or SMTP connection using OAuth": the ids of the two differ).
func judgeRegistrationID(t *tenant) []Finding {
	p := t.wrong()
	if p.object == "" || t.Graph == nil || !strings.EqualFold(p.object, t.Graph.Registration) {
		return nil
	}
	return by("service-principal-remove", judged(Fail, "have", p.object, "want", t.object(), "next", t.script()))
}

func judgeClientID(t *tenant) []Finding {
	p := t.wrong()
	if p.object == "" || !strings.EqualFold(p.object, p.app) {
		return nil
	}
	return by("service-principal-remove", judged(Fail, "have", p.object, "want", t.object(), "next", t.script()))
}

func judgeOtherID(t *tenant) []Finding {
	p := t.wrong()
	if p.object == "" || judgeRegistrationID(t) != nil || judgeClientID(t) != nil {
		return nil
	}
	return by("service-principal-remove", judged(Fail, "have", p.object, "want", t.object(), "next", t.script()))
}

// script is the one that sets up the chosen model of rights.
func (t *tenant) script() string { return RightsScript(t.App.Rights) }

// judgeMailboxSwitch says of every mailbox that is to send whether SMTP AUTH is
// on for it: OAuth needs the switch as well as a password does.
func judgeMailboxSwitch(t *tenant) []Finding {
	var out []Finding
	for _, m := range t.Mailboxes {
		on, follows, known := t.smtpAuth(m)
		switch {
		case !known:
			out = append(out, by("tenant-state", judged(Skip, "mailbox", m))...)
		case on:
			out = append(out, judged(Pass, "mailbox", m))
		case !follows:
			out = append(out, by("smtp-auth", judged(Fail, "mailbox", m))...)
		}
	}
	return out
}

func judgeFollows(t *tenant) []Finding {
	var out []Finding
	for _, m := range t.Mailboxes {
		if on, follows, known := t.smtpAuth(m); known && !on && follows {
			out = append(out, by("smtp-auth", judged(Fail, "mailbox", m))...)
		}
	}
	return out
}

func judgeDomains(t *tenant) []Finding {
	if len(t.Mailboxes) == 0 {
		return nil
	}
	if len(t.accepted) == 0 {
		return by("accepted-domains", judged(Skip))
	}
	var out []Finding
	for _, m := range t.Mailboxes {
		_, domain, _ := strings.Cut(m, "@")
		if !slices.ContainsFunc(t.accepted, func(d string) bool { return strings.EqualFold(d, domain) }) {
			out = append(out, judged(Fail, "mailbox", m, "domain", domain))
		}
	}
	if out == nil {
		return one(Pass, "domains", several(t.accepted))
	}
	return out
}

func judgeDirectSend(t *tenant) []Finding {
	if !t.Direct {
		return nil
	}
	rejected, read := t.organization["RejectDirectSend"]
	switch {
	case !read:
		return by("direct-send-read", judged(Skip))
	case isTrue(rejected):
		return one(Fail)
	}
	return one(Pass)
}

// ClockSkew is how far the clock here was ahead of the service's when it
// answered a test send: the bracket at the end of Microsoft's replies holds
// its time.
func ClockSkew(t probes.Trial) (ahead time.Duration, ok bool) {
	if t.Reply == nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(t.Reply.Server, " ")
	text, _, _ := strings.Cut(rest, " ")
	there, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Started.IsZero() {
		return 0, false
	}
	here := t.Started
	for _, s := range t.Steps {
		if s.Step == probes.StepQUIT {
			break
		}
		here = here.Add(time.Duration(s.MS * float64(time.Millisecond)))
	}
	return here.Sub(there), true
}
