package lab

import (
	"slices"
	"strings"
)

// store is a list of objects that cmdlets make, read, set and remove.
type store []object

// find is the object with a name, an identity, a distinguished name or an id.
func (s store) find(id string) object {
	i := slices.IndexFunc(s, func(o object) bool {
		return id != "" && slices.ContainsFunc([]string{"Name", "Identity", "DistinguishedName", "Guid"}, func(p string) bool {
			return strings.EqualFold(o[p], id)
		})
	})
	if i < 0 {
		return nil
	}
	return s[i]
}

// add keeps a new object. A name is there once.
func (s *store) add(o object) ([]object, error) {
	if s.find(o["Name"]) != nil {
		// Microsoft does not document the words of this refusal.
		return nil, errorf("an object with the name '%s' already exists", o["Name"])
	}
	*s = append(*s, o)
	return []object{o}, nil
}

// reads is the Get cmdlet of a store: the object of an identity, or all.
func reads(of func(*directory) *store) func(*directory, arguments) ([]object, error) {
	return func(d *directory, a arguments) ([]object, error) {
		if !a.has("Identity") {
			return *of(d), nil
		}
		o := of(d).find(a.text("Identity"))
		if o == nil {
			return nil, notFoundError{a.text("Identity")}
		}
		return []object{o}, nil
	}
}

// removes is the Remove cmdlet of a store.
func removes(of func(*directory) *store) func(*directory, arguments) ([]object, error) {
	return func(d *directory, a arguments) ([]object, error) {
		s := of(d)
		gone := s.find(a.text("Identity"))
		if gone == nil {
			return nil, notFoundError{a.text("Identity")}
		}
		*s = slices.DeleteFunc(*s, func(o object) bool { return o["Identity"] == gone["Identity"] })
		return nil, nil
	}
}

// sets is the Set cmdlet of a store: what is given becomes a property.
func sets(of func(*directory) *store, properties ...string) func(*directory, arguments) ([]object, error) {
	return func(d *directory, a arguments) ([]object, error) {
		o := of(d).find(a.text("Identity"))
		if o == nil {
			return nil, notFoundError{a.text("Identity")}
		}
		a.onto(o, properties...)
		return nil, nil
	}
}
