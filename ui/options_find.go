package ui

import (
	"context"

	"offbasic/probes"
	"offbasic/wizard"
)

// FindOptions is how senders are found, put into an order of work, and
// reported. Its functions take a context and do IO, as those of Options.
type FindOptions struct {
	// Import takes up a file, or every file of a zip, and tells now and then how
	// many bytes of a file were read. When it is asked what the columns of a table
	// hold (fault "import_ask_columns"), the last result has the Columns. nil
	// means that it cannot be done here.
	Import func(ctx context.Context, path string, r ImportRequest, progress func(read, size int64)) ([]ImportResult, error)
	// ImportFields are what a column of a table can hold. Their words are under
	// "import.field.<id>".
	ImportFields []string

	// Plan puts the senders into the order of work; nil where nobody does.
	Plan func(ctx context.Context) (Plan, error)

	// ReportFormats and ReportLanguages are what a report can be written in, the
	// usual one first; ReportPath proposes a new file for it, and Report writes it
	// to a file that is new and returns its path. None means that it cannot be
	// done here.
	ReportFormats, ReportLanguages []string
	ReportPath                     func(ctx context.Context, r ReportRequest) string
	Report                         func(ctx context.Context, r ReportRequest) (path string, err error)

	// Join says that two senders are one, and Split that a source of one is
	// another's, which is made; nil where it cannot be done.
	Join  func(ctx context.Context, into, other string) error
	Split func(ctx context.Context, sender, source string) (made string, err error)
}

// ImportRequest says how a file is to be read.
type ImportRequest struct {
	Columns map[string]string // headings by what they hold; none is guessed
	Order   string            // of dates: "dmy", "mdy"; "" is guessed
	All     bool              // senders of addresses that only a trace has, too
}

// ImportResult is what a file was, and what it changed.
type ImportResult struct {
	File                   string
	Kind                   probes.SourceKind
	Rows, Skipped, BadRows int
	Bad                    []BadRow // the first of them
	Columns                []string // headings of a table
	Known                  map[string]string
	YearsGuessed           bool
	Order                  string
	Again                  bool // it was imported before: nothing changed
	New, Joined            int
	Left, Dropped          int
	Changes                []ImportChange // the first of them
}

// BadRow is a row that could not be read, by the line of the file and the id
// of the reason: "import.bad.<why>".
type BadRow struct {
	Line int
	Why  string
}

// ImportChange is a sender that is new, or known better, with the reason.
type ImportChange struct {
	Sender string
	New    bool
	By     wizard.JoinReason
	With   string
	Shared int
}

// Plan is the order of work.
type Plan struct {
	Tasks  []wizard.Task
	Groups []wizard.Group
	Asks   map[string][]wizard.Ask // open questions, by the sender's id
}

// ReportRequest says what a report is to be.
type ReportRequest struct{ Format, Lang, Path string }
