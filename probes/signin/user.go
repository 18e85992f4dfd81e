package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"offbasic/probes"
)

// GraphTools is the client id of Microsoft Graph Command Line Tools, which
// every tenant knows and which takes any scope of Graph that is consented to.
//
// Source: merill/microsoft-info, MicrosoftApps.csv (2026-08-20).
const GraphTools = "14d82eec-204b-4c2f-b7e8-296a70dab67e"

// AppRoles are the directory roles that may register an application and
// consent to the roles of Exchange Online, by template id: Global
// Administrator, Application Administrator, Cloud Application Administrator.
//
// Source: MicrosoftDocs/entra-docs, permissions-reference.md.
func AppRoles() []string {
	return []string{
		"62e90394-69f5-4237-9190-012177145e10", "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "158c047a-c907-4556-b7ef-446551a6b5f7",
	}
}

// Way is a way in which an admin signs in.
type Way string

// The ways, in the order in which they are tried.
const (
	Browser    Way = "browser"     // authorization code with PKCE on a loopback port
	DeviceCode Way = "device_code" // a code that is typed on another device
)

// PromptKind says what a Prompt is about.
type PromptKind string

// The kinds of a Prompt.
const (
	PromptBrowser    PromptKind = "browser"     // the browser is being opened at URL
	PromptDeviceCode PromptKind = "device_code" // Code is to be entered at URL
	PromptNote       PromptKind = "note"        // nothing to do: Why is worth knowing
)

// Prompt tells what the admin must do, or what is worth knowing.
type Prompt struct {
	Kind PromptKind `json:"kind"`
	// URL is an https address: the page that the browser shows, or the one
	// that takes the code.
	URL string `json:"url,omitempty"`
	// Code is what to enter there.
	Code string `json:"code,omitempty"`
	// Expires is when the prompt is over.
	Expires time.Time `json:"expires,omitzero"`
	// Why is why the way before this one did not work, or the note itself.
	Why *probes.Fault `json:"-"`
}

// User is an admin who signs in. One sign-in runs at a time: a second call of
// Token waits for the first. Formatting or marshalling a User shows no token.
type User struct {
	Authority string // "https://login.microsoftonline.com"
	Tenant    string // id or domain; "" means that of the account
	ClientID  string // "" means GraphTools
	Login     string // the account that is expected, or ""
	HTTP      *http.Client
	// Cache keeps what was signed in for the next run; nil means in memory.
	Cache Cache
	// Browser opens an https address in the admin's browser; nil means that
	// there is none, and that way is left out. An error means that it could not
	// be opened.
	Browser func(url string) error
	// Show is told what the admin must do, while Token runs and in its
	// goroutine. nil means that nobody is told.
	Show func(Prompt)
	// Ways are those to try; none means Browser, then DeviceCode.
	Ways []Way
	// Roles are directory roles, by template id, of which the account should
	// have one. An account without is noted, not refused: a role of the tenant's
	// own may do as well.
	Roles []string
	// Notes are shown before the first prompt.
	Notes []*probes.Fault
	// Wait is how long the browser may take; 0 means five minutes.
	Wait time.Duration
	Now  func() time.Time // nil means time.Now

	mu      sync.Mutex
	turn    chan struct{} // holds one while a sign-in runs
	session *session
	noted   bool
}

// session is MSAL's client with what was seen of the service.
type session struct {
	client public.Client
	clock  *clock
	// name is the account of the last token.
	name string
}

// String names the user without a token.
func (u *User) String() string { return "user of " + probes.Clean(u.tenant(), 100) }

// GoString names the user without a token.
func (u *User) GoString() string { return "signin.User{" + u.String() + "}" }

