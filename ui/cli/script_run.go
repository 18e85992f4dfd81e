package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// runFlags say how a script is run.
type runFlags struct{ whatIf, yes bool }

// scriptRun shows a script, asks, runs it, and says what is as it should be
// and what is not.
func (c *call) scriptRun(ctx context.Context, f scriptFlags, how runFlags, args []string) error {
	if len(args) != 1 {
		return badUsage("usage.script_run", text.Args{"names": strings.Join(wizard.ScriptNames(), ", ")})
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	j, err := c.job(w, f, args[0])
	if err != nil {
		return err
	}
	j.whatIf, j.terminal = how.whatIf, c.terminal()
	if goes, err := c.agreed(w, j, how.yes); err != nil || !goes {
		return err
	}
	a, err := w.run(ctx, j)
	if err != nil {
		return err
	}
	if j.whatIf {
		c.note("script.run.whatif", nil)
	}
	return c.answered(a, j.whatIf)
}

// job is the script to be run: one of a sender's route as that route wants it.
func (c *call) job(w *Work, f scriptFlags, name string) (job, error) {
	v, err := knownTo(w, f)
	if err != nil {
		return job{}, err
	}
	_, missing := v.Filled(name)
	if len(missing) > 0 && slices.Contains(wizard.ScriptNames(), name) {
		return job{}, lacking(name, f.sender, missing)
	}
	s, err := c.build(v, name)
	if err != nil {
		return job{}, err
	}
	r := ScriptRef{Name: name, Sender: f.sender}
	m := w.Folder.Migration()
	if sender, ok := m.Sender(f.sender); ok && slices.Contains(m.SenderScripts(*sender), name) {
		r.Name = ""
		s.Script = wizard.RouteScript(name, v)
	}
	return job{ref: r, script: s.Script, values: v}, nil
}

// agreed shows the script and asks whether it is to be run. Where it can run
// nowhere, nothing is asked.
func (c *call) agreed(w *Work, j job, yes bool) (bool, error) {
	shell, ok := w.FindShell()
	where := c.tr.T("script.run.in", text.Args{"shell": shell})
	switch {
	case w.Lab != nil:
		where = c.tr.T("script.run.in_lab")
	case !ok:
		return false, &probes.Fault{Op: "run the script " + j.script.Name, Code: "no_shell"}
	}
	if !c.json {
		t, err := w.scripts().Text(j.script)
		if err != nil {
			return false, err
		}
		if _, err := fmt.Fprintln(c.Out, t); err != nil {
			return false, err
		}
	}
	if yes {
		fmt.Fprintln(c.Err, where)
		return true, nil
	}
	fmt.Fprint(c.Err, where+" "+c.tr.T("script.run.ask")+" ")
	said, err := readLine(c.In)
	fmt.Fprintln(c.Err)
	if err != nil {
		return false, &probes.Fault{Op: "read the answer", Code: "stdin_unreadable", Err: err}
	}
	if !slices.Contains(strings.Split(c.tr.T("script.run.yes"), ","), strings.ToLower(strings.TrimSpace(said))) {
		c.note("script.run.not", nil)
		return false, nil
	}
	return true, nil
}

// readLine reads one line and nothing beyond it: what follows is for the
// script.
func readLine(r io.Reader) (string, error) {
	var line strings.Builder
	b := make([]byte, 1)
	for line.Len() < 1024 {
		n, err := r.Read(b)
		if n == 1 && b[0] == '\n' {
			break
		}
		if n == 1 {
			line.WriteByte(b[0])
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return line.String(), nil
}

// answered prints what an answer says. A change that was only tried out has
// not failed for not being made.
func (c *call) answered(a *ReadBackAnswer, whatIf bool) error {
	if len(a.Compared) == 0 {
		return c.wasRead(a.Script, probes.ReadBackFile{Results: rowsAsResults(a.Rows), Unread: a.Unread})
	}
	if err := c.compared(a.Compared); err != nil {
		return err
	}
	if !whatIf && !checks.AllAsExpected(a.Compared) {
		return errFindings
	}
	return nil
}

func rowsAsResults(rows map[string]int) map[string][]map[string]string {
	out := map[string][]map[string]string{}
	for id, n := range rows {
		out[id] = make([]map[string]string, n)
	}
	return out
}

// scriptImport takes an answer that was made on another machine.
func (c *call) scriptImport(ctx context.Context, f scriptFlags, args []string) error {
	if len(args) != 1 {
		return badUsage("usage.script_import", nil)
	}
	name, b, err := c.answerFrom(args[0])
	if err != nil {
		return err
	}
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every write was synced as it was made
	v, err := knownTo(w, f)
	if err != nil {
		return err
	}
	a, err := w.ImportAnswer(ctx, name, b, f.sender, &v)
	if err != nil {
		return err
	}
	c.note("script.imported", text.Args{"script": a.Script.Name})
	return c.answered(a, false)
}

// answerFrom reads a file, or stdin, as far as an answer can be long.
func (c *call) answerFrom(path string) (name string, b []byte, err error) {
	if path != "-" {
		return answerFile(path)
	}
	const longest = 32 << 20
	b, err = io.ReadAll(io.LimitReader(bufio.NewReader(c.In), longest))
	if err != nil {
		return "", nil, &probes.Fault{Op: "read the answer from stdin", Code: "stdin_unreadable", Err: err}
	}
	return "stdin", b, nil
}

// knownTo are the values of the command line, and for what it leaves out those
// of the sender and of the migration.
func knownTo(w *Work, f scriptFlags) (wizard.ScriptValues, error) {
	m, v := w.Folder.Migration(), f.values
	known := m.TenantValues()
	if f.sender != "" {
		s, ok := m.Sender(f.sender)
		if !ok {
			return v, noSender(f.sender)
		}
		known = m.ScriptValues(*s)
	}
	known = w.labValues(known)
	for _, in := range wizard.ScriptInputs() {
		if in.List != nil {
			if have := in.List(&v); len(*have) == 0 {
				*have = *in.List(&known)
			}
			continue
		}
		if have := in.Text(&v); *have == "" {
			*have = *in.Text(&known)
		}
	}
	if len(v.Mailboxes) == 0 {
		v.Mailbox = known.Mailbox
	}
	return v, nil
}
