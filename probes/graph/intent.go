package graph

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// What was asked for and had no answer may be there or not. So each request
// that makes something is in the log before it is sent. When the next run looks
// first and finds exactly that, it was made from here: it was not there when
// the request was sent, because every step looks first. What somebody else made
// just like it after that moment cannot always be told from it; where Graph
// says when something was made, that decides.

// Open are the intentions of a log that no answer followed, oldest first. A
// colleague's are left out.
func Open(log []probes.Change) []probes.Change {
	var open []probes.Change
	for _, c := range log {
		switch {
		case c.By != probes.ByGraph || c.Intent == "" || c.Merged:
		case c.Outcome == probes.ChangeIntended:
			open = append(open, c)
		default:
			open = slices.DeleteFunc(open, func(o probes.Change) bool { return o.Intent == c.Intent })
		}
	}
	return open
}

// Answered leaves out of a log the intentions that an answer followed: that
// entry says more.
func Answered(log []probes.Change) []probes.Change {
	open := Open(log)
	return slices.DeleteFunc(slices.Clone(log), func(c probes.Change) bool {
		return c.Outcome == probes.ChangeIntended && !c.Merged && !slices.ContainsFunc(open, func(o probes.Change) bool { return o.ID == c.ID })
	})
}

// intend puts a call into the log before it is made.
func (d Directory) intend(a ask, text []byte) error {
	if a.intent == "" || a.intended {
		return nil
	}
	c := probes.Change{
		By: probes.ByGraph, Step: a.step, Method: a.method, URL: "/v1.0" + a.path, Body: withoutSecrets(text),
		Intent: a.intent, Outcome: probes.ChangeIntended, At: d.client().now().UTC(),
	}
	if a.object != nil {
		c.Object = a.object(nil)
	}
	return d.Log(c)
}

// skewed is by how much the clock here and the directory's may differ.
const skewed = 5 * time.Minute

// lost are the intentions about one thing whose answers were lost, as this run
// found them.
func (c *run) lost(intent string) []probes.Change {
	return slices.DeleteFunc(slices.Clone(c.q.Open), func(o probes.Change) bool { return o.Intent != intent })
}

// mine puts into the log what was found, if it is what an earlier run asked
// for without an answer, so that an undo knows of it. made is when Graph says
// that it was made; zero is not known. at is when it was asked for.
func (c *run) mine(intent, object string, made time.Time) (at time.Time, err error) {
	lost := c.lost(intent)
	if len(lost) == 0 || c.q.DryRun {
		return time.Time{}, nil
	}
	first, last := lost[0], lost[len(lost)-1]
	if !made.IsZero() && (made.Before(first.At.Add(-skewed)) || made.After(last.At.Add(skewed))) {
		return time.Time{}, nil
	}
	return last.At, c.Directory.Log(probes.Change{
		By: probes.ByGraph, Step: last.Step, Method: last.Method, URL: last.URL, Body: last.Body, At: last.At,
		Intent: intent, Object: object, Outcome: probes.ChangeDone,
	})
}

// mineInApplication looks in the registration for what earlier runs added to
// it.
func (c *run) mineInApplication() error {
	seen := map[string]bool{}
	for _, o := range c.q.Open {
		object := c.inApplication(o)
		if object == "" || seen[o.Intent] {
			continue
		}
		seen[o.Intent] = true
		if _, err := c.mine(o.Intent, object, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// inApplication is the path of what was to be added to the registration, if it
// is there.
func (c *run) inApplication(o probes.Change) string {
	rest, ours := strings.CutPrefix(o.Intent, applicationPath(c.app.ID)+"/")
	kind, entry, _ := strings.Cut(rest, "/")
	if !ours {
		return ""
	}
	switch kind {
	case "keyCredentials":
		if slices.ContainsFunc(c.app.Keys, func(k key) bool { return fingerprint(k.Key) == entry }) {
			return o.Object
		}
	case "passwordCredentials":
		if i := slices.IndexFunc(c.app.Passwords, func(p secret) bool { return p.Name != "" && url.PathEscape(p.Name) == entry }); i >= 0 {
			return applicationPath(c.app.ID) + "/passwordCredentials/" + url.PathEscape(c.app.Passwords[i].KeyID)
		}
	case "requiredResourceAccess":
		if asksFor(c.app.Required, entry) {
			return o.Object
		}
	case "publicClient":
		if c.app.isPublic(entry) {
			return o.Object
		}
	}
	return ""
}

func applicationPath(id string) string { return "/applications/" + url.PathEscape(id) }

// The parts of a public client that a registration was given, as the log names
// them. "unset" says that the property had no value before.
const (
	fallbackOn    = "fallback"
	fallbackUnset = "fallback.unset"
	redirectAdded = "redirect"
)

// addsPublic names the parts of a public client that the registration lacks.
func (a Application) addsPublic() string {
	var parts []string
	switch {
	case a.Fallback == nil:
		parts = append(parts, fallbackUnset)
	case !*a.Fallback:
		parts = append(parts, fallbackOn)
	}
	if !slices.Contains(a.Public.Redirects, loopback) {
		parts = append(parts, redirectAdded)
	}
	return strings.Join(parts, ",")
}

// isPublic tells whether parts of a public client are there.
func (a Application) isPublic(parts string) bool {
	for p := range strings.SplitSeq(parts, ",") {
		there := a.Fallback != nil && *a.Fallback
		if p == redirectAdded {
			there = slices.Contains(a.Public.Redirects, loopback)
		}
		if !there {
			return false
		}
	}
	return true
}

// notPublic is the change that takes parts of a public client away again; nil
// means that they are gone.
func (a Application) notPublic(parts string) map[string]any {
	body := map[string]any{}
	for p := range strings.SplitSeq(parts, ",") {
		switch {
		case !a.isPublic(p):
		case p == fallbackUnset:
			body["isFallbackPublicClient"] = nil
		case p == fallbackOn:
			body["isFallbackPublicClient"] = false
		case p == redirectAdded:
			left := slices.DeleteFunc(slices.Clone(a.Public.Redirects), func(s string) bool { return s == loopback })
			body["publicClient"] = map[string]any{"redirectUris": append([]string{}, left...)}
		}
	}
	if len(body) == 0 {
		return nil
	}
	return body
}
