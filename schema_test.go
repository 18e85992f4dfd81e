package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"offbasic/ui/cli"
)

// schemas are docs/schema, by the type that they describe.
func schemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	files, err := filepath.Glob("docs/schema/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("docs/schema holds %v (%v)", files, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	out := map[string]*jsonschema.Schema{}
	for _, f := range files {
		s, err := c.Compile(f)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".json")] = s
	}
	return out
}

// run runs the program in this process, as in a pipe, and returns stdout.
func run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var out, talk bytes.Buffer
	p := cli.Program{
		In: strings.NewReader(stdin), Out: &out, Err: &talk,
		Env: func(name string) string { return map[string]string{"OFFBASIC_KEYRING": "none"}[name] },
		Now: time.Now,
	}
	if code := p.Run(t.Context(), args); code == cli.ExitUsage || code == cli.ExitFault && !strings.Contains(talk.String(), "keyring") {
		t.Fatalf("offbasic %s ended with %d: %s", strings.Join(args, " "), code, talk.String())
	}
	return out.String()
}

// The program's JSON is what docs/schema says, and between them the commands
// write every type that is described there. What is not known is absent.
func TestJSONContract(t *testing.T) {
	known, seen := schemas(t), map[string]int{}
	dir := filepath.Join(t.TempDir(), "migration")
	hold := func(output string) {
		for line := range strings.Lines(output) {
			var head struct{ Type string }
			if err := json.Unmarshal([]byte(line), &head); err != nil {
				t.Fatalf("not a line of JSON: %s", line)
			}
			schema, ok := known[head.Type]
			if !ok {
				t.Errorf("docs/schema does not know type %q: %s", head.Type, line)
				continue
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				t.Errorf("%s is not as described: %v\n%s", head.Type, err, line)
			}
			if !strings.HasPrefix(line, `{"type":"`) {
				t.Errorf("a line begins without its type: %s", line)
			}
			seen[head.Type]++
		}
	}
	hold(run(t, "", "tour", "--json", "--folder", dir))
	hold(run(t, "", "plan", "--json", "--lab", "--folder", dir))
	hold(run(t, "", "plan", "--json", "--lab", "--folder", dir, "--sender", "127.0.0.1"))
	hold(run(t, "", "explain", "--json", "550 5.7.30 Basic authentication is not supported for Client Submission."))
	hold(run(t, "", "explain", "--json", "550 5.9.99 Something of tomorrow"))
	hold(run(t, "AADSTS7000215: x\n535 5.7.3 no\n", "explain", "--json", "--lang", "fr"))
	hold(run(t, "", "devices", "--json"))
	hold(run(t, "", "plan", "--calendar", "--json"))
	hold(run(t, "", "relay", "--json"))
	planned := planned(t)
	hold(run(t, "", "plan", "--json", "--folder", planned))
	hold(run(t, "", "plan", "--json", "--folder", planned, "--sender", "192.0.2.50"))
	hold(run(t, "", "ask", "192.0.2.50", "--json", "--set", "recipients=inside", "--folder", planned))
	hold(run(t, "", "relay", "--json", "--kind", "postfix", "--to", t.TempDir(), "--allow", "192.0.2.0/24", "--account", "scan@contoso.example", "--folder", planned))
	hold(run(t, "", "script", "list", "--json"))
	hold(run(t, "", "script", "show", "service-principal", "--json"))
	hold(run(t, "", "script", "save", "--all", "--json", "--to", t.TempDir()))
	answer := filepath.Join(t.TempDir(), "answer.json")
	if err := os.WriteFile(answer, []byte(`{"type":"readback","schema":1,"script":"service-principal","results":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	hold(run(t, "", "script", "check", answer, "--json"))
	tenant := filepath.Join(t.TempDir(), "tenant")
	hold(run(t, "", "script", "run", "smtp-auth", "--yes", "--lab", "--json", "--mailbox", "scan@contoso.example", "--folder", tenant))
	hold(run(t, "", "log", "--json", "--folder", tenant))
	hold(run(t, "", "state", "--read", "--lab", "--json", "--folder", tenant))
	hold(run(t, "", "rights", "--json", "--folder", tenant))
	hold(run(t, "", "rights", "prove", "--lab", "--json", "--outside", "it@contoso.example", "--folder", tenant))
	hold(run(t, "", "send", "--lab", "--json", "--route", "basic", "--repeat", "swaks", "--transcripts", "--folder", dir))
	hold(run(t, "", "send", "--lab", "--json", "--route", "connector", "--auth", "certificate", "--folder", dir))
	hold(run(t, "", "send", "--lab", "--json", "--route", "graph", "--folder", dir))
	hold(run(t, "", "send", "--lab", "--json", "--route", "relay", "--host", "127.0.0.1", "--port", "1"))
	hold(run(t, "", "send", "--lab", "--json", "--forecast", "--folder", dir))
	hold(run(t, "", "send", "--lab", "--json", "--all", "--sender", "127.0.0.1", "--folder", dir))
	hold(run(t, "", "register", "--lab", "--json", "--lab-fault", "replication"))
	hold(run(t, "", "lab", "--faults", "--json"))
	hold(run(t, "", "check", "dns", "--json", "--lab"))
	hold(run(t, "Message-ID: <1@contoso.example>\n", "check", "headers", "--json"))
	hold(run(t, "", "send", "--json", "--lab", "--route", "direct", "--verify"))
	hold(runFind(t))
	hold(runLab(t))
	hold(runInterview(t))
	for kind := range known {
		if seen[kind] == 0 {
			t.Errorf("no command wrote a %s", kind)
		}
	}
}

// planned is a migration that knows two senders of one account from a list.
func planned(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	list := filepath.Join(dir, "list.csv")
	content := "name;address;mailbox\nscan;192.0.2.50;scan@contoso.example\nfax;192.0.2.51;scan@contoso.example\n"
	if err := os.WriteFile(list, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "migration")
	run(t, "", "import", list, "--folder", folder, "--json")
	return folder
}

// runFind takes up a file and a log of the lab, merges them with a colleague's
// folder, and writes the report.
func runFind(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	mine, file := filepath.Join(dir, "mine"), filepath.Join(dir, "liste.csv")
	list := "Name,Model,IP,Mailbox\nCopier,Ricoh IM C3000,192.0.2.7,scan@contoso.example\n,,,\n"
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "", "import", "--live", "sign-ins", "--lab", "--json", "--folder", mine)
	out += run(t, "", "import", file, file, "--lab", "--json", "--folder", mine)
	run(t, "", "import", file, "--folder", filepath.Join(dir, "theirs"))
	out += run(t, "", "merge", filepath.Join(dir, "theirs"), "--json", "--folder", filepath.Join(dir, "ours"))
	out += run(t, "", "report", "--lab", "--json", "--folder", mine)
	out += run(t, "", "report", "--checklist", "--lab", "--json", "--folder", mine)
	return out + run(t, "", "list", dir, "--json")
}

// runLab starts the lab and stops it when its line is there.
func runLab(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &firstLine{stop: stop}
	p := cli.Program{In: strings.NewReader(""), Out: out, Err: io.Discard, Env: func(string) string { return "" }, Now: time.Now}
	if code := p.Run(ctx, []string{"lab", "--json"}); code != cli.ExitOK {
		t.Fatalf("offbasic lab ended with %d", code)
	}
	return out.String()
}

// firstLine calls stop when a line was written.
type firstLine struct {
	bytes.Buffer
	stop func()
}

func (f *firstLine) Write(b []byte) (int, error) {
	defer f.stop()
	return f.Buffer.Write(b)
}
