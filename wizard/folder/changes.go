package folder

import (
	"context"

	"offbasic/probes"
)

// KeepChange adds what was done to the tenant to changes.jsonl, the command
// log, as Keep does for sessions: it is on the disk when KeepChange returns.
func (f *Folder) KeepChange(c probes.Change) error {
	return fault("keep change "+c.ID, f.dir, f.changes.add(c))
}

// Changes reads what was done to the tenant, in the order in which it was
// kept, as Sessions reads the sessions.
func (f *Folder) Changes(ctx context.Context, each func(probes.Change) error) error {
	return records(ctx, f.changes, each)
}
