package cli

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// Script is the set-up script of a sender's route: the first of the route's
// whose values are all known.
func (w *Work) Script(sender string) (probes.Script, error) {
	m := w.Folder.Migration()
	s, ok := m.Sender(sender)
	if !ok {
		return probes.Script{}, noSender(sender)
	}
	tried, names := "write the set-up script for "+s.Title(), m.SenderScripts(*s)
	switch {
	case s.Route == "":
		return probes.Script{}, &probes.Fault{Op: tried, Code: "no_route", Args: text.Args{"sender": s.Title(), "id": s.ID}}
	case len(names) == 0:
		return probes.Script{}, &probes.Fault{Op: tried, Code: "no_script", Args: text.Args{"route": w.Text.T("route." + string(s.Route))}}
	case s.Route == probes.OAuth && m.App == nil:
		return probes.Script{}, &probes.Fault{Op: tried, Code: "no_app"}
	case s.Route == probes.OAuth && s.Mailbox() == "":
		return probes.Script{}, &probes.Fault{Op: tried, Code: "no_mailbox", Args: text.Args{"sender": s.Title()}}
	}
	var lacking []string
	v := m.ScriptValues(*s)
	for _, name := range names {
		wrong := v.Validate(name)
		if wrong == nil {
			return wizard.RouteScript(name, v), nil
		}
		lacking = append(lacking, name+" "+strings.Join(flagsOf(wrong), " "))
	}
	name, flags, _ := strings.Cut(lacking[0], " ")
	return probes.Script{}, &probes.Fault{Op: tried, Code: "script_values", Args: text.Args{
		"values": strings.Join(lacking, "; "), "command": name + " --sender " + s.ID + " " + flags,
	}}
}

// flagsOf are the flags of the values that are missing or wrong, each once.
func flagsOf(wrong error) []string {
	var flags []string
	if joined, ok := wrong.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			if v, ok := errors.AsType[*wizard.ValueError](err); ok && !slices.Contains(flags, "--"+v.Name) {
				flags = append(flags, "--"+v.Name)
			}
		}
	}
	return flags
}

// ScriptText is a sender's script as it is shown and copied.
func (w *Work) ScriptText(sender string) (name, text string, err error) {
	s, err := w.Script(sender)
	if err != nil {
		return "", "", err
	}
	text, err = w.scripts().Text(s)
	return s.Name, text, err
}

// fileName is the script's name in the folder: one file for each mailbox.
func fileName(s probes.Script, sender string) string { return s.Name + "-" + sender }

// SaveScript writes a sender's script into the folder and returns its path.
func (w *Work) SaveScript(ctx context.Context, sender string) (string, error) {
	s, err := w.Script(sender)
	if err != nil {
		return "", err
	}
	path, err := w.saveBuilt(s, sender)
	if err != nil {
		return "", err
	}
	_, err = w.Folder.Change(ctx, func(m *wizard.Migration) error { return m.Wrote(sender, s.Name, w.Now()) })
	return path, err
}

// saveBuilt writes a script into the folder.
func (w *Work) saveBuilt(s probes.Script, sender string) (string, error) {
	var b bytes.Buffer
	if err := w.scripts().Write(&b, s); err != nil {
		return "", err
	}
	return w.Folder.SaveScript(scriptFile(s, sender), b.Bytes())
}

// ReadBack reads the answer of a sender's script and compares it with what
// the script was to set. When all is as it should be the sender is set up.
func (w *Work) ReadBack(ctx context.Context, sender string) ([]checks.Compared, error) {
	s, err := w.Script(sender)
	if err != nil {
		return nil, err
	}
	f, err := w.Folder.ReadBack(fileName(s, sender))
	if err != nil {
		return nil, err
	}
	if err := w.fitting(s, f); err != nil {
		return nil, err
	}
	got := checks.CompareReadBack(s, f)
	if !checks.AllAsExpected(got) {
		return got, nil
	}
	_, err = w.Folder.Change(ctx, func(m *wizard.Migration) error { return m.ReadBack(sender, w.Now()) })
	return got, err
}

// fitting refuses an answer of another script or tenant, and one that says the
// script stopped.
func (w *Work) fitting(s probes.Script, f probes.ReadBackFile) error {
	tried := "read the answer of script " + s.Name
	tenant := w.tenantID()
	switch {
	case f.Script != s.Name:
		return &probes.Fault{Op: tried, Code: "readback_other_script", Args: text.Args{"script": probes.Clean(f.Script, 80)}}
	case tenant != "" && f.Tenant != "" && !strings.EqualFold(f.Tenant, tenant):
		return &probes.Fault{Op: tried, Code: "readback_other_tenant", Args: text.Args{"tenant": probes.Clean(f.Tenant, 80)}}
	case f.Error != "":
		return &probes.Fault{Op: tried, Code: "script_stopped", Args: text.Args{"error": probes.Clean(f.Error, 400)}}
	}
	return nil
}
