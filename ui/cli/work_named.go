package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
	"offbasic/wizard/folder"
)

// ScriptRef names a script: one by its name, or with no name that of a
// sender's route. Without a sender it is about the tenant.
type ScriptRef struct{ Name, Sender string }

// ReadBackAnswer is the answer of a script as it was understood: what a script
// that changes something was to set, or how much one that reads has read.
type ReadBackAnswer struct {
	Script   probes.Script
	Compared []checks.Compared
	Rows     map[string]int
	Unread   map[string]string
}

// ScriptFor makes a script with the values of the migration. What is not known
// is a placeholder, and is named.
func (w *Work) ScriptFor(r ScriptRef) (s probes.Script, missing []string, err error) {
	m := w.Folder.Migration()
	v := m.TenantValues()
	sender, ok := m.Sender(r.Sender)
	if ok {
		v = m.ScriptValues(*sender)
	}
	name := r.Name
	if name == "" {
		s, err := w.Script(r.Sender)
		if f, isFault := errors.AsType[*probes.Fault](err); err == nil || !isFault || f.Code != "script_values" {
			return s, nil, err
		}
		name = m.SenderScripts(*sender)[0]
	}
	v, missing = v.Filled(name)
	if r.Name == "" {
		return wizard.RouteScript(name, v), missing, nil
	}
	s, ok = wizard.ScriptNamed(name, v)
	if !ok {
		return s, nil, &probes.Fault{Op: "write the script " + name, Code: "no_script", Args: map[string]string{"route": name}}
	}
	return s, missing, nil
}

// TextFor is a script as it is shown and copied.
func (w *Work) TextFor(r ScriptRef) (s probes.Script, text string, missing []string, err error) {
	s, missing, err = w.ScriptFor(r)
	if err != nil {
		return s, "", nil, err
	}
	text, err = w.scripts().Text(s)
	return s, text, missing, err
}

// scriptFile is the script's name in the folder.
func scriptFile(s probes.Script, sender string) string {
	if sender == "" {
		return s.Name
	}
	return fileName(s, sender)
}

// SaveFor writes a script into the folder and returns its path. One with
// placeholders is not for running, and is refused.
func (w *Work) SaveFor(_ context.Context, r ScriptRef) (string, error) {
	s, missing, err := w.ScriptFor(r)
	if err != nil {
		return "", err
	}
	if len(missing) > 0 {
		return "", lacking(s.Name, r.Sender, missing)
	}
	var b bytes.Buffer
	if err := w.scripts().Write(&b, s); err != nil {
		return "", err
	}
	return w.Folder.SaveScript(scriptFile(s, r.Sender), b.Bytes())
}

// AnswerFor reads the answer of a script; one that is not there yet is no
// error and no answer.
func (w *Work) AnswerFor(ctx context.Context, r ScriptRef) (*ReadBackAnswer, error) {
	s, missing, err := w.ScriptFor(r)
	if err != nil || len(missing) > 0 {
		return nil, err
	}
	f, err := w.Folder.ReadBack(scriptFile(s, r.Sender))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = w.believed(s, f)
	}
	if err == nil {
		err = w.noteRun(s, r.Sender, f)
	}
	if err != nil {
		return nil, err
	}
	return w.understand(ctx, r, s, f)
}

// TakeAnswerFor takes an answer that was made on another machine, as its JSON
// or as the path of a file, and keeps it as if it had been made here.
func (w *Work) TakeAnswerFor(ctx context.Context, r ScriptRef, given string) (*ReadBackAnswer, error) {
	name, b := "-", []byte(given)
	if !strings.HasPrefix(strings.TrimSpace(given), "{") {
		var err error
		if name, b, err = answerFile(given); err != nil {
			return nil, err
		}
	}
	f, err := folder.ParseReadBack(name, b)
	if err != nil {
		return nil, err
	}
	s, missing, err := w.ScriptFor(r)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, lacking(s.Name, r.Sender, missing)
	}
	if err := w.believed(s, f); err != nil {
		return nil, err
	}
	return w.ImportAnswer(ctx, name, b, r.Sender, nil)
}

// answerFile reads a file with an answer, as far as an answer can be long.
func answerFile(path string) (string, []byte, error) {
	const longest = 32 << 20
	unreadable := func(err error) error {
		return &probes.Fault{Op: "read the answer " + path, Code: "readback_unreadable", Args: map[string]string{"file": path}, Err: err}
	}
	f, err := os.Open(path)
	if err != nil {
		return path, nil, unreadable(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	b, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil {
		return path, nil, unreadable(err)
	}
	return path, b, nil
}

// understand compares an answer with what its script was to set. When the
// script of a sender's route set everything, the sender is set up.
func (w *Work) understand(ctx context.Context, r ScriptRef, s probes.Script, f probes.ReadBackFile) (*ReadBackAnswer, error) {
	if err := w.fitting(s, f); err != nil {
		return nil, err
	}
	a := &ReadBackAnswer{Script: s, Unread: f.Unread}
	if len(s.Expects) == 0 {
		a.Rows = map[string]int{}
		for _, read := range s.Reads {
			a.Rows[read.ID] = len(f.Results[read.ID])
		}
		return a, nil
	}
	a.Compared = checks.CompareReadBack(s, f)
	if r.Name != "" || r.Sender == "" || !checks.AllAsExpected(a.Compared) {
		return a, nil
	}
	at := w.Now()
	if made, err := time.Parse(time.RFC3339, f.Made); err == nil && made.Before(at) {
		at = made
	}
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error { return m.ReadBack(r.Sender, at) })
	return a, err
}

// Refused explains why a test send was refused, with what is known of the
// tenant, in the reader's language. There is nothing to explain of one that
// was not.
func (w *Work) Refused(ctx context.Context, t probes.Trial) (checks.Refusal, error) {
	facts, _, err := w.TenantFacts(ctx)
	if err != nil {
		return checks.Refusal{}, err
	}
	r, _ := w.explainer.Trial(t, facts)
	if r.Code != 0 || r.ID != "" {
		r.Explanation = r.Worded(func(key string) (string, bool) { return w.Text.T(key), w.Text.Has(key) })
	}
	return r, nil
}
