package powershell_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/exp/golden"

	"offbasic/probes/powershell"
	"offbasic/wizard"
)

// The commands of every script that changes something, as the command log has
// them: with what their variables hold, so that they can be pasted.
func TestCommandsStandAlone(t *testing.T) {
	var b strings.Builder
	for _, name := range wizard.ScriptNames() {
		s, _ := wizard.ScriptNamed(name, ordinary())
		if text := powershell.Commands(s, nil); text != "" {
			b.WriteString("# " + name + "\n" + text + "\n")
		}
	}
	golden.RequireEqual(t, b.String())
}

func TestOnlyTheStepsThatWereDoneAreWritten(t *testing.T) {
	s, _ := wizard.ScriptNamed("service-principal", ordinary())
	want := "$principal = Get-ServicePrincipal -Identity '11111111-2222-3333-4444-555555555555' | Where-Object { [string]$_.AppId -eq '11111111-2222-3333-4444-555555555555' }\n" +
		"Add-MailboxPermission -Identity 'scan@contoso.example' -User $principal.Identity -AccessRights 'FullAccess' -AutoMapping $false"
	if got := powershell.Commands(s, []string{"permission"}); got != want {
		t.Errorf("the right alone is\n%s\nwant\n%s", got, want)
	}
	if got := powershell.Commands(s, []string{}); got != "" {
		t.Errorf("nothing done is %q", got)
	}
}

// Every variable in the commands was set by a line before.
func TestCommandsSetWhatTheyUse(t *testing.T) {
	for _, name := range wizard.ScriptNames() {
		s, _ := wizard.ScriptNamed(name, ordinary())
		for _, st := range s.Steps {
			if !st.Do.Changes() {
				continue
			}
			text := powershell.Commands(s, []string{st.ID})
			for _, v := range st.Do.Variables() {
				if !strings.Contains(text, "$"+v+" = ") && !strings.Contains(text, "foreach ($"+v+" in ") {
					t.Errorf("%s, %s uses $%s, which nothing set:\n%s", name, st.ID, v, text)
				}
			}
		}
	}
}

func TestReadings(t *testing.T) {
	s, _ := wizard.ScriptNamed("tenant-state", wizard.ScriptValues{})
	text := powershell.Readings(s)
	for _, want := range []string{"Get-OrganizationConfig", "Get-CASMailbox -ResultSize 'Unlimited' | Where-Object", "foreach ($domain in @(Get-AcceptedDomain)) {"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// PowerShell 7 is preferred; Windows PowerShell 5.1 will do.
func TestFindShell(t *testing.T) {
	for _, tt := range []struct {
		have []string
		want string
	}{{[]string{"powershell", "pwsh"}, "pwsh"}, {[]string{"powershell"}, "powershell"}, {nil, ""}} {
		s, ok := powershell.FindShell(func(name string) (string, error) {
			if slices.Contains(tt.have, name) {
				return "/bin/" + name, nil
			}
			return "", errors.New("not found")
		})
		if ok != (tt.want != "") || s.Name != tt.want {
			t.Errorf("with %v it is %+v, %t", tt.have, s, ok)
		}
	}
}
