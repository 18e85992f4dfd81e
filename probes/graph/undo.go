package graph

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"offbasic/probes"
)

// Undoable are the changes that made something which is still there, or took a
// role away, as far as the log knows: the newest first, without what goes away
// with something else.
func Undoable(log []probes.Change) []probes.Change {
	undone := map[string]bool{}
	for _, c := range log {
		if c.Undoes != "" && (c.Outcome == probes.ChangeDone || c.Outcome == probes.ChangeUnchanged) {
			undone[c.Undoes] = true
		}
	}
	var list, made []probes.Change
	for _, c := range slices.Backward(log) {
		if c.By != probes.ByGraph || c.Outcome != "done" || c.Merged || !removable(c.Object) {
			continue
		}
		made = append(made, c)
		if !undone[c.ID] {
			list = append(list, c)
		}
	}
	return slices.DeleteFunc(list, func(c probes.Change) bool {
		return slices.ContainsFunc(made, func(o probes.Change) bool { return strings.HasPrefix(c.Object, o.Object+"/") })
	})
}

// removable tells a path that this package writes into the log. The log is a
// file, and what is undone is done with an admin's rights: nothing else is
// taken from it.
func removable(object string) bool {
	const guid = `[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`
	for _, bad := range []string{"..", "%2e", "%2f", "%3f", "%23", "%5c"} {
		if strings.Contains(strings.ToLower(object), bad) {
			return false
		}
	}
	return regexp.MustCompile(`^/(?:applications|servicePrincipals)/` + guid +
		`(?:/(?:requiredResourceAccess/` + guid + `/[0-9A-Za-z,-]+|(?:appRoleAssignments|passwordCredentials|keyCredentials|publicClient)/[0-9A-Za-z_,%.~-]+(?:/` + droppedRole + `/` + guid + `/` + guid + `)?))?$` +
		`|^/oauth2PermissionGrants/[0-9A-Za-z_%-]+(?:/scope/[A-Za-z.]+)?$`).MatchString(object)
}

// errGone says that what was to be removed is not there any more.
var errGone = errors.New("it is gone already")

// Undo takes one change back. What is gone already is no error, and is not
// listed again.
func (d Directory) Undo(ctx context.Context, c probes.Change) (probes.SetupStep, error) {
	s := probes.SetupStep{Step: c.Step, Outcome: probes.SetupRemoved, ID: c.Object}
	err := error(nil)
	if principal, role, dropped := droppedFrom(c.Object); dropped {
		s.Outcome = probes.SetupGranted
		err = d.giveAgain(ctx, c, principal, role)
	} else {
		err = d.remove(ctx, c)
	}
	if status(err) == "404" || alreadyThere(err) || errors.Is(err, errGone) {
		s.Outcome = probes.SetupSkipped
		err = d.Log(probes.Change{
			By: probes.ByGraph, Step: c.Step, Undoes: c.ID, Outcome: probes.ChangeUnchanged, At: d.client().now().UTC(),
		})
	}
	if status(err) == "403" {
		err = with(err, fault("remove what was made", RoleMissing))
	}
	return s, err
}

// droppedRole stands in the path of an assignment that was taken away, before
// the ids of the resource and of the role.
const droppedRole = "dropped"

// droppedFrom reads the path of a role that was taken away.
func droppedFrom(object string) (principal string, role assignment, ok bool) {
	parts := strings.Split(strings.TrimPrefix(object, "/"), "/")
	if len(parts) != 7 || parts[4] != droppedRole {
		return "", assignment{}, false
	}
	for i, p := range parts {
		parts[i], _ = url.PathUnescape(p) // written by drop
	}
	return parts[1], assignment{Resource: parts[5], Role: parts[6]}, true
}

// giveAgain assigns a role that was taken away: no other than the one that
// Register takes away.
func (d Directory) giveAgain(ctx context.Context, c probes.Change, principal string, role assignment) error {
	exchange, err := d.principal(ctx, ExchangeOnline, WriteApplications)
	if err != nil {
		return err
	}
	if id, ok := find(exchange.Roles, probes.SendAsApp); !ok || exchange.ID != role.Resource || id != role.Role {
		return fault("give the permission again", NotOurs)
	}
	return d.do(ctx, ask{
		method: http.MethodPost, path: "/servicePrincipals/" + url.PathEscape(principal) + "/appRoleAssignments",
		needs: []string{WriteApplications}, more: WriteAssignments, step: c.Step, undoes: c.ID,
		body: map[string]any{"principalId": principal, "resourceId": role.Resource, "appRoleId": role.Role},
	}, nil)
}

