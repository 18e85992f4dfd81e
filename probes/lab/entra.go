package lab

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// tokenLife is how long a token is good for.
const tokenLife = time.Hour

// entra answers as login.microsoftonline.com does.
func (l *Lab) entra() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", l.configuration)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", l.token)
	return mux
}

// refusal is what Entra says no with.
type refusal struct {
	status int
	name   string // of OAuth: "invalid_client"
	code   int    // of AADSTS
	text   string
}

// refuse answers as Entra's error body does. The texts are those of
// Microsoft's list of AADSTS codes and of the sign-in page.
func (l *Lab) refuse(w http.ResponseWriter, r refusal) {
	trace, correlation := newID(), newID()
	at := l.now().UTC().Format("2006-01-02 15:04:05Z")
	l.log(fmt.Sprintf("sign-in: AADSTS%d", r.code))
	writeJSON(w, r.status, map[string]any{
		"error": r.name,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
			r.code, r.text, trace, correlation, at),
		"error_codes": []int{r.code}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// configuration is the discovery document (OpenID Connect Discovery 1.0
// section 4), with what MSAL reads of it.
func (l *Lab) configuration(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if !isCommon(tenant) && !l.isTenant(tenant) {
		l.refuse(w, tenantNotFound(tenant))
		return
	}
	base := l.Authority() + "/" + url.PathEscape(tenant)
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                 base + "/v2.0",
		"authorization_endpoint": base + "/oauth2/v2.0/authorize",
		"token_endpoint":         base + "/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": []string{
			"client_secret_post", "private_key_jwt", "client_secret_basic",
		},
	})
}

func tenantNotFound(tenant string) refusal {
	return refusal{http.StatusBadRequest, "invalid_tenant", 90002, fmt.Sprintf(
		"Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. "+
			"Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
		probes.Clean(tenant, 100))}
}

// isCommon tells the endpoints that are no tenant.
func isCommon(tenant string) bool {
	return slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(tenant))
}

func (l *Lab) isTenant(name string) bool {
	return strings.EqualFold(name, l.dir.tenantID) || l.dir.accepted("@"+name)
}

// token is the token endpoint. Only client credentials are asked of it.
func (l *Lab) token(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		l.refuse(w, malformed())
		return
	}
	res, no := l.clientCredentials(r.PathValue("tenant"), r.PostForm)
	if no != nil {
		l.refuse(w, *no)
		return
	}
	l.log("sign-in: token for " + res.audience)
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()) - 1,
		"ext_expires_in": int(tokenLife.Seconds()) - 1,
		"access_token":   l.signer.sign(l.claims(res, l.app)),
	})
}

func malformed() refusal {
	return refusal{http.StatusBadRequest, "invalid_request", 9002313, "Invalid request. Request is malformed or invalid."}
}

// clientCredentials checks a request in the order that Entra's answers show:
// the tenant, the form, the app, its credential, the scope.
func (l *Lab) clientCredentials(tenant string, form url.Values) (resource, *refusal) {
	for _, check := range []func(string, url.Values) *refusal{
		l.checkTenant, checkForm, l.checkApp, l.checkCredential,
	} {
		if no := check(tenant, form); no != nil {
			return resource{}, no
		}
	}
	return checkScope(form.Get("scope"))
}

func (l *Lab) checkTenant(tenant string, _ url.Values) *refusal {
	switch {
	case isCommon(tenant):
		return &refusal{
			http.StatusBadRequest, "invalid_request", 9001023,
			"The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
		}
	case !l.isTenant(tenant):
		no := tenantNotFound(tenant)
		return &no
	}
	return nil
}

func checkForm(_ string, form url.Values) *refusal {
	for _, name := range []string{"grant_type", "client_id", "scope"} {
		if form.Get(name) == "" {
			return &refusal{
				http.StatusBadRequest, "invalid_request", 900144,
				"The request body must contain the following parameter: '" + name + "'.",
			}
		}
	}
	if form.Get("grant_type") != "client_credentials" {
		no := malformed()
		return &no
	}
	return nil
}

func (l *Lab) checkApp(_ string, form url.Values) *refusal {
	if strings.EqualFold(form.Get("client_id"), l.app.ClientID) {
		return nil
	}
	return &refusal{http.StatusBadRequest, "unauthorized_client", 700016, fmt.Sprintf(
		"Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been "+
			"installed by the administrator of the tenant or consented to by any user in the tenant. "+
			"You may have sent your authentication request to the wrong tenant.",
		probes.Clean(form.Get("client_id"), 100), l.dir.domains[0])}
}

// assertionType is the only one there is (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

func (l *Lab) checkCredential(tenant string, form url.Values) *refusal {
	switch {
	case form.Get("client_assertion") != "" && form.Get("client_assertion_type") == assertionType:
		return l.checkAssertion(tenant, form.Get("client_assertion"))
	case form.Get("client_secret") == "":
		return &refusal{
			http.StatusUnauthorized, "invalid_client", 7000218,
			"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
		}
	case subtle.ConstantTimeCompare([]byte(form.Get("client_secret")), []byte(l.app.Secret)) != 1:
		return &refusal{http.StatusUnauthorized, "invalid_client", 7000215, fmt.Sprintf(
			"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "+
				"not the client secret ID, for a secret added to app '%s'.", l.app.ClientID)}
	}
	return nil
}

// checkScope finds the resource. An app asks for everything that it was given,
// by "/.default", and for one resource at a time. MSAL adds the scopes of
// OpenID Connect, which Entra passes over.
func checkScope(scope string) (resource, *refusal) {
	var found *resource
	for s := range strings.FieldsSeq(scope) {
		if slices.Contains([]string{"openid", "offline_access", "profile"}, s) {
			continue
		}
		name, isDefault := strings.CutSuffix(s, "/.default")
		i := slices.IndexFunc(resources(), func(r resource) bool { return r.audience == strings.TrimSuffix(name, "/") })
		switch {
		case !isDefault:
			return resource{}, badScope(s)
		case i < 0:
			return resource{}, &refusal{http.StatusBadRequest, "invalid_resource", 500011, fmt.Sprintf(
				"The resource principal named %s was not found in the tenant named contoso. This can happen if the application has not "+
					"been installed by the administrator of the tenant or consented to by any user in the tenant. "+
					"You might have sent your authentication request to the wrong tenant.", probes.Clean(name, 200))}
		case found != nil:
			return resource{}, badScope(scope)
		}
		found = &resources()[i]
	}
	if found == nil {
		return resource{}, badScope(scope)
	}
	return *found, nil
}

func badScope(scope string) *refusal {
	return &refusal{http.StatusBadRequest, "invalid_scope", 70011, fmt.Sprintf(
		"The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. "+
			"The scope %s is not valid.", probes.Clean(scope, 200))}
}
