// Package signin obtains access tokens from Entra for an app registration. It
// is the only package that knows MSAL. It keeps no token and writes none: what
// it returns can be used but not printed, and no error of it holds a secret, a
// key or a token.
package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"offbasic/probes"
)

// The codes of the faults that this package reports.
const (
	Refused        probes.Code = "signin_refused"          // Entra said no; args aadsts, description
	Unreachable    probes.Code = "signin_unreachable"      // no answer to judge; args host, cause
	BadAuthority   probes.Code = "authority_invalid"       // the address or the tenant is not one; args authority, tenant
	BadCertificate probes.Code = "certificate_invalid"     // arg cause
	NoKey          probes.Code = "certificate_without_key" // or with the key of another one
	NoCredential   probes.Code = "credential_missing"      // neither secret nor certificate
	NotAToken      probes.Code = "not_a_token"
)

// bodyLimit is how much of an answer is read, in bytes; Entra's are below
// 10 kB.
const bodyLimit = 1 << 20

// App is an app registration that signs in as itself. Formatting or marshalling
// it shows no secret.
type App struct {
	Authority   string       // "https://login.microsoftonline.com"
	Tenant      string       // id or domain
	ClientID    string       // application (client) id
	Secret      string       // or Certificate
	Certificate []byte       // PEM with certificate and RSA key; comes before Secret
	HTTP        *http.Client // nil means one with a limit of 30 seconds
}

// String names the app without its secret.
func (a App) String() string {
	return fmt.Sprintf("app %s of %s", a.ClientID, a.Tenant)
}

// GoString names the app without its secret.
func (a App) GoString() string { return "signin.App{" + a.String() + "}" }

// Format writes the app without its secret, whatever the verb.
func (a App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }

// MarshalJSON writes the app without its secret.
func (a App) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"tenant":%q,"client_id":%q}`, a.Tenant, a.ClientID), nil
}

// Token is an access token. The token itself is had from Access only: it is
// not shown by formatting or marshalling this value, nor one that holds it.
type Token struct {
	Expires time.Time     `json:"expires"`
	Claims  probes.Claims `json:"claims"`
	// A function, because fmt prints the unexported strings of a struct that
	// holds this one without asking any method.
	access func() string
}

// Access returns the token itself, for the Authorization header or AUTH.
func (t Token) Access() string {
	if t.access == nil {
		return ""
	}
	return t.access()
}

// Token signs in with the client credentials grant and returns a token for
// scope, such as "https://outlook.office365.com/.default". Every call asks
// Entra anew. The error is a *probes.Fault; errors.Is finds the cause of an
// ended context in it.
func (a App) Token(ctx context.Context, scope string) (Token, error) {
	client, err := a.client()
	if err != nil {
		return Token{}, err
	}
	res, err := client.AcquireTokenByCredential(ctx, []string{scope})
	if err != nil {
		return Token{}, a.fault(ctx, err)
	}
	claims, err := Claims(res.AccessToken)
	if err != nil {
		return Token{}, err
	}
	access := res.AccessToken
	return Token{Expires: res.ExpiresOn, Claims: claims, access: func() string { return access }}, nil
}

// client makes MSAL's client for the app.
func (a App) client() (confidential.Client, error) {
	authority, err := a.authority()
	if err != nil {
		return confidential.Client{}, err
	}
	cred, err := a.credential()
	if err != nil {
		return confidential.Client{}, err
	}
	client, err := confidential.New(authority, a.ClientID, cred,
		confidential.WithHTTPClient(a.http()),
		// The host comes from the table of clouds or from the lab; asking
		// login.microsoftonline.com about it would tell others of this tenant.
		confidential.WithInstanceDiscovery(false))
	if err != nil {
		return confidential.Client{}, a.badAuthority(err)
	}
	return client, nil
}

// authority is the address that MSAL wants: the host with the tenant.
func (a App) authority() (string, error) {
	u, err := url.Parse(a.Authority)
	if err != nil {
		return "", a.badAuthority(errors.New("not an address"))
	}
	if u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", a.badAuthority(errors.New("not an https address without a path"))
	}
	if a.Tenant == "" || strings.Trim(a.Tenant, letters+".-") != "" {
		return "", a.badAuthority(errors.New("the tenant is neither an id nor a domain"))
	}
	return "https://" + u.Host + "/" + a.Tenant, nil
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func (a App) badAuthority(err error) error {
	return &probes.Fault{
		Op: "sign in", Code: BadAuthority, Err: err,
		Args: map[string]string{"authority": probes.Clean(a.Authority, 200), "tenant": probes.Clean(a.Tenant, 200)},
	}
}

// credential is the certificate, else the secret.
func (a App) credential() (confidential.Credential, error) {
	switch {
	case len(a.Certificate) > 0:
		return certificate(a.Certificate)
	case a.Secret != "":
		return confidential.NewCredFromSecret(a.Secret)
	}
	return confidential.Credential{}, &probes.Fault{Op: "sign in as app " + probes.Clean(a.ClientID, 100), Code: NoCredential}
}

// http is the client for MSAL: answers are bounded, and a redirect is not
// followed, because a 307 would carry the secret to another host.
func (a App) http() *http.Client {
	c := http.Client{Timeout: 30 * time.Second}
	if a.HTTP != nil {
		c = *a.HTTP
	}
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	c.Transport = bounded{base}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// bounded cuts every answer at bodyLimit.
type bounded struct{ base http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, bodyLimit), res.Body}
	return res, nil
}
