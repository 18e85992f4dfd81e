package lab_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes/lab"
)

const (
	tools    = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	hashed   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	back     = "http://localhost:4711"
)

// request is an authorization request as MSAL makes it, after edit.
func request(edit url.Values) url.Values {
	q := url.Values{
		"client_id": {tools}, "response_type": {"code"}, "redirect_uri": {back}, "state": {"st"}, "prompt": {"select_account"},
		"scope": {"https://graph.microsoft.com/Application.Read.All openid offline_access profile"}, "code_challenge": {hashed}, "code_challenge_method": {"S256"},
	}
	maps.Copy(q, edit)
	return q
}

// visit asks the authorization endpoint without following where it sends.
func visit(t *testing.T, l *lab.Lab, q url.Values) (*http.Response, string) {
	t.Helper()
	c := *l.HTTPClient()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := c.Get(l.Authority() + "/contoso.example/oauth2/v2.0/authorize?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, _ := io.ReadAll(res.Body)
	return res, string(page)
}

// redirected are the parameters that the browser was sent back with.
func redirected(t *testing.T, l *lab.Lab, q url.Values) url.Values {
	t.Helper()
	res, page := visit(t, l, q)
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), back+"?") {
		t.Fatalf("sent to %q %v: %s", res.Header.Get("Location"), res.Status, page)
	}
	return to.Query()
}

