package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// lookUp finds the registration: the one that was named, the one that an
// earlier run remembered, or one with the wizard's mark or name. It says
// nothing when there is none: then one is made.
func (c *run) lookUp(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.step(StepApplication, emit, func(s *probes.SetupStep, waiting func(time.Duration)) error {
		found, err := c.searchLong(ctx, waiting)
		if err == nil && found.AppID == "" && c.q.Known.ClientID != "" && c.q.Adopt == "" {
			c.forget() // somebody removed it
			found, err = c.searchByName(ctx)
		}
		if err != nil {
			return c.mayNot(err)
		}
		if found.AppID == "" {
			return nil
		}
		c.app = found
		s.Outcome, s.ID, s.Name = probes.SetupFound, found.AppID, probes.Clean(found.Name, 100)
		return c.claim(found)
	})
}

// claim puts a registration into the log that an earlier run asked for and had
// no answer about: an undo must know of it.
func (c *run) claim(a Application) error {
	k := c.q.Known
	if c.q.DryRun || k.ClientID != "" || k.Began.IsZero() || !slices.Contains(a.Tags, Tag) || a.Created.Before(k.Began.Add(-skewed)) {
		return nil
	}
	at := a.Created.UTC()
	if lost := c.lost(applicationIntent(a.Name)); len(lost) > 0 {
		at = lost[len(lost)-1].At // Graph's time may be in whole seconds: the log is in order
	}
	return c.Directory.Log(probes.Change{
		By: probes.ByGraph, Step: StepApplication, At: at, Method: http.MethodPost, URL: "/v1.0/applications",
		Intent: applicationIntent(a.Name), Object: applicationPath(a.ID), Outcome: probes.ChangeDone,
	})
}

func applicationIntent(name string) string {
	return "/applications?displayName=" + url.QueryEscape(name)
}

// searchLong looks again for a registration that an interrupted run asked for
// a moment ago: it may be there and not be seen yet, and one more must not be
// made.
func (c *run) searchLong(ctx context.Context, waiting func(time.Duration)) (Application, error) {
	found, err := c.search(ctx)
	if began := c.q.Known.Began; began.IsZero() || c.now().Sub(began) > 5*time.Minute {
		return found, err
	}
	for _, wait := range freshWaits()[:5] {
		if err != nil || found.AppID != "" {
			break
		}
		waiting(wait)
		if !c.Directory.client().sleep(ctx, wait) {
			return found, c.Directory.client().unreachable(ctx.Err())
		}
		found, err = c.search(ctx)
	}
	return found, err
}

func (c *run) search(ctx context.Context) (Application, error) {
	if c.q.Adopt != "" {
		a, err := c.Directory.application(ctx, c.q.Adopt, c.needs())
		if status(err) == "404" {
			return a, fault("look for the app registration", NotFound, "client", c.q.Adopt)
		}
		return a, err
	}
	if c.q.Known.ClientID != "" {
		a, err := c.Directory.application(ctx, c.q.Known.ClientID, c.needs())
		if status(err) == "404" {
			return Application{}, nil
		}
		return a, err
	}
	return c.searchByName(ctx)
}

// forget drops what an earlier run remembered of a registration that is gone.
func (c *run) forget() {
	c.note(func(m *Registered) { *m = Registered{Tenant: m.Tenant, Defaults: m.Defaults, Access: m.Access} })
}

// searchByName finds what has the name or the mark. Names are not unique: of
// several, nobody but the admin knows the right one.
func (c *run) searchByName(ctx context.Context) (Application, error) {
	filter := "displayName eq " + quoted(c.q.Name)
	if c.q.Marked {
		filter += " or tags/any(t:t eq " + quoted(Tag) + ")"
	}
	list, err := c.Directory.applications(ctx, filter, c.needs())
	if err != nil || len(list) == 0 {
		return Application{}, err
	}
	named := slices.DeleteFunc(slices.Clone(list), func(a Application) bool { return a.Name != c.q.Name })
	if len(named) == 1 {
		list = named
	}
	if len(list) > 1 {
		return Application{}, c.ambiguous(list)
	}
	a := list[0]
	if !slices.Contains(a.Tags, Tag) && c.hasOthers(a) {
		return Application{}, fault("look for the app registration", Foreign, "name", a.Name, "client", a.AppID)
	}
	return a, nil
}

