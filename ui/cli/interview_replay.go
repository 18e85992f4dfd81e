package cli

import (
	"context"
	"errors"
	"io/fs"

	"offbasic/probes"
	"offbasic/probes/replay"
	"offbasic/ui/text"
)

// replayLine is a replay in the JSON contract.
type replayLine struct {
	Type       string        `json:"type"`
	Session    string        `json:"session"`
	To         string        `json:"to"`
	Transcript []probes.Line `json:"transcript"`
}

// replay says a recorded session to the host that was named, and prints the
// dialogue.
func (c *call) replay(ctx context.Context, f interviewFlags) error {
	w, err := c.openRead(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // it was only read
	s, err := w.recorded(ctx, f.replay)
	if err != nil {
		return err
	}
	line := replayLine{Type: "replay", Session: s.ID, To: f.to, Transcript: []probes.Line{}}
	err = replay.Replay{Session: s, Addr: f.to, Now: w.Now}.Run(ctx, func(l probes.Line) {
		line.Transcript = append(line.Transcript, l)
		c.say("%s", c.transcriptLine(l))
	})
	if c.json && (err == nil || len(line.Transcript) > 0) {
		if wrong := c.line(line); wrong != nil && err == nil {
			err = wrong
		}
	}
	return err
}

// recorded is the session of that id; "last" is the last one that said
// anything.
func (w *Work) recorded(ctx context.Context, id string) (probes.Session, error) {
	unknown := &probes.Fault{Op: "look for session " + id, Code: "no_such_session", Args: text.Args{"id": probes.Clean(id, 100)}}
	if id != "last" {
		s, err := w.Folder.Session(ctx, id)
		if errors.Is(err, fs.ErrNotExist) {
			return s, unknown
		}
		return s, err
	}
	var last probes.Session
	err := w.Folder.Sessions(ctx, func(s probes.Session) error {
		if s.IsSender() && s.Hello != "" {
			last = s
		}
		return nil
	})
	if err == nil && last.ID == "" {
		return last, unknown
	}
	return last, err
}
