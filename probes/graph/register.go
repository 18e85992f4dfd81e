package graph

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"offbasic/probes"
)

// The codes of the faults that a registration ends with.
const (
	NotOurs             probes.Code = "register_not_ours"             // the log names a permission that this program never takes away
	RoleMissing         probes.Code = "register_role_missing"         // the person may not; args message, request_id
	ConsentRefused      probes.Code = "register_consent_refused"      // args permission, message, request_id
	CredentialForbidden probes.Code = "register_credential_forbidden" // a policy says no; args kind, message
	NoCredential        probes.Code = "register_no_credential"        // the policy leaves neither
	ResourceAbsent      probes.Code = "register_resource_absent"      // arg resource
	PermissionAbsent    probes.Code = "register_permission_absent"    // args permission, resource
	Ambiguous           probes.Code = "register_ambiguous"            // args name, list
	Foreign             probes.Code = "register_foreign"              // another app has the name; args name, client
	NotFound            probes.Code = "register_not_found"            // arg client
	OtherTenant         probes.Code = "register_other_tenant"         // args expected, tenant
	Disabled            probes.Code = "register_disabled"             // sign-in is blocked for the app; args name
	BothModels          probes.Code = "register_both_models"          // args name, permission
)

// The steps of a registration, in their order. Their words are under
// "setup.<step>".
const (
	StepTenant      = "tenant"
	StepDefaults    = "security_defaults"
	StepAccess      = "conditional_access"
	StepPolicy      = "app_policy"
	StepResource    = "resource"
	StepApplication = "application"
	StepPrincipal   = "service_principal"
	StepConsent     = "consent"
	StepDelegated   = "delegated_consent"
	StepPermissions = "permissions"
	StepCredential  = "credential"
)

// StepDropped is what the log calls a consent that was taken away.
const StepDropped = "consent_dropped"

// Steps lists the steps of a registration in their order.
func Steps() []string {
	return []string{
		StepTenant, StepDefaults, StepAccess, StepPolicy, StepResource, StepApplication, StepPrincipal, StepConsent, StepDelegated, StepPermissions, StepCredential,
	}
}

// Request is the registration that is wanted.
type Request struct {
	Name string
	// Marked takes a registration with the wizard's mark for the one that is
	// meant, whatever its name.
	Marked bool
	Route  probes.Route       // OAuth, HVE or Graph
	Rights probes.RightsModel // RoleRights wants no API permission
	// DropRole takes SMTP.SendAsApp away from an app for App RBAC that has it;
	// without it such an app is refused.
	DropRole  bool
	Delegated bool // devices sign in as a user, too
	// Kind is Certificate or Secret; "" takes the certificate where the tenant
	// allows it.
	Kind   string
	Adopt  string // client id of the registration to take; "" looks for one
	DryRun bool
	// Tenant is the id of the tenant that the migration is about; "" takes the
	// one that is signed in to.
	Tenant string
	// Known is what an earlier run remembered.
	Known Registered
	// Open are the intentions of earlier runs in this tenant whose answers were
	// lost, as Open finds them in the log.
	Open []probes.Change
}

// Registered is a registration, as far as it has come.
type Registered struct {
	Tenant         Tenant
	Defaults       *bool                  // security defaults; nil is not known
	Access         *[]probes.AccessPolicy // of Conditional Access; nil is not known
	Name           string
	ClientID       string
	RegistrationID string    // object id of the app registration
	ObjectID       string    // object id of the enterprise application
	Began          time.Time // when the registration was asked for; its answer may have been lost
	PrincipalMade  time.Time
	Enabled        *bool     // sign-in as the app is allowed; nil is not known
	Roles          *[]string // of the service, that were consented to; nil is not known
	Kind           string    // of the credential
	KeyID          string    // of the secret, or the SHA-1 of the certificate
	KeyName        string
	Expires        time.Time
}

// Registrar makes a registration, or completes one. Every step looks first.
type Registrar struct {
	Directory Directory
	// Held returns the credential that is kept for an app.
	Held func(clientID string) (Credential, bool)
	// Keep keeps one. A certificate is kept before Entra knows of it, a secret
	// as soon as Entra has told it.
	Keep func(clientID string, c Credential) error
	// Save remembers how far the registration has come, after each change.
	Save func(Registered) error
	// Key makes the key of a certificate; nil makes one of 3072 bits.
	Key func() (*rsa.PrivateKey, error)
	// Emit is told of each step; calls do not overlap. May be nil.
	Emit func(probes.SetupStep)
}

// Permissions are what a registration asks of the person who signs in; those
// for an app's consent that need more come later.
func (q Request) Permissions() []string {
	first := WriteApplications
	if q.DryRun {
		first = ReadApplications
	}
	list := []string{first, ReadPolicies, ReadOrganization}
	if q.Delegated {
		list = append(list, WriteGrants)
	}
	return list
}

