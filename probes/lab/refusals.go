package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"offbasic/assets"
	"offbasic/probes"
)

// stage is where a refusal comes in a dialogue.
type stage string

// The stages, in their order.
const (
	stageConnect  stage = "connect"
	stageHello    stage = "EHLO"
	stageSTARTTLS stage = "STARTTLS"
	stageAfterTLS stage = "after"
	stageAuth     stage = "AUTH"
	stageMail     stage = "MAIL"
	stageRcpt     stage = "RCPT"
	stageData     stage = "DATA"
	stageBounce   stage = "NDR" // accepted, and returned
)

// refusalPrefix is what the names of refusals begin with among the faults.
const refusalPrefix = "reply:"

// knownReply is one row of the catalogue of replies that is a no.
type knownReply struct {
	ID       string   `json:"id"`
	Code     int      `json:"code"`
	Enhanced []string `json:"enhanced"`
	Text     string   `json:"text"`
	Paths    []string `json:"paths"`
	Stage    string   `json:"stage"`
	Source   string   `json:"source"`
}

// name is how Options.Faults asks for it: "reply:550-5.7.64".
func (r knownReply) name() string { return refusalPrefix + strings.TrimPrefix(r.ID, "smtp-") }

// stage is the first place in a dialogue where the row was seen. One without a
// reply code was seen in a bounce.
func (r knownReply) stage() stage {
	if r.Code == 0 {
		return stageBounce
	}
	found := stageBounce
	for part := range strings.SplitSeq(r.Stage, "/") {
		word, _, _ := strings.Cut(part, " ")
		switch at := stage(word); at {
		case stageBounce:
			continue
		case "any":
			return stageMail
		default:
			return at
		}
	}
	return found
}

// at tells whether a service answers so.
func (r knownReply) at(service string) bool {
	return slices.ContainsFunc(r.Paths, func(path string) bool { return slices.Contains(pathServices(path), service) })
}

// pathServices are the services of a path of the catalogue. What a third party
// meets, it meets at the MX host.
func pathServices(path string) []string {
	switch path {
	case "submission":
		return []string{submissionService, legacyService}
	case "submission(legacy)":
		return []string{legacyService}
	case "hve":
		return []string{hveService}
	case "relay", "direct", "third-party":
		return []string{mxService}
	}
	return []string{submissionService, legacyService, hveService, mxService}
}

// reply is the row as it goes over the wire: the first of several texts and of
// a range of codes, with what stands for an address replaced by one.
func (r knownReply) reply(peer, from string, to []string) string {
	text, _, _ := strings.Cut(r.Text, " | ")
	recipient := ""
	if len(to) > 0 {
		recipient = to[len(to)-1]
	}
	_, domain, _ := strings.Cut(from, "@")
	text = strings.NewReplacer(
		"[IP]", "["+peer+"]", "[D]", probes.Clean(domain, 100), "<recipients>", "<"+probes.Clean(recipient, 200)+">",
		"SendAsDenied; A not allowed to send as B", "SendAsDenied; "+probes.Clean(from, 200)+" not allowed to send as somebody.else@contoso.example",
		"[Hostname=...]", "[Hostname="+hub+"]",
	).Replace(strings.TrimSuffix(text, "..."))
	parts := []string{}
	if r.Code != 0 {
		parts = append(parts, fmt.Sprint(r.Code))
	}
	if len(r.Enhanced) > 0 {
		first, _, _ := strings.Cut(r.Enhanced[0], "-")
		parts = append(parts, first)
	}
	return strings.TrimSpace(strings.Join(append(parts, text), " "))
}

// catalogue are the rows of the catalogue of replies that refuse.
func catalogue() []knownReply {
	raw, err := fs.ReadFile(assets.Catalogues(), "replies.json")
	if err != nil {
		panic(err) // embedded
	}
	var all []knownReply
	if err := json.Unmarshal(raw, &all); err != nil {
		panic(err) // held by the catalogue's own test
	}
	return slices.DeleteFunc(all, func(r knownReply) bool { return r.Code > 0 && r.Code < 400 })
}

// RefusalNames are the names under which every refusal of the catalogue of
// replies can be provoked: "reply:550-5.7.30". Options.Faults takes them, and
// Refuse.
func RefusalNames() []string {
	var names []string
	for _, r := range catalogue() {
		names = append(names, r.name())
	}
	return names
}

// Refusal is a reply that the lab can be made to give.
type Refusal struct {
	Name     string   // as Options.Faults and Refuse take it: "reply:550-5.7.30"
	Reply    string   // as it goes over the wire; without its code it is seen in a bounce
	Services []string // that give it, as Endpoint takes them
	Source   string
}

// Refusals lists every refusal of the catalogue of replies.
func Refusals() []Refusal {
	var all []Refusal
	for _, r := range catalogue() {
		var at []string
		for _, name := range Services() {
			if r.at(name) {
				at = append(at, name)
			}
		}
		all = append(all, Refusal{r.name(), r.reply(officeAddress, "scan@contoso.example", []string{"it@contoso.example"}), at, r.Source})
	}
	return all
}

// refusals are those that were asked for.
type refusals struct {
	mu     sync.Mutex
	wanted map[string]int // by name, how often still; below 0 is always
	rows   []knownReply
}

// Refuse makes every service that is known to give a reply give it, by its
// name in RefusalNames: the next times that it could, or whenever it could for
// times below 0; 0 takes it away. A refusal of a bounce lets the message in,
// and returns it to its sender. The error is a *probes.Fault.
func (l *Lab) Refuse(name string, times int) error {
	i := slices.IndexFunc(catalogue(), func(r knownReply) bool { return r.name() == name })
	if i < 0 {
		return unknownFault(name)
	}
	l.refusals.mu.Lock()
	defer l.refusals.mu.Unlock()
	if l.refusals.wanted == nil {
		l.refusals.wanted = map[string]int{}
	}
	l.refusals.wanted[name] = times
	l.refusals.rows = slices.DeleteFunc(l.refusals.rows, func(r knownReply) bool { return r.name() == name })
	if times != 0 {
		l.refusals.rows = append(l.refusals.rows, catalogue()[i])
	}
	return nil
}

// unknownFault is the answer to a name that the lab does not know.
func unknownFault(name string) error {
	return &probes.Fault{
		Op: "make the lab fail", Code: FaultUnknown, Err: errors.New("no such fault"),
		Args: map[string]string{"name": probes.Clean(name, 100), "names": strings.Join(ownFaultNames(), ", ") + ", " + refusalPrefix + "…"},
	}
}

// next is the refusal that is due at a stage of a service.
func (f *refusals) next(at stage, service string) (knownReply, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range f.rows {
		if r.stage() != at || !r.at(service) {
			continue
		}
		if f.wanted[r.name()] > 0 {
			if f.wanted[r.name()]--; f.wanted[r.name()] == 0 {
				f.rows = slices.Delete(f.rows, i, i+1)
			}
		}
		return r, true
	}
	return knownReply{}, false
}

// provoked gives the refusal that was asked for at this stage, if one was.
func (s *session) provoked(at stage) bool {
	r, ok := s.l.refusals.next(at, s.svc.name)
	if !ok {
		return false
	}
	s.l.log(s.svc.name + ": refused as asked: " + r.name())
	s.no(r.reply(s.peer(), s.from, s.to))
	return true
}
