package checks

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"offbasic/probes"
)

// ahead is how much later than here the clock of another machine may be.
const ahead = 15 * time.Minute

// ExamineReadBack names the first thing in a read-back that its script cannot
// have written: somebody edited it, or it is not from this script. "" means
// that nothing of the kind was found. The file carries no signature: whoever
// writes a believable value is believed.
func ExamineReadBack(s probes.Script, f probes.ReadBackFile, now time.Time) (what string) {
	what = examineHead(s, f, now)
	if what == "" {
		what = examineIDs(s, f)
	}
	for _, r := range s.Reads {
		if what != "" {
			break
		}
		what = examineRead(r, f)
	}
	return what
}

// examineHead looks at when, where and how a script ended.
func examineHead(s probes.Script, f probes.ReadBackFile, now time.Time) string {
	made, err := time.Parse(time.RFC3339, f.Made)
	switch {
	case err != nil:
		return "made"
	case made.After(now.Add(ahead)):
		return "made: " + f.Made
	case f.Tenant != "" && !isGUID(f.Tenant):
		return "tenant: " + f.Tenant
	case (f.Error == "") != (f.Step == ""):
		return "step, error"
	case f.Step != "" && !slices.Contains(stepsOf(s), f.Step):
		return "step: " + f.Step
	}
	for _, d := range f.Done {
		if _, err := time.Parse(time.RFC3339, d.At); err != nil || !changesIn(s, d.Step) {
			return "done: " + d.Step
		}
	}
	return ""
}

// examineIDs looks for reads that the script does not make.
func examineIDs(s probes.Script, f probes.ReadBackFile) string {
	for id := range f.Results {
		if !slices.ContainsFunc(s.Reads, func(r probes.ReadBack) bool { return r.ID == id }) {
			return "results: " + id
		}
	}
	for id := range f.Unread {
		if !slices.ContainsFunc(s.Reads, func(r probes.ReadBack) bool { return r.ID == id && r.Optional }) || len(f.Results[id]) > 0 {
			return "unread: " + id
		}
	}
	return ""
}

// stepsOf are the places where a script can stop.
func stepsOf(s probes.Script) []string {
	at := []string{"connect", "read"}
	for _, st := range s.Steps {
		at = append(at, st.ID)
	}
	for _, r := range s.Reads {
		at = append(at, r.ID)
	}
	return at
}

func changesIn(s probes.Script, step string) bool {
	return slices.ContainsFunc(s.Steps, func(st probes.ScriptStep) bool { return st.ID == step && st.Do.Changes() })
}

// examineRead looks at the rows of one read. Where the script did not stop,
// each is there: but for one that needs what an earlier step did not find, and
// for an optional one.
func examineRead(r probes.ReadBack, f probes.ReadBackFile) string {
	rows, there := f.Results[r.ID]
	if !there {
		if _, noted := f.Unread[r.ID]; f.Error != "" || noted || len(outerVariables(r)) > 0 {
			return ""
		}
		return "results: " + r.ID
	}
	for i, row := range rows {
		at := r.ID + "[" + strconv.Itoa(i) + "]"
		if len(row) != len(r.Select) {
			return at
		}
		for _, name := range r.Select {
			value, ok := row[name]
			if !ok || !believable(name, value) {
				return at + "." + name
			}
		}
	}
	return ""
}

// outerVariables are those that a read needs and no loop of its own sets.
func outerVariables(r probes.ReadBack) []string {
	names := r.Cmdlet.Variables()
	if r.Each != nil {
		names = slices.DeleteFunc(names, func(n string) bool { return n == r.Each.As })
	}
	return names
}

// ExamineValues names the first value in a read-back, of whatever script, that
// its property cannot have; "" is none.
func ExamineValues(f probes.ReadBackFile) string {
	for _, id := range slices.Sorted(maps.Keys(f.Results)) {
		for i, row := range f.Results[id] {
			for _, name := range slices.Sorted(maps.Keys(row)) {
				if !believable(name, row[name]) {
					return id + "[" + strconv.Itoa(i) + "]." + name
				}
			}
		}
	}
	return ""
}

// believable tells whether a property can have a value: a switch is True, False
// or not set, an id is a GUID, rights are names; none has control characters
// but those of text.
func believable(property, value string) bool {
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }) {
		return false
	}
	switch property {
	case "AccessRights":
		return !strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && r != ',' && r != ' ' })
	case "SmtpClientAuthenticationDisabled", "AllowLegacyTLSClients", "AllowBasicAuthSmtp", "RejectDirectSend", "SendFromAliasEnabled",
		"Enabled", "RequireTls", "Default", "InitialDomain":
		return value == "" || strings.EqualFold(value, "True") || strings.EqualFold(value, "False")
	case "InScope":
		return slices.ContainsFunc([]string{"True", "False", "Not Run"}, func(s string) bool { return strings.EqualFold(value, s) })
	case "AppId", "ObjectId":
		return isGUID(value)
	}
	return true
}

// isGUID tells "12345678-1234-1234-1234-123456789012".
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range s {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdefABCDEF", c) {
				return false
			}
		}
	}
	return true
}
