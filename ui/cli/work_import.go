package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
	"offbasic/probes/exports"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// ImportOptions say how a file is to be read, and what of it counts.
type ImportOptions struct {
	Columns map[exports.Field]string
	Order   exports.Order
	// All makes senders of addresses that are only in a trace as well.
	All      bool
	Stdin    io.Reader              // what "-" is
	Progress func(read, size int64) // nil means nobody asks
	// Headings is told the columns of a table that are to be named; nil means
	// nobody asks.
	Headings func(file string, headings []string)
}

// Imported is what a file was, and what it changed.
type Imported struct {
	File string `json:"file"`
	exports.Summary
	Again   bool     `json:"again,omitempty"` // it was imported before: nothing changed
	New     int      `json:"new"`
	Joined  int      `json:"joined"`
	Left    int      `json:"left,omitempty"`
	Dropped int      `json:"dropped,omitempty"`
	Changes []Change `json:"changes,omitempty"` // the first of them
	// Since and Until are the time that a live import is of. Cut says that it
	// broke off there: the next one goes on from Until.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	Cut   bool      `json:"cut,omitempty"`

	told map[string]bool // ids of the senders that are counted
}

// Change is a sender that is new, or known better.
type Change struct {
	Sender string            `json:"sender"`
	New    bool              `json:"new"`
	By     wizard.JoinReason `json:"by"`
	With   string            `json:"with,omitempty"`
	Shared int               `json:"shared,omitempty"`
}

// MarshalJSON writes it with its type.
func (i Imported) MarshalJSON() ([]byte, error) {
	type plain Imported
	return json.Marshal(struct {
		Type string `json:"type"`
		plain
	}{"import", plain(i)})
}

// shownChanges is how many changes one import shows.
const shownChanges = 200

// Import takes up a file, "-" for stdin, or every file of a zip, one by one.
// Nothing of a file counts until it was read to its end.
func (w *Work) Import(ctx context.Context, path string, o ImportOptions) ([]Imported, error) {
	path = strings.Trim(strings.TrimSpace(path), `"'`) // as a terminal writes what is dragged into it
	if path == "-" {
		spooled, err := spool(&interruptible{ctx: ctx, in: o.Stdin})
		if ctx.Err() != nil {
			err = importFault("keep what is on stdin", "import_stopped", ctx.Err(), text.Args{"file": "stdin"})
		}
		defer os.Remove(spooled) //nolint:errcheck // a temporary file
		if err != nil {
			return nil, err
		}
		one, err := w.importOne(ctx, "stdin", opener(spooled), sizeOfFile(spooled), o)
		return list(one, err), err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, importFault("read "+path, "import_unreadable", err, text.Args{"file": path})
	case info.IsDir() && isMigration(path):
		return nil, importFault("read "+path, "import_migration", nil, text.Args{"file": path})
	case info.IsDir():
		return nil, importFault("read "+path, "import_folder", nil, text.Args{"file": path})
	}
	if all, ok, err := w.importZip(ctx, path, info.Size(), o); ok {
		return all, err
	}
	one, err := w.importOne(ctx, filepath.Base(path), opener(path), info.Size(), o)
	return list(one, err), err
}

func isMigration(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "migration.json"))
	return err == nil
}

func list(one Imported, err error) []Imported {
	if err != nil {
		return nil
	}
	return []Imported{one}
}

func opener(path string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, importFault("read "+path, "import_unreadable", err, text.Args{"file": path})
		}
		return f, nil
	}
}

func sizeOfFile(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// spool keeps what comes on stdin, because it may have to be read twice.
func spool(in io.Reader) (string, error) {
	f, err := os.CreateTemp("", "offbasic-import-*")
	if err != nil {
		return "", importFault("keep what is on stdin", "import_unreadable", err, text.Args{"file": "stdin"})
	}
	_, err = io.Copy(f, in)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", importFault("keep what is on stdin", "import_unreadable", errors.Join(err, os.Remove(f.Name())), text.Args{"file": "stdin"})
	}
	return f.Name(), nil
}

// importZip takes up the files of a zip. ok is false when it is none.
func (w *Work) importZip(ctx context.Context, path string, size int64, o ImportOptions) (all []Imported, ok bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, nil //nolint:nilerr // it is read as a plain file, which says why not
	}
	defer f.Close() //nolint:errcheck // it is only read
	files, ok := exports.Unzipped(f, size)
	if !ok {
		return nil, false, nil
	}
	if _, is := migrationTop(files); is {
		return nil, true, importFault("read "+path, "import_migration", nil, text.Args{"file": path})
	}
	for _, z := range files {
		one, err := w.importOne(ctx, filepath.Base(path)+"/"+z.Name, z.Open, int64(z.UncompressedSize64), o) //nolint:gosec // a size for a progress bar
		if err != nil {
			return all, true, err
		}
		all = append(all, one)
	}
	return all, true, nil
}

