package ui

import (
	"testing"
	"testing/synctest"
	"time"

	"offbasic/probes"
)

// metTrials are test sends that something on the way kept from the server, and
// one that its own token did.
func metTrials(now time.Time) []probes.Trial {
	ended := func(step string, fault probes.Code, args map[string]string, before ...probes.Step) probes.Trial {
		t := probes.Trial{ID: "t1", Server: "smtp.office365.com:587", Mode: probes.StartTLS, Started: now, Outcome: probes.TrialFailed}
		t.Steps = append(before, probes.Step{Step: step, Outcome: probes.StepFailed, MS: 20_000, Fault: fault, Args: args, Detail: string(fault)})
		return t
	}
	connected := probes.Step{Step: probes.StepConnect, Outcome: probes.StepOK, MS: 31, Detail: "192.0.2.20:587"}
	dropped := ended(probes.StepConnect, "connect_timeout", map[string]string{"addr": "192.0.2.20:587"})
	dropped.Dials = []probes.Dial{{Addr: "[2001:db8::1]:587", Outcome: probes.DialNoRoute, Cause: "network is unreachable"}, {Addr: "192.0.2.20:587", MS: 20_000, Outcome: probes.DialTimeout}}
	between := ended(probes.StepSTARTTLS, "tls_intercepted", map[string]string{"name": "smtp.office365.com", "issuer": "CN=Firewall"}, connected)
	between.Dials = []probes.Dial{{Addr: "[2001:db8::1]:587", MS: 4_000, Outcome: probes.DialUnfinished}, {Addr: "192.0.2.20:587", MS: 31, Outcome: probes.DialConnected, Used: true}}
	between.TLS = &probes.TrialTLS{
		Version: "TLS 1.3", ServerName: "smtp.office365.com", Problem: "tls_intercepted",
		Chain: []probes.Certificate{{Names: []string{"smtp.office365.com"}, Issuer: "CN=Firewall, O=Contoso", From: now.AddDate(0, -1, 0), Until: now.AddDate(0, 3, 0)}},
	}
	masked := ended(probes.StepSTARTTLS, "smtp_rewritten", map[string]string{"host": "smtp.office365.com", "offered": "XXXXXXXA"}, connected)
	masked.Dials, masked.Quirks = between.Dials[1:], []string{"banner_masked", "starttls_masked"}
	token := refusedTrial()
	token.Started, token.Route = now, probes.OAuth
	token.Claims = &probes.Claims{Audience: "https://outlook.office365.com", Tenant: "t-1", App: "11111111-2222-3333-4444-555555555555", Expires: now.Add(time.Hour), Roles: []string{"Mail.Send"}}
	return []probes.Trial{dropped, between, masked, token}
}

// metFilm is what a trial met on its way, under the step where it met it.
func metFilm(t *testing.T, lang string, width, height int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, lang)
		ofOneSender(w, probes.OAuth)
		w.trials = metTrials(time.Now())
		s := newStage(t, w.options(), width, height)
		s.press("t")
		for _, shot := range []string{"the port is dropped", "somebody in between", "a firewall rewrites SMTP", "the token"} {
			s.press("enter")
			s.pass(time.Second)
			s.shoot(shot)
		}
		s.end()
		s.golden()
	})
}

func TestMetFilm(t *testing.T)       { metFilm(t, "en", 80, 24) }
func TestMetFilmFrench(t *testing.T) { metFilm(t, "fr", 80, 24) }
func TestMetFilmWide(t *testing.T)   { metFilm(t, "fr", 120, 40) }
