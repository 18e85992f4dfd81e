package graph

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// enterprise makes the enterprise application ("Create serviceprincipal"),
// where there is none. Its object id is the one that Exchange must be told.
func (c *run) enterprise(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.step(StepPrincipal, emit, func(s *probes.SetupStep, waiting func(time.Duration)) error {
		s.Name = probes.Clean(c.made.Name, 200)
		if c.principal.ID != "" {
			return c.foundPrincipal(s)
		}
		if c.wouldBe(s, probes.SetupCreated) {
			return nil
		}
		err := c.Directory.do(ctx, ask{
			method: http.MethodPost, path: "/servicePrincipals", body: map[string]any{"appId": c.app.AppID, "tags": []string{Tag, integrated}},
			needs: []string{WriteApplications}, fresh: c.isNew, step: StepPrincipal,
			intent: c.principalIntent(), object: objectAt("/servicePrincipals/"), waiting: waiting,
		}, &c.principal)
		if taken(err) { // an earlier run made it, and it was not seen when it was looked for
			c.principal, err = c.Directory.newPrincipal(ctx, c.app.AppID, waiting)
			if err != nil {
				return c.mayNot(err)
			}
			return c.foundPrincipal(s)
		}
		if err != nil {
			return c.mayNot(err)
		}
		c.freshSP = true
		s.Outcome, s.ID = probes.SetupCreated, c.principal.ID
		return c.tookPrincipal(c.now().UTC())
	})
}

func (c *run) principalIntent() string {
	return "/servicePrincipals(appId=" + quoted(strings.ToLower(c.app.AppID)) + ")"
}

// foundPrincipal takes the enterprise application that is there. One with the
// wizard's mark that an earlier run asked for is its own.
func (c *run) foundPrincipal(s *probes.SetupStep) error {
	s.Outcome, s.ID = probes.SetupFound, c.principal.ID
	made, err := time.Time{}, error(nil)
	if slices.Contains(c.principal.Tags, Tag) {
		made, err = c.mine(c.principalIntent(), "/servicePrincipals/"+url.PathEscape(c.principal.ID), time.Time{})
	}
	if err != nil {
		return err
	}
	return c.tookPrincipal(made)
}

// taken tells the refusal of something that there can be only one of.
func taken(err error) bool {
	f, ok := errors.AsType[*probes.Fault](err)
	return ok && f.Args["code"] == "Request_MultipleObjectsWithSameKeyValue"
}

// integrated is the tag by which the portal lists an enterprise application
// (Graph, resource type servicePrincipal, tags).
const integrated = "WindowsAzureActiveDirectoryIntegratedApp"

// tookPrincipal remembers the enterprise application, and when it was made if
// that was now.
func (c *run) tookPrincipal(made time.Time) error {
	if c.principal.Enabled != nil && !*c.principal.Enabled {
		return fault("use the enterprise application", Disabled, "name", c.principal.Name)
	}
	return c.save(func(m *Registered) {
		m.ObjectID, m.Enabled = c.principal.ID, c.principal.Enabled
		if !made.IsZero() {
			m.PrincipalMade = made
		}
	})
}

// consent gives the app the role that the route needs ("Grant an
// appRoleAssignment to a service principal"): that is admin consent.
func (c *run) consent(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.step(StepConsent, emit, func(s *probes.SetupStep, waiting func(time.Duration)) error {
		i := slices.IndexFunc(c.permissions, func(w want) bool { return w.kind == "Role" })
		if i < 0 {
			return c.noRole(ctx, s, waiting)
		}
		w := c.permissions[i]
		s.Name = w.value
		there, err := c.roleGiven(ctx, w.id)
		if err != nil {
			return c.mayNot(err)
		}
		if there.ID != "" {
			s.Outcome = probes.SetupFound
			return c.foundRole(there, w)
		}
		if c.wouldBe(s, probes.SetupGranted) {
			return nil
		}
		return c.assign(ctx, s, w, waiting)
	})
}

func (c *run) rolesPath() string {
	return "/servicePrincipals/" + url.PathEscape(c.principal.ID) + "/appRoleAssignments"
}

func (c *run) roleIntent(w want) string {
	return c.rolesPath() + "?resourceId=" + url.QueryEscape(c.resource.ID) + "&appRoleId=" + url.QueryEscape(w.id)
}

