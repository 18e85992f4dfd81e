package checks

import "slices"

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
