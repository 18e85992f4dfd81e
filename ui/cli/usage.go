package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/probes/lab"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// usageError is a command line that cannot be run as it is: words by key, or
// what a check of values said. do is what to do now, where that is more than
// to look at the help.
type usageError struct {
	key  string
	args text.Args
	do   string // a key
	err  error
}

func (e usageError) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	return e.key
}
func (e usageError) Unwrap() error { return e.err }

// isWrongValue tells the fault of a value that only the command line can have
// given.
func isWrongValue(err error) bool {
	f, ok := errors.AsType[*probes.Fault](err)
	return ok && (f.Code == capture.AddressInvalid || f.Code == lab.AddrInvalid)
}

func badUsage(key string, args text.Args) error { return usageError{key: key, args: args} }

// usageLines are the three parts for a wrong command line.
func (c *call) usageLines(u usageError, command text.Args) []string {
	why := []string{}
	if u.key != "" {
		why = append(why, c.tr.T(u.key, u.args))
	} else {
		for _, err := range parts(u.err) {
			why = append(why, c.wrongValue(err))
		}
	}
	lines := []string{c.tr.T("cli.wrong_line", command)}
	for _, w := range why {
		lines = append(lines, "  "+c.tr.T("cli.why")+" "+w)
	}
	now := c.tr.T("cli.see_help", command)
	if u.do != "" {
		now = c.tr.T(u.do, u.args) + " " + now
	}
	return append(lines, "  "+c.tr.T("cli.now")+" "+now)
}

// parts are the errors that were joined, or the one.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range joined.Unwrap() {
			all = append(all, parts(err)...)
		}
		return all
	}
	return []error{err}
}

// wrongValue says what is wrong with a value of an admin's own: for a script,
// the tenant or the registration.
func (c *call) wrongValue(err error) string {
	name, value := "", ""
	if v, ok := errors.AsType[*wizard.ValueError](err); ok {
		name = v.Name
		if v.Value != "" {
			value = " " + probes.Clean(v.Value, 100)
		}
	}
	for _, known := range []struct {
		err       error
		flag, key string
	}{
		{wizard.ErrClientID, "client-id", "guid"},
		{wizard.ErrObjectID, "object-id", "guid"},
		{wizard.ErrTenant, "tenant", "tenant"},
		{wizard.ErrMissing, name, "empty"},
		{wizard.ErrAddress, name, "address"},
		{wizard.ErrPublicIPv4, name, "public_ipv4"},
		{wizard.ErrRange, name, "range"},
		{wizard.ErrCertificate, name, "certificate"},
		{wizard.ErrHost, name, "host"},
		{wizard.ErrName, name, "name"},
		{wizard.ErrAppName, name, "app_name"},
		{wizard.ErrApostrophe, name, "apostrophe"},
		{wizard.ErrGUID, name, "guid"},
		{wizard.ErrSameID, "object-id", "object"},
		{wizard.ErrSameMailbox, "outside", "same_mailbox"},
	} {
		if errors.Is(err, known.err) {
			wrong := first(c.has("usage.wrong."+known.key), "app.wrong."+known.key)
			return c.tr.T("usage.wrong_value", text.Args{"flag": "--" + known.flag + value, "wrong": c.tr.T(wrong)})
		}
	}
	return err.Error()
}

// has is the key, or nothing where there are no words for it.
func (c *call) has(key string) string {
	if c.tr.Has(key) {
		return key
	}
	return ""
}

// flagError puts what is wrong with a flag into words of ours; cobra knows
// only English.
func (c *call) flagError(cmd *cobra.Command, err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag(cmd, e.GetSpecifiedName(), e.GetSpecifiedShortnames())
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		name, kind := e.GetSpecifiedName(), ""
		if f := e.GetFlag(); f != nil {
			name, kind = f.Name, c.valueName(cmd, f)
		}
		return badUsage("usage.flag_value", text.Args{"flag": "--" + name, "value": kind})
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := e.GetFlag()
		return badUsage("usage.flag_wrong."+f.Value.Type(), text.Args{"flag": "--" + f.Name, "value": e.GetValue()})
	}
	if e, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return badUsage("usage.flag_syntax", text.Args{"flag": e.GetSpecifiedFlag()})
	}
	return usageError{err: err}
}

// unknownFlag names the flags that come close to one that there is not.
func unknownFlag(cmd *cobra.Command, name, letters string) error {
	args := text.Args{"flag": "--" + name}
	if letters != "" {
		args["flag"] = "-" + letters
		return badUsage("usage.flag_unknown", args)
	}
	var near []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && isNear(name, f.Name) {
			near = append(near, "--"+f.Name)
		}
	})
	return nearest("usage.flag_unknown", args, near)
}

// nearest is a usage error that offers what may have been meant.
func nearest(key string, args text.Args, near []string) error {
	if len(near) == 0 {
		return badUsage(key, args)
	}
	args["near"] = strings.Join(near, ", ")
	return usageError{key: key, args: args, do: "usage.near"}
}

// isNear tells whether one word may be the other, mistyped or cut short.
func isNear(typed, word string) bool {
	return len(typed) > 1 && strings.HasPrefix(word, typed) || distance(typed, word) <= min(2, len(typed)/2)
}

// distance is how many letters must be changed, added or taken away to make
// one word the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, before+cost)
		}
	}
	return row[len(b)]
}

// noArgs takes no argument. Above other commands an argument is one that there
// is not.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasSubCommands() {
		return badUsage("usage.argument", text.Args{"name": args[0]})
	}
	var near []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && isNear(args[0], sub.Name()) {
			near = append(near, sub.CommandPath())
		}
	}
	return nearest("usage.command", text.Args{"name": args[0]}, near)
}

// atMostOne takes one argument or none.
func atMostOne(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return badUsage("usage.argument", text.Args{"name": args[1]})
	}
	return nil
}

// exactly takes as many arguments as the command's use line names.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return badUsage("usage.arguments", text.Args{"use": cmd.UseLine()})
	}
}

// excluding tells of flags that do not go together, in words of ours.
func excluding(cmd *cobra.Command) error {
	if cmd.ValidateFlagGroups() == nil {
		return nil
	}
	const groups = "cobra_annotation_mutually_exclusive" // cobra v1.10.2, flag_groups.go
	given := map[string][]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		for _, g := range f.Annotations[groups] {
			given[g] = append(given[g], "--"+f.Name)
		}
	})
	for _, flags := range given {
		if len(flags) > 1 {
			slices.Sort(flags)
			return badUsage("usage.excluding", text.Args{"flags": strings.Join(flags, ", ")})
		}
	}
	return nil
}

// filled tells of a flag that was given with nothing in it: its default would
// be taken in silence.
func filled(cmd *cobra.Command) error {
	var empty error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" && empty == nil {
			empty = badUsage("usage.flag_empty", text.Args{"flag": "--" + f.Name})
		}
	})
	return empty
}
