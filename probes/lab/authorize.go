package lab

import (
	"fmt"
	page "html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// codeLife is how long an authorization code is good for: ten minutes
// (Microsoft, "OAuth 2.0 authorization code flow").
const codeLife = 10 * time.Minute

// asked is what a client asks a user for: delegated permissions of one
// resource.
type asked struct {
	audience string
	resource enterprise
	values   []string // of the permissions
	raw      []string // as they were written
}

// delegated reads a scope parameter. A bare name is one of Graph; two resources
// are one too many.
func (l *Lab) delegated(scope string, client enterprise) (asked, *refusal) {
	var a asked
	for s := range strings.FieldsSeq(scope) {
		a.raw = append(a.raw, s)
		if slices.Contains(oidcScopes(), s) {
			continue
		}
		audience, value := "https://graph.microsoft.com", s
		if i := strings.LastIndexByte(s, '/'); i > len("https://") {
			audience, value = strings.TrimSuffix(s[:i], "/"), s[i+1:]
		}
		res, known := l.resourceFor(audience)
		switch {
		case !known:
			return asked{}, noResource(audience)
		case a.audience != "" && a.audience != audience:
			return asked{}, &refusal{
				http.StatusBadRequest, "invalid_scope", 700022,
				"The provided value for the input parameter 'scope' isn't valid because it contains more than one resource.",
			}
		}
		a.audience, a.resource = audience, res
		if value == ".default" {
			a.values = append(a.values, l.required(client.AppID, res)...)
			continue
		}
		if !slices.ContainsFunc(res.Scopes, func(p permissionScope) bool { return p.Value == value && p.Enabled }) {
			return asked{}, badScope(s)
		}
		a.values = append(a.values, value)
	}
	if a.audience == "" { // OpenID Connect alone comes with a token for Graph
		a.audience = "https://graph.microsoft.com"
		a.resource, _ = l.resourceFor(a.audience)
	}
	return a, nil
}

// required are the delegated permissions of a resource that an app's
// registration lists: what ".default" stands for.
func (l *Lab) required(client string, res enterprise) []string {
	reg, _ := l.registration(client)
	var values []string
	for _, need := range reg.Required {
		for _, p := range res.Scopes {
			if need.Resource == res.AppID && slices.Contains(need.Access, resourceAccess{p.ID, "Scope"}) {
				values = append(values, p.Value)
			}
		}
	}
	return values
}

// lacking are the permissions that nobody has consented to.
func (l *Lab) lacking(a asked, client enterprise) []string {
	have := l.grantedScopes(client.AppID, a.resource.AppID)
	return slices.DeleteFunc(slices.Clone(a.values), func(v string) bool { return slices.Contains(have, v) })
}

// consent is the page on which an administrator agrees, for the organisation.
func (l *Lab) consent(a asked, client enterprise, u user) *refusal {
	lacking := l.lacking(a, client)
	switch {
	case l.fault("signin-consent-needed"), !u.isAdmin() && slices.ContainsFunc(lacking, needsAdmin):
		return &refusal{http.StatusForbidden, "access_denied", 90094, "Admin consent is required for the permissions requested by this application. " +
			"An admin consent request may be sent to the admin."}
	case l.fault("signin-declined"):
		return &refusal{http.StatusForbidden, "access_denied", 65004, "User declined to consent to access the app."}
	case len(lacking) > 0:
		name := client.DisplayName
		if name == "" {
			name = commandLineToolsName
		}
		l.grantScopes(client.AppID, name, a.resource.AppID, lacking...)
	}
	return nil
}

// needsAdmin tells a permission that only an administrator consents to. In this
// tenant users may let an application read the headers of their own mail.
func needsAdmin(scope string) bool { return scope != "Mail.ReadBasic" && scope != "User.Read" }

// authorize is the authorization endpoint: authorization code with PKCE (RFC
// 7636). The administrator, or the account of login_hint, is signed in at
// once; with prompt=login a page asks who it is.
func (l *Lab) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	client, u, no := l.checkAuthorize(r.PathValue("tenant"), q)
	if no != nil {
		l.page(w, *no)
		return
	}
	if slices.Contains([]string{"login", "consent"}, q.Get("prompt")) && q.Get("lab_account") == "" {
		l.accountPage(w, q)
		return
	}
	answer := url.Values{"state": {q.Get("state")}}
	code, no := l.issueCode(q, client, u)
	if no != nil {
		l.log(fmt.Sprintf("sign-in: AADSTS%d", no.code))
		answer.Set("error", no.name)
		answer.Set("error_description", fmt.Sprintf("AADSTS%d: %s", no.code, no.text))
	} else {
		l.log("sign-in: code for " + u.upn)
		answer.Set("code", code)
	}
	goBack(w, r, q, answer)
}

// checkAuthorize looks for what keeps the browser on the page: nothing is sent
// to an address that is not the client's.
func (l *Lab) checkAuthorize(tenant string, q url.Values) (enterprise, user, *refusal) {
	if no := l.checkPlace(tenant); no != nil {
		return enterprise{}, user{}, no
	}
	client, no := l.clientApp(q.Get("client_id"))
	if no != nil {
		return client, user{}, no
	}
	if !l.mayReturn(client, q.Get("redirect_uri")) {
		return client, user{}, &refusal{http.StatusBadRequest, "invalid_request", 50011, fmt.Sprintf(
			"The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'.",
			probes.Clean(q.Get("redirect_uri"), 200), client.AppID)}
	}
	name := q.Get("lab_account")
	if name == "" {
		name = q.Get("login_hint")
	}
	u, known := l.user(name)
	if !known {
		return client, u, &refusal{http.StatusBadRequest, "invalid_request", 50034, fmt.Sprintf(
			"The user account %s does not exist in the %s directory. To sign into this application, the account must be added to the directory.",
			probes.Clean(name, 100), l.dir.domains[0])}
	}
	return client, u, l.keptOut(client, u)
}

