package reach

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"offbasic/probes"
)

// maxAnswer is how much of a service's answer is read, in bytes.
const maxAnswer = 4 << 10

// Shown is a service's address fit for showing: without an account in it.
func Shown(service string) string {
	if u, err := url.Parse(service); err == nil && u.User != nil {
		u.User = nil
		service = u.String()
	}
	return probes.Clean(service, 200)
}

// PublicAddress asks a service that the admin named what address this machine
// has on the Internet. Only https is spoken, no redirect is followed, and
// nothing but the request itself is told. The error is a *probes.Fault.
func PublicAddress(ctx context.Context, client *http.Client, service string) (netip.Addr, error) {
	shown := Shown(service)
	args := map[string]string{"service": shown}
	op := "ask " + shown + " for the public address"
	u, err := url.Parse(service)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return netip.Addr{}, &probes.Fault{Op: op, Code: ServiceInvalid, Args: args, Err: errors.New("is not an https address")}
	}
	h := http.Client{Timeout: 15 * time.Second}
	if client != nil {
		h = *client
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	failed := func(err error) error {
		args["cause"] = probes.Cause(err)
		return &probes.Fault{Op: op, Code: ServiceFailed, Args: args, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, service, nil)
	if err != nil {
		return netip.Addr{}, failed(err)
	}
	req.Header.Set("Accept", "text/plain, application/json")
	req.Header.Set("User-Agent", "offbasic")
	res, err := h.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return netip.Addr{}, failed(err)
	}
	defer res.Body.Close() //nolint:errcheck // everything wanted has been read
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return netip.Addr{}, failed(err)
	}
	if res.StatusCode != http.StatusOK {
		return netip.Addr{}, failed(errors.New("it answers " + res.Status))
	}
	for word := range strings.FieldsFuncSeq(string(body), func(r rune) bool { return strings.ContainsRune(" \t\r\n\"',;{}<>[]()=", r) }) {
		if ip, err := netip.ParseAddr(word); err == nil && ip.Zone() == "" && ip.IsGlobalUnicast() && !ip.IsPrivate() {
			return ip.Unmap(), nil
		}
	}
	return netip.Addr{}, &probes.Fault{Op: op, Code: NoAddress, Args: args}
}
