package lab_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/lab"
	"offbasic/wizard"
)

func script(l *lab.Lab) probes.Script {
	return wizard.ServicePrincipal(wizard.Registration{ClientID: l.App().ClientID, ObjectID: l.App().ObjectID}, "accounting@contoso.example")
}

func TestScriptMayRunTwice(t *testing.T) {
	l := start(t, lab.Options{})
	var first string
	for i := range 2 {
		file, err := l.Execute(t.Context(), script(l))
		if err != nil {
			t.Fatalf("run %d: %v", i+1, err)
		}
		if file.Type != "readback" || file.Schema != probes.ReadBackSchema || file.Tenant != l.Tenant().ID || file.Made == "" {
			t.Errorf("run %d: %+v", i+1, file)
		}
		b, _ := json.Marshal(file.Results)
		if i == 0 {
			first = string(b)
		} else if string(b) != first {
			t.Errorf("the second run reads back %s, the first %s", b, first)
		}
	}
	want := fmt.Sprintf(`{"cas_mailbox":[{"PrimarySmtpAddress":"accounting@contoso.example","SmtpClientAuthenticationDisabled":"False"}],`+
		`"mailbox_permission":[{"AccessRights":"FullAccess","Identity":"accounting@contoso.example","User":"%[2]s"}],`+
		`"service_principal":[{"AppId":"%[1]s","DisplayName":"offbasic","ObjectId":"%[2]s"}],`+
		`"transport_config":[{"AllowLegacyTLSClients":"False","SmtpClientAuthenticationDisabled":"True"}]}`, l.App().ClientID, l.App().ObjectID)
	if first != want {
		t.Errorf("read back\n%s\nwant\n%s", first, want)
	}
}

func TestScriptsThatExchangeWouldRefuse(t *testing.T) {
	l := start(t, lab.Options{})
	text, p, do := probes.Text, probes.P, func(c probes.Cmdlet) probes.Script {
		return probes.Script{Name: "x", Steps: []probes.ScriptStep{{ID: "x", Do: c}}}
	}
	for _, tt := range []struct {
		name string
		c    probes.Cmdlet
		want string
	}{
		{"unknown cmdlet", probes.Call("New-Wonder"), "The term 'New-Wonder' is not recognized"},
		{"unknown parameter", probes.Call("Get-CASMailbox", p("Identity", text("a")), p("Colour", text("b"))), "matches parameter name 'Colour'"},
		{"parameter twice", probes.Call("Get-CASMailbox", p("Identity", text("a")), p("identity", text("b"))), "specified more than once"},
		{"missing parameter", probes.Call("New-ServicePrincipal", p("AppId", text(l.App().ClientID))), "missing mandatory parameters: ObjectId"},
		{
			"wrong type", probes.Call("Set-CASMailbox", p("Identity", text("scan@contoso.example")), p("SmtpClientAuthenticationDisabled", text("no"))),
			`Cannot convert value "no" to type "System.Boolean"`,
		},
		{"not a GUID", probes.Call("New-ServicePrincipal", p("AppId", text("x")), p("ObjectId", text(l.App().ObjectID))), `"x" to type "System.Guid"`},
		{"unknown mailbox", probes.Call("Add-MailboxPermission", p("Identity", text("nobody@contoso.example")), p("User", text("it@contoso.example")),
			p("AccessRights", text("FullAccess"))), "object 'nobody@contoso.example' couldn't be found"},
		{"unknown user", probes.Call("Add-MailboxPermission", p("Identity", text("scan@contoso.example")), p("User", text(l.App().ObjectID)),
			p("AccessRights", text("FullAccess"))), "couldn't be found"},
		{"SendAs is not a mailbox permission", probes.Call("Add-MailboxPermission", p("Identity", text("scan@contoso.example")),
			p("User", text("it@contoso.example")), p("AccessRights", probes.List("SendAs"))), `Cannot convert value "SendAs"`},
	} {
		file, err := l.Execute(t.Context(), do(tt.c))
		var f *probes.Fault
		if !errors.As(err, &f) || f.Code != lab.ScriptRefused || f.Args["cmdlet"] != tt.c.Name || !strings.Contains(f.Args["message"], tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			continue
		}
		if !strings.Contains(file.Error, tt.want) {
			t.Errorf("%s: the read-back says %q", tt.name, file.Error)
		}
	}
}