// remove finds out how an object is removed by its path.
func (d Directory) remove(ctx context.Context, c probes.Change) error {
	parts := strings.Split(strings.TrimPrefix(c.Object, "/"), "/")
	needs := []string{WriteApplications}
	if parts[0] == "oauth2PermissionGrants" {
		needs = []string{WriteGrants}
	}
	base := ask{needs: needs, step: c.Step, undoes: c.ID}
	if len(parts) < 3 {
		base.method, base.path = http.MethodDelete, c.Object
		return d.do(ctx, base, nil)
	}
	base.path = "/" + parts[0] + "/" + parts[1]
	if parts[2] == "appRoleAssignments" {
		base.method, base.path, base.more = http.MethodDelete, c.Object, WriteAssignments
		return d.do(ctx, base, nil)
	}
	last, _ := url.PathUnescape(strings.Join(parts[3:], "/")) // written by Register
	return d.takeOut(ctx, base, parts[2], last)
}

// takeOut removes one entry from a property, which is replaced as a whole where
// nothing else is possible.
func (d Directory) takeOut(ctx context.Context, a ask, property, entry string) error {
	var now struct {
		Application
		Scope string `json:"scope"`
	}
	read := ask{method: http.MethodGet, path: a.path, needs: a.needs}
	switch property {
	case "scope":
	case "publicClient":
		read.query = url.Values{"$select": {"id,publicClient,isFallbackPublicClient"}}
	default:
		read.query = url.Values{"$select": {"id," + property}}
	}
	if err := d.do(ctx, read, &now); err != nil {
		return err
	}
	a.method = http.MethodPatch
	there := false
	switch property {
	case "passwordCredentials":
		there = slices.ContainsFunc(now.Passwords, func(p secret) bool { return p.KeyID == entry })
		a.method, a.path, a.body = http.MethodPost, a.path+"/removePassword", map[string]any{"keyId": entry}
	case "keyCredentials":
		is := func(k key) bool { return fingerprint(k.Key) == entry }
		there = slices.ContainsFunc(now.Keys, is)
		a.body = map[string]any{property: slices.DeleteFunc(now.Keys, is)}
	case "requiredResourceAccess":
		left := without(now.Required, entry)
		there = !sameAccess(left, now.Required)
		a.body = map[string]any{property: left}
	case "publicClient":
		body := now.notPublic(entry)
		there, a.body = body != nil, body
	default:
		have := strings.Fields(now.Scope)
		there = slices.Contains(have, entry)
		a.body = map[string]any{"scope": strings.Join(slices.DeleteFunc(have, func(s string) bool { return s == entry }), " ")}
	}
	if !there {
		return errGone
	}
	return d.do(ctx, a, nil)
}

// permissionsIn reads permissions of one resource, as permissionsAt writes them.
func permissionsIn(entry string) (resource string, ids []string) {
	resource, list, _ := strings.Cut(entry, "/")
	return resource, strings.Split(list, ",")
}

// asksFor tells whether all of some permissions of a resource are asked for.
func asksFor(all []access, entry string) bool {
	resource, ids := permissionsIn(entry)
	return !slices.ContainsFunc(ids, func(id string) bool {
		return !slices.ContainsFunc(all, func(a access) bool {
			return strings.EqualFold(a.Resource, resource) && slices.ContainsFunc(a.Access, func(p permission) bool { return strings.EqualFold(p.ID, id) })
		})
	})
}

// without drops permissions of a resource.
func without(all []access, entry string) []access {
	resource, ids := permissionsIn(entry)
	left := []access{}
	for _, a := range all {
		if strings.EqualFold(a.Resource, resource) {
			a.Access = slices.DeleteFunc(slices.Clone(a.Access), func(p permission) bool {
				return slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(id, p.ID) })
			})
		}
		if len(a.Access) > 0 {
			left = append(left, a)
		}
	}
	return left
}

func sameAccess(a, b []access) bool {
	return slices.EqualFunc(a, b, func(x, y access) bool { return slices.Equal(x.Access, y.Access) })
}
