package checks

import "slices"

// listed is a check of something that is looked at, not of a sender: its remedy
// may be "".
func listed(id ID, remedy string, outcomes ...Status) Check {
	return Check{ID: id, Outcomes: outcomes, Remedy: remedy}
}

// ArgWords is the family of keys that has the words of an argument that is an
// id: those of a problem "name" are under "certificate.name". It is "" for an
// argument that is said as it is.
func ArgWords(name string) string {
	return map[string]string{"why": "compauth", "sfv": "sfv", "cat": "cat", "what": "rewritten", "problem": "certificate"}[name]
}

// verdicts collects findings that are not about a sender's sessions. What a
// finding can be and its remedy stand in a table of checks.
type verdicts struct {
	table []Check
	found []Finding
}

// add adds a finding with its evidence, given as name and value in turn. An
// empty value is left out.
func (v *verdicts) add(id ID, status Status, args ...string) {
	f := Finding{Check: id, Status: status}
	for i := 0; i+1 < len(args); i += 2 {
		if args[i+1] == "" {
			continue
		}
		if f.Args == nil {
			f.Args = map[string]string{}
		}
		f.Args[args[i]] = args[i+1]
	}
	at := slices.IndexFunc(v.table, func(c Check) bool { return c.ID == id })
	if at >= 0 && (status == Warn || status == Fail) {
		f.Remedy = v.table[at].Remedy
	}
	v.found = append(v.found, f)
}
