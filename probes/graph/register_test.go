package graph_test

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/lab"
)

const complete = "1 applications, 1 enterprise, 1 roles, 0 grants, 1 certificates, 0 secrets"

func created() []string {
	return []string{
		"tenant found", "security_defaults found", "conditional_access found", "app_policy found", "resource found",
		"application created", "service_principal created", "consent granted", "credential created",
	}
}

func foundAll() []string {
	return []string{
		"tenant found", "security_defaults found", "conditional_access found", "app_policy found", "resource found", "application found",
		"service_principal found", "consent found", "permissions found", "credential found",
	}
}

func TestEverythingIsMadeOnceAndThenFound(t *testing.T) {
	n := newTenant(t)
	n.mustRegister(graph.Request{})
	n.wantSaid(created()...)
	n.wantObjects(complete)
	changes := len(n.log)
	n.mustRegister(graph.Request{})
	n.wantSaid(foundAll()...)
	n.wantObjects(complete)
	if len(n.log) != changes {
		t.Errorf("the second run changed %v", n.log[changes:])
	}
	if !n.saved.PrincipalMade.Before(time.Now().Add(time.Minute)) || n.saved.PrincipalMade.IsZero() {
		t.Errorf("the enterprise application was made at %v", n.saved.PrincipalMade)
	}
}

// Each route's permissions. Source: Microsoft, "Authenticate an IMAP, POP or
// SMTP connection using OAuth"; "OAuth for High Volume Email"; Graph, "user:
// sendMail"; "SMTP Onboarding to App RBAC Overview".
func TestEachRouteIsGivenWhatItNeeds(t *testing.T) {
	for _, tt := range []struct {
		name          string
		q             graph.Request
		roles, scopes string
	}{
		{"client submission", graph.Request{Route: probes.OAuth}, "exchange SMTP.SendAsApp", ""},
		{"App RBAC", graph.Request{Route: probes.OAuth, Rights: probes.RoleRights}, "", ""},
		{"devices that sign in as a user", graph.Request{Route: probes.OAuth, Rights: probes.RoleRights, Delegated: true}, "", "exchange SMTP.Send"},
		{"both", graph.Request{Route: probes.OAuth, Delegated: true}, "exchange SMTP.SendAsApp", "exchange SMTP.Send"},
		{"High Volume Email", graph.Request{Route: probes.HVE}, "exchange Mail.Send", ""},
		{"High Volume Email for users", graph.Request{Route: probes.HVE, Delegated: true}, "exchange Mail.Send", "exchange Mail.Send"},
		{"Graph", graph.Request{Route: probes.Graph}, "graph Mail.Send", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newTenant(t)
			n.mustRegister(tt.q)
			roles, scopes := n.lab.Granted(n.saved.ClientID)
			if got := strings.Join(roles, " "); got != tt.roles {
				t.Errorf("roles %q, want %q", got, tt.roles)
			}
			if got := strings.Join(scopes, " "); got != tt.scopes {
				t.Errorf("scopes %q, want %q", got, tt.scopes)
			}
			before := n.objects()
			n.mustRegister(tt.q)
			n.wantObjects(before)
			if strings.Contains(n.said(), "created") || strings.Contains(n.said(), "granted") {
				t.Errorf("the second run said\n%s", n.said())
			}
		})
	}
}

// Wherever the network is lost, before or after a request was heard, the next
// run ends as the first would have, nothing is there twice, and an undo finds
// all of it.
func TestInterruptedAnywhereTheNextRunCompletesIt(t *testing.T) {
	const nothing = "0 applications, 0 enterprise, 0 roles, 0 grants, 0 certificates, 0 secrets"
	first := newTenant(t, "replication")
	straight := first.way
	for _, q := range []graph.Request{{}, {Kind: graph.Secret, Delegated: true}} {
		n := first.again(t, nil)
		counter := &cut{RoundTripper: straight, at: -1}
		n.way = counter
		n.mustRegister(q)
		want := n.objects()
		n.way = straight
		n.undo()
		for at, method := range counter.methods {
			for _, heard := range []bool{false, true} {
				if heard && method == http.MethodGet {
					continue // what only reads leaves nothing behind
				}
				t.Run(fmt.Sprintf("%s request %d, heard %t", q.Kind, at, heard), func(t *testing.T) {
					n := first.again(t, &cut{RoundTripper: straight, at: at, heard: heard})
					ended := n.register(q)
					n.way = straight
					n.mustRegister(q)
					n.wantObjects(want)
					if ended != nil && !strings.Contains(ended.Error(), "unplugged") {
						t.Errorf("the first run ended with %v", ended)
					}
					for id := range n.kept {
						if id != n.saved.ClientID {
							t.Errorf("a credential of %s is kept; the app is %s", id, n.saved.ClientID)
						}
					}
					n.mustRegister(q)
					n.wantObjects(want)
					n.undo()
					n.wantObjects(nothing)
				})
			}
		}
	}
}

