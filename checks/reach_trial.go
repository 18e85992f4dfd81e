package checks

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"offbasic/probes"
)

// TrialFacts is what a trial is judged with: itself, and the registration that
// its token should be of. What is empty is not compared.
type TrialFacts struct {
	Trial  probes.Trial
	Tenant string // id
	App    string // client id
	Object string // id of the enterprise application
}

// JudgeTrial judges what a trial met on its way, as the looks at a port, at
// TLS and at a token judge it: what warns and what fails, each with its step.
// What the server said is for the explainer.
func JudgeTrial(f TrialFacts) []Finding {
	j := trialJudge{TrialFacts: f, host: f.Trial.Server}
	if i := strings.LastIndexByte(j.host, ':'); i >= 0 {
		j.port, _ = strconv.Atoi(j.host[i+1:]) // as it was dialled
		j.host = strings.Trim(j.host[:i], "[]")
	}
	j.token()
	j.doors()
	j.tls()
	return j.found
}

type trialJudge struct {
	TrialFacts
	host  string
	port  int
	found []Finding
}

// take keeps what warns and what fails, once each: of several addresses that
// are judged alike one finding names all. What failed and did not keep the
// message from being taken is a warning.
func (j *trialJudge) take(step func(Finding) string, found []Finding) {
	for _, f := range found {
		if f.Status != Warn && f.Status != Fail {
			continue
		}
		if j.Trial.Outcome == probes.TrialSent {
			f.Status = Warn
		}
		f.Sender, f.Step = j.Trial.Sender, step(f)
		i := slices.IndexFunc(j.found, func(o Finding) bool { return o.Check == f.Check })
		switch {
		case i < 0:
			j.found = append(j.found, f)
		case f.Args["address"] != "":
			j.found[i].Args["address"] += ", " + f.Args["address"]
		}
	}
}

func at(step string) func(Finding) string { return func(Finding) string { return step } }

func (j *trialJudge) quirk(id string) bool { return slices.Contains(j.Trial.Quirks, id) }

// fault is that of the step which ended the trial.
func (j *trialJudge) fault() (probes.Code, map[string]string) {
	s := j.Trial.Reached()
	return s.Fault, s.Args
}

// token judges the claims. What a server takes is right, however it looks from
// here: then only the time that is left counts.
func (j *trialJudge) token() {
	if j.Trial.Claims == nil {
		return
	}
	found := JudgeToken(TokenFacts{
		Claims: *j.Trial.Claims, Now: j.Trial.Started, Route: j.Trial.Route, Tenant: j.Tenant, App: j.App, Object: j.Object,
	})
	taken := slices.ContainsFunc(j.Trial.Steps, func(s probes.Step) bool {
		return s.Outcome == probes.StepOK && (s.Step == probes.StepAUTH || s.Step == probes.StepSendMail)
	})
	if taken {
		found = slices.DeleteFunc(found, func(f Finding) bool { return f.Check != "token-time" || f.Status != Warn })
	}
	j.take(at(probes.StepToken), found)
}

// doors judges the addresses that were dialled, and what showed behind the one
// that was used.
func (j *trialJudge) doors() {
	var doors []probes.Door
	used := slices.IndexFunc(j.Trial.Dials, func(d probes.Dial) bool { return d.Used })
	for i, d := range j.Trial.Dials {
		addr, err := netip.ParseAddrPort(d.Addr)
		if err != nil || d.Outcome == probes.DialUnfinished && (used < 0 || d.MS-j.Trial.Dials[used].MS <= slowerDoor) {
			continue
		}
		door := probes.Door{Address: addr.Addr(), Outcome: d.Outcome, Cause: d.Cause, MS: d.MS}
		if i == used {
			j.behind(&door)
		}
		doors = append(doors, door)
	}
	j.take(j.doorStep, JudgeDoors(j.host, j.port, doors))
}

// behind is what the server showed: nothing, unless something was wrong.
func (j *trialJudge) behind(d *probes.Door) {
	code, args := j.fault()
	switch {
	case j.quirk("starttls_masked"):
		d.Rewritten = "starttls_masked"
	case j.quirk("banner_masked"):
		d.Rewritten = "banner_masked"
	case code == "reply_malformed" && j.Trial.Reached().Step == probes.StepBanner:
		d.Rewritten = "not_smtp"
	case code == "server_silent" && j.Trial.Reached().Step == probes.StepBanner:
		d.Outcome, d.Cause = probes.DialFailed, "no answer"
	case code == "starttls_missing":
		d.Banner, d.Capabilities = "-", strings.Split(args["offered"], ", ")
	}
}

