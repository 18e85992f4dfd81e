package signin_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/probes/signin"
)

const outlook = "https://outlook.office365.com/.default"

func startLab(t *testing.T, faults ...string) *lab.Lab {
	t.Helper()
	l, err := lab.Start(t.Context(), lab.Options{Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func app(l *lab.Lab) signin.App {
	return signin.App{
		Authority: l.Authority(), Tenant: l.Tenant().ID, ClientID: l.App().ClientID,
		Secret: l.App().Secret, HTTP: l.HTTPClient(),
	}
}

func fault(t *testing.T, err error) *probes.Fault {
	t.Helper()
	var f *probes.Fault
	if !errors.As(err, &f) {
		t.Fatalf("error %v (%T), want a fault", err, err)
	}
	return f
}

func TestSignsInWithASecretOrACertificate(t *testing.T) {
	l := startLab(t)
	for _, credential := range []string{"secret", "certificate", "domain for tenant"} {
		a := app(l)
		switch credential {
		case "certificate":
			a.Secret, a.Certificate = "", l.App().Certificate
		case "domain for tenant":
			a.Tenant = "contoso.example"
		}
		tok, err := a.Token(t.Context(), outlook)
		if err != nil {
			t.Fatalf("%s: %v", credential, err)
		}
		c := tok.Claims
		if c.Audience != "https://outlook.office365.com" || c.Tenant != l.Tenant().ID || c.App != l.App().ClientID ||
			c.Object != l.App().ObjectID || !slices.Contains(c.Roles, "SMTP.SendAsApp") {
			t.Errorf("%s: claims %+v", credential, c)
		}
		if left := time.Until(tok.Expires); left < 50*time.Minute || left > 61*time.Minute {
			t.Errorf("%s: expires in %v, want an hour", credential, left)
		}
		if tok.Access() == "" || strings.Count(tok.Access(), ".") != 2 {
			t.Errorf("%s: the token is not a token", credential)
		}
	}
}

// The codes are Microsoft's list of AADSTS codes (reference-error-codes).
func TestRefusalsCarryTheirCode(t *testing.T) {
	l := startLab(t)
	other, _ := certificate(t)
	for _, tt := range []struct {
		name, aadsts string
		want         probes.Code
		edit         func(*signin.App, *string)
	}{
		{"wrong secret", "7000215", signin.Refused, func(a *signin.App, _ *string) { a.Secret = "wrong-secret-wrong-secret" }},
		{"unknown app", "700016", signin.NoClient, func(a *signin.App, _ *string) { a.ClientID = "11111111-2222-4333-8444-555555555555" }},
		{"unknown tenant", "90002", signin.NoTenant, func(a *signin.App, _ *string) { a.Tenant = "fabrikam.example" }},
		{"certificate of another app", "700027", signin.Refused, func(a *signin.App, _ *string) { a.Certificate = other }},
		{"role asked by name", "70011", signin.Refused, func(_ *signin.App, s *string) { *s = "https://outlook.office.com/SMTP.SendAsApp" }},
		{"unknown resource", "500011", signin.Refused, func(_ *signin.App, s *string) { *s = "https://outlook.example/.default" }},
		{"no tenant", "9001023", signin.Refused, func(a *signin.App, _ *string) { a.Tenant = "organizations" }},
	} {
		a, scope := app(l), outlook
		tt.edit(&a, &scope)
		_, err := a.Token(t.Context(), scope)
		if err == nil {
			t.Errorf("%s: no error", tt.name)
			continue
		}
		f := fault(t, err)
		if f.Code != tt.want || f.Args["aadsts"] != tt.aadsts {
			t.Errorf("%s: %s %v (%v), want %s %s", tt.name, f.Code, f.Args, f.Err, tt.want, tt.aadsts)
		}
		d := f.Args["description"]
		if !strings.HasPrefix(d, "AADSTS"+tt.aadsts) || strings.Contains(d, "Trace ID") || strings.ContainsAny(d, "\r\n") {
			t.Errorf("%s: description %q", tt.name, d)
		}
	}
}

func TestExpiredSecretIsSaid(t *testing.T) {
	_, err := app(startLab(t, "signin-secret-expired")).Token(t.Context(), outlook)
	if f := fault(t, err); f.Code != signin.SecretExpired || f.Args["aadsts"] != "7000222" {
		t.Errorf("%s %v, want signin_secret_expired", f.Code, f.Args)
	}
}

// The Date of the answer tells whose clock is wrong when Entra does not take
// the times in an assertion (AADSTS700024).
func TestWrongClockIsSaid(t *testing.T) {
	l := startLab(t, "signin-clock")
	a := app(l)
	a.Certificate = l.App().Certificate
	_, err := a.Token(t.Context(), outlook)
	f := fault(t, err)
	by, _ := time.ParseDuration(f.Args["by"])
	if f.Code != signin.ClockAhead || by.Round(time.Minute) != 2*time.Hour {
		t.Errorf("%s %v, want signin_clock_ahead by 2h", f.Code, f.Args)
	}
	a.Certificate = nil // a secret has no times
	tok, err := a.Token(t.Context(), outlook)
	if err != nil || tok.Skew.Round(time.Minute) != 2*time.Hour {
		t.Errorf("skew %v, %v; want 2h", tok.Skew, err)
	}
}

// A secret must not come back in an error, whatever the server answers.
func TestNoErrorHoldsTheSecret(t *testing.T) {
	const secret = "s3cret~of.the+app/with%signs"
	for _, answer := range []func(http.ResponseWriter, *http.Request){
		func(w http.ResponseWriter, r *http.Request) { // repeats the form
			b, _ := io.ReadAll(r.Body)
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":%q}`, "AADSTS7000215: you sent "+string(b)+" "+secret)
		},
		func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			w.WriteHeader(500)
			w.Write(b)
		},
		func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			w.Write(b)
		},
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"access_token":%q}`, secret)
		},
		func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 5<<20)) },
		func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
	} {
		srv := authority(t, answer)
		a := signin.App{Authority: srv.URL, Tenant: "contoso.example", ClientID: "id", Secret: secret, HTTP: srv.Client()}
		_, err := a.Token(t.Context(), outlook)
		if err == nil {
			t.Fatal("no error")
		}
		f := fault(t, err)
		all := fmt.Sprintf("%v %+v %#v %v %q", err, f.Args, f, f.Err, f.Args)
		if strings.Contains(all, secret) || strings.Contains(all, "s3cret~of.the") {
			t.Errorf("the error holds the secret: %s", all)
		}
		if len(all) > 10_000 {
			t.Errorf("the error has %d bytes", len(all))
		}
	}
}

// authority is a sign-in endpoint with a token endpoint of its own.
func authority(t *testing.T, token http.HandlerFunc) *httptest.Server {
	mux := http.NewServeMux()
	srv := httptest.NewTLSServer(mux)
	t.Cleanup(srv.Close)
	mux.HandleFunc("/contoso.example/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		base := srv.URL + "/contoso.example"
		json.NewEncoder(w).Encode(map[string]string{
			"issuer": base + "/v2.0", "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
		})
	})
	mux.HandleFunc("/contoso.example/token", token)
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed with the secret") })
	return srv
}

func TestFormattingShowsNoSecret(t *testing.T) {
	l := startLab(t)
	a := app(l)
	a.Certificate = l.App().Certificate
	tok, err := a.Token(t.Context(), outlook)
	if err != nil {
		t.Fatal(err)
	}
	key := fmt.Sprintf("%d", a.Certificate[:20]) // as %v writes bytes
	type hidden struct {
		t signin.Token
		T *signin.Token
		A signin.App
		P *signin.App
	}
	h := hidden{tok, &tok, a, &a}
	var shown strings.Builder
	for _, v := range []any{a, &a, tok, &tok, h, &h, []signin.App{a}, map[string]signin.Token{"t": tok}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
		b, _ := json.Marshal(v)
		shown.Write(b)
	}
	for _, secret := range []string{
		a.Secret, fmt.Sprintf("%x", a.Secret), tok.Access()[:40], fmt.Sprintf("%x", tok.Access()[:40]), string(a.Certificate[:60]),
		base64.StdEncoding.EncodeToString(a.Certificate)[:60], key,
	} {
		if strings.Contains(shown.String(), strings.Trim(secret, "[]")) {
			t.Errorf("formatting shows %q", secret)
		}
	}
}

func TestBadAuthoritiesAreNamedBeforeAnythingIsSent(t *testing.T) {
	for _, tt := range []struct{ authority, tenant string }{
		{"http://login.microsoftonline.com", "contoso.example"},
		{"login.microsoftonline.com", "contoso.example"},
		{"https://", "contoso.example"},
		{"https://user:pass@login.microsoftonline.com", "contoso.example"},
		{"https://login.microsoftonline.com/x", "contoso.example"},
		{"https://login.microsoftonline.com", ""},
		{"https://login.microsoftonline.com", "a/b"},
		{"https://login.microsoftonline.com", "contoso.example\r\n"},
		{"https://login.microsoftonline.com", "a b"},
		{"https://[::1", "contoso.example"},
	} {
		a := signin.App{Authority: tt.authority, Tenant: tt.tenant, ClientID: "id", Secret: "s", HTTP: &http.Client{Transport: noNetwork{t}}}
		_, err := a.Token(t.Context(), outlook)
		if err == nil || fault(t, err).Code != signin.BadAuthority {
			t.Errorf("%q, %q: %v, want authority_invalid", tt.authority, tt.tenant, err)
		}
	}
}

type noNetwork struct{ t *testing.T }

func (n noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("asked %s", r.URL)
	return nil, errors.New("no network")
}

func TestCertificatesThatCannotSignIn(t *testing.T) {
	good, key := certificate(t)
	cert, _ := pem.Decode(good)
	onlyCert := pem.EncodeToMemory(cert)
	_, otherKey := certificate(t)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ecDER, _ := x509.MarshalPKCS8PrivateKey(ec)
	ecKey := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: ecDER})
	locked := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("locked")})
	for _, tt := range []struct {
		name string
		pem  []byte
		want probes.Code
	}{
		{"not PEM", []byte("hello"), signin.BadCertificate},
		{"a key alone", key, signin.BadCertificate},
		{"a certificate alone", onlyCert, signin.NoKey},
		{"the key of another", bytes.Join([][]byte{onlyCert, otherKey}, nil), signin.NoKey},
		{"an elliptic key", bytes.Join([][]byte{onlyCert, ecKey}, nil), signin.BadCertificate},
		{"an encrypted key", bytes.Join([][]byte{onlyCert, locked}, nil), signin.BadCertificate},
		{"half a file", good[:len(good)/3], signin.BadCertificate},
		{"garbage inside", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), signin.BadCertificate},
	} {
		a := signin.App{
			Authority: "https://login.microsoftonline.com", Tenant: "contoso.example", ClientID: "id", Certificate: tt.pem,
			HTTP: &http.Client{Transport: noNetwork{t}},
		}
		_, err := a.Token(t.Context(), outlook)
		if err == nil || fault(t, err).Code != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	if _, err := (signin.App{Authority: "https://a.example", Tenant: "b", ClientID: "c"}).Token(t.Context(), outlook); fault(t, err).Code != signin.NoCredential {
		t.Errorf("neither secret nor certificate: %v", err)
	}
}

// certificate is a PEM file like the lab's app's, and its key alone.
func certificate(t *testing.T) (both, key []byte) {
	t.Helper()
	both = startLab(t).App().Certificate
	rest := both
	for {
		b, more := pem.Decode(rest)
		if b == nil {
			t.Fatal("no key in the file")
		}
		if b.Type == "PRIVATE KEY" {
			return both, pem.EncodeToMemory(b)
		}
		rest = more
	}
}

func TestNoNetworkIsUnreachable(t *testing.T) {
	a := signin.App{
		Authority: "https://login.contoso.example", Tenant: "contoso.example", ClientID: "id", Secret: "s3cret",
		HTTP: &http.Client{Transport: down{}},
	}
	_, err := a.Token(t.Context(), outlook)
	if f := fault(t, err); f.Code != signin.Unreachable || f.Args["host"] != "login.contoso.example" || !strings.Contains(f.Args["cause"], "unplugged") {
		t.Errorf("%s %v", f.Code, f.Args)
	}
}

type down struct{}

func (down) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("the cable is unplugged")
}

func TestCancelEndsASignInAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := authority(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server see that the client went
		cancel()
		<-r.Context().Done()
	})
	a := signin.App{Authority: srv.URL, Tenant: "contoso.example", ClientID: "id", Secret: "s", HTTP: srv.Client()}
	_, err := a.Token(ctx, outlook)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want one that is context.Canceled", err)
	}
}

func TestClaimsOfTokensThatAreNone(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	head := b64([]byte(`{"alg":"RS256"}`))
	for _, token := range []string{
		"", "abc", "a.b", "a.b.c.d", "!.!.!", head + ".e30", head + "." + b64([]byte("[1]")) + ".x", "e30.e30.x",
		head + "." + b64([]byte(`{"roles":"x"}`)) + ".x", strings.Repeat("a", 100_000) + ".b.c",
	} {
		_, err := signin.Claims(token)
		if err == nil {
			t.Errorf("%.40q was taken for a token", token)
			continue
		}
		f := fault(t, err)
		if f.Code != signin.NotAToken || token != "" && len(token) > 3 && strings.Contains(f.Error(), token) {
			t.Errorf("%.40q: %v", token, err)
		}
	}
}

func TestClaimsAreReadAndCleaned(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	token := b64([]byte(`{"alg":"RS256"}`)) + "." + b64([]byte(`{"aud":["https://outlook.office.com","x"],"tid":"t","azp":"a",
		"upn":"o\u001b[31m\u202e@contoso.example","scp":"SMTP.Send offline_access","exp":1700000000}`)) + ".sig"
	c, err := signin.Claims(" " + token + "\n")
	if err != nil {
		t.Fatal(err)
	}
	want := probes.Claims{
		Audience: "https://outlook.office.com", Tenant: "t", App: "a", User: `o\x1b[31m\u{202e}@contoso.example`,
		Scopes: []string{"SMTP.Send", "offline_access"}, Expires: time.Unix(1700000000, 0).UTC(),
	}
	if fmt.Sprint(c) != fmt.Sprint(want) {
		t.Errorf("claims %+v, want %+v", c, want)
	}
}
