package submit_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/submit"
)

// RFC 3492 section 7.1 and the names of RFC 5891's world.
func TestAnInternationalDomainGoesInASCIIUnlessSMTPUTF8IsOffered(t *testing.T) {
	for _, tt := range []struct{ ehlo, want string }{
		{"250-relay\r\n250 8BITMIME", "RCPT TO:<it@xn--bcher-kva.example>"},
		{"250-relay\r\n250 SMTPUTF8", "RCPT TO:<it@bücher.example>"},
	} {
		ours, theirs := net.Pipe()
		heard := make(chan []string, 1)
		go func() { heard <- relay(theirs, answers(map[string]string{"EHLO": tt.ehlo})) }()
		r := inClear(func(context.Context, string) (net.Conn, error) { return ours, nil }, "192.0.2.1")
		r.To = []string{"it@bücher.example"}
		tr := submit.Send(t.Context(), r, nil)
		said := <-heard
		if tr.Outcome != probes.TrialSent || !slices.Contains(said, tt.want) {
			t.Errorf("%s; the server heard %q, want %q", tr.Outcome, said, tt.want)
		}
	}
}

func TestAHostIsLookedUpInASCII(t *testing.T) {
	for name, want := range map[string]string{
		"mail.bücher.example": "mail.xn--bcher-kva.example", "他们为什么不说中文.example": "xn--ihqwcrb4cv8a8dqg056pqjye.example",
		"Pročprostěnemluvíčesky.example": "xn--proprostnemluvesky-uyb24dma41a.example",
	} {
		r := inClear(nil, "192.0.2.1")
		r.Host = name
		r.Lookup = func(_ context.Context, host string) ([]string, error) {
			if host != want {
				t.Errorf("%s was looked up as %q, want %q", name, host, want)
			}
			return nil, errors.New("enough")
		}
		submit.Send(t.Context(), r, nil)
	}
}

// RFC 1870 section 6.1: what the server says it does not take is not sent.
func TestAMessageOverTheServersSizeIsNotSent(t *testing.T) {
	r := inClear(func(context.Context, string) (net.Conn, error) {
		return piped(answers(map[string]string{"EHLO": "250-relay\r\n250 SIZE 10"})), nil
	}, "192.0.2.1")
	tr := submit.Send(t.Context(), r, nil)
	if at := tr.Reached(); at.Step != probes.StepMAIL || at.Fault != submit.TooLarge || at.Args["limit"] != "10" {
		t.Errorf("reached %+v", at)
	}
}

// High Volume Email refuses a token close to its end with 535 5.7.142.
func TestATokenCloseToItsEndIsSaid(t *testing.T) {
	for left, want := range map[time.Duration]bool{time.Minute: true, -time.Minute: true, time.Hour: false} {
		r, _, ended := talk(t, func(p *peer) { p.script("") })
		r.Credential = func(context.Context) (string, *probes.Claims, error) {
			return fakeToken, &probes.Claims{Expires: time.Now().Add(left)}, nil
		}
		tr := submit.Send(t.Context(), r, nil)
		<-ended
		if slices.Contains(tr.Quirks, "token_ending") != want {
			t.Errorf("%s left: quirks %q", left, tr.Quirks)
		}
	}
}
