package lab

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"offbasic/probes"
)

// grantApp is the client credentials grant (RFC 6749 section 4.4), checked in
// the order that Entra's answers show: the tenant, the app, its credential,
// the scope.
func (l *Lab) grantApp(tenant string, form url.Values) (map[string]any, *refusal) {
	if isCommon(tenant) {
		return nil, &refusal{
			http.StatusBadRequest, "invalid_request", 9001023,
			"The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
		}
	}
	if no := l.checkPlace(tenant); no != nil {
		return nil, no
	}
	e, no := l.clientApp(form.Get("client_id"))
	if no != nil {
		return nil, no
	}
	if no := l.checkCredential(tenant, e.AppID, form); no != nil {
		return nil, no
	}
	audience, res, no := l.appScope(form.Get("scope"))
	if no != nil {
		return nil, no
	}
	l.log("sign-in: token for " + audience)
	return map[string]any{
		"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()) - 1,
		"ext_expires_in": int(tokenLife.Seconds()) - 1,
		"access_token":   l.signer.sign(l.appClaims(audience, res, e)),
	}, nil
}

// assertionType is the only one there is (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

func (l *Lab) checkCredential(tenant, client string, form url.Values) *refusal {
	secret := form.Get("client_secret")
	switch {
	case form.Get("client_assertion") != "" && form.Get("client_assertion_type") == assertionType:
		return l.checkAssertion(tenant, client, form.Get("client_assertion"))
	case secret == "":
		return &refusal{
			http.StatusUnauthorized, "invalid_client", 7000218,
			"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
		}
	}
	switch found := l.checkSecret(client, secret); {
	case found == proofExpired, found == proofGood && l.fault("signin-secret-expired"):
		return &refusal{http.StatusUnauthorized, "invalid_client", 7000222, fmt.Sprintf(
			"The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: "+
				"https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", client)}
	case found == proofGood:
		return nil
	}
	return &refusal{http.StatusUnauthorized, "invalid_client", 7000215, fmt.Sprintf(
		"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "+
			"not the client secret ID, for a secret added to app '%s'.", client)}
}

// oidcScopes are those of OpenID Connect, which belong to no resource.
func oidcScopes() []string { return []string{"openid", "profile", "email", "offline_access"} }

// appScope finds the resource. An app asks for everything that it was given,
// by "/.default", and for one resource at a time. MSAL adds the scopes of
// OpenID Connect, which Entra passes over.
func (l *Lab) appScope(scope string) (audience string, res enterprise, no *refusal) {
	for s := range strings.FieldsSeq(scope) {
		if slices.Contains(oidcScopes(), s) {
			continue
		}
		name, isDefault := strings.CutSuffix(s, "/.default")
		if !isDefault || audience != "" {
			return "", enterprise{}, badScope(scope)
		}
		audience = strings.TrimSuffix(name, "/")
		var known bool
		if res, known = l.resourceFor(audience); !known {
			return "", enterprise{}, noResource(name)
		}
	}
	if audience == "" {
		return "", enterprise{}, badScope(scope)
	}
	return audience, res, nil
}

func noResource(name string) *refusal {
	return &refusal{http.StatusBadRequest, "invalid_resource", 500011, fmt.Sprintf(
		"The resource principal named %s was not found in the tenant named contoso. This can happen if the application has not "+
			"been installed by the administrator of the tenant or consented to by any user in the tenant. "+
			"You might have sent your authentication request to the wrong tenant.", probes.Clean(name, 200))}
}

func badScope(scope string) *refusal {
	return &refusal{http.StatusBadRequest, "invalid_scope", 70011, fmt.Sprintf(
		"The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. "+
			"The scope %s is not valid.", probes.Clean(scope, 200))}
}
