package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
	"offbasic/wizard/folder"
)

func (c *call) mergeCommand() *cobra.Command {
	cmd := c.command("merge FOLDER...", func(cmd *cobra.Command, args []string) error { return c.merge(cmd.Context(), args) })
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return badUsage("usage.merge_what", nil)
		}
		return nil
	}
	return cmd
}

// mergeLine is what a merge changed, in the JSON contract.
type mergeLine struct {
	Type string `json:"type"`
	From string `json:"from"`
	wizard.Merged
	Sessions int `json:"sessions"` // that were not here
	Trials   int `json:"trials"`
	Changes  int `json:"changes"`
	Scripts  int `json:"scripts"`
	// LeftOut is what could not be read of the other folder, and Bad the first
	// of it.
	LeftOut int       `json:"left_out,omitempty"`
	Bad     []leftOut `json:"bad,omitempty"`
}

// leftOut is one thing of another folder that could not be read. Its words are
// under "merge.bad.<why>".
type leftOut struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"` // of the record
	Why  string `json:"why"`
	Name string `json:"name,omitempty"` // of the file that the record names
}

// keptLeftOut is how much of what was left out is shown.
const keptLeftOut = 20

func (l *mergeLine) leave(x leftOut) {
	l.LeftOut++
	if len(l.Bad) < keptLeftOut {
		x.File, x.Name = probes.Clean(x.File, 200), probes.Clean(x.Name, 200)
		l.Bad = append(l.Bad, x)
	}
}

// merge takes up colleagues' folders, one after the other. What cannot be read
// of one costs only itself, and the exit code tells.
func (c *call) merge(ctx context.Context, dirs []string) error {
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	left := 0
	for _, dir := range dirs {
		l, err := w.Merge(ctx, dir)
		if err != nil {
			return err
		}
		if err := c.merged(l); err != nil {
			return err
		}
		left += l.LeftOut
	}
	if left > 0 {
		return errFindings
	}
	return nil
}

func (c *call) merged(l mergeLine) error {
	if c.json {
		return c.line(l)
	}
	c.say("%s", c.tr.T("merge.done", text.Args{
		"from": l.From, "new": itoa(len(l.New)), "known": itoa(len(l.Joined)), "sessions": itoa(l.Sessions), "trials": itoa(l.Trials),
		"changes": itoa(l.Changes), "scripts": itoa(l.Scripts),
	}))
	for _, id := range l.New {
		c.say("  + %s", id)
	}
	if l.NewIDs > 0 {
		c.say("  %s", c.tr.T("merge.new_ids", text.Args{"count": itoa(l.NewIDs)}))
	}
	if l.LeftOut > 0 {
		c.say("  %s", c.tr.T("merge.left_out", text.Args{"count": itoa(l.LeftOut)}))
	}
	for _, x := range l.Bad {
		at := x.File
		if x.Line > 0 {
			at = c.tr.T("merge.at", text.Args{"file": x.File, "line": itoa(x.Line)})
		}
		c.say("    %s", at+": "+c.tr.T("merge.bad."+x.Why, text.Args{"name": x.Name}))
	}
	for _, x := range l.Conflicts {
		c.say("  ! %s", c.tr.T("merge.conflict", text.Args{"sender": orDash(x.Sender), "what": x.What, "here": x.Here, "there": x.There}))
	}
	if len(l.Conflicts) > 0 {
		c.say("%s", c.tr.T("merge.stays"))
	}
	return nil
}

// Merge takes up another migration folder: its sessions with their messages,
// test sends, changes and scripts that are not here, and its senders. An
// interrupted merge is finished by the next one.
//
// A zip of such a folder is one, too. What is neither is the fault
// "merge_no_migration" (dir), what is not there "merge_missing" (dir).
func (w *Work) Merge(ctx context.Context, path string) (mergeLine, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return mergeLine{}, importFault("merge "+path, "merge_missing", err, text.Args{"dir": path})
	case err == nil && info.Mode().IsRegular():
		return w.mergeZip(ctx, path)
	case err == nil && !info.IsDir():
		return mergeLine{}, importFault("merge "+path, "merge_no_migration", nil, text.Args{"dir": path})
	}
	return w.mergeFolder(ctx, path, path)
}

