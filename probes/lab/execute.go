package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// ScriptRefused is the code of a script that stopped at a cmdlet; args cmdlet
// and message.
const ScriptRefused probes.Code = "script_refused"

// object is what a cmdlet returns: its properties as PowerShell prints them,
// lists with commas between.
type object map[string]string

// property finds a property without regard to case.
func (o object) property(name string) (string, bool) {
	for have, value := range o {
		if strings.EqualFold(have, name) {
			return value, true
		}
	}
	return "", false
}

// only keeps the selected properties.
func (o object) only(names []string) map[string]string {
	row := map[string]string{}
	for _, name := range names {
		if value, ok := o.property(name); ok {
			row[name] = value
		}
	}
	return row
}

// matches tells whether an object fulfils all conditions.
func (o object) matches(all []probes.Match) bool {
	for _, m := range all {
		value, _ := o.property(m.Property)
		same := func(want string) bool { return strings.EqualFold(want, value) }
		ok := true
		switch {
		case len(m.Is) > 0:
			ok = slices.ContainsFunc(m.Is, same)
		case m.Has != "":
			ok = slices.ContainsFunc(strings.Split(value, ","), func(s string) bool { return strings.EqualFold(s, m.Has) })
		case len(m.Not) > 0:
			ok = !slices.ContainsFunc(m.Not, same)
		case m.Named != "":
			ok = same(m.Named) || strings.HasPrefix(strings.ToLower(value), "cn="+strings.ToLower(m.Named)+",")
		}
		if !ok {
			return false
		}
	}
	return true
}

// variables are what earlier steps kept, by name.
type variables map[string]object

// hold tells whether every variable that is used holds something; the one that
// e sets need not yet.
func (v variables) hold(used []string, e *probes.Each) bool {
	if e != nil && e.In != nil {
		used = append(slices.Clone(used), e.In.Variables()...)
	}
	for _, name := range used {
		if _, ok := v[name]; !ok && (e == nil || name != e.As) {
			return false
		}
	}
	return true
}

// value reads "principal.ObjectId".
func (v variables) value(path string) (argument, error) {
	name, property, _ := strings.Cut(path, ".")
	value, ok := v[name].property(property)
	if !ok {
		return nil, fmt.Errorf("the variable $%s has no value", probes.Clean(path, 100))
	}
	return argument{value}, nil
}

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
	kept := variables{}
	for _, step := range s.Steps {
		if err := ctx.Err(); err != nil {
			file.Step, file.Error = step.ID, err.Error()
			return file, fmt.Errorf("run the script %s: %w", s.Name, err)
		}
		if err := l.step(step, kept); err != nil {
			file.Step, file.Error = step.ID, said(err)
			return file, err
		}
	}
	for _, r := range s.Reads {
		if err := l.read(r, kept, &file); err != nil {
			file.Step, file.Error = r.ID, said(err)
			return file, err
		}
	}
	return file, nil
}

// said is what Exchange said.
func said(err error) string {
	var f *probes.Fault
	if errors.As(err, &f) {
		return f.Args["message"]
	}
	return err.Error()
}

// step makes one change, for each object when there are several. A step whose
// calls use a variable that holds nothing is left out, as in the script.
func (l *Lab) step(s probes.ScriptStep, kept variables) error {
	uses := s.Do.Variables()
	for _, c := range []*probes.Cmdlet{s.Unless, s.Else} {
		if c != nil {
			uses = append(uses, c.Variables()...)
		}
	}
	if !kept.hold(uses, s.Each) {
		return nil
	}
	return l.each(s.Each, kept, func() error { return l.change(s, kept) })
}

// each does something once, or once for everything that e goes over.
func (l *Lab) each(e *probes.Each, kept variables, do func() error) error {
	if e == nil {
		return do()
	}
	var over []object
	for _, v := range e.Values {
		over = append(over, object{"": v})
	}
	if e.In != nil {
		var err error
		if over, err = l.run(*e.In, kept); err != nil {
			return err
		}
	}
	defer delete(kept, e.As)
	for _, o := range over {
		kept[e.As] = o
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// change makes one change, unless it is made already.
func (l *Lab) change(s probes.ScriptStep, kept variables) error {
	var there []object
	var err error
	if s.Unless != nil {
		if there, err = l.look(*s.Unless, kept); err != nil {
			return err
		}
	}
	do := &s.Do
	if len(there) > 0 {
		do = s.Else
	}
	if do != nil {
		made, err := l.run(*do, kept)
		if err != nil {
			return err
		}
		if len(there) == 0 {
			there = made
		}
	}
	if s.As != "" && len(there) > 0 {
		kept[s.As] = there[0]
	}
	return nil
}

// look runs a cmdlet for which not to find is no error.
func (l *Lab) look(c probes.Cmdlet, kept variables) ([]object, error) {
	there, err := l.run(c, kept)
	var missing notFoundError
	if errors.As(err, &missing) {
		return nil, nil
	}
	return there, err
}

// read runs one read-back. One that is optional stops nothing.
func (l *Lab) read(r probes.ReadBack, kept variables, file *probes.ReadBackFile) error {
	if !kept.hold(r.Cmdlet.Variables(), r.Each) {
		return nil
	}
	rows := []map[string]string{}
	err := l.each(r.Each, kept, func() error {
		there, err := l.look(r.Cmdlet, kept)
		if !r.Many && len(there) > 1 {
			there = there[:1]
		}
		for _, o := range there {
			rows = append(rows, o.only(r.Select))
		}
		return err
	})
	if err != nil && r.Optional {
		if file.Unread == nil {
			file.Unread = map[string]string{}
		}
		file.Unread[r.ID], err = said(err), nil
	}
	file.Results[r.ID] = rows
	return err
}

// run binds the parameters of a call as PowerShell does, and runs it.
func (l *Lab) run(c probes.Cmdlet, kept variables) ([]object, error) {
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

func (l *Lab) try(c probes.Cmdlet, kept variables) ([]object, error) {
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
		there, err := known.run(l.dir, args)
		return slices.DeleteFunc(there, func(o object) bool { return !o.matches(c.Where) }), err
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
func (k cmdlet) bind(c probes.Cmdlet, kept variables) (arguments, error) {
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
func (p parameter) convert(v probes.Value, kept variables) (argument, error) {
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
	case (v.Kind == probes.SwitchValue || v.Kind == probes.OffValue) && p.kind == switchKind:
		return argument{}, nil
	case v.Kind == probes.NullValue && p.nullable:
		return argument{""}, nil
	case v.Kind == probes.ListValue && p.kind == listKind:
		return argument(v.List), nil
	case v.Kind == probes.TextValue && (p.kind == textKind || p.kind == listKind):
		return argument{v.Text}, nil
	case v.Kind == probes.VarValue && (p.kind == textKind || p.kind == listKind):
		return kept.value(v.Text)
	}
	return nil, bad(v.Text)
}
