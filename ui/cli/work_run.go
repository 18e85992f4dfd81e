package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/powershell"
	"offbasic/ui/text"
	"offbasic/wizard"
	"offbasic/wizard/folder"
)

// Terminal is what a script that runs is given: it may ask, and tells what it
// does.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
}

// FindShell is the PowerShell that scripts run in here: pwsh, else powershell.
func (w *Work) FindShell() (path string, ok bool) {
	s, ok := powershell.FindShell(nil)
	return s.Path, ok
}

// job is one script to be run.
type job struct {
	ref      ScriptRef
	script   probes.Script
	values   wizard.ScriptValues
	whatIf   bool // changes nothing, here as well
	terminal Terminal
}

// RunIn runs a script with the values of the migration: in the lab where there
// is one, else in PowerShell with the terminal. Its answer is kept and
// understood; what it changed is in the command log.
func (w *Work) RunIn(ctx context.Context, r ScriptRef, whatIf bool, t Terminal) (*ReadBackAnswer, error) {
	s, missing, err := w.ScriptFor(r)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, lacking(s.Name, r.Sender, missing)
	}
	return w.run(ctx, job{ref: r, script: s, values: w.valuesFor(r), whatIf: whatIf, terminal: t})
}

// valuesFor are the values that the migration has for a script.
func (w *Work) valuesFor(r ScriptRef) wizard.ScriptValues {
	m := w.Folder.Migration()
	if s, ok := m.Sender(r.Sender); ok {
		return m.ScriptValues(*s)
	}
	return m.TenantValues()
}

func lacking(script, sender string, missing []string) error {
	command := script
	if sender != "" {
		command += " --sender " + sender
	}
	flags := " --" + strings.Join(missing, " --")
	return &probes.Fault{Op: "run the script " + script, Code: "script_values", Args: text.Args{"values": script + flags, "command": command + flags}}
}

// RunScript runs the script of a sender's route where that needs no terminal:
// in the lab.
func (w *Work) RunScript(ctx context.Context, sender string) error {
	if w.Lab == nil {
		return &probes.Fault{Op: "run the script", Code: "no_powershell"}
	}
	s, err := w.Script(sender)
	if err != nil {
		return err
	}
	r := ScriptRef{Sender: sender}
	if _, err := w.SaveScript(ctx, sender); err != nil {
		return err
	}
	_, err = w.run(ctx, job{ref: r, script: s, values: w.valuesFor(r)})
	return err
}

// run saves a script, runs it and takes its answer.
func (w *Work) run(ctx context.Context, j job) (*ReadBackAnswer, error) {
	if err := w.oneModel(ctx, j); err != nil {
		return nil, err
	}
	path, err := w.saveBuilt(j.script, j.ref.Sender)
	if err != nil {
		return nil, err
	}
	b, failed := w.execute(ctx, j, path)
	if len(b) == 0 {
		if _, isFault := errors.AsType[*probes.Fault](failed); isFault && !j.whatIf {
			return nil, errors.Join(failed, w.noteSilence(j, failed))
		}
		return nil, failed
	}
	f, err := folder.ParseReadBack(j.script.Name+".json", b)
	if err == nil {
		err = w.believed(j.script, f)
	}
	if err != nil || j.whatIf {
		return w.tried(j, f, errors.Join(err, failed))
	}
	if err := errors.Join(w.Folder.SaveReadBack(path, b), w.noteRun(j.script, j.ref.Sender, f)); err != nil {
		return nil, err
	}
	if failed != nil && w.Lab != nil {
		return nil, failed
	}
	a, err := w.understand(ctx, j.ref, j.script, f)
	if err == nil {
		err = failed
	}
	return a, errors.Join(err, w.learn(ctx, j, f, a))
}

// oneModel refuses a script that would give the app parts of both models of
// rights.
func (w *Work) oneModel(ctx context.Context, j job) error {
	op := "run the script " + j.script.Name
	switch m := w.Folder.Migration(); {
	case j.whatIf:
		return nil
	case m.OtherModel(j.script.Name):
		return &probes.Fault{Op: op, Code: "rights_other_model", Args: otherModel(m, w.Text, j.script.Name)}
	case j.script.Name == checks.RightsScript(wizard.MailboxRights):
		return w.roleGone(ctx, op)
	}
	return nil
}

