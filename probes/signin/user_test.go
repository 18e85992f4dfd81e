package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/probes/signin"
)

const (
	readApps  = "https://graph.microsoft.com/Application.Read.All"
	writeApps = "https://graph.microsoft.com/Application.ReadWrite.All"
)

// admin signs in to the lab, with the lab's browser and by typing every code
// that is shown.
type admin struct {
	*signin.User
	prompts []signin.Prompt
	opened  int
}

func newAdmin(t *testing.T, l *lab.Lab) *admin {
	a := &admin{User: &signin.User{Authority: l.Authority(), Tenant: l.Tenant().Domain, HTTP: l.HTTPClient()}}
	a.Browser = func(address string) error {
		a.opened++
		return l.Browse(t.Context(), address)
	}
	a.Show = func(p signin.Prompt) {
		a.prompts = append(a.prompts, p)
		if p.Kind == signin.PromptDeviceCode {
			_ = l.EnterCode(t.Context(), p.Code, a.Login)
		}
	}
	return a
}

func (a *admin) kinds() (kinds []signin.PromptKind) {
	for _, p := range a.prompts {
		kinds = append(kinds, p.Kind)
	}
	return kinds
}

// Authorization code with PKCE: RFC 7636; loopback: RFC 8252 section 7.3.
func TestSignsInWithTheBrowser(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	var asked *url.URL
	browse := a.Browser
	a.Browser = func(address string) error {
		asked, _ = url.Parse(address)
		return browse(address)
	}
	tok, err := a.Token(t.Context(), readApps)
	if err != nil {
		t.Fatal(err)
	}
	if c := tok.Claims; c.User != l.Admin() || !slices.Equal(c.Scopes, []string{"Application.Read.All"}) || c.Audience != "https://graph.microsoft.com" {
		t.Errorf("claims %+v", c)
	}
	q := asked.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("response_mode") != "form_post" || q.Get("client_id") != signin.GraphTools ||
		q.Get("scope") != readApps+" openid offline_access profile" {
		t.Errorf("asked %v", q)
	}
	if name, ok := a.Account(t.Context()); name != l.Admin() || !ok {
		t.Errorf("account %q %v", name, ok)
	}
	if got := a.kinds(); !slices.Equal(got, []signin.PromptKind{signin.PromptBrowser}) {
		t.Errorf("prompts %v", got)
	}
}

// RFC 8628: device authorization grant.
func TestSignsInWithADeviceCode(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	a.Browser = nil
	tok, err := a.Token(t.Context(), readApps)
	if err != nil {
		t.Fatal(err)
	}
	if tok.Claims.User != l.Admin() || tok.Access() == "" {
		t.Errorf("claims %+v", tok.Claims)
	}
	p := a.prompts[0]
	if p.Kind != signin.PromptDeviceCode || p.Code == "" || !strings.HasPrefix(p.URL, l.Authority()) || time.Until(p.Expires) < 10*time.Minute {
		t.Errorf("prompt %+v", p)
	}
	if p.Why != nil {
		t.Errorf("why %v for a way that is not there", p.Why)
	}
	a.Ways = []signin.Way{signin.Browser}
	if _, err := a.Token(t.Context(), writeApps); innermost(err) != signin.NoBrowser {
		t.Errorf("the browser alone: %v, want signin_no_browser", err)
	}
}

// The code that is entered while the program is already asking: it is pending,
// perhaps asked too often, and then there.
func TestDeviceCodeIsWaitedFor(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	a.Ways = []signin.Way{signin.DeviceCode}
	shown := make(chan string, 1)
	a.Show = func(p signin.Prompt) { shown <- p.Code }
	polled := make(chan struct{}, 100)
	a.HTTP = watching(l.HTTPClient(), func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			polled <- struct{}{}
		}
	})
	entered := make(chan error, 1)
	go func() {
		code := <-shown
		<-polled
		<-polled
		entered <- l.EnterCode(t.Context(), strings.ToLower(code), "")
	}()
	if _, err := a.Token(t.Context(), readApps); err != nil {
		t.Fatal(err)
	}
	if err := <-entered; err != nil {
		t.Error(err)
	}
}

