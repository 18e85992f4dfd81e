package wizard

// Told is what the admin entered for the scripts and the test sends, by the
// name of the value: a ScriptInput's, or "<route>.host". Never a secret.
type Told map[string][]string

// Tell remembers what was entered for a sender, or with "" for the tenant. No
// values means that it is forgotten.
func (m *Migration) Tell(sender, name string, values ...string) error {
	told := &m.Told
	if sender != "" {
		s, ok := m.Sender(sender)
		if !ok {
			return ErrNoSender
		}
		told = &s.Told
	}
	if len(values) == 0 {
		delete(*told, name)
		return nil
	}
	if *told == nil {
		*told = Told{}
	}
	(*told)[name] = values
	return nil
}

// over puts what was entered in the place of what was only seen.
func (t Told) over(v ScriptValues) ScriptValues {
	for _, in := range ScriptInputs() {
		values := t[in.Name]
		switch {
		case len(values) == 0:
		case in.List != nil:
			*in.List(&v) = values
		default:
			*in.Text(&v) = values[0]
		}
	}
	return v
}

// TenantValues is what is known of what a script about no sender is told.
func (m Migration) TenantValues() ScriptValues {
	v := ScriptValues{}
	if m.App != nil {
		v.App = *m.App
		v.Group, v.Outside = m.App.Group, m.App.Outside
	}
	return m.Told.over(v)
}
