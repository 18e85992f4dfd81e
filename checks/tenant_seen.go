package checks

import (
	"maps"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// tenant is what the read-backs say together, the newer over the older.
type tenant struct {
	TenantFacts
	read time.Time // of the newest answer that read the tenant as a whole

	organization, transport map[string]string // properties; nil is not read
	// switches are the mailboxes' own switches of SMTP AUTH by their address in
	// lower case: "True", "False", "" follows the organisation. allSwitches
	// says that a mailbox that is not in it has "True".
	switches    map[string]string
	allSwitches bool

	policies       map[string]bool // whether each allows Basic for SMTP; nil is not read
	usersPolicies  map[string]string
	principals     []principal // of the app, or of all
	principalsRead bool
	permissions    map[string]bool // whether the app has FullAccess on a mailbox, by its address
	assignments    []assignment    // of the app's
	rolesRead      bool
	inside         map[string]string // InScope, by the mailbox
	outside        string
	accepted       []string
}

type principal struct{ app, object string }

type assignment struct{ name, scope string }

func lookAtTenant(f TenantFacts) *tenant {
	t := &tenant{
		TenantFacts: f, switches: map[string]string{}, permissions: map[string]bool{}, inside: map[string]string{},
		accepted: f.Domains,
	}
	answers := slices.Clone(f.Answers)
	slices.SortStableFunc(answers, func(a, b probes.ReadBackFile) int { return MadeAt(a).Compare(MadeAt(b)) })
	for _, a := range answers {
		t.take(a)
	}
	if t.Graph != nil && len(t.accepted) == 0 {
		t.accepted = t.Graph.Domains
	}
	return t
}

// MadeAt is when a read-back was written; zero when it does not say.
func MadeAt(f probes.ReadBackFile) time.Time {
	at, _ := time.Parse(time.RFC3339, f.Made)
	return at
}

// take puts what one answer read over what is known. What it did not read
// stays as it is.
func (t *tenant) take(f probes.ReadBackFile) {
	if f.Script == "tenant-state" && f.Error == "" {
		t.read = MadeAt(f)
	}
	for id, read := range tenantReads() {
		rows, ok := f.Results[id]
		if _, not := f.Unread[id]; ok && !not {
			read(t, rows)
		}
	}
	t.takeOne(f)
}

// tenantReads says what each read of a script tells of the tenant.
func tenantReads() map[string]func(*tenant, []map[string]string) {
	return map[string]func(*tenant, []map[string]string){
		"organization_config":     func(t *tenant, rows []map[string]string) { t.organization = renewed(t.organization, rows) },
		"transport_config":        func(t *tenant, rows []map[string]string) { t.transport = renewed(t.transport, rows) },
		"authentication_policies": (*tenant).takePolicies,
		"users_with_policy":       (*tenant).takeUsers,
		"cas_mailboxes":           (*tenant).takeSwitches,
		"service_principals":      (*tenant).takePrincipals,
		"assignments":             (*tenant).takeAssignments,
		"accepted_domains":        (*tenant).takeDomains,
	}
}

// renewed is an object's properties with those that were read later.
func renewed(known map[string]string, rows []map[string]string) map[string]string {
	if known == nil {
		known = map[string]string{}
	}
	for _, row := range rows {
		maps.Copy(known, row)
	}
	return known
}

func (t *tenant) takePolicies(rows []map[string]string) {
	t.policies = map[string]bool{}
	for _, r := range rows {
		t.policies[strings.ToLower(r["Name"])] = isTrue(r["AllowBasicAuthSmtp"])
	}
}

func (t *tenant) takeUsers(rows []map[string]string) {
	t.usersPolicies = map[string]string{}
	for _, r := range rows {
		t.usersPolicies[strings.ToLower(r["UserPrincipalName"])] = r["AuthenticationPolicy"]
	}
}

func (t *tenant) takeSwitches(rows []map[string]string) {
	t.switches, t.allSwitches = make(map[string]string, len(rows)), true
	for _, r := range rows {
		t.switches[strings.ToLower(r["PrimarySmtpAddress"])] = r["SmtpClientAuthenticationDisabled"]
	}
}

func (t *tenant) takePrincipals(rows []map[string]string) {
	t.principals, t.principalsRead = nil, true
	for _, r := range rows {
		if t.App.ClientID == "" || strings.EqualFold(r["AppId"], t.App.ClientID) {
			t.principals = append(t.principals, principal{r["AppId"], r["ObjectId"]})
		}
	}
}

// takeAssignments keeps those of the app: the assignee is named by the object
// id or the name of its service principal, or by the client id.
func (t *tenant) takeAssignments(rows []map[string]string) {
	t.assignments, t.rolesRead = nil, true
	for _, r := range rows {
		if r["Role"] != "" && !strings.EqualFold(r["Role"], probes.SendAsAppRole) {
			continue
		}
		if t.names(r["RoleAssigneeName"]) {
			t.assignments = append(t.assignments, assignment{r["Name"], r["CustomResourceScope"]})
		}
	}
}

// names tells whether a name is one of the app's.
func (t *tenant) names(s string) bool {
	own := []string{t.App.ClientID, t.App.ObjectID}
	for _, p := range t.principals {
		own = append(own, p.object)
	}
	return slices.ContainsFunc(own, func(o string) bool { return o != "" && strings.EqualFold(o, s) })
}

func (t *tenant) takeDomains(rows []map[string]string) {
	t.accepted = nil
	for _, r := range rows {
		t.accepted = append(t.accepted, strings.ToLower(r["DomainName"]))
	}
}

// takeOne takes what a script about one app and one mailbox read.
func (t *tenant) takeOne(f probes.ReadBackFile) {
	if rows, ok := f.Results["service_principal"]; ok {
		t.takePrincipals(rows)
	}
	mailbox := ""
	for _, r := range f.Results["cas_mailbox"] {
		mailbox = strings.ToLower(r["PrimarySmtpAddress"])
		t.switches[mailbox] = r["SmtpClientAuthenticationDisabled"]
	}
	if rows, ok := f.Results["mailbox_permission"]; ok {
		t.takePermissions(mailbox, rows)
	}
	if rows, ok := f.Results["assignment"]; ok {
		t.takeAssignments(rows)
	}
	if rows, ok := f.Results["inside"]; ok && mailbox != "" {
		t.inside[mailbox] = inScope(rows)
	}
	if rows, ok := f.Results["outside"]; ok {
		t.outside = inScope(rows)
	}
	if f.Script == "service-principal-remove" && f.Error == "" {
		clear(t.permissions)
	}
}

func (t *tenant) takePermissions(mailbox string, rows []map[string]string) {
	if mailbox == "" {
		return
	}
	t.permissions[mailbox] = slices.ContainsFunc(rows, func(r map[string]string) bool { return holds(r["AccessRights"], "FullAccess") })
}

// inScope is what Test-ServicePrincipalAuthorization says of the role: one row
// in scope is enough.
func inScope(rows []map[string]string) string {
	for _, r := range rows {
		if strings.EqualFold(r["RoleName"], probes.SendAsAppRole) && isTrue(r["InScope"]) {
			return "True"
		}
	}
	return "False"
}

func isTrue(s string) bool { return strings.EqualFold(s, "True") }

// smtpAuth tells whether SMTP AUTH is on for a mailbox, whether that is known,
// and whether it is the organisation's switch that decides: the mailbox's own
// value wins (Set-CASMailbox).
func (t *tenant) smtpAuth(mailbox string) (on, follows, known bool) {
	own, listed := t.switches[strings.ToLower(mailbox)]
	switch {
	case !listed && !t.allSwitches:
		return false, false, false
	case !listed:
		return false, false, true
	case own != "":
		return !isTrue(own), false, true
	}
	off, read := t.transport["SmtpClientAuthenticationDisabled"]
	return read && !isTrue(off), true, read
}

// object is the id of the enterprise application, from where it is surest.
func (t *tenant) object() string {
	switch {
	case t.Graph != nil && t.Graph.Principal != "":
		return t.Graph.Principal
	case t.Token != nil && t.Token.Object != "" && strings.EqualFold(t.Token.App, t.App.ClientID):
		return t.Token.Object
	}
	return t.App.ObjectID
}

// claim tells whether the app has SMTP.SendAsApp as API permission, and
// whether that is known: from a token that was asked since the consent was
// last changed, else from Graph.
func (t *tenant) claim() (has, known bool) {
	if t.Token != nil && strings.EqualFold(t.Token.App, t.App.ClientID) && outlook(t.Token.Audience) && t.TokenAt.After(t.Made[MadeConsent]) {
		return slices.Contains(t.Token.Roles, probes.SendAsApp), true
	}
	if t.Graph != nil && t.Graph.Roles != nil {
		return slices.Contains(*t.Graph.Roles, probes.SendAsApp), true
	}
	return false, false
}

// outlook tells an audience of client submission in any of the clouds.
func outlook(audience string) bool {
	return slices.Contains([]string{
		"outlook.office365.com", "outlook.office.com", "outlook.office365.us", "outlook-dod.office365.us", "partner.outlook.cn",
	}, strings.TrimPrefix(strings.TrimSuffix(audience, "/"), "https://"))
}