// roleGone refuses to give the app rights on mailboxes while it has its role of
// App RBAC, as far as was read: an app must not have parts of both models.
func (w *Work) roleGone(ctx context.Context, op string) error {
	facts, _, err := w.TenantFacts(ctx)
	if err == nil && checks.Rights(facts).Role {
		err = &probes.Fault{Op: op, Code: "rights_role_first"}
	}
	return err
}

// otherModel are the words' arguments for a script of the model of rights that
// was not chosen.
func otherModel(m wizard.Migration, tr text.Printer, script string) text.Args {
	return text.Args{"script": script, "model": tr.T("rights." + string(m.App.Rights)), "other": string(other(m.App.Rights))}
}

func other(m probes.RightsModel) probes.RightsModel {
	if m == probes.RoleRights {
		return probes.MailboxRights
	}
	return probes.RoleRights
}

// tried is what a run with -WhatIf read. Nothing of it is kept.
func (w *Work) tried(j job, f probes.ReadBackFile, err error) (*ReadBackAnswer, error) {
	if err != nil {
		return nil, err
	}
	a := &ReadBackAnswer{Script: j.script, Unread: f.Unread, Rows: rowsOf(j.script, f), Compared: checks.CompareReadBack(j.script, f)}
	return a, halted(j.script, f)
}

func rowsOf(s probes.Script, f probes.ReadBackFile) map[string]int {
	rows := map[string]int{}
	for _, r := range s.Reads {
		rows[r.ID] = len(f.Results[r.ID])
	}
	return rows
}

// execute runs a saved script and returns the answer that it wrote; none when
// it wrote none.
func (w *Work) execute(ctx context.Context, j job, path string) ([]byte, error) {
	if w.Lab != nil {
		execute := w.Lab.Execute
		if j.whatIf {
			execute = w.Lab.TryOut
		}
		f, failed := execute(ctx, j.script)
		b, err := json.MarshalIndent(f, "", "  ")
		return b, errors.Join(failed, err, w.keepLab())
	}
	shell, ok := powershell.FindShell(nil)
	if !ok {
		return nil, &probes.Fault{Op: "run the script " + j.script.Name, Code: "no_shell"}
	}
	answer, err := w.Folder.PartialAnswer(path)
	if err != nil {
		return nil, err
	}
	r := (&powershell.Run{Shell: shell, Script: path, ReadBack: answer, WhatIf: j.whatIf}).Until(ctx)
	r.SetStdin(j.terminal.In)
	r.SetStdout(j.terminal.Out)
	r.SetStderr(j.terminal.Err)
	failed := r.Run()
	if failed != nil && ctx.Err() != nil {
		failed = &probes.Fault{Op: "run the script " + j.script.Name, Code: "script_cancelled", Args: text.Args{"script": j.script.Name, "status": "stopped"}}
	}
	b, err := w.Folder.ReadPartialAnswer(path)
	if err != nil && failed == nil {
		failed = err
	}
	return b, failed
}

// noteRun puts what a script did into the command log. The same answer, taken
// twice, is one entry.
func (w *Work) noteRun(s probes.Script, sender string, f probes.ReadBackFile) error {
	at := checks.MadeAt(f)
	if at.IsZero() {
		at = w.Now()
	}
	c := probes.Change{
		ID: "ps-" + scriptFile(s, sender) + "-" + at.UTC().Format("20060102T150405"), At: at.UTC(), By: probes.ByPowerShell,
		Tenant: probes.Clean(f.Tenant, 80), Step: s.Name, Steps: f.Done, Outcome: probes.ChangeDone,
		Shell: powershell.Commands(s, stepIDs(f.Done)),
	}
	switch {
	case f.Error != "":
		c.Outcome = probes.Clean(f.Step+": "+f.Error, 300)
		c.Shell = powershell.Commands(s, nil)
	case !s.Changes():
		c.Outcome, c.Shell = probes.ChangeRead, powershell.Readings(s)
	case len(f.Done) == 0:
		c.Outcome, c.Shell = probes.ChangeUnchanged, powershell.Commands(s, nil)
	}
	return w.keepOnce(c)
}

