package lab

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"offbasic/probes"
)

// shape is what the body of a request may hold, by property.
type shape map[string]field

// field is one property: its type, and whether there are many of it.
type field struct {
	kind     jsonKind
	many     bool
	required bool
	of       shape    // of complexKind
	values   []string // nil allows any
}

// jsonKind is the type of a property, as Graph's metadata names it.
type jsonKind string

// The types of properties.
const (
	stringKind   jsonKind = "Edm.String"
	boolKindJSON jsonKind = "Edm.Boolean"
	timeKind     jsonKind = "Edm.DateTimeOffset"
	guidKind     jsonKind = "Edm.Guid"
	binaryKind   jsonKind = "Edm.Binary"
	complexKind  jsonKind = "ComplexType"
)

// check says what Graph would not take of a body; "" means nothing.
func (s shape) check(body []byte) string {
	var v map[string]any
	if json.Unmarshal(body, &v) != nil || v == nil {
		return "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."
	}
	return s.object(v)
}

func (s shape) object(v map[string]any) string {
	for name, value := range v {
		f, known := s[name]
		if !known {
			return fmt.Sprintf("Invalid property '%s'.", probes.Clean(name, 100))
		}
		if why := f.check(name, value); why != "" {
			return why
		}
	}
	for name, f := range s {
		if v[name] == nil && f.required {
			return fmt.Sprintf("A value is required for property '%s' of resource.", name)
		}
	}
	return ""
}

func (f field) check(name string, value any) string {
	if value == nil {
		return ""
	}
	if !f.many {
		return f.one(name, value)
	}
	list, ok := value.([]any)
	if !ok {
		return mistyped(name, "Collection("+string(f.kind)+")")
	}
	for _, one := range list {
		if why := f.one(name, one); why != "" {
			return why
		}
	}
	return ""
}

func (f field) one(name string, value any) string {
	if f.kind == complexKind {
		object, ok := value.(map[string]any)
		if !ok {
			return mistyped(name, string(f.kind))
		}
		return f.of.object(object)
	}
	if !f.kind.takes(value) {
		return mistyped(name, string(f.kind))
	}
	if text, _ := value.(string); f.values != nil && !slices.Contains(f.values, text) {
		return fmt.Sprintf("Invalid value specified for property '%s' of resource.", name)
	}
	return ""
}

// takes tells whether a value of JSON is one of the type.
func (k jsonKind) takes(value any) bool {
	if k == boolKindJSON {
		_, ok := value.(bool)
		return ok
	}
	s, ok := value.(string)
	switch k {
	case timeKind:
		_, err := time.Parse(time.RFC3339, s)
		return ok && err == nil
	case guidKind:
		return ok && isGUID(s)
	case binaryKind:
		_, err := base64.StdEncoding.DecodeString(s)
		return ok && err == nil
	}
	return ok
}

func mistyped(name, kind string) string {
	return fmt.Sprintf("Cannot convert the literal of property '%s' to the expected type '%s'.", name, kind)
}