// mergeFolder takes up the folder dir, which is called from.
func (w *Work) mergeFolder(ctx context.Context, dir, from string) (mergeLine, error) {
	l := mergeLine{Type: "merge", From: from}
	if same(dir, w.Folder.Dir()) {
		return l, importFault("merge "+dir, "merge_itself", nil, text.Args{"dir": dir})
	}
	o, err := folder.OpenRead(dir, folder.Options{Now: w.Now})
	if err != nil {
		return l, err
	}
	defer o.Close() //nolint:errcheck // it is only read
	if !o.Holds() {
		return l, importFault("merge "+from, "merge_no_migration", nil, text.Args{"dir": from})
	}
	trial := w.Folder.Migration()
	if l.Merged, err = trial.Merge(o.Migration()); err != nil { // judged first: a refused merge copies nothing
		return l, mergeFault(err, from, trial.Tenant, o.Migration().Tenant)
	}
	if err := w.copyRecords(ctx, o, &l); err != nil {
		return l, err
	}
	unread := o.Unread()
	for _, file := range slices.Sorted(maps.Keys(unread)) {
		for _, n := range unread[file] {
			l.leave(leftOut{File: file, Line: n, Why: "record"})
		}
	}
	if err := w.copyScripts(o, &l); err != nil {
		return l, err
	}
	_, err = w.Folder.Change(ctx, func(m *wizard.Migration) (err error) {
		l.Merged, err = m.Merge(o.Migration())
		return err
	})
	if err != nil {
		return l, mergeFault(err, from, trial.Tenant, o.Migration().Tenant)
	}
	return l, w.resee(ctx)
}

func same(a, b string) bool {
	x, err := os.Stat(a)
	y, other := os.Stat(b)
	return err == nil && other == nil && os.SameFile(x, y)
}

func mergeFault(err error, dir string, here, there wizard.Tenant) error {
	args := text.Args{"dir": dir, "here": orDash(first(here.Domain, here.ID)), "there": orDash(first(there.Domain, there.ID))}
	if args["here"] == args["there"] {
		args["here"], args["there"] = here.ID, there.ID
	}
	switch {
	case errors.Is(err, wizard.ErrOtherTenant):
		return importFault("merge "+dir, "merge_other_tenant", nil, args)
	case errors.Is(err, wizard.ErrLabAndReal):
		return importFault("merge "+dir, "merge_lab", nil, args)
	}
	return err
}

// copyRecords copies what the other has and this folder has not. The message
// of a session is there before its record.
func (w *Work) copyRecords(ctx context.Context, o *folder.Folder, l *mergeLine) error {
	have := map[string]bool{}
	err := errors.Join(
		w.Folder.Sessions(ctx, func(s probes.Session) error { have[s.ID] = true; return nil }),
		w.Folder.Trials(ctx, func(t probes.Trial) error { have[t.ID] = true; return nil }),
		w.Folder.Changes(ctx, func(c probes.Change) error { have[c.ID] = true; return nil }),
	)
	if err != nil {
		return err
	}
	return w.copyAbsent(ctx, o, have, l)
}

func (w *Work) copyAbsent(ctx context.Context, o *folder.Folder, have map[string]bool, l *mergeLine) error {
	err := o.Sessions(ctx, func(s probes.Session) error {
		if have[s.ID] {
			return nil
		}
		l.Sessions++
		if err := w.copyMessages(o, s, l); err != nil {
			return err
		}
		return w.Folder.Keep(s)
	})
	if err != nil {
		return err
	}
	err = o.Trials(ctx, func(t probes.Trial) error {
		if have[t.ID] {
			return nil
		}
		l.Trials++
		return w.Folder.KeepTrial(l.Renamed(t))
	})
	if err != nil {
		return err
	}
	return o.Changes(ctx, func(c probes.Change) error {
		if have[c.ID] {
			return nil
		}
		l.Changes++
		c.Merged = true
		return w.Folder.KeepChange(c)
	})
}

