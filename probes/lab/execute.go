package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
			ok = slices.ContainsFunc(strings.Split(value, ","), func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), m.Has) })
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
		return nil, errorf("the variable $%s has no value", probes.Clean(path, 100))
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

// shell is one run of a script: the lab executes it where module says, with
// what its steps have kept so far.
type shell struct {
	lab          *Lab
	script, step string
	module       string
	kept         variables
	whatIf       bool // changes nothing
	done         []probes.DoneStep
}

// Execute runs a script as Exchange Online, or the server on the premises,
// would, and reads back. It stops at the first error, which is then in the
// read-back as well; the error is a *probes.Fault that names the cmdlet.
func (l *Lab) Execute(ctx context.Context, s probes.Script) (probes.ReadBackFile, error) {
	return l.execute(ctx, s, false)
}

// TryOut runs a script as with -WhatIf: it changes nothing and reads back what
// is there.
func (l *Lab) TryOut(ctx context.Context, s probes.Script) (probes.ReadBackFile, error) {
	return l.execute(ctx, s, true)
}

func (l *Lab) execute(ctx context.Context, s probes.Script, whatIf bool) (probes.ReadBackFile, error) {
	file := probes.ReadBackFile{
		Type: "readback", Schema: probes.ReadBackSchema, Script: s.Name,
		Made: l.now().UTC().Format(time.RFC3339), Results: map[string][]map[string]string{},
	}
	sh := &shell{lab: l, script: s.Name, module: or(s.Module, probes.ExchangeOnline), kept: variables{}, whatIf: whatIf}
	if sh.module == probes.ExchangeOnline {
		file.Tenant = l.dir.tenantID
	}
	step, err := sh.play(ctx, s, &file)
	file.Done = sh.done
	if err != nil {
		file.Step, file.Error = step, said(err)
	}
	return file, err
}

// play takes the steps and the reads in order, and says where it stopped.
func (sh *shell) play(ctx context.Context, s probes.Script, file *probes.ReadBackFile) (stopped string, err error) {
	for _, step := range s.Steps {
		if err := ctx.Err(); err != nil {
			return step.ID, fmt.Errorf("run the script %s: %w", s.Name, err)
		}
		if err := sh.take(step); err != nil {
			return step.ID, err
		}
	}
	for _, r := range s.Reads {
		if err := sh.read(r, file); err != nil {
			return r.ID, err
		}
	}
	return "", nil
}

// or is the value, or else the default of it.
func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// said is what Exchange said.
func said(err error) string {
	var f *probes.Fault
	if errors.As(err, &f) {
		return f.Args["message"]
	}
	return err.Error()
}

// take makes one change, for each object when there are several. A step whose
// calls use a variable that holds nothing is left out, as in the script; Else
// may use what Unless has just found.
func (sh *shell) take(s probes.ScriptStep) error {
	sh.step = s.ID
	uses := s.Do.Variables()
	for _, c := range []*probes.Cmdlet{s.Unless, s.Else} {
		if c != nil {
			uses = append(uses, c.Variables()...)
		}
	}
	uses = slices.DeleteFunc(uses, func(name string) bool { return s.As != "" && name == s.As })
	if !sh.kept.hold(uses, s.Each) {
		return nil
	}
	return sh.each(s.Each, func() error { return sh.change(s) })
}

// each does something once, or once for everything that e goes over.
func (sh *shell) each(e *probes.Each, do func() error) error {
	if e == nil {
		return do()
	}
	var over []object
	for _, v := range e.Values {
		over = append(over, object{"": v})
	}
	if e.In != nil {
		var err error
		if over, err = sh.run(*e.In); err != nil {
			return err
		}
	}
	defer delete(sh.kept, e.As)
	for _, o := range over {
		sh.kept[e.As] = o
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// change makes one change, unless it is made already.
func (sh *shell) change(s probes.ScriptStep) error {
	delete(sh.kept, s.As)
	if s.Unless == nil {
		return sh.do(s.Do, s.As)
	}
	there, err := sh.look(*s.Unless)
	if err != nil {
		return err
	}
	if len(there) == 0 {
		return sh.do(s.Do, s.As)
	}
	sh.keep(s.As, there)
	if s.Else != nil {
		return sh.do(*s.Else, "")
	}
	return nil
}

// do runs a call of a step, and notes that the step changed something.
func (sh *shell) do(c probes.Cmdlet, as string) error {
	if sh.whatIf && c.Changes() {
		return nil
	}
	made, err := sh.run(c)
	if err != nil {
		return err
	}
	if as != "" {
		sh.keep(as, made)
	}
	noted := slices.ContainsFunc(sh.done, func(d probes.DoneStep) bool { return d.Step == sh.step })
	if c.Changes() && !noted {
		sh.done = append(sh.done, probes.DoneStep{Step: sh.step, At: sh.lab.now().UTC().Format(time.RFC3339)})
	}
	return nil
}

// keep puts the first object into a variable.
func (sh *shell) keep(as string, objects []object) {
	if as != "" && len(objects) > 0 {
		sh.kept[as] = objects[0]
	}
}

// look runs a cmdlet for which not to find is no error.
func (sh *shell) look(c probes.Cmdlet) ([]object, error) {
	there, err := sh.run(c)
	var missing notFoundError
	if errors.As(err, &missing) {
		return nil, nil
	}
	return there, err
}

// read runs one read-back. One that is optional stops nothing.
func (sh *shell) read(r probes.ReadBack, file *probes.ReadBackFile) error {
	if !sh.kept.hold(r.Cmdlet.Variables(), r.Each) {
		return nil
	}
	rows := []map[string]string{}
	err := sh.each(r.Each, func() error {
		there, err := sh.look(r.Cmdlet)
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
func (sh *shell) run(c probes.Cmdlet) ([]object, error) {
	out, err := sh.try(c)
	if err == nil {
		return out, nil
	}
	sh.lab.log("exchange: " + probes.Clean(c.Name, 100) + ": " + err.Error())
	return nil, &probes.Fault{
		Op: "run " + probes.Clean(c.Name, 100), Code: ScriptRefused, Err: err,
		Args: map[string]string{"cmdlet": probes.Clean(c.Name, 100), "message": err.Error()},
	}
}

func (sh *shell) try(c probes.Cmdlet) ([]object, error) {
	for _, known := range cmdlets() {
		if !strings.EqualFold(known.name, c.Name) || !known.in(sh.module) {
			continue
		}
		args, err := sh.bind(known, c)
		if err != nil {
			return nil, err
		}
		sh.lab.log("exchange: " + known.name)
		d := sh.lab.dir
		d.mu.Lock()
		defer d.mu.Unlock()
		there, err := known.run(d, args)
		if err == nil {
			d.noted(d.madeBy(known.name, args), sh.lab.now())
		}
		var kept []object
		for _, o := range there {
			if o.matches(c.Where) {
				kept = append(kept, maps.Clone(o)) // the directory's own may change later
			}
		}
		return kept, err
	}
	return nil, errorf("The term '%s' is not recognized as a name of a cmdlet, function, script file, or executable program.", probes.Clean(c.Name, 100))
}
