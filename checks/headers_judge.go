package checks

import (
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// HeadFacts is what a header is judged with.
type HeadFacts struct {
	Head Head
	// Route is the one that the message was to take; "" is not known.
	Route probes.Route
	// Junk tells the folder that it was found in; nil is not known.
	Junk *bool
}

// HeadChecks lists the checks of a header.
func HeadChecks() []Check {
	return []Check{
		listed("head-none", "head-none", Fail),
		listed("head-auth-internal", "", Pass),
		listed("head-auth-anonymous", "head-auth-anonymous", Pass, Warn, Fail),
		listed("head-auth-unknown", "", Skip),
		listed("head-way-submission", "head-way", Pass, Fail),
		listed("head-way-mx", "head-way", Pass, Fail),
		listed("head-way-unknown", "", Skip),
		listed("head-connector", "connector-trace", Skip),
		listed("head-spf", "head-spf", Pass, Warn, Fail),
		listed("head-dkim", "head-dkim", Pass, Warn, Fail),
		listed("head-dmarc", "head-dmarc", Pass, Warn, Fail),
		listed("head-compauth", "head-compauth", Pass, Warn, Fail, Skip),
		listed("head-results-none", "", Skip),
		listed("head-junk", "head-junk", Pass, Fail),
		listed("head-scl", "head-scl", Pass, Fail),
		listed("head-filter", "head-filter", Pass, Fail),
		listed("head-category", "head-filter", Fail),
		listed("head-tls", "", Pass),
		listed("head-tls-old", "head-tls-old", Fail),
		listed("head-tls-none", "head-tls-none", Warn),
		listed("head-delay", "head-delay", Pass, Warn),
		listed("head-clock", "", Skip),
		listed("head-from", "head-from", Warn),
	}
}

// JudgeHead judges the header of a message that arrived.
func JudgeHead(f HeadFacts) []Finding {
	j := headJudge{HeadFacts: f, verdicts: verdicts{table: HeadChecks()}}
	if f.Head.Fields == 0 {
		j.add("head-none", Fail)
		return j.found
	}
	j.authentication()
	j.way()
	j.results()
	j.spam()
	j.tls()
	j.delay()
	return j.found
}

type headJudge struct {
	HeadFacts
	verdicts
}

// signsIn tells the routes whose mail comes in as an account's own.
func signsIn(r probes.Route) bool {
	return r == probes.OAuth || r == probes.HVE || r == probes.Graph || r == probes.Basic
}

// authentication judges whether Exchange took the message as one of its own
// (X-MS-Exchange-Organization-AuthAs). The number of AuthMechanism is shown
// and decides nothing: no list of the numbers is public.
func (j *headJudge) authentication() {
	h := j.Head
	args := []string{"source", h.AuthSource, "mechanism", h.AuthMechanism}
	switch {
	case strings.EqualFold(h.AuthAs, "Internal"):
		j.add("head-auth-internal", Pass, args...)
	case !strings.EqualFold(h.AuthAs, "Anonymous"):
		j.add("head-auth-unknown", Skip)
	case signsIn(j.Route):
		j.add("head-auth-anonymous", Fail, args...)
	case j.Route == "":
		j.add("head-auth-anonymous", Warn, args...)
	default:
		j.add("head-auth-anonymous", Pass, args...)
	}
}

// The ways into Exchange Online that a header tells apart.
const (
	WaySubmission = "submission" // client submission, or from inside
	WayMX         = "mx"         // the MX host: a connector, Direct Send, the Internet
)

// Way is how a message came into Exchange Online, with the hop that tells: the
// first one whose server is Microsoft's. The MX host is "by
// X.mail.protection.outlook.com", client submission "by X.PROD.OUTLOOK.COM"
// from a host that is not Microsoft's. "" is not known.
func (h Head) Way() (way string, at Hop) {
	for _, hop := range h.Hops {
		switch {
		case IsExchangeHost(firstWord(hop.By)):
			return WayMX, hop
		case isOutlook(hop.By) && !isOutlook(hop.From) && strings.Contains(hop.With, "SMTP"):
			return WaySubmission, hop
		case isOutlook(hop.By):
			return "", hop
		}
	}
	return "", Hop{}
}

func firstWord(s string) string { w, _, _ := strings.Cut(s, " "); return w }

func (j *headJudge) way() {
	way, hop := j.Head.Way()
	args := []string{"by", firstWord(hop.By), "address", hop.Address, "route", string(j.Route)}
	throughMX := j.Route == probes.Connector || j.Route == probes.Direct || j.Route == probes.Provider || j.Route == probes.ACS
	switch {
	case way == WaySubmission && throughMX, way == WayMX && signsIn(j.Route):
		j.add(ID("head-way-"+way), Fail, args...)
	case way != "":
		j.add(ID("head-way-"+way), Pass, args...)
	default:
		j.add("head-way-unknown", Skip)
	}
	if j.Route == probes.Connector && way == WayMX {
		j.add("head-connector", Skip)
	}
}

// results judges the results of the server that delivered the message. What
// came in as the tenant's own is not judged by them.
func (j *headJudge) results() {
	if len(j.Head.Results) == 0 {
		j.add("head-results-none", Skip)
		return
	}
	inside := strings.EqualFold(j.Head.AuthAs, "Internal")
	for _, method := range []string{"spf", "dkim", "dmarc"} {
		r := j.Head.Result(method)
		if r.Method == "" {
			continue
		}
		status := resultStatus(r.Result)
		if inside && status == Fail {
			status = Warn
		}
		domain := r.Props[map[string]string{"spf": "smtp.mailfrom", "dkim": "header.d", "dmarc": "header.from"}[method]]
		j.add(ID("head-"+method), status, "result", r.Result, "domain", domain, "note", r.Note, "action", r.Props["action"])
	}
	j.compauth(j.Head.Result("compauth"))
	spf, from := j.Head.Result("spf").Props["smtp.mailfrom"], j.Head.Result("dmarc").Props["header.from"]
	if spf != "" && from != "" && j.Head.Result("dmarc").Result == "fail" && j.Head.Result("spf").Result == "pass" && !strings.EqualFold(spf, from) {
		j.add("head-from", Warn, "from", from, "domain", spf)
	}
}

func resultStatus(result string) Status {
	switch result {
	case "pass", "bestguesspass":
		return Pass
	case "fail", "permerror", "reject", "policy":
		return Fail
	}
	return Warn // none, neutral, softfail, temperror
}

// compauth judges Microsoft's composite authentication by its reason
// (Microsoft, "Anti-spam message headers": 000, 001, 002, 010, 1xx, 2xx, 3xx,
// 4xx, 6xx, 7xx, 9xx).
func (j *headJudge) compauth(r AuthResult) {
	if r.Method == "" {
		return
	}
	reason := r.Props["reason"]
	args := []string{"result", r.Result, "reason", reason, "why", CompauthReason(reason)}
	switch r.Result {
	case "pass":
		j.add("head-compauth", Pass, args...)
	case "softpass":
		j.add("head-compauth", Warn, args...)
	case "fail":
		j.add("head-compauth", Fail, args...)
	default:
		j.add("head-compauth", Skip, args...)
	}
}

// CompauthReason is the id of what a reason code means, whose words are under
// "compauth.<id>"; "" for one that Microsoft does not describe.
func CompauthReason(code string) string {
	for _, known := range []string{"000", "001", "002", "010", "130"} {
		if code == known {
			return known
		}
	}
	if len(code) != 3 || strings.Trim(code, "0123456789") != "" || !strings.Contains("1234679", code[:1]) {
		return ""
	}
	return code[:1] + "xx"
}

// CompauthReasons lists what CompauthReason can be.
func CompauthReasons() []string {
	return []string{"000", "001", "002", "010", "130", "1xx", "2xx", "3xx", "4xx", "6xx", "7xx", "9xx"}
}

// SpamFilters lists the values of SFV that Microsoft describes; their words
// are under "sfv.<value>".
func SpamFilters() []string {
	return []string{"BLK", "NSPM", "SFE", "SKA", "SKB", "SKN", "SKQ", "SKS", "SPM"}
}

// SpamCategories lists the values of CAT that Microsoft describes; their words
// are under "cat.<value>".
func SpamCategories() []string {
	return []string{
		"AMP", "BIMP", "BULK", "DIMP", "FTBP", "GIMP", "HPHSH", "HPHISH", "HSPM", "INTOS", "MALW", "OSPM", "PHSH", "SAP", "SPM", "SPOOF", "UIMP",
	}
}

// spam judges what the filter made of the message (Microsoft, "Anti-spam
// message headers" and "Spam confidence level (SCL)": 5 and 6 are spam, 7 to 9
// more surely so).
func (j *headJudge) spam() {
	if j.Junk != nil {
		status := Pass
		if *j.Junk {
			status = Fail
		}
		j.add("head-junk", status)
	}
	report := j.Head.Spam
	if n, err := strconv.Atoi(report["SCL"]); err == nil {
		status := Pass
		if n >= 5 {
			status = Fail
		}
		j.add("head-scl", status, "scl", strconv.Itoa(n), "bcl", report["BCL"])
	}
	switch v := report["SFV"]; v {
	case "BLK", "SKB", "SKS", "SPM":
		j.add("head-filter", Fail, "sfv", v)
	case "NSPM", "SFE", "SKA", "SKN", "SKQ":
		j.add("head-filter", Pass, "sfv", v)
	}
	for _, c := range SpamCategories() {
		if strings.EqualFold(report["CAT"], c) {
			j.add("head-category", Fail, "cat", c)
		}
	}
}

// tls judges the encryption of each hop over a network: at least TLS 1.2. Of
// hops that say nothing of it only those by SMTP are named.
func (j *headJudge) tls() {
	good, any := []string{}, false
	for _, h := range j.Head.Hops {
		if h.Internal || !overNetwork(h) {
			continue
		}
		any = true
		switch {
		case h.TLS == "TLS 1.0" || h.TLS == "TLS 1.1":
			j.add("head-tls-old", Fail, "from", hopName(h), "by", firstWord(h.By), "tls", h.TLS)
		case h.Secured:
			good = append(good, first(h.TLS, "TLS"))
		default:
			j.add("head-tls-none", Warn, "from", hopName(h), "by", firstWord(h.By))
		}
	}
	if any && len(good) > 0 {
		j.add("head-tls", Pass, "versions", several(once(good)), "hops", strconv.Itoa(len(good)))
	}
}

// overNetwork tells a hop by SMTP from one inside of a host.
func overNetwork(h Hop) bool {
	with := strings.ToUpper(h.With)
	local := strings.HasPrefix(h.Address, "127.") || h.Address == "::1"
	return strings.Contains(with, "SMTP") && !local && (h.From != "" || h.Address != "")
}

func hopName(h Hop) string { return first(firstWord(h.From), h.Address) }

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// once leaves out what is there already.
func once(list []string) []string {
	var out []string
	for _, s := range list {
		out = include(out, s)
	}
	return out
}

// slowHop is from when on a hop is worth a word.
const slowHop = 5 * time.Minute

func (j *headJudge) delay() {
	var slow Hop
	var whole time.Duration
	for _, h := range j.Head.Hops {
		if h.After < -time.Minute {
			j.add("head-clock", Skip, "by", firstWord(h.By), "behind", (-h.After).Round(time.Second).String())
			return
		}
		if h.After > slow.After {
			slow = h
		}
		whole += h.After
	}
	if len(j.Head.Hops) < 2 {
		return
	}
	args := []string{"whole", whole.Round(time.Second).String(), "hop", firstWord(slow.By), "after", slow.After.Round(time.Second).String()}
	if slow.After > slowHop {
		j.add("head-delay", Warn, args...)
		return
	}
	j.add("head-delay", Pass, args...)
}