// importOne reads one file and takes it up.
func (w *Work) importOne(ctx context.Context, name string, open func() (io.ReadCloser, error), size int64, o ImportOptions) (Imported, error) {
	name = probes.Clean(name, 200)
	m := w.Folder.Migration()
	var leads wizard.Leads
	opts := exports.Options{
		Name: name, Columns: o.Columns, Order: o.Order, Now: w.Now,
		Remembered: func(headings []string) map[exports.Field]string { return remembered(m, headings) },
	}
	if o.Progress != nil {
		opts.Progress = func(read int64) { o.Progress(read, size) }
	}
	got, err := exports.Read(ctx, open, opts, leads.Clear, func(s probes.Sighting) error {
		leads.Add(s)
		return nil
	})
	if errors.Is(err, context.Canceled) {
		return Imported{}, importFault("read "+name, "import_stopped", err, text.Args{"file": name})
	}
	if err != nil {
		if f, is := errors.AsType[*probes.Fault](err); is && f.Code == exports.AllBad {
			f.Args["why"] = w.Text.T("import.bad." + f.Args["why"])
		}
		if o.Headings != nil {
			o.Headings(name, got.Columns)
		}
		return Imported{}, err
	}
	result := Imported{File: name, Summary: got, Dropped: leads.Dropped}
	from := wizard.Import{
		ID: leads.Sum(got.Kind, got.Skipped, got.BadRows), File: name, Kind: got.Kind, At: w.Now(), Rows: got.Rows, Bad: got.BadRows, Read: leads.Covers(),
	}
	return result, w.takeUp(ctx, &result, &leads, from, o)
}

// takeUp puts what was read into the migration.
func (w *Work) takeUp(ctx context.Context, r *Imported, leads *wizard.Leads, from wizard.Import, o ImportOptions) error {
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error {
		taken, err := m.TakeUp(leads, from, o.All)
		if err != nil {
			return err
		}
		r.took(m, taken, from.ID)
		remember(m, r.Columns, o.Columns)
		return nil
	})
	if errors.Is(err, wizard.ErrImported) {
		r.Again = true
		return nil
	}
	return err
}

// took adds what was taken up to what is said of it. A sender counts once.
func (i *Imported) took(m *wizard.Migration, taken wizard.Taken, from string) {
	if i.told == nil {
		i.told = map[string]bool{}
	}
	i.Left = taken.Left
	for n, id := range append(taken.New, taken.Joined...) {
		s, ok := m.Sender(id)
		if !ok || i.told[id] {
			continue
		}
		i.told[id] = true
		if n < len(taken.New) {
			i.New++
		} else {
			i.Joined++
		}
		at := slices.IndexFunc(s.Sources, func(src wizard.Source) bool { return src.Import == from })
		if at >= 0 && len(i.Changes) < shownChanges {
			src := s.Sources[at]
			i.Changes = append(i.Changes, Change{id, n < len(taken.New), src.By, src.With, src.Shared})
		}
	}
}

// remembered are the names that the columns of a table with these headings
// were given.
func remembered(m wizard.Migration, headings []string) map[exports.Field]string {
	named := m.Columns[headingsKey(headings)]
	if len(named) == 0 {
		return nil
	}
	out := map[exports.Field]string{}
	for field, heading := range named {
		out[exports.Field(field)] = heading
	}
	return out
}

func remember(m *wizard.Migration, headings []string, named map[exports.Field]string) {
	if len(named) == 0 {
		return
	}
	if m.Columns == nil {
		m.Columns = map[string]map[string]string{}
	}
	kept := map[string]string{}
	for field, heading := range named {
		kept[string(field)] = probes.Clean(heading, 60)
	}
	m.Columns[headingsKey(headings)] = kept
}

func headingsKey(headings []string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join(headings, "\x00"))))
	return hex.EncodeToString(sum[:8])
}

// Join says that two senders are one.
func (w *Work) Join(ctx context.Context, into, other string) error {
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error { return m.JoinSenders(into, other) })
	return w.handFault(err, into, other)
}

// Split says that one source of a sender is another sender's, and returns its
// id. Its sessions are counted anew.
func (w *Work) Split(ctx context.Context, id, source string) (string, error) {
	var made string
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) (err error) {
		made, err = m.SplitSender(id, source)
		return err
	})
	if err != nil {
		return "", w.handFault(err, id, source)
	}
	return made, w.resee(ctx)
}

// handFault is why a join or a split was not made.
func (w *Work) handFault(err error, id, other string) error {
	op := "change sender " + id
	switch {
	case errors.Is(err, wizard.ErrNoSender):
		m := w.Folder.Migration()
		if _, ok := m.Sender(id); ok {
			return noSender(other)
		}
		return noSender(id)
	case errors.Is(err, wizard.ErrSameSender):
		return importFault(op, "same_sender", nil, text.Args{"id": id})
	case errors.Is(err, wizard.ErrNoSource):
		s, _ := migrationSender(w.Folder.Migration(), id)
		var keys []string
		for _, src := range s.Sources {
			if !slices.Contains(keys, src.Key) {
				keys = append(keys, src.Key)
			}
		}
		return importFault(op, "no_such_source", nil, text.Args{"id": id, "source": other, "sources": orDash(strings.Join(append(keys, s.Peers...), ", "))})
	case errors.Is(err, wizard.ErrOnlySource):
		return importFault(op, "only_source", nil, text.Args{"id": id, "source": other})
	}
	return err
}

func migrationSender(m wizard.Migration, id string) (wizard.Sender, bool) {
	s, ok := m.Sender(id)
	if !ok {
		return wizard.Sender{}, false
	}
	return *s, true
}
