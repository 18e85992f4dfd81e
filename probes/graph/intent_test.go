package graph_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/lab"
)

// whole is an app as Graph shows it, with its enterprise application and all
// that they were given: what an undo must leave as it was.
func (n *tenant) whole(a lab.App) string {
	n.t.Helper()
	var all []string
	for _, path := range []string{
		"/applications/" + a.RegistrationObjectID + "?$select=tags,isFallbackPublicClient,publicClient,requiredResourceAccess,keyCredentials,passwordCredentials",
		"/servicePrincipals(appId='" + a.ClientID + "')?$select=id,tags,accountEnabled",
		"/servicePrincipals/" + a.ObjectID + "/appRoleAssignments",
		"/oauth2PermissionGrants?$filter=clientId%20eq%20'" + a.ObjectID + "'",
	} {
		all = append(all, n.get(path))
	}
	return strings.Join(all, "\n")
}

// get reads from Graph what does not change from one answer to the next.
func (n *tenant) get(path string) string {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, n.lab.GraphBase()+"/v1.0"+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.lab.AdminToken(graph.ReadApplications, graph.WriteGrants))
	res, err := n.lab.HTTPClient().Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		n.t.Fatalf("%s: %d %s %v", path, res.StatusCode, body, err)
	}
	return shape(n.t, body)
}

// shape is JSON without the ids that are new each time an assignment is given
// again, and without the difference between an empty list and none.
func shape(t *testing.T, body []byte) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	if list, ok := v["value"].([]any); ok {
		var rows []string
		for _, row := range list {
			m, _ := row.(map[string]any)
			rows = append(rows, fmt.Sprint(m["appRoleId"], m["resourceId"], m["consentType"], m["scope"]))
		}
		slices.Sort(rows)
		return strings.Join(rows, "\n")
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("[]", "null").Replace(string(text))
}

// Wherever the network is lost while an app is completed that was there
// before, before or after a request was heard, the next run ends as the first
// would have, and an undo takes back all that was added and nothing that was
// there. The undo itself may lose its answers as well.
func TestAnUndoKnowsWhatLostItsAnswer(t *testing.T) {
	n := newTenant(t)
	own, straight := n.lab.App(), n.way
	before := n.whole(own)
	for _, q := range []graph.Request{
		{Adopt: own.ClientID, Route: probes.HVE, Delegated: true, Kind: graph.Certificate},
		{Adopt: own.ClientID, Route: probes.HVE, Delegated: true, Kind: graph.Secret},
		{Adopt: own.ClientID, Rights: probes.RoleRights, DropRole: true, Delegated: true},
	} {
		n := n.again(t, nil)
		counter := &cut{RoundTripper: straight, at: -1}
		n.way = counter
		n.mustRegister(q)
		done := n.whole(own)
		changed := counter.methods
		undoing := &cut{RoundTripper: straight, at: -1}
		n.way = undoing
		n.undo()
		if got := n.whole(own); got != before || done == before {
			t.Fatalf("%s: the undo leaves\n%s\nwant\n%s\nmade was\n%s", q.Route, got, before, done)
		}
		for at, method := range changed {
			for _, heard := range []bool{false, true} {
				if heard && method == http.MethodGet {
					continue // what only reads leaves nothing behind
				}
				n := n.again(t, &cut{RoundTripper: straight, at: at, heard: heard})
				_ = n.register(q) // cut off, unless the last requests changed places
				n.way = straight
				n.mustRegister(q)
				n.undo()
				if got := n.whole(own); got != before {
					t.Fatalf("%s request %d, heard %t: the undo leaves\n%s\nwant\n%s", q.Kind, at, heard, got, before)
				}
				if left := graph.Undoable(n.log); len(left) > 0 {
					t.Errorf("%s request %d, heard %t: still to be taken back: %+v", q.Kind, at, heard, left)
				}
			}
		}
		for at, method := range undoing.methods {
			if method == http.MethodGet {
				continue
			}
			n := n.again(t, straight)
			n.mustRegister(q)
			n.way = &cut{RoundTripper: straight, at: at, heard: true}
			for _, c := range graph.Undoable(n.log) {
				if _, err := n.directory().Undo(t.Context(), c); err != nil {
					break
				}
			}
			n.way = straight
			n.undo()
			if got, left := n.whole(own), graph.Undoable(n.log); got != before || len(left) > 0 {
				t.Fatalf("the undo, cut off at %d and made again, leaves %+v and\n%s\nwant\n%s", at, left, got, before)
			}
		}
	}
}

// What a colleague made while the answer was lost, of which Graph says that it
// is younger, is not taken for the wizard's own; neither is an intention that
// came with a colleague's folder.
func TestAnIntentionClaimsNothingOfSomebodyElse(t *testing.T) {
	n := newTenant(t)
	own, straight := n.lab.App(), n.way
	n.again(t, straight).mustRegister(graph.Request{Adopt: own.ClientID, Rights: probes.RoleRights, DropRole: true})
	q := graph.Request{Adopt: own.ClientID}
	n.way = noConsent{straight}
	if n.register(q) == nil {
		t.Fatal("nothing was cut off")
	}
	open := graph.Open(n.log)
	i := slices.IndexFunc(open, func(c probes.Change) bool { return c.Step == graph.StepConsent })
	if i < 0 {
		t.Fatalf("no consent is open: %+v", n.log)
	}
	colleague := n.again(t, straight)
	colleague.mustRegister(q)
	for _, lost := range []func(*probes.Change){
		func(c *probes.Change) { c.At = c.At.Add(-1 << 42) }, // 73 minutes before
		func(c *probes.Change) { c.Merged = true },
	} {
		c := open[i]
		lost(&c)
		m := n.again(t, straight)
		m.log = []probes.Change{c}
		m.mustRegister(q)
		if slices.ContainsFunc(graph.Undoable(m.log), func(c probes.Change) bool { return c.Step == graph.StepConsent }) {
			t.Errorf("the colleague's consent is to be taken away: %+v", m.log)
		}
	}
}

// noConsent is a line on which the request for consent is lost, whatever else
// is asked at the same time.
type noConsent struct{ http.RoundTripper }

func (c noConsent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/appRoleAssign") {
		return nil, errors.New("the line is cut")
	}
	return c.RoundTripper.RoundTrip(r)
}