// keepOnce keeps an entry of the command log that is not there yet: an answer
// is read again and again.
func (w *Work) keepOnce(c probes.Change) error {
	known := errors.New("known")
	err := w.Folder.Changes(context.Background(), func(have probes.Change) error {
		if have.ID == c.ID {
			return known
		}
		return nil
	})
	if errors.Is(err, known) {
		return nil
	}
	return errors.Join(err, w.Folder.KeepChange(c))
}

func stepIDs(done []probes.DoneStep) []string {
	ids := make([]string, len(done))
	for i, d := range done {
		ids[i] = d.Step
	}
	return ids
}

// noteSilence puts a run that wrote no answer into the command log: what it
// changed is not known.
func (w *Work) noteSilence(j job, failed error) error {
	f, _ := errors.AsType[*probes.Fault](failed)
	if f.Code != "shell_failed" && f.Code != "script_cancelled" || !j.script.Changes() {
		return nil
	}
	at := w.Now().UTC()
	return w.Folder.KeepChange(probes.Change{
		ID: "ps-" + scriptFile(j.script, j.ref.Sender) + "-" + at.Format("20060102T150405"), At: at, By: probes.ByPowerShell,
		Tenant: w.Folder.Migration().Tenant.ID, Step: j.script.Name, Outcome: "no answer: " + f.Args["status"],
		Shell: powershell.Commands(j.script, nil),
	})
}

// learn takes into the migration what an answer tells of it beside the set-up:
// the accepted domains, and by which model the app has its rights.
func (w *Work) learn(ctx context.Context, j job, f probes.ReadBackFile, a *ReadBackAnswer) error {
	domains := domainsOf(f)
	whole := a != nil && checks.AllAsExpected(a.Compared)
	if len(domains) == 0 && !whole {
		return nil
	}
	_, err := w.Folder.Change(context.WithoutCancel(ctx), func(m *wizard.Migration) error {
		if len(domains) > 0 {
			m.Tenant.Domains = domains
		}
		if whole {
			m.SetUpRights(j.script.Name, j.values)
		}
		return nil
	})
	return err
}

