package signin

import (
	"context"
	"errors"
	"html"
	"net"
	"regexp"
	"slices"
	"strings"

	"offbasic/probes"
)

// stopped says that the context ended.
func stopped(ctx context.Context) *probes.Fault {
	return &probes.Fault{Op: "sign in", Code: Stopped, Err: ctx.Err()}
}

// byHand says that no way is left. The last fault is the cause, as the service
// put it, else by its code; all are found in it.
func byHand(why []*probes.Fault) *probes.Fault {
	f := &probes.Fault{Op: "sign in", Code: ByHand, Args: map[string]string{}}
	causes := make([]error, 0, len(why))
	for _, w := range why {
		causes = append(causes, w)
		f.Args["cause"] = first(w.Args["description"], w.Args["cause"], string(w.Code))
	}
	f.Err = errors.Join(causes...)
	return f
}

// isFinal tells a fault that every way would meet again.
func isFinal(f *probes.Fault) bool {
	return slices.Contains([]probes.Code{
		Stopped, Unreachable, BadAuthority, NoTenant, OtherCloud, NoClient, NoTools, Declined, Consent, NotAssigned, WrongAccount, NotAllowed, NotAToken,
	}, f.Code)
}

// fault turns the error of one way, or of the silent attempt (way ""), into a
// Fault.
func (u *User) fault(ctx context.Context, s *session, way Way, err error) *probes.Fault {
	return s.clock.place.elsewhere(u.failed(ctx, s, way, err), u.Authority, u.tenant())
}

func (u *User) failed(ctx context.Context, s *session, way Way, err error) *probes.Fault {
	var browser noBrowserError
	var listen *net.OpError
	said, ok := refusal(err)
	if !ok && way == Browser {
		said, ok = redirected(err)
	}
	switch {
	case ctx.Err() != nil:
		return stopped(ctx)
	case ok:
		return u.refused(s, way, said)
	case errors.Is(err, errClosed):
		return &probes.Fault{Op: "sign in with the browser", Code: Closed}
	case errors.Is(err, errExpired):
		return &probes.Fault{Op: "sign in with a code", Code: CodeExpired}
	case errors.As(err, &browser):
		return caused("open the browser", NoBrowser, browser.Error())
	case errors.As(err, &listen) && listen.Op == "listen":
		return caused("open a port for the browser's answer", NoPort, listen.Error())
	}
	return unreachable(ctx, u.Authority, err, hostile)
}

func caused(op string, code probes.Code, cause string) *probes.Fault {
	return &probes.Fault{Op: op, Code: code, Args: map[string]string{"cause": hostile(cause)}, Err: errors.New(hostile(cause))}
}

// hostile cleans a text from the network and cuts out of it what may be a
// token or a code, should the other side have repeated one. Entra's sentences
// hold no longer word than an id.
func hostile(s string) string {
	return probes.Clean(regexp.MustCompile(`[A-Za-z0-9._~+=%-]{60,}`).ReplaceAllString(s, "<cut>"), 500)
}

// redirected finds what Entra said through the browser: MSAL v1.10.1 gives the
// description alone, escaped for HTML. A Browser that reads the page may give
// what it says as its error.
func redirected(err error) (entraError, bool) {
	text := html.UnescapeString(err.Error())
	if !aadsts().MatchString(text) {
		return entraError{}, false
	}
	return entraError{Error: "access_denied", Description: text}, true
}

// refused names a refusal in the tenant's terms.
func (u *User) refused(s *session, way Way, said entraError) *probes.Fault {
	f := refused(said, hostile)
	f.Op = "sign in to " + probes.Clean(u.tenant(), 100)
	if code, ok := codes()[f.Args["aadsts"]]; ok {
		f.Code = code
	}
	switch {
	case f.Code == Blocked && way == DeviceCode:
		f.Code = CodeBlocked
	case said.Error == "authorization_declined":
		f.Code = Declined
	case said.Error == "expired_token":
		f.Code = CodeExpired
	case f.Args["aadsts"] == "700024":
		f.Code, f.Args["by"] = wrongClock(s.clock, f.Code)
	}
	f = placed(f, u.tenant(), u.clientID())
	if f.Code == NoClient && strings.EqualFold(u.clientID(), GraphTools) {
		f.Code = NoTools
	}
	return f
}

// codes are the refusals that have words of their own.
func codes() map[string]probes.Code {
	table := map[probes.Code]string{
		Blocked:      "53000 53003 530032 530035 50131",
		SecondFactor: "50072 50074 50076 50079 50158",
		Consent:      "65001 90094 650056",
		Declined:     "65004",
		CodeExpired:  "70019 70020",
		NotAssigned:  "50105",
		WrongAccount: "16000 50020 50034 90072 50134",
		NoRedirect:   "50011 9002327",
		NotPublic:    "7000218",
		NotAllowed:   "65002",
	}
	out := map[string]probes.Code{}
	for code, numbers := range table {
		for n := range strings.FieldsSeq(numbers) {
			out[n] = code
		}
	}
	return out
}