// run is a registration on its way.
type run struct {
	Registrar
	q   Request
	now func() time.Time

	mu   sync.Mutex // guards made, which parts that run together add to
	made Registered

	app         Application
	isNew       bool // the application was made in this run
	principal   principal
	freshSP     bool
	resource    principal
	permissions []want
	policy      credentialPolicy
	key         *rsa.PrivateKey
}

// want is a permission that the route needs.
type want struct {
	resource, value, kind string // kind is "Role" or "Scope"
	id                    string // looked up by value
}

// wants are the permissions of a route.
//
// Source: Microsoft, "Authenticate an IMAP, POP or SMTP connection using
// OAuth"; "OAuth for High Volume Email"; Microsoft Graph, "user: sendMail".
func (q Request) wants() []want {
	resource, role, scope := ExchangeOnline, probes.SendAsApp, "SMTP.Send"
	switch q.Route {
	case probes.HVE:
		role, scope = "Mail.Send", "Mail.Send"
	case probes.Graph:
		resource, role, scope = MicrosoftGraph, "Mail.Send", "Mail.Send"
	}
	var list []want
	if q.Route != probes.OAuth || q.Rights != probes.RoleRights {
		list = append(list, want{resource: resource, value: role, kind: "Role"})
	}
	if q.Delegated {
		list = append(list, want{resource: resource, value: scope, kind: "Scope"})
	}
	return list
}

// service is the resource that the route's permissions are of.
func (q Request) service() string {
	if q.Route == probes.Graph {
		return MicrosoftGraph
	}
	return ExchangeOnline
}

// Register makes the registration, or completes the one that is there. It can
// be run again after it was interrupted anywhere. The error is a
// *probes.Fault; what was done until then is in the result.
func (r Registrar) Register(ctx context.Context, q Request) (Registered, error) {
	c := &run{Registrar: r, q: q, made: q.Known, now: r.Directory.client().now, permissions: q.wants()}
	if r.Emit == nil {
		c.Emit = func(probes.SetupStep) {}
	}
	if err := c.together(c.tenant, c.defaults, c.readAccess, c.defaultPolicy, c.lookUpResource, c.lookUp, c.makeKey)(ctx, c.Emit); err != nil {
		return c.made, err
	}
	for _, step := range []part{
		c.takeOrCreate,
		c.together(c.inOrder(c.enterprise, c.consent, c.delegated), c.inOrder(c.askFor, c.credential)),
	} {
		if err := step(ctx, c.Emit); err != nil {
			return c.made, err
		}
	}
	return c.made, nil
}

// part is some steps of a registration.
type part func(ctx context.Context, emit func(probes.SetupStep)) error

// together runs parts at the same time. What they emit comes in the order of
// the parts; the first error in that order is returned when all have ended.
func (c *run) together(parts ...part) part {
	return func(ctx context.Context, emit func(probes.SetupStep)) error {
		lines, errs := make([]chan probes.SetupStep, len(parts)), make([]chan error, len(parts))
		for i, p := range parts {
			lines[i], errs[i] = make(chan probes.SetupStep, 200), make(chan error, 1)
			go func() {
				err := p(ctx, func(s probes.SetupStep) { lines[i] <- s })
				close(lines[i])
				errs[i] <- err
			}()
		}
		var first error
		for i := range parts {
			for s := range lines[i] {
				emit(s)
			}
			if err := <-errs[i]; first == nil {
				first = err
			}
		}
		return first
	}
}

// inOrder runs parts one after the other, until one fails.
func (c *run) inOrder(parts ...part) part {
	return func(ctx context.Context, emit func(probes.SetupStep)) error {
		for _, p := range parts {
			if err := p(ctx, emit); err != nil {
				return err
			}
		}
		return nil
	}
}

// step runs one step and emits how it ended.
func (c *run) step(name string, emit func(probes.SetupStep), do func(*probes.SetupStep, func(time.Duration)) error) error {
	began := c.now()
	s := probes.SetupStep{Step: name}
	err := do(&s, func(d time.Duration) {
		s.Waited += d.Milliseconds()
		emit(probes.SetupStep{Step: name, Outcome: probes.SetupWaiting, Waited: d.Milliseconds()})
	})
	s.MS = float64(c.now().Sub(began).Microseconds()) / 1000
	if err != nil {
		s.Outcome = probes.SetupFailed
		if f, ok := errors.AsType[*probes.Fault](err); ok {
			s.Fault, s.Args = f.Code, f.Args
		}
	}
	if s.Outcome != "" {
		emit(s)
	}
	return err
}

// optional is a step that only tells: when it may not be read the registration
// goes on without it.
func (c *run) optional(name string, emit func(probes.SetupStep), do func(*probes.SetupStep, func(time.Duration)) error) error {
	return c.step(name, emit, func(s *probes.SetupStep, waiting func(time.Duration)) error {
		err := do(s, waiting)
		f, ok := errors.AsType[*probes.Fault](err)
		if !ok || f.Code == Unreachable {
			return err
		}
		s.Outcome, s.Fault, s.Args = probes.SetupSkipped, f.Code, f.Args
		return nil
	})
}

