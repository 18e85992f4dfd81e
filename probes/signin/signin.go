// Package signin obtains access tokens from Entra: for an app registration, and
// for an admin who signs in. It is the only package that knows MSAL. It writes
// no token but into a Cache, whose file is encrypted; what it returns can be
// used but not printed, and no error of it holds a secret, a key or a token.
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

// App is an app registration that signs in as itself. Formatting or marshalling
// it shows no secret.
type App struct {
	Authority   string           // "https://login.microsoftonline.com"
	Tenant      string           // id or domain
	ClientID    string           // application (client) id
	Secret      string           // or Certificate
	Certificate []byte           // PEM with certificate and RSA key; comes before Secret
	HTTP        *http.Client     // nil means one with a limit of 30 seconds
	Now         func() time.Time // nil means time.Now
}

func (a App) now() time.Time {
	if a.Now == nil {
		return time.Now() //nolint:forbidigo // the default clock
	}
	return a.Now()
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
	// Skew is how far this machine's clock is ahead of the service's, by the
	// Date of its answer; below 0 it is behind.
	Skew time.Duration `json:"-"`
	// A function, because fmt prints the unexported strings of a struct that
	// holds this one without asking any method.
	access func() string
}

func newToken(text string, expires time.Time, c probes.Claims, skew time.Duration) Token {
	return Token{Expires: expires, Claims: c, Skew: skew, access: func() string { return text }}
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
	c := &clock{now: a.now}
	client, err := a.client(c)
	if err != nil {
		return Token{}, err
	}
	res, err := client.AcquireTokenByCredential(ctx, []string{scope})
	if err != nil {
		return Token{}, a.fault(ctx, c, err)
	}
	claims, err := Claims(res.AccessToken)
	if err != nil {
		return Token{}, err
	}
	skew, _ := c.skew()
	return newToken(res.AccessToken, res.ExpiresOn, claims, skew), nil
}

// client makes MSAL's client for the app.
func (a App) client(c *clock) (confidential.Client, error) {
	authority, err := a.authority()
	if err != nil {
		return confidential.Client{}, err
	}
	cred, err := a.credential()
	if err != nil {
		return confidential.Client{}, err
	}
	client, err := confidential.New(authority, a.ClientID, cred,
		confidential.WithHTTPClient(bound(a.HTTP, c)),
		// The host comes from the table of clouds or from the lab; asking
		// login.microsoftonline.com about it would tell others of this tenant.
		confidential.WithInstanceDiscovery(false))
	if err != nil {
		return confidential.Client{}, badAuthority(a.Authority, a.Tenant, err)
	}
	return client, nil
}

// authority is the address that MSAL wants: the host with the tenant.
func (a App) authority() (string, error) {
	u, err := url.Parse(a.Authority)
	if err != nil {
		return "", badAuthority(a.Authority, a.Tenant, errors.New("not an address"))
	}
	if u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", badAuthority(a.Authority, a.Tenant, errors.New("not an https address without a path"))
	}
	if a.Tenant == "" || strings.Trim(a.Tenant, letters+".-") != "" {
		return "", badAuthority(a.Authority, a.Tenant, errors.New("the tenant is neither an id nor a domain"))
	}
	return "https://" + u.Host + "/" + a.Tenant, nil
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func badAuthority(authority, tenant string, err error) error {
	return &probes.Fault{
		Op: "sign in", Code: BadAuthority, Err: err,
		Args: map[string]string{"authority": probes.Clean(authority, 200), "tenant": probes.Clean(tenant, 200)},
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