func domainsOf(f probes.ReadBackFile) []string {
	var out []string
	for _, r := range f.Results["accepted_domains"] {
		if d := strings.ToLower(probes.Clean(r["DomainName"], 253)); d != "" && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// believed refuses an answer of another script or tenant, and one that its
// script cannot have written.
func (w *Work) believed(s probes.Script, f probes.ReadBackFile) error {
	tried := "read the answer of script " + s.Name
	if f.Script != s.Name {
		return &probes.Fault{Op: tried, Code: "readback_other_script", Args: text.Args{"script": probes.Clean(f.Script, 80)}}
	}
	if tenant := w.tenantID(); tenant != "" && f.Tenant != "" && !strings.EqualFold(f.Tenant, tenant) {
		return &probes.Fault{Op: tried, Code: "readback_other_tenant", Args: text.Args{"tenant": probes.Clean(f.Tenant, 80)}}
	}
	if what := checks.ExamineReadBack(s, f, w.Now()); what != "" {
		return &probes.Fault{Op: tried, Code: "readback_edited", Args: text.Args{"file": s.Name + ".json", "what": probes.Clean(what, 100)}}
	}
	return nil
}

// tenantID is the tenant's id where it is known; a tenant can be entered by a
// domain, which no read-back can be compared with.
func (w *Work) tenantID() string {
	m := w.Folder.Migration()
	switch {
	case wizard.IsGUID(m.Tenant.ID):
		return m.Tenant.ID
	case m.Directory != nil:
		return m.Directory.TenantID
	}
	return ""
}

// halted is the fault of a script that stopped.
func halted(s probes.Script, f probes.ReadBackFile) error {
	if f.Error == "" {
		return nil
	}
	return &probes.Fault{Op: "run the script " + s.Name, Code: "script_stopped", Args: text.Args{"error": probes.Clean(f.Step+": "+f.Error, 400)}}
}

// ImportAnswer takes an answer that was made on another machine: for a sender, or
// with "" for the only sender whose mailbox it is about, else for the tenant.
// v are values that the migration does not know. Nothing is kept of an answer
// that is refused.
func (w *Work) ImportAnswer(ctx context.Context, name string, b []byte, sender string, v *wizard.ScriptValues) (*ReadBackAnswer, error) {
	f, err := folder.ParseReadBack(name, b)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(wizard.ScriptNames(), f.Script) {
		return nil, &probes.Fault{Op: "read " + name, Code: "readback_no_script", Args: text.Args{"file": name, "script": probes.Clean(f.Script, 80)}}
	}
	j, err := w.importing(f, sender, v)
	if err != nil {
		return nil, err
	}
	if err := w.believed(j.script, f); err != nil {
		return nil, err
	}
	if _, err := w.Folder.Import(scriptFile(j.script, j.ref.Sender), b); err != nil {
		return nil, err
	}
	if err := w.noteRun(j.script, j.ref.Sender, f); err != nil {
		return nil, err
	}
	if err := halted(j.script, f); err != nil {
		return nil, err
	}
	a, err := w.understand(ctx, j.ref, j.script, f)
	return a, errors.Join(err, w.learn(ctx, j, f, a))
}

// importing finds out which script an answer is of, and whose. A script whose
// values are not known can only be counted.
func (w *Work) importing(f probes.ReadBackFile, sender string, v *wizard.ScriptValues) (job, error) {
	box := mailboxOf(f)
	owner := w.ownerOf(f.Script, box)
	if sender == "" {
		sender = owner
	} else if owner != "" && owner != sender {
		return job{}, &probes.Fault{Op: "take the answer for sender " + sender, Code: "readback_other_mailbox", Args: text.Args{"mailbox": box, "sender": owner}}
	}
	r := ScriptRef{Name: f.Script, Sender: sender}
	m := w.Folder.Migration()
	if s, ok := m.Sender(sender); ok && slices.Contains(m.SenderScripts(*s), f.Script) {
		r.Name = ""
	} else if sender != "" && !ok {
		return job{}, noSender(sender)
	}
	values := w.valuesFor(r)
	if v != nil && r.Name != "" {
		values = *v
	}
	filled, missing := values.Filled(f.Script)
	s, _ := wizard.ScriptNamed(f.Script, filled)
	if r.Name == "" {
		s = wizard.RouteScript(f.Script, filled)
	}
	if len(missing) > 0 {
		r.Name, s.Expects = f.Script, nil
	}
	return job{ref: r, script: s, values: values}, nil
}

// mailboxOf is the one mailbox that an answer is about, "" when it is about
// none or several.
func mailboxOf(f probes.ReadBackFile) string {
	if rows := f.Results["cas_mailbox"]; len(rows) == 1 {
		return strings.ToLower(probes.Clean(rows[0]["PrimarySmtpAddress"], 320))
	}
	return ""
}

// ownerOf is the only sender whose route has a script, and whose mailbox it is.
func (w *Work) ownerOf(script, mailbox string) (id string) {
	m := w.Folder.Migration()
	for _, s := range m.Senders {
		if mailbox == "" || !strings.EqualFold(s.Mailbox(), mailbox) || !slices.Contains(m.SenderScripts(s), script) {
			continue
		}
		if id != "" {
			return ""
		}
		id = s.ID
	}
	return id
}

// Changes is everything that was done to the tenant, oldest first. What was
// about to be done is left out where an answer followed.
func (w *Work) Changes(ctx context.Context) ([]probes.Change, error) {
	var out []probes.Change
	err := w.Folder.Changes(ctx, func(c probes.Change) error {
		out = append(out, c)
		return nil
	})
	slices.SortStableFunc(out, func(a, b probes.Change) int { return a.At.Compare(b.At) })
	return graph.Answered(out), err
}

// made says when what a right consists of was made, as the command log has it.
func made(all []probes.Change, tenant string) map[string]time.Time {
	out := map[string]time.Time{}
	for _, c := range all {
		if tenant != "" && c.Tenant != "" && !strings.EqualFold(c.Tenant, tenant) {
			continue
		}
		for _, d := range c.Steps {
			at, err := time.Parse(time.RFC3339, d.At)
			if o := checks.MadeByStep(c.Step, d.Step); err == nil && o != "" && at.After(out[o]) {
				out[o] = at
			}
		}
		if o := checks.MadeByRequest(c.Step); c.By == probes.ByGraph && c.Outcome == probes.ChangeDone && o != "" && c.At.After(out[o]) {
			out[o] = c.At
		}
	}
	return out
}
