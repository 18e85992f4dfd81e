package submit_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/submit"
)

func TestNamesAreLookedUpAndEveryAddressIsTried(t *testing.T) {
	r, _, ended := talk(t, func(p *peer) { p.script("") })
	r.Host, r.ServerName = "smtp.contoso.example", "127.0.0.1"
	r.Lookup = func(context.Context, string) ([]string, error) { return []string{"127.0.0.9", "127.0.0.1"}, nil }
	var dialed []string
	r.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialed = append(dialed, addr)
		if strings.HasPrefix(addr, "127.0.0.9") {
			return nil, &net.OpError{Op: "dial", Err: errors.New("no route")}
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	tr := submit.Send(t.Context(), r, nil)
	<-ended
	if tr.Outcome != probes.TrialSent || len(dialed) != 2 || tr.Steps[1].Step != probes.StepDNS {
		t.Errorf("%s; dialed %v; want sent over the second address", steps(tr), dialed)
	}
}

func TestFailuresToConnectAreNamed(t *testing.T) {
	base := submit.Request{
		Host: "smtp.contoso.example", Port: 587, TLS: probes.StartTLS, From: "a@contoso.example",
		To: []string{"b@contoso.example"}, Message: []byte("\r\n"),
		Lookup: func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil },
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	for _, tt := range []struct {
		want probes.Code
		edit func(*submit.Request)
	}{
		{submit.HostUnknown, func(r *submit.Request) {
			r.Lookup = func(context.Context, string) ([]string, error) {
				return nil, &net.DNSError{Err: "no such host", Name: r.Host, IsNotFound: true}
			}
		}},
		{submit.DNSFailed, func(r *submit.Request) {
			r.Lookup = func(context.Context, string) ([]string, error) { return nil, &net.DNSError{Err: "server misbehaving"} }
		}},
		{submit.ConnectRefused, func(r *submit.Request) { r.Port = closed }},
		{submit.ConnectTimeout, func(r *submit.Request) {
			r.Timeouts.Connect = time.Millisecond
			r.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		}},
	} {
		r := base
		tt.edit(&r)
		tr := submit.Send(t.Context(), r, nil)
		if at := tr.Reached(); at.Fault != tt.want {
			t.Errorf("%+v, want %s", at, tt.want)
		}
	}
}
