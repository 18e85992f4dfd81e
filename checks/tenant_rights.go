package checks

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// RightsScript is the script that sets up a model of rights; "" is the model
// with rights on each mailbox.
func RightsScript(m probes.RightsModel) string {
	if m == probes.RoleRights {
		return "app-rbac"
	}
	return "service-principal"
}

// RightsFound is what gives an app the right to send, as far as it was read.
type RightsFound struct {
	// Model is the one that is in place and whole, "" when none is, or parts
	// of both.
	Model probes.RightsModel
	Known bool // enough was read to say so
	Claim bool // SMTP.SendAsApp is consented to
	Role  bool // the role is assigned
	// Mailboxes have FullAccess for the app; Lacking are those that are to be
	// sent as, were read, and have not.
	Mailboxes, Lacking []string

	claimKnown, permissionKnown bool
}

// Rights says what gives the app the right to send.
func Rights(f TenantFacts) RightsFound { return lookAtTenant(f).rights() }

func (t *tenant) rights() RightsFound {
	r := RightsFound{Role: len(t.assignments) > 0, permissionKnown: len(t.permissions) > 0 || t.principalsRead && len(t.principals) == 0}
	r.Claim, r.claimKnown = t.claim()
	for _, m := range slices.Sorted(maps.Keys(t.permissions)) {
		if t.permissions[m] {
			r.Mailboxes = append(r.Mailboxes, m)
		}
	}
	for _, m := range t.Mailboxes {
		if has, read := t.permissions[strings.ToLower(m)]; read && !has {
			r.Lacking = append(r.Lacking, m)
		}
	}
	permission := len(r.Mailboxes) > 0
	r.Known = r.claimKnown && (t.rolesRead || permission) && (r.permissionKnown || r.Role)
	switch {
	case !r.Known:
	case r.Role && !r.Claim && !permission:
		r.Model = probes.RoleRights
	case !r.Role && r.Claim && permission && len(r.Lacking) == 0:
		r.Model = probes.MailboxRights
	}
	return r
}

// mixed tells whether there are parts of both models.
func (r RightsFound) mixed() bool { return r.Role && (r.Claim || len(r.Mailboxes) > 0) }

func judgeRights(t *tenant) []Finding {
	r := t.rights()
	switch {
	case t.App.ClientID == "":
		return nil
	case r.Model != "":
		return one(Pass, "model", string(r.Model))
	case !r.Known && !r.mixed():
		return by("tenant-state", judged(Skip))
	}
	return nil
}

// judgeNoRights: nothing of either model is there.
func judgeNoRights(t *tenant) []Finding {
	r := t.rights()
	if t.App.ClientID == "" || !r.Known || r.Claim || r.Role || len(r.Mailboxes) > 0 {
		return nil
	}
	return by(t.script(), judged(Fail, "app", t.App.ClientID))
}

// judgeNoConsent: rights on mailboxes, and no API permission to use them.
func judgeNoConsent(t *tenant) []Finding {
	r := t.rights()
	if !r.claimKnown || r.Claim || r.Role || len(r.Mailboxes) == 0 {
		return nil
	}
	return one(Fail, "mailboxes", several(r.Mailboxes))
}

// judgeNoPermission: the API permission is there, and FullAccess is not.
func judgeNoPermission(t *tenant) []Finding {
	r := t.rights()
	if r.Role || len(r.Lacking) == 0 || r.claimKnown && !r.Claim {
		return nil
	}
	return by("service-principal", judged(Fail, "mailboxes", several(r.Lacking)))
}

// judgeClaimBeside: with the role claim in its token the app is not held to
// its scope (Microsoft, "SMTP Onboarding to App RBAC Overview"). Where the
// other model was chosen, it is the role that is too much.
func judgeClaimBeside(t *tenant) []Finding {
	r := t.rights()
	if !r.Role || !r.Claim {
		return nil
	}
	if t.App.Rights == probes.MailboxRights {
		f := judged(Fail)
		f.Remedy = "tenant-script"
		return by("app-rbac-remove", f)
	}
	return one(Fail)
}

// judgePermissionBeside: FullAccess is left over beside the role.
func judgePermissionBeside(t *tenant) []Finding {
	r := t.rights()
	if !r.Role || len(r.Mailboxes) == 0 || t.App.Rights == probes.MailboxRights {
		return nil
	}
	return by("mailbox-rights-remove", judged(Fail, "mailboxes", several(r.Mailboxes)))
}

func judgeModel(t *tenant) []Finding {
	r := t.rights()
	if r.Model == "" || t.App.Rights == "" || r.Model == t.App.Rights {
		return nil
	}
	return one(Warn, "have", string(r.Model), "want", string(t.App.Rights))
}