// Format writes the user without a token, whatever the verb.
func (u *User) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// MarshalJSON writes the user without a token.
func (u *User) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"tenant":%q,"client_id":%q}`, u.tenant(), u.clientID()), nil
}

// tenant is where to sign in: an account of any organisation when none is
// given.
func (u *User) tenant() string {
	if u.Tenant == "" {
		return "organizations"
	}
	return u.Tenant
}

func (u *User) clientID() string {
	if u.ClientID == "" {
		return GraphTools
	}
	return u.ClientID
}

func (u *User) now() time.Time {
	if u.Now == nil {
		return time.Now() //nolint:forbidigo // the default clock
	}
	return u.Now()
}

func (u *User) show(p Prompt) {
	if u.Show != nil {
		u.Show(p)
	}
}

// Token returns an access token for the scopes, all of one resource, such as
// "https://graph.microsoft.com/Application.ReadWrite.All". It asks the admin
// only when neither the cache nor a refresh gives one, and for these scopes
// alone. The error is a *probes.Fault: ByHand when every way was tried and
// another attempt would meet the same; errors.Is finds the cause of an ended
// context in it.
func (u *User) Token(ctx context.Context, scopes ...string) (Token, error) {
	if err := u.begin(ctx); err != nil {
		return Token{}, err
	}
	defer u.end()
	s, err := u.open()
	if err != nil {
		return Token{}, err
	}
	t, err := u.silent(ctx, s, scopes)
	switch {
	case err == nil:
		return t, nil
	case ctx.Err() != nil:
		return Token{}, stopped(ctx)
	case !mayAsk(err):
		return Token{}, err
	}
	return u.ask(ctx, s, scopes)
}

// begin waits for the sign-in that runs.
func (u *User) begin(ctx context.Context) error {
	u.mu.Lock()
	if u.turn == nil {
		u.turn = make(chan struct{}, 1)
	}
	turn := u.turn
	u.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return stopped(ctx)
	}
}

func (u *User) end() { <-u.turn }

// open makes MSAL's client once.
func (u *User) open() (*session, error) {
	if u.session != nil {
		return u.session, nil
	}
	authority, err := App{Authority: u.Authority, Tenant: u.tenant()}.authority()
	if err != nil {
		return nil, err
	}
	c := &clock{now: u.now}
	options := []public.Option{
		public.WithAuthority(authority),
		public.WithHTTPClient(bound(u.HTTP, c)),
		// As for the app: nobody else is told of this tenant.
		public.WithInstanceDiscovery(false),
	}
	if u.Cache != nil {
		options = append(options, public.WithCache(accessor{u.Cache}))
	}
	client, err := public.New(u.clientID(), options...)
	if err != nil {
		return nil, badAuthority(u.Authority, u.tenant(), err)
	}
	u.session = &session{client: client, clock: c}
	return u.session, nil
}

// errNobody says that no account is signed in.
var errNobody = errors.New("nobody is signed in")

// silent asks the cache, and Entra with the refresh token.
func (u *User) silent(ctx context.Context, s *session, scopes []string) (Token, error) {
	account, ok, err := u.account(ctx, s)
	if err != nil {
		return Token{}, err
	}
	if !ok {
		return Token{}, errNobody
	}
	res, err := s.client.AcquireTokenSilent(ctx, scopes, public.WithSilentAccount(account))
	if err != nil {
		return Token{}, u.fault(ctx, s, "", err)
	}
	return u.taken(s, res)
}

// account is the one that is signed in: the expected one, else the only one.
func (u *User) account(ctx context.Context, s *session) (public.Account, bool, error) {
	all, err := s.client.Accounts(ctx)
	if err != nil {
		return public.Account{}, false, stopped(ctx)
	}
	i := slices.IndexFunc(all, func(a public.Account) bool {
		return u.Login == "" || strings.EqualFold(a.PreferredUsername, u.Login)
	})
	if i < 0 {
		return public.Account{}, false, nil
	}
	return all[i], true, nil
}

// mayAsk tells whether the admin is asked after a silent attempt: not when the
// service cannot be reached, nor when there is no such tenant or client.
func mayAsk(err error) bool {
	f, isFault := errors.AsType[*probes.Fault](err)
	return !isFault || !slices.Contains([]probes.Code{Unreachable, NoTenant, OtherCloud, NoClient, NoTools}, f.Code)
}

// taken turns MSAL's result into a Token.
func (u *User) taken(s *session, res public.AuthResult) (Token, error) {
	claims, err := Claims(res.AccessToken)
	if err != nil {
		return Token{}, err
	}
	s.name = short(first(res.Account.PreferredUsername, claims.User))
	skew, _ := s.clock.skew()
	return newToken(res.AccessToken, res.ExpiresOn, claims, skew), nil
}

// ask goes through the ways until one gives a token.
func (u *User) ask(ctx context.Context, s *session, scopes []string) (Token, error) {
	u.note()
	var why []*probes.Fault
	for _, way := range u.ways() {
		res, err := u.try(ctx, s, way, scopes, last(why))
		if err == nil {
			u.keepOne(ctx, s, res.Account)
			u.noteRole(res.AccessToken)
			return u.taken(s, res)
		}
		f := u.fault(ctx, s, way, err)
		if ctx.Err() != nil || isFinal(f) {
			return Token{}, f
		}
		why = append(why, f)
	}
	if len(why) == 0 {
		why = append(why, caused("open the browser", NoBrowser, "no_browser"))
	}
	u.show(Prompt{Kind: PromptNote, Why: last(why)})
	return Token{}, byHand(why)
}

// note shows the notes, once.
func (u *User) note() {
	if u.noted {
		return
	}
	u.noted = true
	for _, n := range u.Notes {
		u.show(Prompt{Kind: PromptNote, Why: n})
	}
}

// noteRole says when the account has none of the roles. A token without the
// claim tells nothing.
func (u *User) noteRole(token string) {
	raw, err := readClaims(token)
	if err != nil || len(raw.Wids) == 0 || len(u.Roles) == 0 {
		return
	}
	if slices.ContainsFunc(u.Roles, func(r string) bool { return slices.Contains(raw.Wids, r) }) {
		return
	}
	account := short(first(raw.UPN, raw.Name, raw.Unique))
	u.show(Prompt{Kind: PromptNote, Why: &probes.Fault{
		Op: "sign in as " + account, Code: NoRole, Args: map[string]string{"account": account},
	}})
}

// ways leaves the browser out where there is none.
func (u *User) ways() []Way {
	list := u.Ways
	if len(list) == 0 {
		list = []Way{Browser, DeviceCode}
	}
	return slices.DeleteFunc(slices.Clone(list), func(w Way) bool { return w == Browser && u.Browser == nil })
}

func last(list []*probes.Fault) *probes.Fault {
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

// keepOne forgets every other account: the next silent token must be of the
// one that was chosen last.
func (u *User) keepOne(ctx context.Context, s *session, kept public.Account) {
	all, err := s.client.Accounts(ctx)
	if err != nil {
		return // the token was given; the next call meets the same cache
	}
	for _, a := range all {
		if a.HomeAccountID != kept.HomeAccountID {
			_ = s.client.RemoveAccount(ctx, a) // the accessor reports by itself
		}
	}
}

// Account names who is signed in, now or from an earlier run. It may ask the
// keyring, and never the network.
func (u *User) Account(ctx context.Context) (name string, ok bool) {
	if u.begin(ctx) != nil {
		return "", false
	}
	defer u.end()
	s, err := u.open()
	if err != nil {
		return "", false
	}
	a, ok, err := u.account(ctx, s)
	if err != nil || !ok {
		return "", false
	}
	return short(first(a.PreferredUsername, s.name)), true
}

// SignOut forgets every account, here and in the cache. Tokens that were
// handed out work until they expire.
func (u *User) SignOut(ctx context.Context) error {
	if err := u.begin(ctx); err != nil {
		return err
	}
	defer u.end()
	u.session = nil
	if u.Cache == nil {
		return nil
	}
	return u.Cache.Forget()
}
