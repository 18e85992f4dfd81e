//go:build interop

package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/wizard/folder"
)

var updateTable = flag.Bool("update", false, "write testdata/clients/table.golden anew")

const tableFile = "testdata/clients/table.golden"

// client is a program that sends mail, driven by a file of testdata/clients.
// The file takes "version", or else its task from the environment and the
// message from its standard input.
type client struct {
	name    string
	command []string // in the folder testdata/clients
	version string   // VERSION of the environment: which variant
	tasks   []task
}

// task is what a client is set up to do, and what it meets.
type task struct {
	policy string
	tls    string // "default": nothing is said of TLS; "starttls", "implicit"
	cert   string // "any" certificate is to be taken; "own": as the client has it
}

// refusing is the policy "everything" with a no to each sign-in.
const refusing = "everything, 535"

// sending are the tasks of a client that signs in and sends.
func sending() []task {
	return []task{
		{"exchange", "default", "own"},
		{"no-tls", "default", "own"},
		{"relay", "default", "own"},
		{"exchange", "starttls", "own"},
		{"exchange", "starttls", "any"},
		{"retired", "starttls", "any"},
		{"oauth-only", "starttls", "any"},
		{"relay", "starttls", "any"},
		{"everything", "starttls", "any"},
		{refusing, "starttls", "any"},
		{"exchange", "implicit", "any"},
		{"retired", "implicit", "any"},
	}
}

// checked are those of one whose point is that it checks certificates.
func checked() []task {
	return []task{{"exchange", "starttls", "own"}, {"exchange", "implicit", "own"}}
}

// both are those of one that only shows what it speaks.
func both() []task {
	return []task{{"exchange", "starttls", "any"}, {"exchange", "implicit", "any"}}
}

func clients() []client {
	java := []string{"java", "-cp", "/usr/share/java/javax.mail.jar:/usr/share/java/javax.activation.jar", "JavaMail.java"}
	all := []client{
		{name: "swaks", command: []string{"./swaks.sh"}, tasks: sending()},
		{name: "msmtp", command: []string{"./msmtp.sh"}, tasks: sending()},
		{name: "curl", command: []string{"./curl.sh"}, tasks: sending()},
		{name: "s-nail", command: []string{"./s-nail.sh"}, tasks: sending()},
		{name: "postfix", command: []string{"./postfix.sh"}, tasks: sending()},
		{name: "exim", command: []string{"./exim.sh"}, tasks: sending()},
		{name: "smtplib", command: []string{"python3", "python.py"}, tasks: sending()},
		{name: "smtplib, context", command: []string{"python3", "python.py"}, version: "checked", tasks: checked()},
		{name: "Net::SMTP", command: []string{"perl", "net-smtp.pl"}, tasks: sending()},
		{name: "javax.mail", command: java, tasks: sending()},
	}
	for _, v := range []string{"tls1", "tls1_1", "tls1_2", "tls1_3"} {
		all = append(all, client{name: "s_client -" + v, command: []string{"./s_client.sh"}, version: v, tasks: both()})
	}
	for _, v := range []string{"0.10", "0.12"} {
		for _, method := range []string{"SSLv3", "TLSv1"} {
			node := []string{"../../.ci/node_modules/node-" + v + "/bin/node", "--enable-ssl3", "node.js"}
			all = append(all, client{name: "node " + v + " " + method, command: node, version: method + "_method", tasks: []task{{"exchange", "implicit", "any"}}})
		}
	}
	return all
}