// foundRole takes the consent that is there. One that an earlier run asked for
// is its own.
func (c *run) foundRole(a assignment, w want) error {
	if _, err := c.mine(c.roleIntent(w), c.rolesPath()+"/"+url.PathEscape(a.ID), a.Created); err != nil {
		return err
	}
	return c.tookRoles(w.value)
}

// roleGiven is the assignment of a role; without an id there is none. A new
// enterprise application was given none.
func (c *run) roleGiven(ctx context.Context, id string) (assignment, error) {
	if c.freshSP || c.principal.ID == "" {
		return assignment{}, nil
	}
	list, err := c.Directory.assignments(ctx, c.principal.ID, c.needs())
	i := slices.IndexFunc(list, func(a assignment) bool {
		return strings.EqualFold(a.Role, id) && strings.EqualFold(a.Resource, c.resource.ID)
	})
	if i < 0 {
		return assignment{}, err
	}
	return list[i], err
}

// noRole looks that an app for App RBAC has no API permission: with the claim
// in its token Exchange would ask for rights of mailboxes as well.
func (c *run) noRole(ctx context.Context, s *probes.SetupStep, waiting func(time.Duration)) error {
	id, known := find(c.resource.Roles, probes.SendAsApp)
	if c.q.Rights != probes.RoleRights || !known {
		return nil
	}
	given, err := c.roleGiven(ctx, id)
	switch {
	case err != nil:
		return c.mayNot(err)
	case given.ID == "":
		s.Outcome = probes.SetupSkipped
		if err := c.droppedBefore(id); err != nil {
			return err
		}
		return c.tookRoles()
	case !c.q.DropRole:
		return fault("use App RBAC", BothModels, "name", c.made.Name, "permission", probes.SendAsApp)
	}
	s.Name = probes.SendAsApp
	if c.wouldBe(s, probes.SetupRemoved) {
		return nil
	}
	return c.drop(ctx, s, given, waiting)
}

// drop takes a role away ("Delete appRoleAssignment"). The log keeps what it
// was, so that an undo can give it again.
func (c *run) drop(ctx context.Context, s *probes.SetupStep, a assignment, waiting func(time.Duration)) error {
	path := c.rolesPath() + "/" + url.PathEscape(a.ID)
	object := path + c.droppedAs(a.Role)
	err := c.Directory.do(ctx, ask{
		method: http.MethodDelete, path: path, needs: []string{WriteApplications}, more: WriteAssignments, step: StepDropped,
		intent: object, object: func([]byte) string { return object }, waiting: waiting,
	}, nil)
	if err != nil && status(err) != "404" { // 404: somebody was faster
		return c.mayNot(err)
	}
	s.Outcome = probes.SetupRemoved
	return c.tookRoles()
}

// droppedAs is how the path of an assignment ends that was taken away.
func (c *run) droppedAs(role string) string {
	return "/" + droppedRole + "/" + url.PathEscape(c.resource.ID) + "/" + url.PathEscape(role)
}

// droppedBefore puts into the log that an earlier run took the role away, if it
// had no answer.
func (c *run) droppedBefore(role string) error {
	for _, o := range c.q.Open {
		if o.Step == StepDropped && strings.HasPrefix(o.Intent, c.rolesPath()+"/") && strings.HasSuffix(strings.ToLower(o.Intent), strings.ToLower(c.droppedAs(role))) {
			_, err := c.mine(o.Intent, o.Object, time.Time{})
			return err
		}
	}
	return nil
}

func (c *run) assign(ctx context.Context, s *probes.SetupStep, w want, waiting func(time.Duration)) error {
	path := c.rolesPath()
	err := c.Directory.do(ctx, ask{
		method: http.MethodPost, path: path, intent: c.roleIntent(w), needs: []string{WriteApplications}, more: WriteAssignments,
		body:  map[string]any{"principalId": c.principal.ID, "resourceId": c.resource.ID, "appRoleId": w.id},
		fresh: c.freshSP, step: StepConsent, object: objectAt(path + "/"), waiting: waiting,
	}, nil)
	switch {
	case alreadyThere(err):
		s.Outcome = probes.SetupFound
		a, err := c.roleGiven(ctx, w.id)
		if err != nil {
			return c.mayNot(err)
		}
		return c.foundRole(a, w)
	case status(err) == "403":
		return with(err, fault("consent to the app's permission", ConsentRefused, "permission", w.value))
	}
	if err != nil {
		return err
	}
	s.Outcome = probes.SetupGranted
	return c.tookRoles(w.value)
}