// postEntra posts a form to an endpoint.
func postEntra(t *testing.T, l *lab.Lab, endpoint string, form url.Values) map[string]any {
	t.Helper()
	res, err := l.HTTPClient().PostForm(l.Authority()+"/contoso.example/oauth2/v2.0/"+endpoint, form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func codeForm(code string, edit url.Values) url.Values {
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {tools}, "code": {code}, "redirect_uri": {back}, "code_verifier": {verifier}, "client_info": {"1"},
	}
	maps.Copy(form, edit)
	return form
}

// errorOf is the AADSTS number of a refusal, 0 for none.
func errorOf(answer map[string]any) (name string, number float64) {
	name, _ = answer["error"].(string)
	if codes, _ := answer["error_codes"].([]any); len(codes) > 0 {
		number, _ = codes[0].(float64)
	}
	return name, number
}

// RFC 6749 section 4.1, RFC 7636 section 4, OpenID Connect Core section 3.1.3.3.
func TestAuthorizationCode(t *testing.T) {
	l := start(t, lab.Options{})
	q := redirected(t, l, request(nil))
	if q.Get("state") != "st" {
		t.Errorf("state %q", q.Get("state"))
	}
	answer := postEntra(t, l, "token", codeForm(q.Get("code"), nil))
	if answer["refresh_token"] == nil || answer["token_type"] != "Bearer" || !strings.Contains(answer["scope"].(string), "https://graph.microsoft.com/Application.Read.All") {
		t.Fatalf("answer %v", answer)
	}
	access, id := verified(t, l, answer["access_token"]), verified(t, l, answer["id_token"])
	if access["upn"] != l.Admin() || access["scp"] != "Application.Read.All" || access["appid"] != tools || access["idtyp"] != "user" ||
		!strings.Contains(toJSON(access["wids"]), "62e90394-69f5-4237-9190-012177145e10") {
		t.Errorf("access token %v", access)
	}
	if id["aud"] != tools || id["preferred_username"] != l.Admin() || id["iss"] != l.Authority()+"/"+l.Tenant().ID+"/v2.0" || id["oid"] != access["oid"] {
		t.Errorf("id token %v", id)
	}
	if name, number := errorOf(postEntra(t, l, "token", codeForm(q.Get("code"), nil))); name != "invalid_grant" || number != 54005 {
		t.Errorf("a second time: %s %v, want invalid_grant 54005", name, number)
	}
}

func toJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// verified are the claims of a token, checked with the key that Entra
// publishes (RFC 7515 section 5.2).
func verified(t *testing.T, l *lab.Lab, token any) map[string]any {
	t.Helper()
	res, err := l.HTTPClient().Get(l.Authority() + "/common/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var set struct {
		Keys []struct{ N, E string }
	}
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("keys %v %v", set, err)
	}
	num := func(s string) *big.Int {
		b, _ := base64.RawURLEncoding.DecodeString(s)
		return new(big.Int).SetBytes(b)
	}
	key := &rsa.PublicKey{N: num(set.Keys[0].N), E: int(num(set.Keys[0].E).Int64())}
	text, _ := token.(string)
	i := strings.LastIndexByte(text, '.')
	if i < 0 {
		t.Fatalf("%v is no token", token)
	}
	sig, _ := base64.RawURLEncoding.DecodeString(text[i+1:])
	sum := sha256.Sum256([]byte(text[:i]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig); err != nil {
		t.Fatal(err)
	}
	body, _ := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	var claims map[string]any
	if err := json.Unmarshal(body, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestCodeIsForWhoAskedForIt(t *testing.T) {
	l := start(t, lab.Options{})
	for what, edit := range map[string]url.Values{
		"another verifier":   {"code_verifier": {strings.Repeat("x", 43)}},
		"no verifier":        {"code_verifier": {""}},
		"another address":    {"redirect_uri": {"http://localhost:1"}},
		"another client":     {"client_id": {l.App().ClientID}},
		"no code of Entra's": {"code": {"made-up"}},
	} {
		code := redirected(t, l, request(nil)).Get("code")
		if name, number := errorOf(postEntra(t, l, "token", codeForm(code, edit))); name != "invalid_grant" || number != 70000 {
			t.Errorf("%s: %s %v, want invalid_grant 70000", what, name, number)
		}
	}
}

func TestCodeExpires(t *testing.T) {
	now := time.Now()
	l := start(t, lab.Options{Now: func() time.Time { return now }})
	code := redirected(t, l, request(nil)).Get("code")
	now = now.Add(11 * time.Minute)
	if name, number := errorOf(postEntra(t, l, "token", codeForm(code, nil))); name != "invalid_grant" || number != 70008 {
		t.Errorf("%s %v, want invalid_grant 70008", name, number)
	}
}

// What is wrong with the client or its address is shown on the page: nothing
// is sent to an address that is not the client's (RFC 6749 section 4.1.2.1).
func TestBrowserIsSentToNobodyElse(t *testing.T) {
	l := start(t, lab.Options{})
	for want, edit := range map[string]url.Values{
		"AADSTS50011: ":  {"redirect_uri": {"https://evil.example/"}},
		"AADSTS50011:  ": {"redirect_uri": {"http://localhost.evil.example"}},
		"AADSTS700016: ": {"client_id": {"11111111-2222-4333-8444-555555555555"}},
		"AADSTS50034: ":  {"login_hint": {"<script>@contoso.example"}},
	} {
		res, page := visit(t, l, request(edit))
		if res.Header.Get("Location") != "" || !strings.Contains(page, strings.TrimSpace(want)) || strings.Contains(page, "<script>") || strings.Contains(page, "<form") {
			t.Errorf("%v: sent to %q: %s", edit, res.Header.Get("Location"), page)
		}
	}
}

func TestAuthorizeRefusesByRedirect(t *testing.T) {
	l := start(t, lab.Options{})
	for want, edit := range map[string]url.Values{
		"AADSTS9002313: ":  {"code_challenge_method": {"plain"}},
		"AADSTS9002313:  ": {"response_type": {"token"}},
		"AADSTS70011: ":    {"scope": {"https://outlook.office.com/SMTP.SendAsApp"}},
		"AADSTS700022: ":   {"scope": {"https://graph.microsoft.com/User.Read https://outlook.office.com/SMTP.Send"}},
		"AADSTS500011: ":   {"scope": {"https://unknown.example/Some.Scope"}},
		"AADSTS90094: ":    {"login_hint": {"helpdesk@contoso.example"}},
	} {
		q := redirected(t, l, request(edit))
		if q.Get("code") != "" || q.Get("state") != "st" || q.Get("error") == "" || !strings.HasPrefix(q.Get("error_description"), strings.TrimSpace(want)) {
			t.Errorf("%v: %v, want %s", edit, q, want)
		}
	}
}

// With prompt=login the page asks who it is.
func TestPageAsksWhoItIs(t *testing.T) {
	l := start(t, lab.Options{})
	_, page := visit(t, l, request(url.Values{"prompt": {"login"}}))
	if !strings.Contains(page, l.Admin()) || !strings.Contains(page, l.PlainUser()) {
		t.Fatalf("page %s", page)
	}
	q := redirected(t, l, request(url.Values{"prompt": {"login"}, "lab_account": {l.Admin()}}))
	if q.Get("code") == "" {
		t.Errorf("no code: %v", q)
	}
}

// A refresh gives a new refresh token, and the old one stays good (Microsoft,
// "Refresh tokens in the Microsoft identity platform").
func TestRefreshTokens(t *testing.T) {
	now := time.Now()
	l := start(t, lab.Options{Now: func() time.Time { return now }})
	answer := postEntra(t, l, "token", codeForm(redirected(t, l, request(nil)).Get("code"), nil))
	old := answer["refresh_token"].(string)
	refresh := func(token, scope string) map[string]any {
		return postEntra(t, l, "token", url.Values{"grant_type": {"refresh_token"}, "client_id": {tools}, "refresh_token": {token}, "scope": {scope}})
	}
	const had = "https://graph.microsoft.com/Application.Read.All offline_access"
	for _, token := range []string{old, old} {
		next := refresh(token, had)
		if next["access_token"] == nil || next["refresh_token"] == old {
			t.Errorf("answer %v", next)
		}
	}
	for scope, want := range map[string]float64{
		"https://graph.microsoft.com/Policy.Read.All": 65001, // nobody consented to it
		"https://graph.microsoft.com/No.Such.Scope":   70011,
	} {
		if _, number := errorOf(refresh(old, scope)); number != want {
			t.Errorf("%s: %v, want %v", scope, number, want)
		}
	}
	if _, number := errorOf(refresh("made-up", had)); number != 70000 {
		t.Errorf("a token that nobody gave: %v, want 70000", number)
	}
	now = now.Add(91 * 24 * time.Hour)
	if _, number := errorOf(refresh(old, had)); number != 700082 {
		t.Errorf("after 91 days: %v, want 700082", number)
	}
}

// RFC 8628 sections 3.2 to 3.5.
func TestDeviceCodes(t *testing.T) {
	now := time.Now()
	l := start(t, lab.Options{Now: func() time.Time { return now }})
	begin := func() (string, string) {
		a := postEntra(t, l, "devicecode", url.Values{"client_id": {tools}, "scope": {"https://graph.microsoft.com/Application.Read.All openid"}})
		if a["interval"] != 5.0 || a["expires_in"] != 900.0 || a["verification_uri"] == nil || a["message"] == nil {
			t.Fatalf("answer %v", a)
		}
		return a["device_code"].(string), a["user_code"].(string)
	}
	poll := func(code string) (string, float64) {
		return errorOf(postEntra(t, l, "token", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {tools}, "device_code": {code},
		}))
	}
	code, userCode := begin()
	for i, want := range []string{"authorization_pending", "slow_down"} {
		if name, number := poll(code); name != want || number != 70016 {
			t.Errorf("question %d: %s %v, want %s 70016", i+1, name, number, want)
		}
	}
	if err := l.EnterCode(t.Context(), "WRONG", ""); err == nil || !strings.HasPrefix(err.Error(), "AADSTS70018") {
		t.Errorf("a wrong code: %v", err)
	}
	if err := l.EnterCode(t.Context(), " "+strings.ToLower(userCode)+" ", ""); err != nil {
		t.Fatal(err)
	}
	if name, _ := poll(code); name != "" {
		t.Errorf("after the code: %s", name)
	}
	if name, number := poll(code); name != "invalid_grant" || number != 70000 {
		t.Errorf("a second token: %s %v", name, number)
	}
	code, userCode = begin()
	now = now.Add(16 * time.Minute)
	if name, number := poll(code); name != "expired_token" || number != 70020 {
		t.Errorf("too late: %s %v, want expired_token 70020", name, number)
	}
	if err := l.EnterCode(t.Context(), userCode, ""); err == nil {
		t.Error("an expired code was taken")
	}
}

// graphCall does one call of Graph as the administrator.
func graphCall(t *testing.T, l *lab.Lab, method, path string, body any) map[string]any {
	t.Helper()
	var b []byte
	if body != nil {
		b, _ = json.Marshal(body)
	}
	r, _ := http.NewRequestWithContext(context.Background(), method, l.GraphBase()+"/v1.0"+path, bytes.NewReader(b))
	r.Header.Set("Authorization", "Bearer "+l.AdminToken("Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"))
	r.Header.Set("Content-Type", "application/json")
	res, err := l.HTTPClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	_ = json.NewDecoder(res.Body).Decode(&answer)
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %v", method, path, res.Status, answer)
	}
	return answer
}

// An app that was made through Graph signs in with its secret once it has an
// enterprise application, and carries the roles that it was given.
func TestAppMadeThroughGraphSignsIn(t *testing.T) {
	l := start(t, lab.Options{})
	made := graphCall(t, l, http.MethodPost, "/applications", map[string]any{"displayName": "SMTP devices", "signInAudience": "AzureADMyOrg"})
	id, client := made["id"].(string), made["appId"].(string)
	secret := graphCall(t, l, http.MethodPost, "/applications/"+id+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "s"}})["secretText"].(string)
	token := func() map[string]any {
		return postEntra(t, l, "token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "scope": {"https://outlook.office365.com/.default"},
		})
	}
	if _, number := errorOf(token()); number != 7000229 {
		t.Errorf("without an enterprise application: %v, want 7000229", number)
	}
	sp := graphCall(t, l, http.MethodPost, "/servicePrincipals", map[string]any{"appId": client})["id"].(string)
	if claims := verified(t, l, token()["access_token"]); claims["roles"] != nil || claims["oid"] != sp || claims["appid"] != client {
		t.Errorf("before consent: %v", claims)
	}
	exchange := graphCall(t, l, http.MethodGet, "/servicePrincipals(appId='00000002-0000-0ff1-ce00-000000000000')", nil)
	roles := exchange["appRoles"].([]any)
	i := slices.IndexFunc(roles, func(r any) bool { return r.(map[string]any)["value"] == "SMTP.SendAsApp" })
	graphCall(t, l, http.MethodPost, "/servicePrincipals/"+sp+"/appRoleAssignments", map[string]any{
		"principalId": sp, "resourceId": exchange["id"], "appRoleId": roles[i].(map[string]any)["id"],
	})
	if claims := verified(t, l, token()["access_token"]); toJSON(claims["roles"]) != `["SMTP.SendAsApp"]` {
		t.Errorf("after consent: %v", claims["roles"])
	}
	secret = "another"
	if _, number := errorOf(token()); number != 7000215 {
		t.Errorf("another secret: %v, want 7000215", number)
	}
}
