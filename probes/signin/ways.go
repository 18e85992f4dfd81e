package signin

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"offbasic/probes"
)

// patience is how long the browser may take.
const patience = 5 * time.Minute

// try signs in one way.
func (u *User) try(ctx context.Context, s *session, way Way, scopes []string, why *probes.Fault) (public.AuthResult, error) {
	if way == DeviceCode {
		return u.byDeviceCode(ctx, s, scopes, why)
	}
	return u.byBrowser(ctx, s, scopes, why)
}

// errClosed says that nobody finished in the browser.
var errClosed = errors.New("nobody finished the sign-in in the browser")

// noBrowserError is the browser's own word.
type noBrowserError struct{ err error }

func (e noBrowserError) Error() string { return e.err.Error() }

// byBrowser runs the authorization code flow with PKCE (RFC 7636) on a
// loopback port (RFC 8252 section 7.3). MSAL listens, makes state and
// verifier, and takes the answer as form_post.
func (u *User) byBrowser(ctx context.Context, s *session, scopes []string, why *probes.Fault) (public.AuthResult, error) {
	wait := u.Wait
	if wait == 0 {
		wait = patience
	}
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var over *time.Timer
	defer func() {
		if over != nil {
			over.Stop()
		}
	}()
	open := func(address string) error {
		if !isWeb(address) {
			return noBrowserError{errors.New("the sign-in page is not an https address")}
		}
		u.show(Prompt{Kind: PromptBrowser, URL: address, Expires: u.now().Add(wait), Why: why})
		if err := u.Browser(address); err != nil {
			return noBrowserError{err}
		}
		over = time.AfterFunc(wait, func() { stop(errClosed) })
		return nil
	}
	res, err := interactive(waiting, s.client, scopes, u.Login, open)
	if err != nil && errors.Is(context.Cause(waiting), errClosed) {
		err = errClosed
	}
	return res, err
}

// answer is what MSAL came back with.
type answer struct {
	res public.AuthResult
	err error
}

// interactive leaves MSAL behind when ctx ends: MSAL v1.10.1 shuts its
// loopback server down without a limit, and a browser's idle connection holds
// that up for five seconds. open is called here, not from MSAL's goroutine.
func interactive(ctx context.Context, client public.Client, scopes []string, login string, open func(string) error) (public.AuthResult, error) {
	asked, opened, done := make(chan string), make(chan error, 1), make(chan answer, 1)
	options := []public.AcquireInteractiveOption{public.WithOpenURL(func(address string) error {
		select {
		case asked <- address:
			return <-opened
		case <-ctx.Done():
			return ctx.Err()
		}
	})}
	if login != "" {
		options = append(options, public.WithLoginHint(login))
	}
	go func() {
		res, err := client.AcquireTokenInteractive(ctx, scopes, options...)
		done <- answer{res, err}
	}()
	for {
		select {
		case address := <-asked:
			opened <- open(address)
		case a := <-done:
			return a.res, a.err
		case <-ctx.Done():
			return public.AuthResult{}, ctx.Err()
		}
	}
}

// byDeviceCode runs the device authorization grant (RFC 8628).
func (u *User) byDeviceCode(ctx context.Context, s *session, scopes []string, why *probes.Fault) (public.AuthResult, error) {
	code, err := s.client.AcquireTokenByDeviceCode(ctx, scopes)
	if err != nil {
		return public.AuthResult{}, err
	}
	if !isWeb(code.Result.VerificationURL) {
		return public.AuthResult{}, errors.New("the page for the code is not an https address")
	}
	u.show(Prompt{
		Kind: PromptDeviceCode, URL: code.Result.VerificationURL, Code: short(code.Result.UserCode),
		Expires: code.Result.ExpiresOn, Why: why,
	})
	res, err := code.AuthenticationResult(ctx)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = errExpired
	}
	return res, err
}

// errExpired says that nobody entered the code in time.
var errExpired = errors.New("the code expired")

// isWeb tells an https address of a page, which a browser can be given: Entra's
// answers say where it is.
func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && probes.Clean(address, len(address)) == address
}