// judgeEverywhere: an assignment without a scope is for every mailbox.
func judgeEverywhere(t *tenant) []Finding {
	for _, a := range t.assignments {
		if a.scope == "" {
			return by("app-rbac-remove", judged(Fail, "assignment", a.name))
		}
	}
	return nil
}

func judgeInside(t *tenant) []Finding {
	var out []Finding
	for _, m := range slices.Sorted(maps.Keys(t.inside)) {
		s := Fail
		if t.inside[m] == "True" {
			s = Pass
		}
		out = append(out, judged(s, "mailbox", m, "group", dashed(t.App.Group)))
	}
	return out
}

// judgeOutside is the negative half of the proof: what Exchange says of a
// mailbox outside, and above it what a test send as that mailbox met.
func judgeOutside(t *tenant) []Finding {
	if len(t.assignments) == 0 && t.App.Rights != probes.RoleRights && t.Outside == nil {
		return nil
	}
	mailbox := dashed(t.App.Outside)
	if t.Outside != nil {
		if f := NegativeProof(*t.Outside); f.Status != Skip {
			f.Args = map[string]string{"mailbox": probes.Clean(t.Outside.From, 200)}
			return []Finding{f}
		}
	}
	if t.outside == "True" {
		return one(Fail, "mailbox", mailbox)
	}
	return one(Skip, "mailbox", mailbox)
}

// NegativeProof judges a test send as a mailbox that the app must not reach.
// Refused at the sign-in, or as a sender, it is Pass; taken it is Fail. What
// ended without such a refusal, or was refused because SMTP AUTH is off for
// the mailbox, proves nothing: Skip.
func NegativeProof(t probes.Trial) Finding {
	f := Finding{Check: "tenant-rights-outside", Status: Skip, Args: map[string]string{"mailbox": probes.Clean(t.From, 200)}}
	if t.Route != probes.OAuth {
		return f
	}
	switch {
	case t.Outcome == probes.TrialSent:
		f.Status, f.Remedy = Fail, "tenant-rights-group"
	case t.Outcome == probes.TrialRefused && t.Reply != nil && refusesRights(*t.Reply):
		f.Status = Pass
	}
	return f
}

// refusesRights tells the replies that a missing right causes: 535 5.7.3 at
// the sign-in, and the refusals of a sender ("SendAsDenied").
func refusesRights(r probes.Reply) bool {
	return r.Code == 535 && r.Enhanced == "5.7.3" || r.Code == 554 && strings.Contains(r.Text, "SendAsDenied")
}

// RightsPreference is a model of rights with what speaks for and against it.
// The words of the reasons are under "reason.<id>".
type RightsPreference struct {
	Model        probes.RightsModel `json:"model"`
	For, Against []Reason
}

// manyMailboxes is from how many on a group is less work than a right on each.
const manyMailboxes = 6

// PreferRights ranks the two models for an app, the better first: what is in
// place and whole stays; then what the tenant allows, then what is less work.
func PreferRights(f TenantFacts, consentRefused bool) []RightsPreference {
	r, n := Rights(f), len(f.Mailboxes)
	count := map[string]string{"count": strconv.Itoa(n)}
	mailbox := RightsPreference{Model: probes.MailboxRights}
	role := RightsPreference{Model: probes.RoleRights}
	reason := func(to *[]Reason, when bool, id string, args map[string]string) int {
		if when {
			*to = append(*to, Reason{ID: id, Args: args})
			return 1
		}
		return 0
	}
	better := 0 // above 0 the role
	better -= 8 * reason(&mailbox.For, r.Model == probes.MailboxRights, "rights-in-place", nil)
	better += 8 * reason(&role.For, r.Model == probes.RoleRights, "rights-in-place", nil)
	better += 4 * reason(&mailbox.Against, consentRefused, "rights-consent-refused", nil)
	better -= 2 * reason(&role.Against, r.Claim, "rights-has-claim", nil)
	better += 2 * reason(&role.For, r.Role && r.Model == "", "rights-has-role", nil)
	better -= reason(&mailbox.For, n > 0 && n < manyMailboxes, "rights-few", count)
	better += 2 * reason(&role.For, n >= manyMailboxes, "rights-many", count)
	reason(&mailbox.For, true, "rights-visible", nil)
	reason(&mailbox.Against, true, "rights-consent", nil)
	reason(&role.For, true, "rights-scope", nil)
	reason(&role.Against, true, "rights-group", nil)
	if better > 0 {
		return []RightsPreference{role, mailbox}
	}
	return []RightsPreference{mailbox, role}
}

// RightsReasonIDs lists the reasons for and against a model of rights.
func RightsReasonIDs() []string {
	return []string{
		"rights-in-place", "rights-consent-refused", "rights-has-claim", "rights-has-role", "rights-few", "rights-many",
		"rights-visible", "rights-consent", "rights-scope", "rights-group",
	}
}
