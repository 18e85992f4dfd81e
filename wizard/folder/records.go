package folder

import (
	"context"

	"offbasic/probes"
)

// Keep adds a session, or a later record of one, to sessions.jsonl. It is on
// the disk when Keep returns. Sessions that are kept at the same time share
// one write. After an error nothing of the session is in the file, unless its
// message alone could not be made; a full disk is the fault "folder_full".
//
// The messages that it names are on the disk as well when Keep returns; after a
// second error they are forgotten.
func (f *Folder) Keep(s probes.Session) error {
	small := f.small.claim(s)
	err := f.sessions.add(s, small...)
	if err != nil {
		f.small.putBack(small)
	} else {
		f.small.release(small)
	}
	return fault("keep session "+s.ID, f.dir, err)
}

// KeepSoon is Keep without the wait for the disk: a power cut may still lose
// the record, until the next Keep, but nothing that Keep acknowledged before.
func (f *Folder) KeepSoon(s probes.Session) error {
	return fault("keep session "+s.ID, f.dir, f.sessions.addSoon(s))
}

// Sessions reads the captured sessions one by one, the last record of each,
// in the order in which those were kept, until each returns an error, which is
// then returned. Lines that cannot be read are left out and said by Warnings.
func (f *Folder) Sessions(ctx context.Context, each func(probes.Session) error) error {
	return records(ctx, f.sessions, each)
}

// Session reads the last record of one session. The error of an unknown id is
// fs.ErrNotExist.
func (f *Folder) Session(ctx context.Context, id string) (probes.Session, error) {
	return record[probes.Session](ctx, f.sessions, id)
}

// KeepTrial adds a trial, or a later record of one, to trials.jsonl, as Keep
// does for sessions.
func (f *Folder) KeepTrial(t probes.Trial) error {
	return fault("keep trial "+t.ID, f.dir, f.trials.add(t))
}

// Trials reads the trials as Sessions reads the sessions.
func (f *Folder) Trials(ctx context.Context, each func(probes.Trial) error) error {
	return records(ctx, f.trials, each)
}

// Trial reads the last record of one trial. The error of an unknown id is
// fs.ErrNotExist.
func (f *Folder) Trial(ctx context.Context, id string) (probes.Trial, error) {
	return record[probes.Trial](ctx, f.trials, id)
}