// wouldBe marks a step that a dry run leaves out.
func (c *run) wouldBe(s *probes.SetupStep, outcome probes.SetupOutcome) bool {
	if c.q.DryRun {
		s.Outcome, s.Would = probes.SetupSkipped, outcome
	}
	return c.q.DryRun
}

// note adds to what is known of the registration.
func (c *run) note(add func(*Registered)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	add(&c.made)
}

// save adds to what is known of the registration and has it remembered; a dry
// run remembers nothing.
func (c *run) save(add func(*Registered)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	add(&c.made)
	if c.q.DryRun {
		return nil
	}
	return c.Save(c.made)
}

// needs is the permission to look with.
func (c *run) needs() string {
	if c.q.DryRun {
		return ReadApplications
	}
	return WriteApplications
}

func (c *run) tenant(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.step(StepTenant, emit, func(s *probes.SetupStep, _ func(time.Duration)) error {
		t, err := c.Directory.organization(ctx)
		if err != nil {
			return c.mayNot(err)
		}
		if c.q.Tenant != "" && t.ID != "" && !strings.EqualFold(c.q.Tenant, t.ID) && !slices.Contains(t.Domains, strings.ToLower(c.q.Tenant)) {
			return fault("sign in to the tenant", OtherTenant, "expected", c.q.Tenant, "tenant", t.ID+" ("+t.Domain+")")
		}
		s.Outcome, s.ID, s.Name = probes.SetupFound, t.ID, t.Domain
		c.note(func(m *Registered) { m.Tenant = t })
		return nil
	})
}

func (c *run) defaults(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.optional(StepDefaults, emit, func(s *probes.SetupStep, _ func(time.Duration)) error {
		on, err := c.Directory.securityDefaults(ctx)
		if err != nil {
			return err
		}
		s.Outcome, s.Args = probes.SetupFound, map[string]string{"enabled": fmt.Sprint(on)}
		c.note(func(m *Registered) { m.Defaults = &on })
		return nil
	})
}

func (c *run) defaultPolicy(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.optional(StepPolicy, emit, func(s *probes.SetupStep, _ func(time.Duration)) error {
		p, err := c.Directory.defaultPolicy(ctx)
		if err != nil {
			return err
		}
		s.Outcome, c.policy = probes.SetupFound, p
		return nil
	})
}

// lookUpResource finds the service and the ids of its permissions.
func (c *run) lookUpResource(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.step(StepResource, emit, func(s *probes.SetupStep, _ func(time.Duration)) error {
		p, err := c.Directory.principal(ctx, c.q.service(), c.needs())
		if status(err) == "404" {
			return fault("look for the service", ResourceAbsent, "resource", c.q.service())
		}
		if err != nil {
			return c.mayNot(err)
		}
		for i, w := range c.permissions {
			list := p.Roles
			if w.kind == "Scope" {
				list = p.Scopes
			}
			id, ok := find(list, w.value)
			if !ok {
				return fault("look for the permission", PermissionAbsent, "permission", w.value, "resource", probes.Clean(p.Name, 100))
			}
			c.permissions[i].id = id
		}
		c.resource = p
		s.Outcome, s.ID, s.Name = probes.SetupFound, p.ID, probes.Clean(p.Name, 100)
		return nil
	})
}

// makeKey makes the RSA key while Graph is asked, since a certificate will most
// likely be wanted. It is dropped when not.
func (c *run) makeKey(context.Context, func(probes.SetupStep)) error {
	if c.q.DryRun || c.q.Kind == Secret {
		return nil
	}
	generate := c.Key
	if generate == nil {
		generate = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }
	}
	k, err := generate()
	c.key = k
	return err
}

// fault is a Fault with arguments given as name and value in turn.
func fault(op string, code probes.Code, args ...string) *probes.Fault {
	f := &probes.Fault{Op: op, Code: code, Args: map[string]string{}}
	for i := 0; i+1 < len(args); i += 2 {
		f.Args[args[i]] = probes.Clean(args[i+1], 500)
	}
	return f
}

// mayNot turns Graph's 403 into the fault that says which role is missing.
func (c *run) mayNot(err error) error {
	if status(err) != "403" {
		return err
	}
	return with(err, fault("use Graph as the person who signed in", RoleMissing))
}

// with adds what Graph said to a fault that says what it means.
func with(err error, f *probes.Fault) error {
	said, ok := errors.AsType[*probes.Fault](err)
	if !ok {
		return err
	}
	f.Args["message"], f.Args["request_id"] = said.Args["message"], said.Args["request_id"]
	f.Err = err
	return f
}
