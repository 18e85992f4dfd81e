package lab

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// refreshLife is how long a refresh token is good for when it is not used: 90
// days (Microsoft, "Refresh tokens in the Microsoft identity platform").
const refreshLife = 90 * 24 * time.Hour

// signIns are the sign-ins of users that are under way or remembered.
type signIns struct {
	users []user // from the start; never changed

	mu        sync.Mutex
	codes     kept[userGrant] // authorization codes; a used one has no user
	devices   kept[*device]   // by device code
	refreshes kept[userGrant]
}

// kept is a table that forgets its oldest entry rather than grow without end.
type kept[T any] struct {
	all   map[string]T
	order []string
}

func (k *kept[T]) put(name string, v T) {
	if k.all == nil {
		k.all = map[string]T{}
	}
	k.all[name] = v
	k.order = append(k.order, name)
	if len(k.order) > 1000 {
		delete(k.all, k.order[0])
		k.order = k.order[1:]
	}
}

// userGrant is a user who signed in to a client, for what was asked.
type userGrant struct {
	client                     string // application id
	user                       user
	asked                      asked
	redirect, challenge, nonce string
	expires                    time.Time
}

// redeem gives a user's token for what one of the grants brings.
func (l *Lab) redeem(tenant string, form url.Values, from func(url.Values, enterprise) (userGrant, *refusal)) (map[string]any, *refusal) {
	if no := l.checkPlace(tenant); no != nil {
		return nil, no
	}
	client, no := l.clientApp(form.Get("client_id"))
	if no != nil {
		return nil, no
	}
	in, no := from(form, client)
	if no != nil {
		return nil, no
	}
	if in.client != client.AppID {
		return nil, badGrant()
	}
	l.log("sign-in: token for " + in.user.upn + " for " + in.asked.audience)
	return l.userAnswer(form, in, client), nil
}

func badGrant() *refusal {
	return &refusal{http.StatusBadRequest, "invalid_grant", 70000, "Provided grant is invalid or malformed."}
}

// redeemCode takes an authorization code, once, from who has the verifier (RFC
// 7636 section 4.6).
func (l *Lab) redeemCode(form url.Values, _ enterprise) (userGrant, *refusal) {
	l.signIns.mu.Lock()
	defer l.signIns.mu.Unlock()
	code := form.Get("code")
	in, known := l.signIns.codes.all[code]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	proved := subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(in.challenge)) == 1
	switch {
	case known && in.user.id == "":
		return in, &refusal{
			http.StatusBadRequest, "invalid_grant", 54005,
			"OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
		}
	case !known, !proved, in.redirect != form.Get("redirect_uri"):
		return in, badGrant()
	case !l.now().Before(in.expires):
		return in, &refusal{
			http.StatusBadRequest, "invalid_grant", 70008,
			"The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
		}
	}
	l.signIns.codes.all[code] = userGrant{}
	return in, nil
}

// redeemDevice takes a device code once its user has entered it.
func (l *Lab) redeemDevice(form url.Values, client enterprise) (userGrant, *refusal) {
	if no := l.checkPublic(client); no != nil {
		return userGrant{}, no
	}
	l.signIns.mu.Lock()
	defer l.signIns.mu.Unlock()
	d, known := l.signIns.devices.all[form.Get("device_code")]
	if !known {
		return userGrant{}, badGrant()
	}
	if no := l.poll(d); no != nil {
		return userGrant{}, no
	}
	delete(l.signIns.devices.all, form.Get("device_code"))
	return userGrant{client: d.client.AppID, user: *d.user, asked: d.asked}, nil
}

// checkPublic refuses a client without a credential that is not a public one.
func (l *Lab) checkPublic(client enterprise) *refusal {
	reg, _ := l.registration(client.AppID)
	if client.AppID == commandLineTools || reg.FallbackPublic != nil && *reg.FallbackPublic {
		return nil
	}
	return &refusal{
		http.StatusUnauthorized, "invalid_client", 7000218,
		"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
	}
}

// redeemRefresh takes a refresh token, for any permission that was consented
// to. The token that was used stays good (Microsoft, "Refresh tokens in the
// Microsoft identity platform").
func (l *Lab) redeemRefresh(form url.Values, client enterprise) (userGrant, *refusal) {
	l.signIns.mu.Lock()
	in, known := l.signIns.refreshes.all[form.Get("refresh_token")]
	l.signIns.mu.Unlock()
	switch {
	case !known:
		return in, badGrant()
	case l.fault("signin-session-revoked"):
		return in, &refusal{
			http.StatusBadRequest, "invalid_grant", 50173,
			"The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
		}
	case l.fault("signin-second-factor"):
		return in, &refusal{http.StatusBadRequest, "interaction_required", 50076, "Due to a configuration change made by your administrator, " +
			"or because you moved to a new location, you must use multi-factor authentication to access the resource."}
	case !l.now().Before(in.expires):
		return in, &refusal{
			http.StatusBadRequest, "invalid_grant", 700082,
			"The refresh token has expired due to inactivity.",
		}
	}
	if scope := form.Get("scope"); scope != "" {
		a, no := l.delegated(scope, client)
		if no != nil {
			return in, no
		}
		in.asked = a
	}
	if len(l.lacking(in.asked, client)) > 0 {
		return in, &refusal{http.StatusBadRequest, "invalid_grant", 65001, "The user or administrator has not consented to use the application with ID '" +
			client.AppID + "'. Send an interactive authorization request for this user and resource."}
	}
	return in, nil
}

// userAnswer is the answer of the token endpoint for a user.
func (l *Lab) userAnswer(form url.Values, in userGrant, client enterprise) map[string]any {
	granted := l.grantedScopes(client.AppID, in.asked.resource.AppID)
	scopes := slices.Clone(in.asked.raw)
	for _, v := range granted {
		scopes = append(scopes, in.asked.audience+"/"+v)
	}
	slices.Sort(scopes)
	seconds := int(tokenLife.Seconds()) - 1
	answer := map[string]any{
		"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds,
		"scope":        strings.Join(slices.Compact(scopes), " "),
		"access_token": l.signer.sign(l.userClaims(in.asked.audience, granted, client, in.user)),
	}
	if slices.Contains(in.asked.raw, "offline_access") {
		answer["refresh_token"] = l.newRefresh(in)
	}
	if slices.Contains(in.asked.raw, "openid") {
		answer["id_token"] = l.signer.sign(l.idClaims(in))
	}
	if form.Get("client_info") == "1" {
		answer["client_info"] = part(map[string]any{"uid": in.user.id, "utid": l.dir.tenantID})
	}
	return answer
}

func (l *Lab) newRefresh(in userGrant) string {
	token := "1." + randomText(120)
	in.expires = l.now().Add(refreshLife)
	l.signIns.mu.Lock()
	defer l.signIns.mu.Unlock()
	l.signIns.refreshes.put(token, in)
	return token
}

// idClaims are those of an id_token of version 2.0 (OpenID Connect Core
// section 2).
func (l *Lab) idClaims(in userGrant) map[string]any {
	now := l.serviceTime()
	c := map[string]any{
		"aud": in.client, "iss": l.Authority() + "/" + l.dir.tenantID + "/v2.0", "ver": "2.0",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
		"sub": in.user.id, "oid": in.user.id, "tid": l.dir.tenantID,
		"name": in.user.name, "preferred_username": in.user.upn,
	}
	if in.nonce != "" {
		c["nonce"] = in.nonce
	}
	return c
}