// What each real client does, against a table that was read by a person. A
// client that is not there fails the test, and so does one of another minor
// version until its rows were looked at; a patch version is only logged.
func TestRealClientsDoWhatTheTableSays(t *testing.T) {
	all := clients()
	rows, versions := make([][]string, len(all)), make([]string, len(all))
	t.Run("all", func(t *testing.T) {
		for i, c := range all {
			rows[i] = make([]string, len(c.tasks))
			versions[i] = c.seenAs(t)
			for j, task := range c.tasks {
				t.Run(strings.Join([]string{c.name, task.policy, task.tls, task.cert}, " "), func(t *testing.T) {
					t.Parallel()
					rows[i][j] = strings.Join([]string{c.name, task.tls, task.cert, task.policy, c.meets(t, task)}, "\t")
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	got := table(all, versions, rows)
	if *updateTable {
		if err := os.WriteFile(tableFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	sameTable(t, got, string(want))
}

// seenAs is the client's version as it says it.
func (c client) seenAs(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.command[0], append(slices.Clone(c.command[1:]), "version")...)
	cmd.Dir = filepath.FromSlash("testdata/clients")
	cmd.Env = append(os.Environ(), "VERSION="+c.version)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s cannot be run: %v", c.name, err)
	}
	number := regexp.MustCompile(`\d+(\.\d+)*`).FindString(string(out))
	if number == "" {
		t.Fatalf("%s does not say its version: %q", c.name, out)
	}
	if strings.HasPrefix(c.name, "node") {
		return number + " with OpenSSL 1.0.1u"
	}
	return number
}

func table(all []client, versions []string, rows [][]string) string {
	var b strings.Builder
	b.WriteString(`What real clients do against the capture.
Written by: go test -tags interop -run TheTableSays -update .

TLS          what the client is told of TLS; "default": nothing
certificate  "any": it is told to take any; "own": nothing is said
policy       of the capture; "everything, 535" answers 535 to each sign-in
sign-ins     the mechanisms in turn; "!" refused, "?" given up, "#" not readable

`)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "client\tseen on")
	for i, c := range all {
		fmt.Fprintf(w, "%s\t%s\n", c.name, versions[i])
	}
	w.Flush()
	b.WriteString("\n")
	fmt.Fprintln(w, "client\tTLS\tcertificate\tpolicy\tspoke\tsign-ins\tin clear\taccount\tdid\tsays it was sent")
	for _, of := range rows {
		for _, row := range of {
			fmt.Fprintln(w, row)
		}
	}
	w.Flush()
	return b.String()
}

// sameTable compares line by line, and versions but for their patch.
func sameTable(t *testing.T, got, want string) {
	t.Helper()
	version := regexp.MustCompile(`^(\S.*?)  +(\d+(?:\.\d+)?)((?:\.\d+)*)$`)
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var gl, wl string
		if i < len(g) {
			gl = g[i]
		}
		if i < len(w) {
			wl = w[i]
		}
		gv, wv := version.FindStringSubmatch(gl), version.FindStringSubmatch(wl)
		switch {
		case gl == wl:
		case gv != nil && wv != nil && gv[1] == wv[1] && gv[2] == wv[2]:
			t.Logf("%s is %s%s here; the table was seen on %s%s", gv[1], gv[2], gv[3], wv[2], wv[3])
		default:
			t.Errorf("line %d of %s:\n got %s\nwant %s", i+1, tableFile, gl, wl)
		}
	}
}

// meets lets the client do its task and says what it did.
func (c client) meets(t *testing.T, k task) string {
	t.Helper()
	dir := t.TempDir()
	f, err := folder.Open(filepath.Join(dir, "migration"), folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var begun atomic.Int64
	policy := policyOf(t, k.policy)
	events, ended := make(chan probes.CaptureEvent, 64), make(chan error, 1)
	server := capture.Server{Listen: []string{"127.0.0.1:0"}, Store: f, Limits: capture.Limits{Peek: -1}, PolicyFor: func(string) (capture.Policy, bool) {
		begun.Add(1)
		return policy, true
	}}
	if k.tls == "implicit" {
		server.Limits.Peek = patience // a machine under load may let Java wait for seconds
	}
	go func() { ended <- server.Run(ctx, func(ev probes.CaptureEvent) { events <- ev }) }()
	listening := (<-events).Listening
	if listening == nil || listening.Fault != nil {
		t.Fatalf("the capture did not open: %+v", listening)
	}
	said, sent := c.run(t, k, listening.Addr)
	var seen []probes.Session
	for len(seen) == 0 || int64(len(seen)) < begun.Load() {
		select {
		case ev := <-events:
			seen = append(seen, *ev.Session)
		case <-time.After(patience):
			t.Fatalf("%d of %d sessions were recorded; the client said:\n%s", len(seen), begun.Load(), said)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	did := make([]string, len(seen))
	for i, s := range seen {
		noPassword(t, filepath.Join(dir, "migration"), s)
		did[i] = told(s)
	}
	t.Logf("the client said:\n%s", said)
	return strings.Join(slices.Compact(did), " // ") + "\t" + yes(sent)
}

func policyOf(t *testing.T, name string) capture.Policy {
	t.Helper()
	base, refuses := strings.CutSuffix(name, ", 535")
	policy, ok := capture.PolicyNamed(base)
	if !ok {
		t.Fatalf("no policy is named %q", base)
	}
	if refuses {
		policy.Replies = map[string]string{"AUTH": "535 5.7.3 Authentication unsuccessful"}
	}
	return policy
}

// run lets the client send; sent is whether it says that it did.
func (c client) run(t *testing.T, k task, addr string) (said string, sent bool) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	home, err := filepath.Abs(filepath.FromSlash("testdata/clients"))
	if err != nil {
		t.Fatal(err)
	}
	args := slices.Clone(c.command)
	for i, a := range args {
		if strings.Contains(a, "/node") || strings.HasPrefix(a, "./") || strings.HasSuffix(a, filepath.Ext(a)) && fileExists(filepath.Join(home, a)) {
			args[i] = filepath.Join(home, a)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdin, cmd.WaitDelay = t.TempDir(), strings.NewReader(message), time.Second
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOST="+host, "PORT="+port, "ACCOUNT="+account, "PASSWORD="+password,
		"RECIPIENT="+recipient, "TLS="+k.tls, "CERT="+k.cert, "VERSION="+c.version)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("%s did not end; it said:\n%s", c.name, out)
	}
	return string(out), err == nil
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// told is one session as columns of the table.
func told(s probes.Session) string {
	spoke := string(s.TLS.Mode)
	switch {
	case s.TLS.Version != "":
		spoke += " " + s.TLS.Version
	case len(s.TLS.ClientVersions) > 0:
		spoke += " up to " + s.TLS.ClientVersions[0]
	}
	var tries []string
	inClear, as := "-", "-"
	for _, a := range s.Auth {
		mark := map[probes.AuthOutcome]string{probes.AuthRefused: "!", probes.AuthCancelled: "?", probes.AuthMalformed: "#"}[a.Outcome]
		tries = append(tries, a.Mechanism+mark)
		inClear = yes(a.Cleartext)
		if a.Account != "" {
			as = a.Account
		}
	}
	if len(tries) == 0 {
		tries = []string{"-"}
	}
	return strings.Join([]string{spoke, strings.Join(tries, " "), inClear, as, behaved(s)}, "\t")
}

// behaved says in words what a client did in the end.
func behaved(s probes.Session) string {
	signedIn := slices.ContainsFunc(s.Auth, func(a probes.Auth) bool { return a.Outcome == probes.AuthAccepted })
	wanted := slices.ContainsFunc(s.Transcript, func(l probes.Line) bool {
		return l.From == probes.Client && strings.HasPrefix(l.Text, "MAIL ")
	})
	switch {
	case s.TLS.Error == "certificate_refused":
		shape := map[string]string{"reset": "closed"}[s.TLS.Refusal] // which of the two is a race in GnuTLS
		return "refuses the certificate (" + cmp.Or(shape, s.TLS.Refusal) + ")"
	case s.TLS.Error != "":
		return "no TLS: " + s.TLS.Error
	case s.Taken && signedIn:
		return "sends"
	case s.Taken && len(s.Auth) > 0:
		return "sends without sign-in after the refusal"
	case s.Taken:
		return "sends without sign-in"
	case wanted && !signedIn:
		return "asks to send without sign-in"
	case signedIn:
		return "signs in"
	case len(s.Auth) > 1:
		return "tries others, then stops"
	}
	return "stops"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
