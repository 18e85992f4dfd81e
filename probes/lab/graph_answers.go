package lab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"offbasic/probes"
)

// once tells whether something happens for the first time.
func (g *registry) once(what string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen[what] {
		return false
	}
	g.seen[what] = true
	return true
}

// third tells every third request.
func (g *registry) third() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests++
	return g.requests%3 == 0
}

// unseenFor is how many requests do not see a new object when directories are
// slow.
const unseenFor = 2

// hide makes a new object invisible for a while. mu is held.
func (l *Lab) hide(ids ...string) {
	if l.fault("replication") {
		for _, id := range ids {
			l.entraID.born[strings.ToLower(id)] = unseenFor
		}
	}
}

// unseen tells whether the directory that is asked has not heard of an object
// yet. mu is held.
func (g *registry) unseen(id string) bool {
	id = strings.ToLower(id)
	if g.born[id] == 0 {
		return false
	}
	g.born[id]--
	return true
}

// selected is an object as Graph writes it, with the properties that were
// asked for.
func selected(v any, sel string) map[string]any {
	all := map[string]any{}
	b, _ := json.Marshal(v) // the lab's own types
	_ = json.Unmarshal(b, &all)
	if sel == "" {
		return all
	}
	kept := map[string]any{}
	for p := range strings.SplitSeq(sel, ",") {
		p = strings.TrimSpace(p)
		kept[p] = all[p]
	}
	return kept
}