func watching(c *http.Client, see func(*http.Request)) *http.Client {
	w := *c
	w.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		see(r)
		return c.Transport.RoundTrip(r)
	})
	return &w
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A second token comes from memory; another scope is asked for without the
// admin when it was consented to, and with the admin when it was not.
func TestAsksTheAdminOnlyWhenItMust(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	first, err := a.Token(t.Context(), readApps)
	if err != nil {
		t.Fatal(err)
	}
	again, err := a.Token(t.Context(), readApps)
	if err != nil || again.Access() != first.Access() || a.opened != 1 {
		t.Errorf("again: %v, browser opened %d times", err, a.opened)
	}
	more, err := a.Token(t.Context(), writeApps)
	if err != nil || a.opened != 2 || !slices.Contains(more.Claims.Scopes, "Application.ReadWrite.All") {
		t.Errorf("a new scope: %v, browser opened %d times, %v", err, a.opened, more.Claims.Scopes)
	}
	other := newAdmin(t, l) // consented by now, but nobody is signed in here
	if _, err := other.Token(t.Context(), writeApps, readApps); err != nil || other.opened != 1 {
		t.Errorf("another run: %v, browser opened %d times", err, other.opened)
	}
}

// With the refresh token: nothing that the cache holds is good for the scope.
func TestRefreshesSilently(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	for _, scope := range []string{writeApps, readApps} { // both consented
		if _, err := newAdmin(t, l).Token(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Token(t.Context(), readApps); err != nil {
		t.Fatal(err)
	}
	if tok, err := a.Token(t.Context(), "https://outlook.office.com/SMTP.Send"); err == nil && a.opened == 1 {
		t.Errorf("a scope without consent came without asking: %v", tok.Claims)
	}
	opened := a.opened
	if _, err := a.Token(t.Context(), writeApps); err != nil || a.opened != opened {
		t.Errorf("consented scope: %v, browser opened %d times more", err, a.opened-opened)
	}
}

// A remembered sign-in that the tenant no longer takes is asked anew.
func TestRevokedSignInIsAskedAnew(t *testing.T) {
	for _, name := range []string{"signin-session-revoked", "signin-second-factor"} {
		l := startLab(t, name)
		a := newAdmin(t, l)
		for i, scope := range []string{readApps, writeApps} {
			if _, err := a.Token(t.Context(), scope); err != nil || a.opened != i+1 {
				t.Errorf("%s: %v, browser opened %d times, want %d", name, err, a.opened, i+1)
			}
		}
	}
}

// The tab was closed: nothing ever comes. The wait ends, and the code is next.
func TestSignInThatIsLeftHalfway(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	a.Browser = func(string) error { return nil }
	a.Wait = time.Millisecond
	if _, err := a.Token(t.Context(), readApps); err != nil {
		t.Fatal(err)
	}
	if got := a.kinds(); !slices.Equal(got, []signin.PromptKind{signin.PromptBrowser, signin.PromptDeviceCode}) || a.prompts[1].Why.Code != signin.Closed {
		t.Errorf("prompts %+v", a.prompts)
	}
}

func TestStopEndsAnAdminsSignIn(t *testing.T) {
	for _, way := range []signin.Way{signin.Browser, signin.DeviceCode} {
		l := startLab(t)
		ctx, cancel := context.WithCancel(t.Context())
		a := newAdmin(t, l)
		a.Ways, a.Browser = []signin.Way{way}, func(string) error { return nil }
		a.Show = func(signin.Prompt) { cancel() }
		_, err := a.Token(ctx, readApps)
		if f := fault(t, err); f.Code != signin.Stopped || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want signin_stopped", way, err)
		}
	}
}

// A sign-in is asked of the admin once, whoever else wants a token meanwhile,
// and who waits can be stopped.
func TestOneSignInAtATime(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	inside, leave := make(chan struct{}), make(chan struct{})
	browse := a.Browser
	a.Browser = func(address string) error {
		close(inside) // a second time would panic
		<-leave
		return browse(address)
	}
	done := make(chan error, 2)
	go func() { _, err := a.Token(t.Context(), readApps); done <- err }()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Token(ctx, readApps); fault(t, err).Code != signin.Stopped {
		t.Errorf("who waits: %v, want signin_stopped", err)
	}
	go func() { _, err := a.Token(t.Context(), readApps); done <- err }()
	close(leave)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// An own client id: registered for http://localhost, or not.
func TestOwnClientID(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	a.ClientID = l.App().ClientID
	if _, err := a.Token(t.Context(), "https://outlook.office.com/SMTP.Send"); err != nil {
		t.Errorf("registered for http://localhost: %v", err)
	}
	private(t, l)
	a = newAdmin(t, l)
	a.ClientID = l.App().ClientID // has no redirect address and is no public client
	_, err := a.Token(t.Context(), readApps)
	if f := fault(t, err); f.Code != signin.ByHand || innermost(err) != signin.NotPublic || a.prompts[1].Why.Code != signin.NoRedirect {
		t.Errorf("%v, told %+v; want signin_redirect_missing, then signin_not_public", err, a.prompts)
	}
}

// private takes from the lab's app what makes it a public client (Graph,
// "Update application").
func private(t *testing.T, l *lab.Lab) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, l.GraphBase()+"/v1.0/applications/"+l.App().RegistrationObjectID,
		strings.NewReader(`{"isFallbackPublicClient":false,"publicClient":{"redirectUris":[]}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+l.AdminToken("Application.ReadWrite.All"))
	r.Header.Set("Content-Type", "application/json")
	res, err := l.HTTPClient().Do(r)
	if err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatalf("%+v (%v)", res, err)
	}
	res.Body.Close()
}

// The tenant is that of the account when none is given.
func TestTenantOfTheAccount(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	a.Tenant = ""
	tok, err := a.Token(t.Context(), readApps)
	if err != nil || tok.Claims.Tenant != l.Tenant().ID {
		t.Errorf("%v, %v; want tenant %s", tok.Claims, err, l.Tenant().ID)
	}
}

func TestSignOutForgets(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	a.Cache = signin.InMemory()
	if _, err := a.Token(t.Context(), readApps); err != nil {
		t.Fatal(err)
	}
	if err := a.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if name, ok := a.Account(t.Context()); ok {
		t.Errorf("still signed in as %s", name)
	}
	if _, err := a.Token(t.Context(), readApps); err != nil || a.opened != 2 {
		t.Errorf("%v, browser opened %d times", err, a.opened)
	}
}

// The account that was chosen last is the one whose tokens come silently.
func TestAnotherAccountTakesThePlaceOfTheFirst(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	if _, err := a.Token(t.Context(), readApps); err != nil { // consents for all
		t.Fatal(err)
	}
	a.Login = l.PlainUser()
	for range 2 {
		if tok, err := a.Token(t.Context(), readApps); err != nil || tok.Claims.User != l.PlainUser() {
			t.Errorf("%v %v, want %s", tok.Claims, err, l.PlainUser())
		}
	}
	a.Login = ""
	if name, _ := a.Account(t.Context()); name != l.PlainUser() || a.opened != 2 {
		t.Errorf("account %s, browser opened %d times", name, a.opened)
	}
}

func TestFormattingAUserShowsNoToken(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	a.Cache = signin.InMemory()
	tok, err := a.Token(t.Context(), readApps)
	if err != nil {
		t.Fatal(err)
	}
	type hidden struct {
		u *signin.User
		U *signin.User
		c signin.Cache
	}
	h := hidden{a.User, a.User, a.Cache}
	var shown strings.Builder
	for _, v := range []any{a.User, h, &h, a.Cache, []*signin.User{a.User}, tok} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
		b, _ := json.Marshal(v)
		shown.Write(b)
	}
	for _, secret := range []string{tok.Access()[:40], fmt.Sprintf("%x", tok.Access()[:40]), "refresh", "RefreshToken"} {
		if strings.Contains(shown.String(), secret) {
			t.Errorf("formatting shows %q", secret)
		}
	}
}

// An account whose roles do not allow the work is noted, in time to activate
// one: Privileged Identity Management gives them for some hours.
func TestMissingRoleIsNoted(t *testing.T) {
	l := startLab(t)
	for _, login := range []string{l.Admin(), l.PlainUser()} { // the first consents for all
		a := newAdmin(t, l)
		a.Login, a.Roles = login, signin.AppRoles()
		if _, err := a.Token(t.Context(), readApps); err != nil {
			t.Fatal(err)
		}
		last := a.prompts[len(a.prompts)-1]
		if noted := last.Kind == signin.PromptNote && last.Why.Code == signin.NoRole && last.Why.Args["account"] == login; noted != (login == l.PlainUser()) {
			t.Errorf("%s: prompts %+v", login, a.prompts)
		}
	}
}

// Notes come before the first prompt, and once.
func TestNotesAreShownOnce(t *testing.T) {
	l := startLab(t)
	a := newAdmin(t, l)
	a.Notes = []*probes.Fault{{Op: "sign in", Code: "signin_cloud_unconfirmed"}}
	for _, scope := range []string{readApps, writeApps} {
		if _, err := a.Token(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
	}
	want := []signin.PromptKind{signin.PromptNote, signin.PromptBrowser, signin.PromptBrowser}
	if got := a.kinds(); !slices.Equal(got, want) {
		t.Errorf("prompts %v, want %v", got, want)
	}
}
