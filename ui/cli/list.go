package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
	"offbasic/wizard/folder"
)

func (c *call) listCommand() *cobra.Command {
	cmd := c.command("list [DIR]", func(cmd *cobra.Command, args []string) error {
		dir := "."
		if len(args) > 0 {
			dir = args[0]
		}
		return c.list(cmd.Context(), dir)
	})
	cmd.Args = atMostOne
	return cmd
}

// migrationLine is one customer in the JSON contract.
type migrationLine struct {
	Type     string               `json:"type"`
	Folder   string               `json:"folder"`
	Tenant   wizard.Tenant        `json:"tenant,omitzero"`
	Lab      bool                 `json:"lab,omitempty"`
	Updated  time.Time            `json:"updated,omitzero"`
	Senders  int                  `json:"senders"`
	Counts   map[wizard.State]int `json:"counts,omitempty"`
	Next     wizard.Step          `json:"next,omitempty"`
	Deadline string               `json:"deadline,omitempty"`
	DaysLeft int                  `json:"days_left"`
	// Fault is why the folder could not be read.
	Fault probes.Code `json:"fault,omitempty"`
	fault *probes.Fault
}

// list shows the state of every migration below a folder.
func (c *call) list(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return importFault("read "+dir, "list_unreadable", err, text.Args{"dir": dir})
	}
	date, days, id := checks.Deadline(c.Now())
	found := 0
	for _, name := range folders(entries) {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, ok := c.migrationIn(filepath.Join(dir, name))
		if !ok {
			continue
		}
		if found++; found == 1 {
			c.listHead(date, days, id)
		}
		if id != "" {
			l.Deadline, l.DaysLeft = date.Format(time.DateOnly), days
		}
		if err := c.listed(l); err != nil {
			return err
		}
	}
	if found == 0 {
		c.note("cli.list.none", text.Args{"dir": dir})
	}
	return nil
}

// folders are the folder itself and those in it.
func folders(entries []os.DirEntry) []string {
	names := []string{"."}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// migrationIn reads one folder. ok is false when there is no migration in it.
func (c *call) migrationIn(dir string) (l migrationLine, ok bool) {
	l = migrationLine{Type: "migration", Folder: dir}
	if _, err := os.Lstat(filepath.Join(dir, "migration.json")); err != nil {
		return l, false
	}
	f, err := folder.OpenRead(dir, folder.Options{Now: c.Now})
	if err != nil {
		if fault, is := errors.AsType[*probes.Fault](err); is {
			l.Fault, l.fault = fault.Code, fault
		} else {
			l.Fault = "folder_damaged"
		}
		return l, true
	}
	m := f.Migration()
	_ = f.Close() // it was only read
	l.Tenant, l.Lab, l.Updated, l.Senders, l.Counts, l.Next = m.Tenant, m.Lab, m.Updated, len(m.Senders), m.Counts(), m.Next().Step
	return l, true
}

func (c *call) listHead(date time.Time, days int, id string) {
	if id != "" {
		c.say("%s", c.tr.T("list.deadline", text.Args{"date": date.Format(time.DateOnly), "days": itoa(days), "what": c.tr.T("deadline." + id)}))
	}
	c.say("%-28s  %-24s  %9s  %9s  %9s  %s", c.tr.T("list.folder"), c.tr.T("list.tenant"), c.tr.T("list.proved"), c.tr.T("list.refused"), c.tr.T("list.open"), c.tr.T("list.next"))
}

// listed prints one customer.
func (c *call) listed(l migrationLine) error {
	if c.json {
		return c.line(l)
	}
	if l.Fault != "" {
		why := string(l.Fault)
		if l.fault != nil && c.tr.Has("fault."+why) {
			why = c.tr.T("fault."+why, l.fault.Args)
		}
		c.say("%-28s  %s", cut(l.Folder, 28), why)
		return nil
	}
	tenant := first(l.Tenant.Domain, l.Tenant.ID)
	if l.Lab {
		tenant = c.tr.T("list.lab")
	}
	open := l.Senders - l.Counts[wizard.Proved]
	c.say("%-28s  %-24s  %9s  %9s  %9s  %s", cut(l.Folder, 28), cut(orDash(tenant), 24),
		itoa(l.Counts[wizard.Proved])+"/"+itoa(l.Senders), itoa(l.Counts[wizard.Refused]), itoa(open), c.tr.T("todo."+string(l.Next)))
	return nil
}
