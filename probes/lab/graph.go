package lab

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"offbasic/probes"
)

// messageProperties are the properties of a message that the lab knows
// (Graph, resource type message).
func messageProperties() []string {
	return []string{"id", "subject", "receivedDateTime", "internetMessageId", "internetMessageHeaders", "parentFolderId"}
}

// graphAPI answers as graph.microsoft.com does.
func (l *Lab) graphAPI() http.Handler {
	routes := graphRoutes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known := false
		for _, rt := range routes {
			values := rt.pattern.FindStringSubmatch(r.URL.EscapedPath())
			if values == nil {
				continue
			}
			known = true
			if rt.call.method == r.Method && rt.take(r, values) {
				l.serve(rt.call, w, r)
				return
			}
		}
		if known {
			l.graphRefuse(w, r, http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
			return
		}
		l.graphRefuse(w, r, http.StatusBadRequest, "BadRequest",
			fmt.Sprintf("Resource not found for the segment '%s'.", probes.Clean(r.URL.Path, 200)))
	})
}

// ServeGraph answers as Graph does, without a network between: for a test that
// runs on a clock of its own.
func (l *Lab) ServeGraph(w http.ResponseWriter, r *http.Request) { l.graphAPI().ServeHTTP(w, r) }

// graphRoute is a call with what its path looks like.
type graphRoute struct {
	call    call
	pattern *regexp.Regexp
	names   []string
}

// graphRoutes are the calls of the table. A name in a path stands for one
// segment, or for a key between quotes: "applications(appId='{id}')".
func graphRoutes() []graphRoute {
	var routes []graphRoute
	name := regexp.MustCompile(`\\\{(\w+)\\\}`)
	for _, c := range calls() {
		rt := graphRoute{call: c}
		text := name.ReplaceAllStringFunc(regexp.QuoteMeta(c.path), func(s string) string {
			rt.names = append(rt.names, name.FindStringSubmatch(s)[1])
			return `([^/]+?)`
		})
		rt.pattern = regexp.MustCompile("^" + text + "$")
		routes = append(routes, rt)
	}
	return routes
}

// take puts the names of a path into the request.
func (rt graphRoute) take(r *http.Request, values []string) bool {
	for i, n := range rt.names {
		value, err := url.PathUnescape(values[i+1])
		if err != nil {
			return false
		}
		r.SetPathValue(n, value)
	}
	return true
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
	if l.busy(c, w, r) {
		return
	}
	if !b.allows(c) || !b.mayChange(c) || !b.mayRead(c, r) || r.Method != http.MethodGet && l.fault("role-missing") {
		l.denied(c, w, r)
		return
	}
	if why := checkQuery(c, r.URL.RawQuery); why != "" {
		l.graphRefuse(w, r, http.StatusBadRequest, "RequestBroker--ParseUri", why)
		return
	}
	if why := readBody(c, r); why != "" {
		l.graphRefuse(w, r, http.StatusBadRequest, "Request_BadRequest", why)
		return
	}
	if r.Method != http.MethodGet && l.fault("network-lost") && l.entraID.once("network-lost") {
		c.answer(l, &unheard{header: http.Header{}}, r)
		panic(http.ErrAbortHandler) // the answer never arrives
	}
	c.answer(l, w, r)
}

// allows tells whether a token may make a call.
func (b bearer) allows(c call) bool {
	return slices.ContainsFunc(c.roles, func(role string) bool { return slices.Contains(b.Roles, role) }) ||
		slices.ContainsFunc(c.scopes, func(scope string) bool { return slices.Contains(strings.Fields(b.Scopes), scope) })
}

// mayChange tells whether the person behind a token may make a call on the
// directory: a delegated permission adds nothing to the person's own roles
// (Microsoft Graph, "Overview of permissions"). In this tenant users register no
// applications, and reading needs no role. Mail is the person's own.
func (b bearer) mayChange(c call) bool {
	if b.User == "" || c.method == http.MethodGet || strings.HasPrefix(c.path, "/v1.0/users/") {
		return true
	}
	return slices.ContainsFunc(appAdministrators(), func(role string) bool { return slices.Contains(b.Wids, role) })
}

// mayRead tells whether a person reads mail of their own: a delegated
// permission is for the mailbox of who signed in (Graph permissions reference,
// Mail.ReadBasic).
func (b bearer) mayRead(c call, r *http.Request) bool {
	return b.User == "" || c.method != http.MethodGet || !strings.HasPrefix(c.path, "/v1.0/users/{user}/m") || strings.EqualFold(r.PathValue("user"), b.User)
}

// denied refuses in the words of the service behind: Exchange's for mail, the
// directory's for the rest.
func (l *Lab) denied(c call, w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(c.path, "/v1.0/users/") {
		l.graphRefuse(w, r, http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
		return
	}
	l.graphRefuse(w, r, http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// busy answers 429 and 503 when that was asked for.
func (l *Lab) busy(c call, w http.ResponseWriter, r *http.Request) bool {
	switch {
	case l.fault("throttled") && l.entraID.third():
		w.Header().Set("Retry-After", "1")
		l.graphRefuse(w, r, http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
	case l.fault("unavailable") && l.entraID.once(c.method+" "+c.path):
		w.Header().Set("Retry-After", "1")
		l.graphRefuse(w, r, http.StatusServiceUnavailable, "serviceNotAvailable", "The service is temporarily unavailable.")
	default:
		return false
	}
	return true
}

// unheard is an answer that nobody gets.
type unheard struct{ header http.Header }

func (u *unheard) Header() http.Header         { return u.header }
func (u *unheard) WriteHeader(int)             {}
func (u *unheard) Write(b []byte) (int, error) { return len(b), nil }

// readBody says what Graph would not take of a body, and leaves the body to be
// read again.
func readBody(c call, r *http.Request) string {
	if c.raw {
		return ""
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(body) > maxRequest {
		return "The request body is too large."
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case c.body == nil && len(body) > 0:
		return "The request has a body where none is expected."
	case c.body == nil:
		return ""
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return "A valid Content-Type header is required."
	}
	return c.body.check(body)
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
	for _, msg := range l.dir.messages(m, l.now()) {
		if wanted == "" || msg.messageID == wanted {
			list = append(list, chosen(msg.properties(), query.Get("$select")))
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

// properties are those of a message.
func (m message) properties() map[string]any {
	headers := []map[string]string{}
	for _, h := range m.headers {
		headers = append(headers, map[string]string{"name": h.name, "value": h.value})
	}
	return map[string]any{
		"id": m.id, "subject": m.subject, "internetMessageId": m.messageID, "parentFolderId": m.in.id,
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

// getFolder is "Get mailFolder" by id or by a well-known name.
func (l *Lab) getFolder(w http.ResponseWriter, r *http.Request) {
	m := l.graphUser(w, r)
	if m == nil {
		return
	}
	f := m.folder(r.PathValue("folder"))
	if f == nil {
		l.graphRefuse(w, r, http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
		return
	}
	writeJSON(w, http.StatusOK, chosen(map[string]any{"id": f.id, "displayName": f.name}, r.URL.Query().Get("$select")))
}