// tookRoles remembers what was consented to.
func (c *run) tookRoles(values ...string) error {
	list := append([]string{}, values...)
	return c.save(func(m *Registered) { m.Roles = &list })
}

// alreadyThere tells the refusal of a role that the app has.
func alreadyThere(err error) bool {
	f, ok := errors.AsType[*probes.Fault](err)
	return ok && f.Args["status"] == "400" && strings.Contains(f.Args["message"], "already exists")
}

// delegated consents to the scope that devices need which sign in as a user
// ("Create oAuth2PermissionGrant").
func (c *run) delegated(ctx context.Context, emit func(probes.SetupStep)) error {
	i := slices.IndexFunc(c.permissions, func(w want) bool { return w.kind == "Scope" })
	if i < 0 {
		return nil
	}
	return c.step(StepDelegated, emit, func(s *probes.SetupStep, waiting func(time.Duration)) error {
		w := c.permissions[i]
		s.Name = w.value
		have, err := c.granted(ctx)
		if err != nil {
			return c.mayNot(err)
		}
		if slices.Contains(strings.Fields(have.Scope), w.value) {
			s.Outcome = probes.SetupFound
			return c.foundGrant(have, w)
		}
		if c.wouldBe(s, probes.SetupGranted) {
			return nil
		}
		s.Outcome = probes.SetupGranted
		err = c.Directory.do(ctx, c.grantOf(have, w, waiting), nil)
		if taken(err) {
			s.Outcome = probes.SetupFound
			have, err := c.granted(ctx)
			if err != nil {
				return c.mayNot(err)
			}
			return c.foundGrant(have, w)
		}
		if status(err) == "403" {
			return with(err, fault("consent to the app's permission", ConsentRefused, "permission", w.value))
		}
		return err
	})
}

// granted is the consent for everybody that is there already.
func (c *run) granted(ctx context.Context) (grant, error) {
	if c.freshSP || c.principal.ID == "" {
		return grant{}, nil
	}
	list, err := c.Directory.grants(ctx, c.principal.ID)
	i := slices.IndexFunc(list, func(g grant) bool {
		return g.Consent == "AllPrincipals" && strings.EqualFold(g.Resource, c.resource.ID)
	})
	if i < 0 {
		return grant{}, err
	}
	return list[i], err
}

func (c *run) grantIntent(w want) string {
	return "/oauth2PermissionGrants?clientId=" + url.QueryEscape(c.principal.ID) + "&resourceId=" + url.QueryEscape(c.resource.ID) +
		"&scope=" + url.QueryEscape(w.value)
}

func grantPath(g grant) string { return "/oauth2PermissionGrants/" + url.PathEscape(g.ID) }

// foundGrant takes the scope that is there. One that an earlier run asked for
// is its own: the whole consent, where nobody has added to it.
func (c *run) foundGrant(have grant, w want) error {
	scope := grantPath(have) + "/scope/" + w.value
	if have.Scope == w.value {
		if _, err := c.mine(c.grantIntent(w), grantPath(have), time.Time{}); err != nil {
			return err
		}
	} else if _, err := c.mine(c.grantIntent(w), scope, time.Time{}); err != nil {
		return err
	}
	_, err := c.mine(scope, scope, time.Time{})
	return err
}

// grantOf makes the consent, or adds the scope to the one that is there.
func (c *run) grantOf(have grant, w want, waiting func(time.Duration)) ask {
	a := ask{needs: []string{WriteGrants}, step: StepDelegated, fresh: c.freshSP, waiting: waiting}
	if have.ID == "" {
		a.method, a.path, a.object = http.MethodPost, "/oauth2PermissionGrants", objectAt("/oauth2PermissionGrants/")
		a.intent = c.grantIntent(w)
		a.body = map[string]any{"clientId": c.principal.ID, "consentType": "AllPrincipals", "resourceId": c.resource.ID, "scope": w.value}
		return a
	}
	a.method, a.path = http.MethodPatch, grantPath(have)
	a.intent = a.path + "/scope/" + w.value
	a.object = func([]byte) string { return a.intent }
	a.body = map[string]any{"scope": strings.TrimSpace(have.Scope + " " + w.value)}
	return a
}
