package ui

import (
	"context"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// Options is what the interface needs from the outside. Functions that take a
// context do IO: they are called from commands, never from Update or View, and
// must return soon after their context ends. Functions without one are pure or
// instant. Every field must be set but those that say otherwise.
type Options struct {
	Text     text.Printer
	Now      func() time.Time // nil means time.Now
	Location *time.Location   // of the times shown; nil means time.Local

	// Deadline is the next date that matters and the id of its words
	// ("deadline.<id>").
	Deadline func(now time.Time) (date time.Time, id string)
	Judge    func(checks.Facts) []checks.Finding
	Rank     func(checks.Facts) []checks.Ranked

	// Migration is the state as read at start.
	Migration wizard.Migration
	// Change applies a change, on disk before it returns, and returns the new
	// state, which shares no memory with what the owner goes on changing.
	Change func(context.Context, func(*wizard.Migration) error) (wizard.Migration, error)
	// Reload returns the state as it is now, under the same condition.
	Reload func(context.Context) (wizard.Migration, error)

	// Sessions reads the sessions of a sender, oldest first.
	Sessions func(ctx context.Context, sender string) ([]probes.Session, error)
	Session  func(ctx context.Context, id string) (probes.Session, error)
	// SaveTranscript and SaveMessage write what a session left to a new file
	// and return its path.
	SaveTranscript, SaveMessage func(ctx context.Context, id string) (path string, err error)
	// Trials reads all test sends, oldest first.
	Trials func(ctx context.Context) ([]probes.Trial, error)
	// Devices is the catalogue of products.
	Devices *checks.Devices

	// Capture listens under a policy until its context ends. A session is on
	// disk and attached to its sender before it is emitted.
	Capture func(ctx context.Context, policy string, emit func(probes.CaptureEvent)) error
	// Policies are the ids of the policies, the first one is the default. Their
	// words are under "policy.<id>".
	Policies []string
	// Addresses are those of this machine, the likely one first.
	Addresses []Address
	// Knock connects to an address and port of this machine and closes at once;
	// nil means that it answers.
	Knock func(ctx context.Context, addr string) error
	// PortFix is the one command that allows a port that was refused, "" when
	// there is none.
	PortFix func(probes.Listening) string

	// Interview asks a device, attempt by attempt, what is not known of it, until
	// there is nothing left to ask or its context ends; the outcome comes last.
	// nil means that it cannot be done here.
	Interview func(ctx context.Context, peer string, orders <-chan wizard.Order, emit func(wizard.InterviewEvent)) error
	// NewCanary makes an account and a password to be typed into a device for a
	// route; nil where Interview is.
	NewCanary func(route probes.Route) checks.Canary
	// Canary tells how a canary arrives, until its context ends; nil where
	// Interview is.
	Canary func(ctx context.Context, c checks.Canary, emit func(wizard.CanaryEvent)) error

	// SaveApp keeps the registration, with the secret where secrets are kept.
	SaveApp func(ctx context.Context, tenant wizard.Tenant, app wizard.Registration, secret string) error

	// Register makes the app registration through Graph, step by step, and
	// returns the new state. Nothing that it emits is a secret. nil means that
	// it cannot be done here.
	Register func(ctx context.Context, r RegisterRequest, emit func(SetupEvent)) (wizard.Migration, error)
	// Made lists what was made in the tenant and can be removed, and Undo
	// removes those with the ids, last made first; nil where Register is.
	Made func(ctx context.Context) ([]probes.Change, error)
	Undo func(ctx context.Context, ids []string, emit func(SetupEvent)) (wizard.Migration, error)

	// Script writes a script as text.
	Script func(ScriptRef) (ScriptText, error)
	// SaveScript writes it to a file and returns its path.
	SaveScript func(ctx context.Context, r ScriptRef) (path string, err error)
	// OpenFolder shows the folder of a file in the system's file manager.
	OpenFolder func(ctx context.Context, path string) error
	// ReadBack reads the answer that the script wrote. No rows and no error
	// means that there is none yet.
	ReadBack func(ctx context.Context, r ScriptRef) ([]ReadBackLine, error)
	// TakeReadBack takes an answer that was made elsewhere: its JSON, or the
	// path of a file with it. What is taken is kept as if made here.
	TakeReadBack func(ctx context.Context, r ScriptRef, given string) ([]ReadBackLine, error)
	// Shell is the PowerShell that RunScript starts, "" when it needs none and
	// no terminal.
	Shell string
	// RunScript runs a script that was saved, with the terminal; nil where that
	// is not possible.
	RunScript func(ctx context.Context, r ScriptRef, terminal Terminal) error

	// Tenant judges what is known of the tenant; nil where nobody does.
	Tenant func(ctx context.Context) (TenantState, error)

	// ProveOutside sends a test message as a mailbox that the app must not
	// reach, and says in words what it came to; nil where nobody can.
	ProveOutside func(ctx context.Context, mailbox string) (words []string, err error)

	// Changes is everything that was done to the tenant, oldest first, and
	// SaveChanges writes it to a new file.
	Changes     func(ctx context.Context) ([]probes.Change, error)
	SaveChanges func(ctx context.Context) (path string, err error)

	// Forecast says what a test send will meet, before it is made; nil where
	// nobody does. So are Repeat and Compare.
	Forecast func(ctx context.Context, r TryRequest) ([]checks.Finding, error)
	// Try makes one test send, on disk when it returns. A refusal is a Trial,
	// not an error.
	Try func(ctx context.Context, r TryRequest, emit func(probes.Step)) (probes.Trial, error)
	// Trial reads an earlier one; nil means that none can be read.
	Trial func(ctx context.Context, id string) (probes.Trial, error)
	// Verify looks for the message of a trial until it is found or it gives
	// up; tick tells how long it has waited.
	Verify func(ctx context.Context, t probes.Trial, tick func(waited time.Duration)) (probes.Receipt, error)
	// Explain says what the last word of a trial means, in the language of Text
	// and with what is known of the tenant.
	Explain func(ctx context.Context, t probes.Trial) (Explained, error)
	// Arrival judges how a message came in.
	Arrival func(t probes.Trial, r probes.Receipt) []checks.Finding
	// Repeat is the commands that do the same as a trial without this program,
	// as lines of a POSIX shell; comments say what to know before, and how a
	// secret gets into them.
	Repeat func(probes.Trial) string
	// Compare tries every route that is set up for a sender, one after the
	// other.
	Compare func(ctx context.Context, sender string, emit func(CompareEvent)) error

	FindOptions

	// Accessible chooses the plain mode: questions and answers, line by line.
	Accessible bool
	In         io.Reader // of the plain mode; a terminal, so that a secret is not shown
	Out        io.Writer // of the plain mode

	// exec hands the terminal over; nil means tea.Exec.
	exec func(tea.ExecCommand, tea.ExecCallback) tea.Cmd
}

// Address is an address of this machine, and the interface that has it.
type Address struct{ Addr, Interface string }

// Terminal is what a program that the admin talks to is given.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
}
