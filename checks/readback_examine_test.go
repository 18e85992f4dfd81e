package checks_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"offbasic/checks"
	"offbasic/probes"
)

// A value that its script cannot have written is named; whatever it can have
// written is taken as it is.
func TestWhatAScriptCannotHaveWrittenIsNamed(t *testing.T) {
	s := probes.Script{
		Name: "x",
		Steps: []probes.ScriptStep{
			{ID: "look", Do: probes.Call("Get-Mailbox")}, {ID: "set", Do: probes.Call("Set-CASMailbox")},
		},
		Reads: []probes.ReadBack{
			{ID: "cas", Select: []string{"Mailbox", "SmtpClientAuthenticationDisabled"}, Cmdlet: probes.Call("Get-CASMailbox")},
			{ID: "app", Select: []string{"AppId"}, Cmdlet: probes.Call("Get-ServicePrincipal", probes.P("Identity", probes.Var("principal.Id")))},
			{ID: "mx", Optional: true, Select: []string{"Name"}, Cmdlet: probes.Call("Resolve-DnsName")},
			{ID: "test", Optional: true, Select: []string{"InScope"}, Cmdlet: probes.Call("Test-ServicePrincipalAuthorization")},
		},
	}
	row := func(kv ...string) rows { return rows{{kv[0]: kv[1], kv[2]: kv[3]}} }
	for _, tt := range []struct {
		name   string
		change func(*probes.ReadBackFile)
		want   string // how what is named begins; "" is nothing
	}{
		{"as it was written", func(*probes.ReadBackFile) {}, ""},
		{"a switch that is not set", func(f *probes.ReadBackFile) {
			f.Results["cas"] = row("Mailbox", "a", "SmtpClientAuthenticationDisabled", "")
		}, ""},
		{"a read that needs what was not found", func(f *probes.ReadBackFile) { delete(f.Results, "app") }, ""},
		{"an optional read that was not possible", func(f *probes.ReadBackFile) { delete(f.Results, "mx"); f.Unread = map[string]string{"mx": "no DNS"} }, ""},
		{"a script that stopped has read nothing", func(f *probes.ReadBackFile) { f.Results, f.Step, f.Error = nil, "set", "denied" }, ""},
		{"a clock that is ahead a little", func(f *probes.ReadBackFile) { f.Made = tenantNow().Add(10 * time.Minute).Format(time.RFC3339) }, ""},

		{"no time", func(f *probes.ReadBackFile) { f.Made = "yesterday" }, "made"},
		{"tomorrow", func(f *probes.ReadBackFile) { f.Made = tenantNow().AddDate(0, 0, 1).Format(time.RFC3339) }, "made: "},
		{"a tenant that is no id", func(f *probes.ReadBackFile) { f.Tenant = "contoso" }, "tenant: contoso"},
		{"an error without a step", func(f *probes.ReadBackFile) { f.Error = "denied" }, "step, error"},
		{"a step of another script", func(f *probes.ReadBackFile) { f.Step, f.Error = "coffee", "denied" }, "step: coffee"},
		{"done what only looks", func(f *probes.ReadBackFile) { f.Done = []probes.DoneStep{{Step: "look", At: f.Made}} }, "done: look"},
		{"done without a time", func(f *probes.ReadBackFile) { f.Done = []probes.DoneStep{{Step: "set"}} }, "done: set"},
		{"an object that is not read", func(f *probes.ReadBackFile) { f.Results["coffee"] = nil }, "results: coffee"},
		{"an object that is missing", func(f *probes.ReadBackFile) { delete(f.Results, "cas") }, "results: cas"},
		{"not read, and not optional", func(f *probes.ReadBackFile) { f.Unread = map[string]string{"cas": "x"} }, "unread: cas"},
		{"not read, and there all the same", func(f *probes.ReadBackFile) { f.Unread = map[string]string{"mx": "x"} }, "unread: mx"},
		{"a property too many", func(f *probes.ReadBackFile) { f.Results["mx"] = row("Name", "a", "Colour", "b") }, "mx[0]"},
		{"another property", func(f *probes.ReadBackFile) { f.Results["mx"] = rows{{"Name": "a"}, {"Colour": "b"}} }, "mx[1].Name"},
		{"a switch with a word", func(f *probes.ReadBackFile) {
			f.Results["cas"] = row("Mailbox", "a", "SmtpClientAuthenticationDisabled", "No")
		}, "cas[0].SmtpClientAuthenticationDisabled"},
		{"an id that is none", func(f *probes.ReadBackFile) { f.Results["app"] = rows{{"AppId": "SMTP devices"}} }, "app[0].AppId"},
		{"a control character", func(f *probes.ReadBackFile) { f.Results["mx"] = rows{{"Name": "a\x1b[2J"}} }, "mx[0].Name"},
		{"a scope that is neither", func(f *probes.ReadBackFile) { f.Results["test"] = rows{{"InScope": "Maybe"}} }, "test[0].InScope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := probes.ReadBackFile{Script: "x", Made: tenantNow().Format(time.RFC3339), Tenant: tenantID, Results: maps.Clone(map[string][]map[string]string{
				"cas": row("Mailbox", "a", "SmtpClientAuthenticationDisabled", "False"), "app": {{"AppId": client}}, "mx": {{"Name": "a"}}, "test": {{"InScope": "Not Run"}},
			})}
			tt.change(&f)
			got := checks.ExamineReadBack(s, f, tenantNow())
			if (got == "") != (tt.want == "") || !strings.HasPrefix(got, tt.want) {
				t.Errorf("named %q, want %q", got, tt.want)
			}
			if alone := checks.ExamineValues(f); alone != "" && alone != got {
				t.Errorf("of the values alone %q is named, and %q of all", alone, got)
			}
		})
	}
}
