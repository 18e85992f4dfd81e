package lab

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// spOf finds the enterprise application of a path, or refuses. mu is held.
func (l *Lab) spOf(w http.ResponseWriter, r *http.Request) (enterprise, bool) {
	id := strings.ReplaceAll(r.PathValue("id"), "''", "'")
	byAppID := strings.Contains(r.URL.Path, "(appId=")
	for _, e := range l.entraID.principals {
		if (!byAppID && strings.EqualFold(e.ID, id) || byAppID && strings.EqualFold(e.AppID, id)) && !l.entraID.unseen(e.ID) {
			return e, true
		}
	}
	l.notFound(w, r, id)
	return enterprise{}, false
}

func (l *Lab) getPrincipal(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	if e, ok := l.spOf(w, r); ok {
		l.graphOK(w, r, http.StatusOK, selected(e, r.URL.Query().Get("$select")))
	}
}

func (l *Lab) postPrincipal(w http.ResponseWriter, r *http.Request) {
	given := enterprise{Enabled: true, Tags: []string{}, Roles: []appRole{}, Scopes: []permissionScope{}}
	decode(r, &given)
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	a, there := g.registrationBy(given.AppID)
	if !there && given.AppID == traceAppID { // Microsoft's own, registered elsewhere
		a, there = registration{AppID: traceAppID, DisplayName: "Exchange message trace"}, true
	}
	if !there || g.unseen(a.ID) {
		l.graphRefuse(w, r, http.StatusBadRequest, "NoBackingApplicationObject", fmt.Sprintf(
			"The appId '%s' of the service principal does not reference a valid application object.", given.AppID))
		return
	}
	if _, made := g.principalBy(a.AppID); made {
		l.graphRefuse(w, r, http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", fmt.Sprintf(
			"The service principal cannot be created, updated, or restored because the service principal name %s is already in use.", a.AppID))
		return
	}
	given.ID, given.AppID, given.DisplayName, given.Created, given.Names = newID(), a.AppID, a.DisplayName, l.now().UTC(), []string{a.AppID}
	g.principals = append(g.principals, given)
	l.hide(given.ID)
	l.graphOK(w, r, http.StatusCreated, selected(given, ""))
}

func (l *Lab) deletePrincipal(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	if e, ok := l.spOf(w, r); ok {
		l.entraID.dropPrincipal(e.ID)
		l.graphOK(w, r, http.StatusNoContent, nil)
	}
}

func (l *Lab) listAssignments(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	e, ok := l.spOf(w, r)
	if !ok {
		return
	}
	var list []map[string]any
	for _, a := range l.entraID.roles {
		if a.Principal == e.ID {
			list = append(list, selected(a, ""))
		}
	}
	l.graphList(w, r, list)
}