// graphOK answers with an object, or with 204 for nil.
func (l *Lab) graphOK(w http.ResponseWriter, r *http.Request, status int, v map[string]any) {
	l.log(fmt.Sprintf("graph: %s %s: %d", r.Method, probes.Clean(r.URL.Path, 200), status))
	w.Header().Set("Request-Id", newID())
	if v == nil {
		w.WriteHeader(status)
		return
	}
	v["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata"
	writeJSON(w, status, v)
}

func (l *Lab) graphList(w http.ResponseWriter, r *http.Request, list []map[string]any) {
	if list == nil {
		list = []map[string]any{}
	}
	l.graphOK(w, r, http.StatusOK, map[string]any{"value": list})
}

// notFound refuses an object that is not there, or not there yet.
func (l *Lab) notFound(w http.ResponseWriter, r *http.Request, id string) {
	l.graphRefuse(w, r, http.StatusNotFound, "Request_ResourceNotFound", fmt.Sprintf(
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", probes.Clean(id, 200)))
}

func (l *Lab) badRequest(w http.ResponseWriter, r *http.Request, text string) {
	l.graphRefuse(w, r, http.StatusBadRequest, "Request_BadRequest", text)
}

// decode reads a body that was checked against its shape.
func decode(r *http.Request, v any) { _ = json.NewDecoder(r.Body).Decode(v) }

// filters are the values of a $filter made of clauses with "or" between them:
// displayName eq 'x', tags/any(t:t eq 'x'), clientId eq 'x'.
func filters(text string, allowed ...string) (map[string]string, bool) {
	const value = `'((?:[^']|'')*)'`
	forms := map[string]string{
		"displayName": `displayName eq ` + value, "clientId": `clientId eq ` + value, "tags": `tags/any\(\w+:\w+ eq ` + value + `\)`,
	}
	found := map[string]string{}
	for text != "" {
		name := ""
		for _, a := range allowed {
			if m := regexp.MustCompile(`^` + forms[a] + `(?: or |$)`).FindStringSubmatch(text); m != nil {
				name, text = a, text[len(m[0]):]
				found[a] = strings.ReplaceAll(m[1], "''", "'")
				break
			}
		}
		if name == "" {
			return nil, false
		}
	}
	return found, true
}

func (l *Lab) listApplications(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	wanted, ok := filters(query.Get("$filter"), "displayName", "tags")
	if !ok {
		l.graphRefuse(w, r, http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
		return
	}
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []map[string]any
	for _, a := range g.apps {
		name, byName := wanted["displayName"]
		tag, byTag := wanted["tags"]
		hit := len(wanted) == 0 || byName && strings.EqualFold(a.DisplayName, name) || byTag && slices.Contains(a.Tags, tag)
		if hit && !g.unseen(a.ID) {
			list = append(list, selected(a.listed(), query.Get("$select")))
		}
	}
	l.graphList(w, r, list)
}

// listed is a registration as a list has it: without the certificates
// themselves (Graph, resource type keyCredential, key).
func (a registration) listed() registration {
	a.Keys = slices.Clone(a.Keys)
	for i := range a.Keys {
		a.Keys[i].Key = nil
	}
	return a
}

// appOf finds the registration of a path, or refuses. mu is held.
func (l *Lab) appOf(w http.ResponseWriter, r *http.Request) (int, bool) {
	g, id := l.entraID, strings.ReplaceAll(r.PathValue("id"), "''", "'")
	byAppID := strings.Contains(r.URL.Path, "(appId=")
	i := slices.IndexFunc(g.apps, func(a registration) bool {
		return !byAppID && strings.EqualFold(a.ID, id) || byAppID && strings.EqualFold(a.AppID, id)
	})
	if i < 0 || g.unseen(g.apps[i].ID) {
		l.notFound(w, r, id)
		return 0, false
	}
	return i, true
}

func (l *Lab) getApplication(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	i, ok := l.appOf(w, r)
	if !ok {
		return
	}
	a, sel := l.entraID.apps[i], r.URL.Query().Get("$select")
	if !strings.Contains(sel, "keyCredentials") {
		a = a.listed()
	}
	l.graphOK(w, r, http.StatusOK, selected(a, sel))
}

func (l *Lab) postApplication(w http.ResponseWriter, r *http.Request) {
	a := registration{Audience: "AzureADMyOrg", Tags: []string{}, Required: []requiredAccess{}, Keys: []keyCredential{}, Passwords: []password{}}
	decode(r, &a)
	if why := l.takeKeys(nil, a.Keys); why != "" {
		l.badRequest(w, r, why)
		return
	}
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	a.ID, a.AppID, a.Created = newID(), newID(), l.now().UTC()
	l.entraID.apps = append(l.entraID.apps, a)
	l.hide(a.ID)
	l.graphOK(w, r, http.StatusCreated, selected(a.listed(), ""))
}

// patchApplication replaces the properties that are given, each as a whole.
func (l *Lab) patchApplication(w http.ResponseWriter, r *http.Request) {
	l.entraID.mu.Lock()
	defer l.entraID.mu.Unlock()
	i, ok := l.appOf(w, r)
	if !ok {
		return
	}
	a := l.entraID.apps[i]
	before := a.Keys
	var given struct {
		registration
		Keys *[]keyCredential `json:"keyCredentials"`
	}
	given.registration = a
	decode(r, &given)
	if given.Keys != nil {
		if why := l.takeKeys(before, *given.Keys); why != "" {
			l.badRequest(w, r, why)
			return
		}
		given.registration.Keys = *given.Keys
	}
	l.entraID.apps[i] = given.registration
	l.graphOK(w, r, http.StatusNoContent, nil)
}

func (l *Lab) deleteApplication(w http.ResponseWriter, r *http.Request) {
	g := l.entraID
	g.mu.Lock()
	defer g.mu.Unlock()
	i, ok := l.appOf(w, r)
	if !ok {
		return
	}
	appID := g.apps[i].AppID
	g.apps = slices.Delete(slices.Clone(g.apps), i, i+1)
	if p, there := g.principalBy(appID); there {
		g.dropPrincipal(p.ID)
	}
	l.graphOK(w, r, http.StatusNoContent, nil)
}

// dropPrincipal removes an enterprise application with what it was given. mu
// is held.
func (g *registry) dropPrincipal(id string) {
	g.principals = slices.DeleteFunc(slices.Clone(g.principals), func(e enterprise) bool { return e.ID == id })
	g.roles = slices.DeleteFunc(slices.Clone(g.roles), func(a roleGrant) bool { return a.Principal == id || a.Resource == id })
	g.scopes = slices.DeleteFunc(slices.Clone(g.scopes), func(s scopeGrant) bool { return s.Client == id || s.Resource == id })
}
