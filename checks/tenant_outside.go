package checks

import (
	"maps"
	"time"

	"offbasic/probes"
)

// ProveOutside judges a test send as a mailbox that the app must not reach,
// with what else is known. While a right may be too new nothing is proved: a
// refusal would meet every mailbox, and what was taken away may still count.
// Then the finding is Skip, and young says which right and until when. A
// refusal counts at once where a mailbox inside was taken since.
func ProveOutside(t probes.Trial, f TenantFacts) (found Finding, young *Young) {
	if found = NegativeProof(t); found.Status == Skip {
		return found, nil
	}
	rights := maps.Clone(f.Made)
	if found.Status == Pass {
		maps.DeleteFunc(rights, func(_ string, made time.Time) bool { return made.Before(f.Inside) })
	}
	y, ok := YoungOf(rights, t.Started, MadePrincipal, MadePermission, MadeRole)
	if !ok {
		return found, nil
	}
	found.Status, found.Remedy = Skip, ""
	found.Args["object"], found.Args["next"], found.Args["ends"] = y.Object, stamp(y.Next), stamp(y.Ends)
	return found, &y
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
