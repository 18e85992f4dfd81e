package lab

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"offbasic/probes"
)

// call is one call of Graph. The table of calls is the lab's only source: what
// is not in it is refused.
type call struct {
	method, path string
	page         string              // of Graph's documentation
	roles        []string            // application permissions, any of which allows it
	options      map[string][]string // query options; for $select the properties allowed
	answer       func(*Lab, http.ResponseWriter, *http.Request)
}

// calls lists every call that the program makes.
func calls() []call {
	read := []string{"Mail.ReadBasic.All", "Mail.Read", "Mail.ReadWrite"}
	return []call{
		{
			method: http.MethodGet, path: "/v1.0/users/{user}/messages", page: "user-list-messages", roles: read,
			options: map[string][]string{"$filter": nil, "$select": messageProperties()}, answer: (*Lab).listMessages,
		},
		{
			method: http.MethodGet, path: "/v1.0/users/{user}/mailFolders/{folder}", page: "mailfolder-get", roles: read,
			options: map[string][]string{"$select": {"id", "displayName"}}, answer: (*Lab).getFolder,
		},
	}
}

// messageProperties are the properties of a message that the lab knows
// (Graph, resource type message).
func messageProperties() []string {
	return []string{"id", "subject", "receivedDateTime", "internetMessageId", "internetMessageHeaders", "parentFolderId"}
}

// graphAPI answers as graph.microsoft.com does.
func (l *Lab) graphAPI() http.Handler {
	mux := http.NewServeMux()
	for _, c := range calls() {
		mux.HandleFunc(c.method+" "+c.path, func(w http.ResponseWriter, r *http.Request) { l.serve(c, w, r) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		l.graphRefuse(w, r, http.StatusBadRequest, "BadRequest",
			fmt.Sprintf("Resource not found for the segment '%s'.", probes.Clean(r.URL.Path, 200)))
	})
	return mux
}

// serve checks what is common to all calls, then answers.
func (l *Lab) serve(c call, w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		l.graphRefuse(w, r, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty.")
		return
	}
	b, err := l.bearer(token, "https://graph.microsoft.com")
	if err != nil {
		l.graphRefuse(w, r, http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token validation failure: "+err.Error()+".")
		return
	}
	if !slices.ContainsFunc(c.roles, func(role string) bool { return slices.Contains(b.Roles, role) }) {
		l.graphRefuse(w, r, http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
		return
	}
	if why := checkQuery(c, r.URL.RawQuery); why != "" {
		l.graphRefuse(w, r, http.StatusBadRequest, "RequestBroker--ParseUri", why)
		return
	}
	c.answer(l, w, r)
}

// checkQuery says what Graph would not take of a query.
func checkQuery(c call, raw string) string {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return "The query is malformed."
	}
	for name, values := range query {
		allowed, known := c.options[name]
		if !known || len(values) != 1 {
			return fmt.Sprintf("The query parameter '%s' is not supported.", probes.Clean(name, 100))
		}
		if name != "$select" {
			continue
		}
		for p := range strings.SplitSeq(values[0], ",") {
			if !slices.Contains(allowed, strings.TrimSpace(p)) {
				return fmt.Sprintf("Could not find a property named '%s'.", probes.Clean(p, 100))
			}
		}
	}
	return ""
}

// graphRefuse answers in the shape of Graph's errors.
func (l *Lab) graphRefuse(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	id := newID()
	l.log(fmt.Sprintf("graph: %s %s: %d %s", r.Method, probes.Clean(r.URL.Path, 200), status, code))
	w.Header().Set("Request-Id", id)
	writeJSON(w, status, map[string]any{"error": map[string]any{
		"code": code, "message": text,
		"innerError": map[string]any{
			"date": l.now().UTC().Format("2006-01-02T15:04:05"), "request-id": id, "client-request-id": id,
		},
	}})
}

// filterForm is the one filter in use: a string with its quotes doubled.
func filterForm() *regexp.Regexp {
	return regexp.MustCompile(`^\s*internetMessageId\s+eq\s+'((?:[^']|'')*)'\s*$`)
}

// listMessages is "List messages" by internetMessageId.
func (l *Lab) listMessages(w http.ResponseWriter, r *http.Request) {
	m := l.graphUser(w, r)
	if m == nil {
		return
	}
	query := r.URL.Query()
	wanted := ""
	if f := query.Get("$filter"); f != "" {
		parts := filterForm().FindStringSubmatch(f)
		if parts == nil {
			l.graphRefuse(w, r, http.StatusBadRequest, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
			return
		}
		wanted = strings.ReplaceAll(parts[1], "''", "'")
	}
	list := []map[string]any{}
	for _, msg := range l.dir.messages(m) {
		if wanted == "" || msg.messageID == wanted {
			list = append(list, chosen(msg.properties(m.inbox), query.Get("$select")))
		}
	}
	slices.Reverse(list) // newest first
	l.log(fmt.Sprintf("graph: GET messages of %s: %d", m.address, len(list)))
	writeJSON(w, http.StatusOK, map[string]any{
		"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users('" + m.id + "')/messages",
		"value":          list[:min(len(list), 10)], // Graph's page
	})
}

// graphUser finds the mailbox of a call, or refuses.
func (l *Lab) graphUser(w http.ResponseWriter, r *http.Request) *mailbox {
	name := r.PathValue("user")
	m := l.dir.mailbox(name)
	if m == nil {
		l.graphRefuse(w, r, http.StatusNotFound, "ErrorInvalidUser", fmt.Sprintf("The requested user '%s' is invalid.", probes.Clean(name, 200)))
	}
	return m
}

// properties are those of a message in a folder.
func (m message) properties(in *folder) map[string]any {
	headers := []map[string]string{}
	for _, h := range m.headers {
		headers = append(headers, map[string]string{"name": h.name, "value": h.value})
	}
	return map[string]any{
		"id": m.id, "subject": m.subject, "internetMessageId": m.messageID, "parentFolderId": in.id,
		"receivedDateTime":       m.received.UTC().Format("2006-01-02T15:04:05Z"),
		"internetMessageHeaders": headers,
	}
}

// chosen keeps the selected properties. The headers come only when they are
// asked for (Graph, resource type message).
func chosen(all map[string]any, sel string) map[string]any {
	if sel == "" {
		delete(all, "internetMessageHeaders")
		return all
	}
	kept := map[string]any{"@odata.etag": `W/"1"`, "id": all["id"]}
	for p := range strings.SplitSeq(sel, ",") {
		p = strings.TrimSpace(p)
		kept[p] = all[p]
	}
	return kept
}

// getFolder is "Get mailFolder" by id or by the name "inbox".
func (l *Lab) getFolder(w http.ResponseWriter, r *http.Request) {
	m := l.graphUser(w, r)
	if m == nil {
		return
	}
	if id := r.PathValue("folder"); id != m.inbox.id && !strings.EqualFold(id, "inbox") {
		l.graphRefuse(w, r, http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
		return
	}
	writeJSON(w, http.StatusOK, chosen(map[string]any{"id": m.inbox.id, "displayName": m.inbox.name}, r.URL.Query().Get("$select")))
}