func (c *run) ambiguous(list []Application) error {
	var said []string
	for _, a := range list {
		said = append(said, a.Name+" "+a.AppID+" ("+a.Created.UTC().Format(time.DateOnly)+")")
	}
	slices.Sort(said)
	return fault("look for the app registration", Ambiguous, "name", c.q.Name, "list", strings.Join(said, ", "))
}

// hasOthers tells an app that is for something else as well: it asks for
// permissions that no route here needs.
func (c *run) hasOthers(a Application) bool {
	return slices.ContainsFunc(a.Required, func(r access) bool { return !strings.EqualFold(r.Resource, c.q.service()) })
}

// takeOrCreate reads all of the registration that was found, or makes one.
func (c *run) takeOrCreate(ctx context.Context, emit func(probes.SetupStep)) error {
	if c.app.AppID == "" {
		return c.create(ctx, emit)
	}
	found := c.app // as the parts see it that run beside the one that reads all of it
	return c.together(
		c.readApplication,
		func(ctx context.Context, emit func(probes.SetupStep)) error {
			return c.readPrincipal(ctx, emit, found.AppID)
		},
		func(ctx context.Context, emit func(probes.SetupStep)) error { return c.readPolicy(ctx, emit, found.ID) },
	)(ctx, emit)
}

// readApplication reads the parts of it that a list does not have.
func (c *run) readApplication(ctx context.Context, emit func(probes.SetupStep)) error {
	if c.app.Keys == nil || c.app.Passwords == nil {
		err := c.step(StepApplication, emit, func(*probes.SetupStep, func(time.Duration)) error {
			a, err := c.Directory.application(ctx, c.app.AppID, c.needs())
			if err != nil {
				return c.mayNot(err)
			}
			c.app = a
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := c.mineInApplication(); err != nil {
		return err
	}
	return c.save(func(m *Registered) {
		m.Name, m.ClientID, m.RegistrationID = probes.Clean(c.app.Name, 200), c.app.AppID, c.app.ID
	})
}

// readPrincipal looks for the enterprise application of the registration.
func (c *run) readPrincipal(ctx context.Context, emit func(probes.SetupStep), clientID string) error {
	return c.step(StepPrincipal, emit, func(*probes.SetupStep, func(time.Duration)) error {
		p, err := c.Directory.principal(ctx, clientID, c.needs())
		if status(err) == "404" {
			return nil // it is made
		}
		c.principal = p
		return c.mayNot(err)
	})
}

// readPolicy reads the policy that the registration has in place of the
// tenant's. A new one has none.
func (c *run) readPolicy(ctx context.Context, emit func(probes.SetupStep), id string) error {
	return c.optional(StepPolicy, emit, func(*probes.SetupStep, func(time.Duration)) error {
		p, own, err := c.Directory.policyOf(ctx, id, c.needs())
		if own {
			c.policy = p
		}
		return err
	})
}

// create makes the app registration ("Create application").
func (c *run) create(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.step(StepApplication, emit, func(s *probes.SetupStep, waiting func(time.Duration)) error {
		s.Name = c.q.Name
		if c.wouldBe(s, probes.SetupCreated) {
			c.note(func(m *Registered) { m.Name = c.q.Name })
			return nil
		}
		body := map[string]any{"displayName": c.q.Name, "signInAudience": "AzureADMyOrg", "tags": []string{Tag}}
		if needed := c.required(nil); len(needed) > 0 {
			body["requiredResourceAccess"] = needed
		}
		if c.q.Delegated {
			body["isFallbackPublicClient"], body["publicClient"] = true, publicClient()
		}
		if err := c.save(func(m *Registered) { m.Began = c.now().UTC() }); err != nil {
			return err
		}
		var a Application
		err := c.Directory.do(ctx, ask{
			method: http.MethodPost, path: "/applications", body: body, needs: []string{WriteApplications}, step: StepApplication,
			intent: applicationIntent(c.q.Name), object: objectAt("/applications/"), waiting: waiting,
		}, &a)
		if err != nil {
			return c.mayNot(err)
		}
		c.app, c.isNew = a, true
		s.Outcome, s.ID = probes.SetupCreated, a.AppID
		return c.save(func(m *Registered) { m.Name, m.ClientID, m.RegistrationID = c.q.Name, a.AppID, a.ID })
	})
}

// loopback is where a program that signs in as a user waits for the answer; its
// port is not compared (RFC 8252 section 7.3).
const loopback = "http://localhost"

// publicClient is what a program that signs in as a user is redirected to,
// beside the addresses that are there.
func publicClient(there ...string) map[string]any {
	all := slices.Clone(there)
	if !slices.Contains(all, loopback) {
		all = append(all, loopback)
	}
	return map[string]any{"redirectUris": all}
}

// objectAt is the path of what was made, by the id in the answer.
func objectAt(parent string) func([]byte) string {
	return func(body []byte) string {
		var made struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(body, &made) != nil || made.ID == "" {
			return ""
		}
		return parent + url.PathEscape(made.ID)
	}
}

// required is what the app asks for: what it asked for before, and what the
// route needs. The property is replaced as a whole.
func (c *run) required(before []access) []access {
	all := slices.Clone(before)
	for _, w := range c.permissions {
		i := slices.IndexFunc(all, func(a access) bool { return strings.EqualFold(a.Resource, w.resource) })
		if i < 0 {
			all = append(all, access{Resource: w.resource})
			i = len(all) - 1
		}
		if !slices.ContainsFunc(all[i].Access, func(p permission) bool { return strings.EqualFold(p.ID, w.id) && p.Type == w.kind }) {
			all[i].Access = append(slices.Clone(all[i].Access), permission{ID: w.id, Type: w.kind})
		}
	}
	return all
}

// missing are the permissions that the app does not ask for yet.
func (c *run) missing() []want {
	return slices.DeleteFunc(slices.Clone(c.permissions), func(w want) bool {
		return slices.ContainsFunc(c.app.Required, func(a access) bool {
			return strings.EqualFold(a.Resource, w.resource) &&
				slices.ContainsFunc(a.Access, func(p permission) bool { return strings.EqualFold(p.ID, w.id) && p.Type == w.kind })
		})
	})
}

// askFor completes what a registration asks for ("Update application"). One that
// was made in this run asks for it already.
func (c *run) askFor(ctx context.Context, emit func(probes.SetupStep)) error {
	if c.isNew || c.app.AppID == "" || len(c.permissions) == 0 {
		return nil
	}
	return c.step(StepPermissions, emit, func(s *probes.SetupStep, waiting func(time.Duration)) error {
		missing, public := c.missing(), ""
		if c.q.Delegated {
			public = c.app.addsPublic()
		}
		if len(missing) == 0 && public == "" {
			s.Outcome = probes.SetupFound
			return nil
		}
		if c.wouldBe(s, probes.SetupCreated) {
			return nil
		}
		s.Outcome = probes.SetupCreated
		if err := c.addPermissions(ctx, missing, waiting); err != nil {
			return err
		}
		return c.addPublic(ctx, public, waiting)
	})
}

func (c *run) addPermissions(ctx context.Context, missing []want, waiting func(time.Duration)) error {
	if len(missing) == 0 {
		return nil
	}
	body := map[string]any{"requiredResourceAccess": c.required(c.app.Required)}
	return c.extend(ctx, body, permissionsAt(applicationPath(c.app.ID), missing), waiting)
}

func (c *run) addPublic(ctx context.Context, parts string, waiting func(time.Duration)) error {
	if parts == "" {
		return nil
	}
	body := map[string]any{"isFallbackPublicClient": true, "publicClient": publicClient(c.app.Public.Redirects...)}
	return c.extend(ctx, body, applicationPath(c.app.ID)+"/publicClient/"+parts, waiting)
}

// extend adds to the registration; what it adds is named so that an undo can
// take it away again.
func (c *run) extend(ctx context.Context, body map[string]any, adds string, waiting func(time.Duration)) error {
	return c.mayNot(c.Directory.do(ctx, ask{
		method: http.MethodPatch, path: applicationPath(c.app.ID), body: body, needs: []string{WriteApplications}, step: StepPermissions,
		intent: adds, object: func([]byte) string { return adds }, waiting: waiting,
	}, nil))
}

// permissionsAt names permissions that were added to a registration.
func permissionsAt(path string, list []want) string {
	var ids []string
	for _, w := range list {
		ids = append(ids, w.id)
	}
	return path + "/requiredResourceAccess/" + list[0].resource + "/" + strings.Join(ids, ",")
}
