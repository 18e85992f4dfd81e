package graph

import (
	"context"
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
		if c.Undoes != "" && c.Outcome == "done" {
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
		`(?:/(?:appRoleAssignments|passwordCredentials|keyCredentials|requiredResourceAccess)/[0-9A-Za-z_,%.~-]+(?:/` + droppedRole + `/` + guid + `/` + guid + `)?)?$` +
		`|^/oauth2PermissionGrants/[0-9A-Za-z_%-]+(?:/scope/[A-Za-z.]+)?$`).MatchString(object)
}

// Undo takes one change back. What is gone already is no error.
func (d Directory) Undo(ctx context.Context, c probes.Change) (probes.SetupStep, error) {
	s := probes.SetupStep{Step: c.Step, Outcome: probes.SetupRemoved, ID: c.Object}
	err := error(nil)
	if principal, role, dropped := droppedFrom(c.Object); dropped {
		s.Outcome = probes.SetupGranted
		err = d.giveAgain(ctx, c, principal, role)
	} else {
		err = d.remove(ctx, c)
	}
	if status(err) == "404" || alreadyThere(err) {
		s.Outcome, err = probes.SetupSkipped, nil
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
	last, _ := url.PathUnescape(parts[len(parts)-1]) // written by objectAt
	switch parts[2] {
	case "appRoleAssignments":
		base.method, base.path, base.more = http.MethodDelete, c.Object, WriteAssignments
		return d.do(ctx, base, nil)
	case "passwordCredentials":
		base.method, base.path, base.body = http.MethodPost, base.path+"/removePassword", map[string]any{"keyId": last}
		return d.do(ctx, base, nil)
	}
	return d.takeOut(ctx, base, parts[2], last)
}

// takeOut removes one entry from a property that is replaced as a whole.
func (d Directory) takeOut(ctx context.Context, a ask, property, entry string) error {
	var now struct {
		Application
		Scope string `json:"scope"`
	}
	read := ask{method: http.MethodGet, path: a.path, needs: a.needs}
	if property != "scope" {
		read.query = url.Values{"$select": {"id," + property}}
	}
	if err := d.do(ctx, read, &now); err != nil {
		return err
	}
	a.method = http.MethodPatch
	switch property {
	case "keyCredentials":
		a.body = map[string]any{property: slices.DeleteFunc(now.Keys, func(k key) bool { return fingerprint(k.Key) == entry })}
	case "requiredResourceAccess":
		a.body = map[string]any{property: without(now.Required, strings.Split(entry, ","))}
	default:
		a.body = map[string]any{"scope": strings.Join(slices.DeleteFunc(strings.Fields(now.Scope), func(s string) bool { return s == entry }), " ")}
	}
	return d.do(ctx, a, nil)
}

// without drops permissions by their ids.
func without(all []access, ids []string) []access {
	left := []access{}
	for _, a := range all {
		a.Access = slices.DeleteFunc(slices.Clone(a.Access), func(p permission) bool { return slices.Contains(ids, p.ID) })
		if len(a.Access) > 0 {
			left = append(left, a)
		}
	}
	return left
}
