package lab

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"offbasic/probes"
)

// exchangeError is a refusal in PowerShell's own words, or in Exchange's.
type exchangeError string

func (e exchangeError) Error() string { return string(e) }

func errorf(format string, args ...any) error { return exchangeError(fmt.Sprintf(format, args...)) }

// arguments are the bound parameters of a call, by the name in the table.
type arguments map[string]argument

// argument is one value: a list has one entry per element, a switch is True or
// False, and $null is one empty entry.
type argument []string

// text is one value; a list as PowerShell prints it.
func (a arguments) text(name string) string { return strings.Join(a[name], ", ") }

// has tells whether the parameter was given.
func (a arguments) has(name string) bool { _, ok := a[name]; return ok }

// onto writes the parameters that were given into an object's properties.
func (a arguments) onto(o object, names ...string) {
	for _, name := range names {
		if a.has(name) {
			o[name] = a.text(name)
		}
	}
}

// bool sets a switch to what was given for it.
func (a arguments) bool(name string, to *bool) {
	if a.has(name) {
		*to = a.text(name) == "True"
	}
}

// bind checks names, kinds and values against the table.
func (sh *shell) bind(k cmdlet, c probes.Cmdlet) (arguments, error) {
	args := arguments{}
	for _, p := range c.Params {
		param, ok := k.param(p.Name)
		if !ok {
			return nil, errorf("A parameter cannot be found that matches parameter name '%s'.", probes.Clean(p.Name, 100))
		}
		if args.has(param.name) {
			return nil, errorf("Cannot bind parameter because parameter '%s' is specified more than once.", param.name)
		}
		value, err := sh.convert(param, p.Value)
		if err != nil {
			return nil, err
		}
		args[param.name] = value
	}
	for _, p := range k.params {
		if p.mandatory && !args.has(p.name) {
			return nil, errorf("Cannot process command because of one or more missing mandatory parameters: %s.", p.name)
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
func (sh *shell) convert(p parameter, v probes.Value) (argument, error) {
	value, fits, err := sh.evaluate(p, v)
	if err != nil {
		return nil, err
	}
	for _, one := range value {
		if fits && !p.allows(one) {
			return nil, p.cannotTake(one)
		}
	}
	if !fits {
		return nil, p.cannotTake(v.Text)
	}
	return value, nil
}

// cannotTake shows the value, unless it would be a secret.
func (p parameter) cannotTake(shown string) error {
	if p.kind == secretKind {
		shown = ""
	}
	return errorf("Cannot process argument transformation on parameter '%s'. Cannot convert value \"%s\" to type \"%s\".",
		p.name, probes.Clean(shown, 100), p.kind)
}

// allows tells whether one value is of the parameter's type.
func (p parameter) allows(value string) bool {
	if p.kind == intKind {
		n, err := strconv.Atoi(value)
		return err == nil && n > 0 && n <= p.most
	}
	if p.valid != nil {
		return p.nullable && value == "" || p.valid(value)
	}
	return true
}

// evaluate finds out what a value is, and whether the parameter's kind is one
// for it.
func (sh *shell) evaluate(p parameter, v probes.Value) (value argument, fits bool, err error) {
	single := p.kind == textKind || p.kind == intKind
	switch v.Kind {
	case probes.BoolValue:
		return argument{printed(v.Bool)}, p.kind == boolKind, nil
	case probes.SwitchValue, probes.OffValue:
		return argument{printed(v.Kind == probes.SwitchValue)}, p.kind == switchKind, nil
	case probes.NullValue:
		return argument{""}, p.nullable, nil
	case probes.ListValue:
		return argument(v.List), p.kind == listKind, nil
	case probes.TextValue:
		return argument{v.Text}, single || p.kind == listKind, nil
	case probes.SecretValue:
		return sh.secret(p)
	case probes.DaysAgoValue:
		at := sh.lab.now().UTC().AddDate(0, 0, -v.Days)
		return argument{at.Format(time.RFC3339Nano)}, p.kind == dateKind, nil
	}
	return sh.computed(p, v)
}

// computed is a value that is made of others.
func (sh *shell) computed(p parameter, v probes.Value) (argument, bool, error) {
	single := p.kind == textKind
	switch v.Kind {
	case probes.VarValue:
		value, err := sh.kept.value(v.Text)
		return value, single || p.kind == listKind, err
	case probes.FilterValue: // in OPATH a quote is doubled
		value, err := sh.kept.value(v.Text)
		if err != nil {
			return nil, false, err
		}
		return argument{v.Property + " -eq '" + strings.ReplaceAll(value[0], "'", "''") + "'"}, single, nil
	case probes.AccountValue:
		if v.Text != anonymousSID {
			return nil, false, errorf("Exception calling \"Translate\" with \"1\" argument(s): \"Some or all identity references could not be translated.\"")
		}
		return argument{anonymousLogon}, single, nil
	}
	return nil, false, nil
}

// secret asks for what the script would ask for; the lab takes a random
// throw-away when nobody can be asked.
func (sh *shell) secret(p parameter) (argument, bool, error) {
	if p.kind != secretKind {
		return nil, false, nil
	}
	if sh.lab.secret == nil {
		return argument{randomText(16)}, true, nil
	}
	s, err := sh.lab.secret(sh.script, sh.step)
	if err != nil {
		return nil, false, fmt.Errorf("ask for the secret of step %s: %w", sh.step, err)
	}
	if s == "" {
		return nil, false, errorf("Cannot bind argument to parameter '%s' because it is an empty SecureString.", p.name)
	}
	return argument{s}, true, nil
}
