package graph_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"offbasic/probes"
	"offbasic/probes/graph"
	"offbasic/probes/lab"
)

// tenant is a lab with a registrar on it, and all that it was told.
type tenant struct {
	t     *testing.T
	lab   *lab.Lab
	mu    sync.Mutex
	steps []probes.SetupStep
	log   []probes.Change
	asked []string // permissions, in the order in which they were first asked for
	saved graph.Registered
	kept  map[string]graph.Credential // by client id
	way   http.RoundTripper
	waits []time.Duration
}

func newTenant(t *testing.T, faults ...string) *tenant {
	t.Helper()
	l, err := lab.Start(t.Context(), lab.Options{Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &tenant{t: t, lab: l, kept: map[string]graph.Credential{}, way: l.HTTPClient().Transport}
}

// directory signs in as the lab's administrator with exactly the permissions
// that a call asks for.
func (n *tenant) directory() graph.Directory {
	return graph.Directory{
		Base: n.lab.GraphBase(), HTTP: &http.Client{Transport: n.way},
		Token: func(_ context.Context, permissions ...string) (string, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			for _, p := range permissions {
				if !slices.Contains(n.asked, p) {
					n.asked = append(n.asked, p)
				}
			}
			return n.lab.AdminToken(permissions...), nil
		},
		After: func(d time.Duration) <-chan time.Time {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.waits = append(n.waits, d)
			ch := make(chan time.Time, 1)
			ch <- time.Time{}
			return ch
		},
		Log: func(c probes.Change) error {
			n.mu.Lock()
			defer n.mu.Unlock()
			c.ID = fmt.Sprint(len(n.log) + 1)
			n.log = append(n.log, c)
			return nil
		},
	}
}

// register runs a registration as a program would that remembers what was
// saved and keeps what it was given.
func (n *tenant) register(q graph.Request) error {
	n.t.Helper()
	n.steps = nil
	if q.Name == "" {
		q.Name, q.Marked = "offbasic", true
	}
	if q.Route == "" {
		q.Route = probes.OAuth
	}
	q.Known, q.Open = n.saved, graph.Open(n.log)
	r := graph.Registrar{
		Directory: n.directory(),
		Held: func(id string) (graph.Credential, bool) {
			c, ok := n.kept[id]
			return c, ok
		},
		Keep: func(id string, c graph.Credential) error {
			n.kept[id] = c
			return nil
		},
		Save: func(r graph.Registered) error {
			n.saved = r
			return nil
		},
		Key:  testKey(),
		Emit: func(s probes.SetupStep) { n.steps = append(n.steps, s) },
	}
	_, err := r.Register(n.t.Context(), q)
	return err
}

// testKey makes one key for all tests: a new one each time would take minutes.
var testKey = sync.OnceValue(func() func() (*rsa.PrivateKey, error) {
	k, err := rsa.GenerateKey(rand.Reader, 3072)
	return func() (*rsa.PrivateKey, error) { return k, err }
})

// said is how the steps ended, as "step outcome", without those that wait.
func (n *tenant) said() string {
	var list []string
	for _, s := range n.steps {
		if s.Outcome == probes.SetupWaiting {
			continue
		}
		text := s.Step + " " + string(s.Outcome)
		if s.Would != "" {
			text += " would be " + string(s.Would)
		}
		list = append(list, text)
	}
	return strings.Join(list, "\n")
}

func (n *tenant) mustRegister(q graph.Request) {
	n.t.Helper()
	if err := n.register(q); err != nil {
		n.t.Fatalf("%v\n%s", err, n.said())
	}
}

func (n *tenant) wantSaid(want ...string) {
	n.t.Helper()
	if got := n.said(); got != strings.Join(want, "\n") {
		n.t.Errorf("said\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// wantFault registers and wants it to fail so.
func (n *tenant) wantFault(q graph.Request, code probes.Code) *probes.Fault {
	n.t.Helper()
	f, ok := errors.AsType[*probes.Fault](n.register(q))
	if !ok || f.Code != code {
		n.t.Fatalf("got %v, want %s\n%s", f, code, n.said())
	}
	return f
}

// objects counts what is in the tenant, by kind.
func (n *tenant) objects() string {
	c := n.lab.Registered()
	return fmt.Sprintf("%d applications, %d enterprise, %d roles, %d grants, %d certificates, %d secrets",
		c.Applications, c.Enterprise, c.Roles, c.Grants, c.Certificates, c.Secrets)
}

func (n *tenant) wantObjects(want string) {
	n.t.Helper()
	if got := n.objects(); got != want {
		n.t.Errorf("the tenant holds %s\nwant %s", got, want)
	}
}

// count counts requests, and loses those from a certain one on.
func (c *cut) count(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	n := len(c.methods)
	c.methods = append(c.methods, r.Method)
	c.mu.Unlock()
	if c.at < 0 || n < c.at {
		return c.RoundTripper.RoundTrip(r)
	}
	if n == c.at && c.heard {
		if res, err := c.RoundTripper.RoundTrip(r); err == nil {
			res.Body.Close()
		}
	}
	return nil, errors.New("the cable is unplugged")
}

func (n *tenant) credentials(clientID string) string {
	secrets, certificates := n.lab.Credentials(clientID)
	return fmt.Sprintf("%d secrets, %d certificates", secrets, certificates)
}