// The same rules as the PowerShell text: a variable holds what Unless found or
// Do returned, and a step whose variable holds nothing is left out.
func TestStepsFollowTheRulesOfTheScript(t *testing.T) {
	l := start(t, lab.Options{})
	text, p, call := probes.Text, probes.P, probes.Call
	principal := call("Get-ServicePrincipal", p("Identity", text(l.App().ClientID)))
	principal.Where = []probes.Match{{Property: "AppId", Is: []string{l.App().ClientID}}}
	off := func(id string, v probes.Value) probes.ScriptStep {
		return probes.ScriptStep{ID: "off", Do: call("Set-CASMailbox", p("Identity", text(id)), p("SmtpClientAuthenticationDisabled", v))}
	}
	cas := probes.ReadBack{
		ID: "cas", Many: true, Select: []string{"SmtpClientAuthenticationDisabled"},
		Each:   &probes.Each{As: "m", Values: []string{"scan@contoso.example", "it@contoso.example"}},
		Cmdlet: call("Get-CASMailbox", p("Identity", probes.Var("m"))),
	}
	for _, tt := range []struct {
		name   string
		script probes.Script
		want   string
	}{
		{"a variable that holds nothing", probes.Script{
			Steps: []probes.ScriptStep{{ID: "x", Do: call("Get-CASMailbox", p("Identity", probes.Var("sp.Id")))}},
			Reads: []probes.ReadBack{{ID: "x", Cmdlet: call("Get-CASMailbox", p("Identity", probes.Var("sp.Id")))}},
		}, `{}`},
		{"an identity that nobody has", probes.Script{Reads: []probes.ReadBack{
			{ID: "sp", Cmdlet: principal}, {ID: "cas", Cmdlet: call("Get-CASMailbox", p("Identity", text("nobody")))},
		}}, `{"cas":[],"sp":[]}`},
		{"for each value", probes.Script{
			Steps: []probes.ScriptStep{off("scan@contoso.example", probes.Null()), off("it@contoso.example", probes.Bool(true))},
			Reads: []probes.ReadBack{cas},
		}, `{"cas":[{"SmtpClientAuthenticationDisabled":""},{"SmtpClientAuthenticationDisabled":"True"}]}`},
		{"made, then removed", probes.Script{
			Steps: []probes.ScriptStep{
				{ID: "make", As: "sp", Unless: &principal, Do: call("New-ServicePrincipal", p("AppId", text(l.App().ClientID)), p("ObjectId", text(l.App().ObjectID)))},
				{ID: "grant", Do: call("Add-MailboxPermission", p("Identity", text("scan@contoso.example")), p("User", probes.Var("sp.ObjectId")), p("AccessRights", probes.List("FullAccess")))},
				{ID: "again", As: "other", Unless: &principal, Do: call("New-Wonder")},
				{ID: "revoke", Do: call("Remove-MailboxPermission", p("Identity", text("scan@contoso.example")), p("User", probes.Var("other.AppId")), p("AccessRights", text("FullAccess")), p("Confirm", probes.Off()))},
				{ID: "remove", Each: &probes.Each{As: "each", In: &principal}, Do: call("Remove-ServicePrincipal", p("Identity", probes.Var("each.ObjectId")), p("Confirm", probes.Off()))},
			},
			Reads: []probes.ReadBack{{ID: "rights", Many: true, Cmdlet: call("Get-MailboxPermission", p("Identity", text("scan@contoso.example")))}, {ID: "sp", Cmdlet: principal}},
		}, `{"rights":[],"sp":[]}`},
		{"else", probes.Script{Steps: []probes.ScriptStep{{
			ID: "else", Unless: new(call("Get-CASMailbox", p("Identity", text("scan@contoso.example")))), Do: call("New-Wonder"),
			Else: new(off("scan@contoso.example", probes.Bool(false)).Do),
		}}, Reads: []probes.ReadBack{cas}}, `{"cas":[{"SmtpClientAuthenticationDisabled":"False"},{"SmtpClientAuthenticationDisabled":"True"}]}`},
	} {
		file, err := l.Execute(t.Context(), tt.script)
		b, _ := json.Marshal(file.Results)
		if err != nil || string(b) != tt.want {
			t.Errorf("%s: %s, error %v; want %s", tt.name, b, err, tt.want)
		}
	}
}

func TestOptionalReadIsNotedAndStopsNothing(t *testing.T) {
	l := start(t, lab.Options{})
	file, err := l.Execute(t.Context(), probes.Script{Reads: []probes.ReadBack{
		{ID: "x", Optional: true, Cmdlet: probes.Call("Get-Wonder")},
		{ID: "org", Select: []string{"SmtpClientAuthenticationDisabled"}, Cmdlet: probes.Call("Get-TransportConfig")},
	}})
	if err != nil || !strings.Contains(file.Unread["x"], "Get-Wonder") || len(file.Results["org"]) != 1 || file.Error != "" {
		t.Errorf("%+v, error %v", file, err)
	}
}

func TestScriptStopsWithItsContext(t *testing.T) {
	l := start(t, lab.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Execute(ctx, script(l)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