// copyMessages copies the messages that a session names. One that is not in
// the other folder any more is left out: the session tells of it all the same.
// So is one that cannot be read, or that lies outside the folder, which is said.
func (w *Work) copyMessages(o *folder.Folder, s probes.Session, l *mergeLine) error {
	root, err := os.OpenRoot(o.Dir()) // the record may name any file
	if err != nil {
		return importFault("read "+o.Dir(), "import_unreadable", err, text.Args{"file": o.Dir()})
	}
	defer root.Close() //nolint:errcheck // it is only read
	messages := []*probes.Message{s.Message}
	for _, d := range s.More {
		messages = append(messages, d.Message)
	}
	for _, m := range messages {
		if m == nil || m.File == "" {
			continue
		}
		why, err := w.copyMessage(root, m)
		if err != nil {
			return err
		}
		if why != "" {
			file, line := o.SessionLine(s.ID)
			l.leave(leftOut{File: file, Line: line, Why: why, Name: m.File})
			m.File = ""
		}
	}
	return nil
}

// copyMessage copies one message; why says for what reason it was left out. An
// error is of this folder.
func (w *Work) copyMessage(root *os.Root, m *probes.Message) (why string, err error) {
	name := filepath.FromSlash(m.File)
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil && !filepath.IsLocal(name), err == nil && info.Mode()&fs.ModeSymlink != 0:
		return "outside", nil
	case err != nil, !info.Mode().IsRegular():
		return "message", nil //nolint:nilerr // it is said
	}
	in, err := root.Open(name)
	if err != nil {
		return "message", nil //nolint:nilerr // it is said
	}
	defer in.Close() //nolint:errcheck // it is only read
	base := filepath.Base(name)
	out, copied, err := w.Folder.Message(base[:len(base)-len(filepath.Ext(base))])
	switch {
	case errors.Is(err, fs.ErrExist):
		return "", nil // of a merge that was interrupted
	case err != nil:
		return "name", nil //nolint:nilerr // it is said
	}
	theirs := &readFailure{r: in}
	if _, err := io.Copy(out, theirs); err != nil {
		if d, ok := out.(interface{ Discard() error }); ok {
			err = errors.Join(err, d.Discard())
		}
		if theirs.failed {
			return "message", nil
		}
		return "", err
	}
	m.File = copied
	return "", out.Close()
}

// readFailure remembers that it was the reading that failed.
type readFailure struct {
	r      io.Reader
	failed bool
}

func (r *readFailure) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.failed = err != nil && !errors.Is(err, io.EOF)
	return n, err
}

// copyScripts copies scripts and their answers that are not here under the
// same name. Those that are here stay: the answers are what was read last.
func (w *Work) copyScripts(o *folder.Folder, l *mergeLine) error {
	const dir = "scripts"
	entries, err := os.ReadDir(filepath.Join(o.Dir(), dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var from *os.Root
	if err == nil {
		from, err = os.OpenRoot(filepath.Join(o.Dir(), dir))
	}
	if err != nil {
		l.leave(leftOut{File: dir, Why: "unreadable"})
		return nil //nolint:nilerr // it is said
	}
	defer from.Close() //nolint:errcheck // it is only read
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if !e.Type().IsRegular() || ext != ".ps1" && ext != ".json" {
			continue
		}
		to := filepath.Join(w.Folder.Dir(), dir, e.Name())
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		b, err := from.ReadFile(e.Name())
		if err != nil {
			l.leave(leftOut{File: dir + "/" + e.Name(), Why: "unreadable"})
			continue
		}
		err = writeFile(to, func(out io.Writer) error { _, err := out.Write(b); return err })
		if err != nil {
			return err
		}
		l.Scripts++
	}
	return nil
}
