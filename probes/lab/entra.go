package lab

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
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
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", l.publicKeys)
	mux.HandleFunc("GET /{tenant}/oauth2/v2.0/authorize", l.authorize)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/devicecode", l.deviceCode)
	mux.HandleFunc("GET /common/oauth2/deviceauth", l.devicePage)
	mux.HandleFunc("POST /common/oauth2/deviceauth", l.enterCode)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", l.token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", l.serviceTime().UTC().Format(http.TimeFormat))
		mux.ServeHTTP(w, r)
	})
}

// serviceTime is what Entra's clock shows: the lab's, unless the two are made
// to differ.
func (l *Lab) serviceTime() time.Time {
	if l.fault("signin-clock") {
		return l.now().Add(-2 * time.Hour)
	}
	return l.now()
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
	at := l.serviceTime().UTC().Format("2006-01-02 15:04:05Z")
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
// section 4). Its addresses hold the tenant's id, whatever name was asked for.
func (l *Lab) configuration(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if no := l.checkPlace(tenant); no != nil {
		l.refuse(w, *no)
		return
	}
	segment, issuer := l.dir.tenantID, l.dir.tenantID
	if isCommon(tenant) {
		segment, issuer = strings.ToLower(tenant), "{tenantid}"
	}
	base := l.Authority() + "/" + segment
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                        l.Authority() + "/" + issuer + "/v2.0",
		"authorization_endpoint":        base + "/oauth2/v2.0/authorize",
		"token_endpoint":                base + "/oauth2/v2.0/token",
		"device_authorization_endpoint": base + "/oauth2/v2.0/devicecode",
		"jwks_uri":                      base + "/discovery/v2.0/keys",
		"response_types_supported":      []string{"code"},
		"response_modes_supported":      []string{"query", "form_post"},
		"scopes_supported":              oidcScopes(),
		"token_endpoint_auth_methods_supported": []string{
			"client_secret_post", "private_key_jwt", "client_secret_basic",
		},
	})
}

// publicKeys are what tokens are verified with (RFC 7517 section 5).
func (l *Lab) publicKeys(w http.ResponseWriter, _ *http.Request) {
	key := &l.signer.key.PublicKey
	writeJSON(w, http.StatusOK, map[string]any{"keys": []any{jwk(l.signer.kid, key)}})
}

func jwk(kid string, key *rsa.PublicKey) map[string]string {
	b64 := base64.RawURLEncoding.EncodeToString
	return map[string]string{
		"kty": "RSA", "use": "sig", "kid": kid, "x5t": kid,
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}
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

// checkPlace refuses a tenant that is not this one.
func (l *Lab) checkPlace(tenant string) *refusal {
	switch {
	case l.fault("signin-other-cloud"):
		return &refusal{http.StatusBadRequest, "invalid_request", 90038, fmt.Sprintf(
			"Tenant '%s' request is being redirected to the National Cloud 'MicrosoftOnline.us'.", probes.Clean(tenant, 100))}
	case l.fault("signin-tenant-missing"), !isCommon(tenant) && !l.isTenant(tenant):
		no := tenantNotFound(tenant)
		return &no
	}
	return nil
}

// token is the token endpoint.
func (l *Lab) token(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		l.refuse(w, malformed())
		return
	}
	answer, no := l.grant(r.PathValue("tenant"), r.PostForm)
	if no != nil {
		l.refuse(w, *no)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// grant gives a token for what a client brings.
func (l *Lab) grant(tenant string, form url.Values) (map[string]any, *refusal) {
	if no := checkForm(form); no != nil {
		return nil, no
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		return l.grantApp(tenant, form)
	case "authorization_code":
		return l.redeem(tenant, form, l.redeemCode)
	case deviceGrant, oldDeviceGrant:
		return l.redeem(tenant, form, l.redeemDevice)
	case "refresh_token":
		return l.redeem(tenant, form, l.redeemRefresh)
	}
	no := malformed()
	return nil, &no
}

func malformed() refusal {
	return refusal{http.StatusBadRequest, "invalid_request", 9002313, "Invalid request. Request is malformed or invalid."}
}

// checkForm asks for what every grant brings, and the one it names.
func checkForm(form url.Values) *refusal {
	needs := map[string][]string{
		"client_credentials": {"scope"}, "authorization_code": {"code"}, "refresh_token": {"refresh_token"},
		deviceGrant: {"device_code"}, oldDeviceGrant: {"device_code"},
	}
	for _, name := range append([]string{"grant_type", "client_id"}, needs[form.Get("grant_type")]...) {
		if form.Get(name) == "" {
			return &refusal{
				http.StatusBadRequest, "invalid_request", 900144,
				"The request body must contain the following parameter: '" + name + "'.",
			}
		}
	}
	return nil
}

// clientApp is the app that signs in: its enterprise application in this tenant.
// Microsoft's own command line tools are known to every tenant.
func (l *Lab) clientApp(id string) (enterprise, *refusal) {
	e, there := l.enterprise(id)
	_, registered := l.registration(id)
	switch {
	case l.fault("signin-client-unknown"):
	case strings.EqualFold(id, commandLineTools):
		e.AppID = commandLineTools
		return e, nil
	case there && !e.Enabled:
		return e, &refusal{http.StatusBadRequest, "unauthorized_client", 7000112, fmt.Sprintf(
			"Application '%s' is disabled.", probes.Clean(id, 100))}
	case there && strings.EqualFold(e.AppID, id): // an object id is no client id
		return e, nil
	case registered:
		return e, &refusal{http.StatusBadRequest, "unauthorized_client", 7000229, fmt.Sprintf(
			"The client application %s is missing service principal in the tenant %s.", probes.Clean(id, 100), l.dir.tenantID)}
	}
	return enterprise{}, &refusal{http.StatusBadRequest, "unauthorized_client", 700016, fmt.Sprintf(
		"Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been "+
			"installed by the administrator of the tenant or consented to by any user in the tenant. "+
			"You may have sent your authentication request to the wrong tenant.",
		probes.Clean(id, 100), l.dir.domains[0])}
}
