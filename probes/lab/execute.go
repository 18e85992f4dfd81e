package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"offbasic/probes"
)

// ScriptRefused is the code of a script that stopped at a cmdlet; args cmdlet
// and message.
const ScriptRefused probes.Code = "script_refused"

// object is what a cmdlet returns: its properties as PowerShell prints them.
type object map[string]string

// notFoundError is the answer to an identity that nobody has. It is what makes
// an Unless return no object; every other error stops the script.
type notFoundError struct{ name string }

func (e notFoundError) Error() string {
	return fmt.Sprintf("The operation couldn't be performed because object '%s' couldn't be found on 'AM0PR10A01DC001.EURPRD10A001.PROD.OUTLOOK.COM'.",
		probes.Clean(e.name, 200))
}

// Execute runs a script as Exchange Online would, and reads back. It stops at
// the first error, which is then in the read-back as well; the error is a
// *probes.Fault that names the cmdlet.
func (l *Lab) Execute(ctx context.Context, s probes.Script) (probes.ReadBackFile, error) {
	file := probes.ReadBackFile{
		Type: "readback", Schema: probes.ReadBackSchema, Script: s.Name,
		Made: l.now().UTC().Format(time.RFC3339), Tenant: l.dir.tenantID,
		Results: map[string][]map[string]string{},
	}
	kept := map[string]object{}
	for _, step := range s.Steps {
		if err := ctx.Err(); err != nil {
			file.Error = err.Error()
			return file, fmt.Errorf("run the script %s: %w", s.Name, err)
		}
		if err := l.step(step, kept); err != nil {
			file.Error = err.Error()
			return file, err
		}
	}
	for _, r := range s.Reads {
		rows, err := l.read(r, kept)
		if err != nil {
			file.Error = err.Error()
			return file, err
		}
		file.Results[r.ID] = rows
	}
	return file, nil
}

// step makes one change, unless it is made already.
func (l *Lab) step(step probes.ScriptStep, kept map[string]object) error {
	var found []object
	var err error
	if step.Unless != nil {
		found, err = l.look(*step.Unless, kept)
	}
	if err == nil && len(found) == 0 {
		found, err = l.run(step.Do, kept)
	}
	if err == nil && step.As != "" && len(found) > 0 {
		kept[step.As] = found[0]
	}
	return err
}

// look runs a cmdlet for which not to find is no error.
func (l *Lab) look(c probes.Cmdlet, kept map[string]object) ([]object, error) {
	found, err := l.run(c, kept)
	var missing notFoundError
	if errors.As(err, &missing) {
		return nil, nil
	}
	return found, err
}

// read runs one read-back and keeps the selected properties.
func (l *Lab) read(r probes.ReadBack, kept map[string]object) ([]map[string]string, error) {
	found, err := l.look(r.Cmdlet, kept)
	if err != nil {
		return nil, err
	}
	if !r.Many && len(found) > 1 {
		found = found[:1]
	}
	rows := []map[string]string{}
	for _, o := range found {
		row := map[string]string{}
		for _, name := range r.Select {
			for have, value := range o {
				if strings.EqualFold(have, name) {
					row[name] = value
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// run binds the parameters of a call as PowerShell does, and runs it.
func (l *Lab) run(c probes.Cmdlet, kept map[string]object) ([]object, error) {
	out, err := l.try(c, kept)
	if err == nil {
		return out, nil
	}
	l.log("exchange: " + probes.Clean(c.Name, 100) + ": " + err.Error())
	return nil, &probes.Fault{
		Op: "run " + probes.Clean(c.Name, 100), Code: ScriptRefused, Err: err,
		Args: map[string]string{"cmdlet": probes.Clean(c.Name, 100), "message": err.Error()},
	}
}

func (l *Lab) try(c probes.Cmdlet, kept map[string]object) ([]object, error) {
	for _, known := range cmdlets() {
		if !strings.EqualFold(known.name, c.Name) {
			continue
		}
		args, err := known.bind(c, kept)
		if err != nil {
			return nil, err
		}
		l.log("exchange: " + known.name)
		l.dir.mu.Lock()
		defer l.dir.mu.Unlock()
		return known.run(l.dir, args)
	}
	return nil, fmt.Errorf("The term '%s' is not recognized as a name of a cmdlet, function, script file, or executable program.", //nolint:revive,staticcheck // PowerShell's own words
		probes.Clean(c.Name, 100))
}

// arguments are the bound parameters of a call, by the name in the table.
type arguments map[string]argument

// argument is one value: a list has one entry per element, a switch none.
type argument []string

func (a arguments) text(name string) string { return strings.Join(a[name], ",") }

// has tells whether the parameter was given.
func (a arguments) has(name string) bool { _, ok := a[name]; return ok }

// bind checks names and kinds against the table.
func (k cmdlet) bind(c probes.Cmdlet, kept map[string]object) (arguments, error) {
	args := arguments{}
	for _, p := range c.Params {
		param, ok := k.param(p.Name)
		if !ok {
			return nil, fmt.Errorf("A parameter cannot be found that matches parameter name '%s'.", probes.Clean(p.Name, 100)) //nolint:revive,staticcheck // PowerShell's own words
		}
		if args.has(param.name) {
			return nil, fmt.Errorf("Cannot bind parameter because parameter '%s' is specified more than once.", param.name) //nolint:revive,staticcheck // PowerShell's own words
		}
		value, err := param.convert(p.Value, kept)
		if err != nil {
			return nil, err
		}
		args[param.name] = value
	}
	for _, p := range k.params {
		if p.mandatory && !args.has(p.name) {
			return nil, fmt.Errorf("Cannot process command because of one or more missing mandatory parameters: %s.", p.name) //nolint:revive,staticcheck // PowerShell's own words
		}
	}
	return args, nil
}

// param finds a parameter by its name or an older one.
func (k cmdlet) param(name string) (parameter, bool) {
	for _, p := range k.params {
		if strings.EqualFold(p.name, name) || p.alias != "" && strings.EqualFold(p.alias, name) {
			return p, true
		}
	}
	return parameter{}, false
}

// convert turns a script's value into what the parameter takes.
func (p parameter) convert(v probes.Value, kept map[string]object) (argument, error) {
	bad := func(shown string) error {
		return fmt.Errorf("Cannot process argument transformation on parameter '%s'. Cannot convert value \"%s\" to type \"%s\".", //nolint:revive,staticcheck // PowerShell's own words
			p.name, probes.Clean(shown, 100), p.kind)
	}
	switch {
	case v.Kind == probes.BoolValue && p.kind == boolKind:
		if v.Bool {
			return argument{"True"}, nil
		}
		return argument{"False"}, nil
	case v.Kind == probes.SwitchValue && p.kind == switchKind, v.Kind == probes.BoolValue && p.kind == switchKind:
		return argument{}, nil
	case v.Kind == probes.ListValue && p.kind == listKind:
		return argument(v.List), nil
	case v.Kind == probes.TextValue && (p.kind == textKind || p.kind == listKind):
		return argument{v.Text}, nil
	case v.Kind == probes.VarValue && (p.kind == textKind || p.kind == listKind):
		return variable(v.Text, kept)
	}
	return nil, bad(v.Text)
}

// variable reads "principal.ObjectId" from what an earlier step kept.
func variable(path string, kept map[string]object) (argument, error) {
	name, property, _ := strings.Cut(path, ".")
	for have, value := range kept[name] {
		if strings.EqualFold(have, property) {
			return argument{value}, nil
		}
	}
	return nil, fmt.Errorf("the variable $%s has no value", probes.Clean(path, 100))
}