// again is the same tenant, worked on from a new folder.
func (n *tenant) again(t *testing.T, way http.RoundTripper) *tenant {
	return &tenant{t: t, lab: n.lab, kept: map[string]graph.Credential{}, way: way}
}

// cut loses the connection from a certain request on, after it was heard or
// before.
type cut struct {
	http.RoundTripper
	at    int
	heard bool
	mu    sync.Mutex

	methods []string
}

func (c *cut) RoundTrip(r *http.Request) (*http.Response, error) {
	return c.count(r)
}

// A registration takes fewer than 15 round trips' time, whatever the line. The
// clock is the bubble's: what is counted is what waits for something else.
func TestRegistrationTakesFewRoundTrips(t *testing.T) {
	outside := time.Now()
	l, err := lab.Start(t.Context(), lab.Options{Now: func() time.Time { return outside }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	synctest.Test(t, func(t *testing.T) {
		const latency = 50 * time.Millisecond
		n := &tenant{t: t, lab: l, kept: map[string]graph.Credential{}, way: slow{l, latency}}
		began := time.Now()
		n.mustRegister(graph.Request{Delegated: true})
		if trips := int(time.Since(began) / latency); trips > 6 {
			t.Errorf("registering took %d round trips", trips)
		}
		began = time.Now()
		n.mustRegister(graph.Request{Delegated: true})
		if trips := int(time.Since(began) / latency); trips > 4 {
			t.Errorf("looking again took %d round trips", trips)
		}
	})
}

// slow is a line with a latency: no network is behind it, which would not wait
// for the bubble's clock.
type slow struct {
	lab     *lab.Lab
	latency time.Duration
}

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(s.latency)
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	s.lab.ServeGraph(w, r)
	return w.Result(), nil
}

func TestDryRunChangesNothingAndSaysWhatItWould(t *testing.T) {
	n := newTenant(t)
	before := n.objects()
	n.mustRegister(graph.Request{DryRun: true, Delegated: true})
	n.wantSaid("tenant found", "security_defaults found", "conditional_access found", "app_policy found", "resource found",
		"application skipped would be created", "service_principal skipped would be created",
		"consent skipped would be granted", "delegated_consent skipped would be granted", "credential skipped would be created")
	n.wantObjects(before)
	if len(n.log) > 0 || n.saved.ClientID != "" || len(n.kept) > 0 {
		t.Errorf("logged %v, remembered %v", n.log, n.saved)
	}
	if slices.Contains(n.asked, graph.WriteApplications) {
		t.Errorf("asked for %v only to look", n.asked)
	}
	n.mustRegister(graph.Request{})
	n.mustRegister(graph.Request{DryRun: true})
	n.wantSaid(foundAll()...)
}

// Graph permissions reference: the permission for assignments is the most
// feared one.
func TestTheFearedPermissionIsAskedForOnlyWhenItIsNeeded(t *testing.T) {
	n := newTenant(t)
	n.mustRegister(graph.Request{})
	if slices.Contains(n.asked, graph.WriteAssignments) {
		t.Errorf("asked for %v", n.asked)
	}
	n = newTenant(t, "assignment-restricted")
	n.mustRegister(graph.Request{})
	if n.asked[len(n.asked)-1] != graph.WriteAssignments {
		t.Errorf("asked for %v", n.asked)
	}
	n.wantObjects(complete)
}

func TestWaitsAreObeyedAndShown(t *testing.T) {
	n := newTenant(t, "replication", "throttled", "unavailable")
	n.mustRegister(graph.Request{})
	n.wantSaid(created()...)
	n.wantObjects(complete)
	if !slices.Contains(n.waits, time.Second) {
		t.Errorf("waited %v, the lab asks for a second", n.waits)
	}
	if i := slices.IndexFunc(n.steps, func(s probes.SetupStep) bool {
		return s.Outcome == probes.SetupWaiting && s.Step == graph.StepPrincipal
	}); i < 0 {
		t.Errorf("no step says that it waits: %v", n.steps)
	}
	for _, c := range graph.Answered(n.log) {
		if c.Outcome != "done" {
			t.Errorf("the log has an answer that was only a wait: %+v", c)
		}
	}
}

func TestAColleaguesHalfIsCompleted(t *testing.T) {
	n := newTenant(t, "half-registered")
	n.mustRegister(graph.Request{})
	n.wantSaid("tenant found", "security_defaults found", "conditional_access found", "app_policy found", "resource found", "application found",
		"service_principal created", "consent granted", "permissions created", "credential created")
	n.wantObjects(complete)
}

func TestTheOneThatIsNamedIsTaken(t *testing.T) {
	n := newTenant(t)
	own := n.lab.App()
	n.mustRegister(graph.Request{Adopt: own.ClientID})
	if n.saved.ClientID != own.ClientID || n.saved.ObjectID != own.ObjectID || n.saved.RegistrationID != own.RegistrationObjectID {
		t.Errorf("took %+v, want %v", n.saved, own)
	}
	n.wantObjects("0 applications, 0 enterprise, 0 roles, 0 grants, 0 certificates, 0 secrets")
	if got := n.credentials(own.ClientID); got != "1 secrets, 2 certificates" {
		t.Errorf("the app has %s", got)
	}
}

// A secret that was entered by hand is known by the beginning that Entra shows
// (Graph, resource type passwordCredential, hint).
func TestASecretThatWasEnteredByHandIsKnown(t *testing.T) {
	n := newTenant(t)
	own := n.lab.App()
	n.kept[own.ClientID] = graph.Credential{Kind: graph.Secret, Secret: own.Secret}
	n.mustRegister(graph.Request{Adopt: own.ClientID})
	if got := n.credentials(own.ClientID); got != "1 secrets, 1 certificates" || n.saved.KeyID == "" {
		t.Errorf("the app has %s, remembered is %+v", got, n.saved)
	}
}

func TestRefusalsSayWhatTheyMean(t *testing.T) {
	for _, tt := range []struct {
		faults []string
		q      graph.Request
		want   probes.Code
		args   map[string]string
	}{
		{[]string{"role-missing"}, graph.Request{}, graph.RoleMissing, map[string]string{"message": "Insufficient privileges to complete the operation."}},
		{[]string{"consent-refused"}, graph.Request{}, graph.ConsentRefused, map[string]string{"permission": "SMTP.SendAsApp"}},
		{[]string{"consent-refused"}, graph.Request{Delegated: true, Rights: probes.RoleRights}, graph.ConsentRefused, map[string]string{"permission": "SMTP.Send"}},
		{[]string{"secrets-forbidden"}, graph.Request{Kind: graph.Secret}, graph.CredentialForbidden, map[string]string{"kind": "secret"}},
		{[]string{"certificates-restricted"}, graph.Request{Kind: graph.Certificate}, graph.CredentialForbidden, map[string]string{"kind": "certificate"}},
		{[]string{"secrets-forbidden", "certificates-restricted"}, graph.Request{}, graph.NoCredential, nil},
		{[]string{"exchange-absent"}, graph.Request{}, graph.ResourceAbsent, nil},
		{[]string{"same-name"}, graph.Request{}, graph.Ambiguous, map[string]string{"name": "offbasic"}},
		{nil, graph.Request{Adopt: "11111111-2222-4333-8444-555555555555"}, graph.NotFound, map[string]string{"client": "11111111-2222-4333-8444-555555555555"}},
		{nil, graph.Request{Tenant: "fabrikam.example"}, graph.OtherTenant, map[string]string{"expected": "fabrikam.example"}},
	} {
		n := newTenant(t, tt.faults...)
		f := n.wantFault(tt.q, tt.want)
		for key, value := range tt.args {
			if f.Args[key] != value {
				t.Errorf("%s: %s is %q, want %q", tt.want, key, f.Args[key], value)
			}
		}
		if last := n.steps[len(n.steps)-1]; !slices.ContainsFunc(n.steps, func(s probes.SetupStep) bool { return s.Fault == tt.want }) {
			t.Errorf("%s: no step says so; the last is %+v", tt.want, last)
		}
	}
}

// A policy decides which credential is made, and how long it lives (Graph,
// resource type appManagementConfiguration).
func TestTheTenantsPolicyIsFollowed(t *testing.T) {
	n := newTenant(t, "certificates-restricted")
	n.mustRegister(graph.Request{})
	n.wantObjects("1 applications, 1 enterprise, 1 roles, 0 grants, 0 certificates, 1 secrets")
	for _, kind := range []string{graph.Certificate, graph.Secret} {
		n = newTenant(t, "short-lifetimes")
		n.mustRegister(graph.Request{Kind: kind})
		if left := time.Until(n.saved.Expires); left > 90*24*time.Hour || left < 89*24*time.Hour {
			t.Errorf("the %s lives %v, the policy allows 90 days", kind, left)
		}
	}
}

// With the claim of the permission in its token Exchange asks for rights of
// mailboxes as well (Microsoft, "SMTP Onboarding to App RBAC Overview").
func TestBothModelsOfRightsAreNotMixed(t *testing.T) {
	n := newTenant(t)
	n.mustRegister(graph.Request{})
	n.wantFault(graph.Request{Rights: probes.RoleRights}, graph.BothModels)
}

// The permission is taken away when that is asked for, once, and an undo gives
// it again (Graph, "Delete appRoleAssignment", "Grant an appRoleAssignment to a
// service principal"). What goes with the app's own undo is not listed twice.
func TestThePermissionIsTakenAwayAndGivenAgain(t *testing.T) {
	n := newTenant(t)
	own := n.lab.App().ClientID
	before, _ := n.lab.Granted(own)
	q := graph.Request{Adopt: own, Rights: probes.RoleRights, DropRole: true}
	dry := q
	dry.DryRun = true
	n.mustRegister(dry)
	if got, _ := n.lab.Granted(own); !strings.Contains(n.said(), "consent skipped would be removed") || !slices.Equal(got, before) {
		t.Errorf("a dry run left %v, said\n%s", got, n.said())
	}
	n.mustRegister(q)
	without := slices.DeleteFunc(slices.Clone(before), func(r string) bool { return r == "exchange SMTP.SendAsApp" })
	if got, _ := n.lab.Granted(own); !strings.Contains(n.said(), "consent removed") || !slices.Equal(got, without) {
		t.Errorf("the app has %v, want %v; said\n%s", got, without, n.said())
	}
	if n.saved.Roles == nil || len(*n.saved.Roles) > 0 {
		t.Errorf("remembered as %v", n.saved.Roles)
	}
	n.mustRegister(q)
	if !strings.Contains(n.said(), "consent skipped") {
		t.Errorf("the second time said\n%s", n.said())
	}
	n.undo()
	if got, _ := n.lab.Granted(own); !slices.Equal(got, before) {
		t.Errorf("after the undo the app has %v, want %v", got, before)
	}
	if left := graph.Undoable(n.log); len(left) > 0 {
		t.Errorf("still to be taken back: %+v", left)
	}

	n = newTenant(t)
	n.mustRegister(graph.Request{})
	n.mustRegister(graph.Request{Rights: probes.RoleRights, DropRole: true})
	n.undo()
	n.wantObjects("0 applications, 0 enterprise, 0 roles, 0 grants, 0 certificates, 0 secrets")
}

// A registration for devices that sign in as a user is a public client with a
// loopback address, whatever it had before, and is so once (Graph, resource
// types application and publicClientApplication).
func TestDelegatedMakesAPublicClient(t *testing.T) {
	for _, made := range []graph.Request{{}, {Delegated: true}} {
		n := newTenant(t)
		n.mustRegister(made)
		n.mustRegister(graph.Request{Delegated: true})
		changes := len(n.log)
		n.mustRegister(graph.Request{Delegated: true})
		if len(n.log) != changes {
			t.Errorf("changed again: %+v", n.log[changes:])
		}
		public := func(c probes.Change) bool {
			return strings.Contains(c.Body, `"isFallbackPublicClient":true`) && strings.Contains(c.Body, `"publicClient":{"redirectUris":["http://localhost"]}`)
		}
		if !slices.ContainsFunc(n.log, public) {
			t.Errorf("no public client in %+v", n.log)
		}
	}
}

func TestALostCredentialIsReplaced(t *testing.T) {
	for _, kind := range []string{graph.Certificate, graph.Secret} {
		n := newTenant(t)
		n.mustRegister(graph.Request{Kind: kind})
		before := n.objects()
		clear(n.kept)
		n.mustRegister(graph.Request{Kind: kind})
		n.wantObjects(before)
		if !strings.Contains(n.said(), "credential created") {
			t.Errorf("said\n%s", n.said())
		}
	}
}

// What the wizard did it can take back, and what was there before stays.
func TestUndoTakesBackWhatWasMadeAndNoMore(t *testing.T) {
	const nothing = "0 applications, 0 enterprise, 0 roles, 0 grants, 0 certificates, 0 secrets"
	n := newTenant(t)
	n.mustRegister(graph.Request{Delegated: true})
	n.undo()
	n.wantObjects(nothing)
	if left := graph.Undoable(n.log); len(left) > 0 {
		t.Errorf("still to be taken back: %+v", left)
	}

	n = newTenant(t)
	own := n.lab.App()
	roles, scopes := n.lab.Granted(own.ClientID)
	for _, kind := range []string{graph.Certificate, graph.Secret} {
		n.mustRegister(graph.Request{Adopt: own.ClientID, Route: probes.HVE, Delegated: true, Kind: kind})
	}
	n.undo()
	if got := n.credentials(own.ClientID); got != "1 secrets, 1 certificates" {
		t.Errorf("the app has %s", got)
	}
	if r, s := n.lab.Granted(own.ClientID); !slices.Equal(r, roles) || !slices.Equal(s, scopes) {
		t.Errorf("the app is left with %v %v, want %v %v", r, s, roles, scopes)
	}
	if left := graph.Undoable(n.log); len(left) > 0 {
		t.Errorf("still to be taken back: %+v", left)
	}
}

func (n *tenant) undo() {
	n.t.Helper()
	for _, c := range graph.Undoable(n.log) {
		if _, err := n.directory().Undo(n.t.Context(), c); err != nil {
			n.t.Errorf("undo %s: %v", c.Object, err)
		}
	}
}

// The log is for a change ticket: everything in it can be shown.
func TestTheLogHoldsNoSecret(t *testing.T) {
	n := newTenant(t)
	n.mustRegister(graph.Request{Kind: graph.Secret})
	n.mustRegister(graph.Request{Kind: graph.Certificate})
	all := fmt.Sprintf("%+v %v %+v", n.log, n.kept, n.steps)
	for _, c := range n.kept {
		if c.Secret != "" && strings.Contains(all, c.Secret) {
			t.Error("the log holds the secret")
		}
	}
	for _, secret := range []string{"Bearer", "eyJ", "PRIVATE"} {
		if strings.Contains(all, secret) {
			t.Errorf("the log holds %q: %s", secret, all)
		}
	}
	// What is in it of a key pair is the certificate, so that the request can be
	// made again.
	keys := regexp.MustCompile(`MII[0-9A-Za-z+/=]+`).FindAllString(fmt.Sprintf("%+v", n.log), -1)
	if len(keys) == 0 {
		t.Error("the log holds no certificate")
	}
	for _, k := range keys {
		der, err := base64.StdEncoding.DecodeString(k)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x509.ParseCertificate(der); err != nil {
			t.Errorf("the log holds a key that is no certificate: %v", err)
		}
	}
}