func (l *Lab) postAssignment(w http.ResponseWriter, r *http.Request) {
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	e, ok := l.spOf(w, r)
	if !ok {
		return
	}
	var given roleGrant
	decode(r, &given)
	res, there := g.principalBy(given.Resource)
	i := slices.IndexFunc(res.Roles, func(p appRole) bool { return strings.EqualFold(p.ID, given.Role) })
	switch {
	case !there:
		l.notFound(w, r, given.Resource)
	case given.Principal != e.ID:
		l.badRequest(w, r, "The principal of the assignment is not the one of the request.")
	case i < 0:
		l.badRequest(w, r, "Permission being assigned was not found on application '"+res.AppID+"'.")
	case l.fault("consent-refused") || !l.mayAssign(r, res):
		l.graphRefuse(w, r, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	case slices.ContainsFunc(g.roles, func(a roleGrant) bool {
		return a.Principal == e.ID && a.Resource == res.ID && a.Role == res.Roles[i].ID
	}):
		l.badRequest(w, r, "Permission being assigned already exists on the object.")
	default:
		a := roleGrant{
			randomText(20), l.now().UTC(), res.Roles[i].ID, e.ID, e.DisplayName, "ServicePrincipal", res.ID, res.DisplayName,
		}
		g.roles = append(g.roles, a)
		l.graphOK(w, r, http.StatusCreated, selected(a, ""))
	}
}

// mayAssign tells whether the permission of the caller is enough: that of
// applications covers every role but those of Microsoft Graph (Microsoft Graph
// permissions reference, Application.ReadWrite.All, 2026).
func (l *Lab) mayAssign(r *http.Request, res enterprise) bool {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	b, err := l.bearer(token, "https://graph.microsoft.com")
	if err != nil || slices.Contains(strings.Fields(b.Scopes), "AppRoleAssignment.ReadWrite.All") {
		return err == nil
	}
	return res.AppID != graphAppID && !l.fault("assignment-restricted")
}

func (l *Lab) deleteAssignment(w http.ResponseWriter, r *http.Request) {
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	e, ok := l.spOf(w, r)
	if !ok {
		return
	}
	i := slices.IndexFunc(g.roles, func(a roleGrant) bool { return a.Principal == e.ID && a.ID == r.PathValue("assignment") })
	if i < 0 {
		l.notFound(w, r, r.PathValue("assignment"))
		return
	}
	g.roles = slices.Delete(slices.Clone(g.roles), i, i+1)
	l.graphOK(w, r, http.StatusNoContent, nil)
}

func (l *Lab) listGrants(w http.ResponseWriter, r *http.Request) {
	wanted, ok := filters(r.URL.Query().Get("$filter"), "clientId")
	if !ok {
		l.graphRefuse(w, r, http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
		return
	}
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []map[string]any
	for _, s := range g.scopes {
		if id, by := wanted["clientId"]; !by || strings.EqualFold(s.Client, id) {
			list = append(list, selected(s, ""))
		}
	}
	l.graphList(w, r, list)
}

// grantOf finds the consent of a path, or refuses. mu is held.
func (l *Lab) grantOf(w http.ResponseWriter, r *http.Request) (int, bool) {
	i := slices.IndexFunc(l.entraID.scopes, func(s scopeGrant) bool { return s.ID == r.PathValue("id") })
	if i < 0 {
		l.notFound(w, r, r.PathValue("id"))
	}
	return i, i >= 0
}

func (l *Lab) getGrant(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	if i, ok := l.grantOf(w, r); ok {
		l.graphOK(w, r, http.StatusOK, selected(l.entraID.scopes[i], ""))
	}
}

func (l *Lab) postGrant(w http.ResponseWriter, r *http.Request) {
	var given scopeGrant
	decode(r, &given)
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	client, there := g.principalBy(given.Client)
	res, known := g.principalBy(given.Resource)
	switch {
	case !there || g.unseen(client.ID) || !known:
		l.notFound(w, r, given.Client)
	case l.fault("consent-refused"):
		l.graphRefuse(w, r, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	case (given.Consent == "Principal") != (given.Principal != nil):
		l.badRequest(w, r, "The principalId belongs to a consentType of Principal.")
	case slices.ContainsFunc(g.scopes, func(s scopeGrant) bool {
		return s.Client == client.ID && s.Resource == res.ID && s.Consent == given.Consent
	}):
		l.graphRefuse(w, r, http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
	default:
		given.ID = randomText(20)
		g.scopes = append(g.scopes, given)
		l.graphOK(w, r, http.StatusCreated, selected(given, ""))
	}
}

func (l *Lab) patchGrant(w http.ResponseWriter, r *http.Request) {
	var given struct {
		Scope string `json:"scope"`
	}
	decode(r, &given)
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	if i, ok := l.grantOf(w, r); ok {
		l.entraID.scopes = slices.Clone(l.entraID.scopes)
		l.entraID.scopes[i].Scope = given.Scope
		l.graphOK(w, r, http.StatusNoContent, nil)
	}
}

func (l *Lab) deleteGrant(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	if i, ok := l.grantOf(w, r); ok {
		l.entraID.scopes = slices.Delete(slices.Clone(l.entraID.scopes), i, i+1)
		l.graphOK(w, r, http.StatusNoContent, nil)
	}
}