// keptOut refuses who may not sign in at all, as the sign-in page does.
func (l *Lab) keptOut(client enterprise, u user) *refusal {
	switch {
	case l.fault("signin-blocked"):
		return blockedByPolicy()
	case l.fault("signin-not-assigned"):
		return &refusal{http.StatusBadRequest, "access_denied", 50105, fmt.Sprintf(
			"Your administrator has configured the application %s to block users unless they are specifically granted ('assigned') access to the application. "+
				"The signed in user '%s' is blocked because they are not a direct member of a group with access.", client.AppID, u.upn)}
	case l.fault("signin-wrong-account"):
		return &refusal{http.StatusBadRequest, "invalid_grant", 50020, fmt.Sprintf(
			"User account '%s' from identity provider 'https://sts.windows.net/%s/' does not exist in tenant '%s'.", u.upn, newID(), l.dir.domains[0])}
	}
	return nil
}

func blockedByPolicy() *refusal {
	return &refusal{http.StatusBadRequest, "invalid_grant", 53003, "Access has been blocked by Conditional Access policies. " +
		"The access policy does not allow token issuance."}
}

// mayReturn tells whether an address is one of the client's. The port of
// http://localhost is not compared (RFC 8252 section 7.3).
func (l *Lab) mayReturn(client enterprise, redirect string) bool {
	allowed := []string{"http://localhost"} // of Microsoft's command line tools
	if client.AppID != commandLineTools {
		reg, _ := l.registration(client.AppID)
		allowed = reg.Public.RedirectURIs
	}
	u, err := url.Parse(redirect)
	if err != nil || redirect == "" {
		return false
	}
	if u.Scheme == "http" && u.Hostname() == "localhost" {
		u.Host = "localhost"
	}
	return slices.Contains(allowed, redirect) || slices.Contains(allowed, strings.TrimSuffix(u.String(), "/"))
}

// issueCode signs the user in.
func (l *Lab) issueCode(q url.Values, client enterprise, u user) (string, *refusal) {
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
		no := malformed()
		return "", &no
	}
	a, no := l.delegated(q.Get("scope"), client)
	if no == nil {
		no = l.consent(a, client, u)
	}
	if no != nil {
		return "", no
	}
	code := randomText(48)
	l.signIns.mu.Lock()
	defer l.signIns.mu.Unlock()
	l.signIns.codes.put(code, userGrant{
		client: client.AppID, user: u, asked: a, redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
		nonce: q.Get("nonce"), expires: l.now().Add(codeLife),
	})
	return code, nil
}

// goBack sends the browser to the client: as a form that posts itself (OAuth
// 2.0 Form Post Response Mode), or by redirect.
func goBack(w http.ResponseWriter, r *http.Request, q, answer url.Values) {
	if q.Get("response_mode") == "form_post" {
		write(w, formPost(), map[string]any{"Action": page.URL(q.Get("redirect_uri")), "Fields": answer}) //nolint:gosec // compared with the client's
		return
	}
	u, _ := url.Parse(q.Get("redirect_uri")) // was parsed by mayReturn
	u.RawQuery = answer.Encode()
	http.Redirect(w, r, u.String(), http.StatusFound)
}

func formPost() string {
	return `<!DOCTYPE html><html lang="en"><head><title>Working...</title></head><body onload="document.forms[0].submit()">
<form method="post" action="{{.Action}}">{{range $k, $v := .Fields}}<input type="hidden" name="{{$k}}" value="{{index $v 0}}">{{end}}
<noscript><button>Continue</button></noscript></form></body></html>
`
}

// accountPage asks who signs in.
func (l *Lab) accountPage(w http.ResponseWriter, q url.Values) {
	write(w, `<!DOCTYPE html><html lang="en"><head><title>Pick an account</title></head><body><h1>Pick an account</h1>
<form>{{range $k, $v := .Fields}}<input type="hidden" name="{{$k}}" value="{{index $v 0}}">{{end}}
{{range .Users}}<button name="lab_account" value="{{.}}">{{.}}</button> {{end}}</form></body></html>
`, map[string]any{"Fields": q, "Users": []string{adminAccount, plainAccount}})
}

// page shows a refusal to who sits at the browser; the client is not told.
func (l *Lab) page(w http.ResponseWriter, no refusal) {
	l.log(fmt.Sprintf("sign-in: AADSTS%d", no.code))
	write(w, `<!DOCTYPE html><html lang="en"><head><title>Sign in to your account</title></head><body>
<p>Sorry, but we’re having trouble signing you in.</p><p>AADSTS{{.Code}}: {{.Text}}</p></body></html>
`, map[string]any{"Code": no.code, "Text": no.text})
}

// write fills in a page; html/template escapes what came with the request.
func write(w http.ResponseWriter, text string, values map[string]any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = page.Must(page.New("page").Parse(text)).Execute(w, values) // the client may be gone
}