func (j *trialJudge) doorStep(f Finding) string {
	switch {
	case f.Check == "port-no-starttls", f.Args["what"] == "starttls_masked":
		return probes.StepSTARTTLS
	case f.Check == "port-rewritten", f.Check == "port-not-smtp", j.Trial.Reached().Step == probes.StepBanner && f.Check == "port-closed":
		return probes.StepBanner
	}
	return probes.StepConnect
}

// tls judges the handshake. A certificate that did not end the trial was allowed
// for it, and is no news.
func (j *trialJudge) tls() {
	t := j.Trial.TLS
	if t == nil {
		return
	}
	h := probes.Handshake{
		Host: j.host, Port: j.port, Mode: j.Trial.Mode, Name: t.ServerName,
		Version: t.Version, Suite: t.Suite, Verified: t.Verified, Chain: t.Chain,
	}
	if t.Version != "" {
		h.Versions = []string{t.Version}
	}
	code, args := j.fault()
	if t.Problem != "" && t.Problem == code {
		if h.Problem = problemOf(t); h.Problem == "expired" && len(t.Chain) > 0 && j.Trial.Started.Before(t.Chain[0].From) {
			h.Problem = "early"
		}
	}
	if code == "tls_failed" {
		h.Versions = oldVersions(args["cause"])
	}
	step := probes.StepSTARTTLS
	if j.Trial.Mode == probes.Implicit {
		step = probes.StepTLS
	}
	j.take(at(step), JudgeTLS(h, j.Trial.Started))
}

// problemOf is the problem of a certificate in the words of a Handshake.
func problemOf(t *probes.TrialTLS) string {
	switch t.Problem {
	case "tls_name":
		return "name"
	case "tls_expired":
		return "expired"
	case "tls_untrusted", "tls_intercepted":
		return "untrusted"
	}
	return "chain"
}

// oldVersions are those of a server that takes none of today's, by the error
// of crypto/tls: the version that the server chose in hexadecimal (RFC 8446
// section 4.1.3), or its alert protocol_version (section 6.2), which does not
// tell. It is nil when a handshake failed for another reason.
func oldVersions(cause string) []string {
	switch {
	case strings.HasSuffix(cause, "unsupported protocol version 301"):
		return []string{"TLS 1.0"}
	case strings.HasSuffix(cause, "unsupported protocol version 302"):
		return []string{"TLS 1.1"}
	case strings.Contains(cause, "protocol version not supported"):
		return []string{"≤ TLS 1.1"}
	}
	return nil
}

// Tells says whether one of the findings tells what a quirk of the trial does.
func Tells(found []Finding, quirk string) bool {
	of := map[string][]ID{
		"banner_masked": {"port-rewritten"}, "starttls_masked": {"port-rewritten"}, "token_ending": {"token-time"},
		"ipv4_slow": {"port-slow", "port-family"}, "ipv6_slow": {"port-slow", "port-family"},
		"ipv4_dead": {"port-family"}, "ipv6_dead": {"port-family"},
	}[quirk]
	return slices.ContainsFunc(found, func(f Finding) bool { return slices.Contains(of, f.Check) })
}

// Beside leaves out of what a trial met what the tenant's own findings say of
// its token, with the way to mend it.
func Beside(met, tenant []Finding) []Finding {
	twin := map[ID]ID{
		"token-aud": "tenant-token-audience", "token-graph": "tenant-token-audience", "token-tenant": "tenant-token-tenant", "token-app": "tenant-token-app",
	}
	return slices.DeleteFunc(slices.Clone(met), func(f Finding) bool {
		return slices.ContainsFunc(tenant, func(o Finding) bool { return o.Check == twin[f.Check] })
	})
}

// Explains says whether one of the findings tells why the trial ended, so that
// the words of its fault need not.
func Explains(found []Finding, t probes.Trial) bool {
	at := t.Reached()
	return at.Fault != "" && slices.ContainsFunc(found, func(f Finding) bool { return f.Status == Fail && f.Step == at.Step })
}
