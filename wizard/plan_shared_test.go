package wizard

import (
	"slices"
	"testing"
)

func riskOf(t *testing.T, tasks []Task, id string) (int, []string) {
	t.Helper()
	for _, task := range tasks {
		if task.Sender == id {
			var why []string
			for _, w := range task.Why {
				why = append(why, w.ID+" "+w.Args["what"]+" "+w.Args["count"])
			}
			return task.Risk, why
		}
	}
	t.Fatalf("%s is not in the plan", id)
	return 0, nil
}

// One host that sends for several accounts, by its address or its full name,
// and one program on several hosts, come before a sender for itself.
func TestSharedScriptsComeFirstAndTogether(t *testing.T) {
	m := Migration{
		Tenant: Tenant{Domains: []string{"contoso.example"}},
		Senders: []Sender{
			{ID: "alone", Account: "a@contoso.example", Peers: []string{"192.0.2.1"}, Hellos: []string{"printer", "contoso.example"}},
			{ID: "same-address", Account: "b@contoso.example", Peers: []string{"192.0.2.2"}},
			{ID: "same-address-2", Account: "c@contoso.example", Peers: []string{"192.0.2.2"}},
			{ID: "same-name", Account: "d@contoso.example", Peers: []string{"192.0.2.3"}, Hellos: []string{"APP01.corp.contoso.example."}},
			{ID: "same-name-2", Account: "e@contoso.example", Peers: []string{"192.0.2.4"}, Hellos: []string{"app01.corp.contoso.example"}},
			{ID: "program", Account: "f@contoso.example", Peers: []string{"192.0.2.5"}},
			{ID: "program-2", Account: "g@contoso.example", Peers: []string{"192.0.2.6"}},
			{ID: "other", Account: "h@contoso.example", Peers: []string{"192.0.2.7"}, Hellos: []string{"printer", "contoso.example"}},
		},
	}
	program := map[string]string{"program": "PHPMailer 6", "program-2": "PHPMailer 6", "other": "mailx"}
	tasks, groups := m.Plan(PlanInput{Now: onDay(22), Program: func(id string) string { return program[id] }})
	for id, want := range map[string]string{
		"same-address": "shared-script 192.0.2.2 2", "same-name-2": "shared-script app01.corp.contoso.example 2", "program": "shared-script PHPMailer 6 2",
	} {
		if risk, why := riskOf(t, tasks, id); risk != 15 || !slices.Equal(why, []string{want}) {
			t.Errorf("%s has the risk %d for %q, want %q", id, risk, why, want)
		}
	}
	for _, id := range []string{"alone", "other"} {
		if risk, why := riskOf(t, tasks, id); risk != 0 || len(why) > 0 {
			t.Errorf("%s has the risk %d for %q", id, risk, why)
		}
	}
	var got []string
	for _, g := range groups {
		got = append(got, g.ID)
	}
	if want := []string{"host:192.0.2.2", "host:app01.corp.contoso.example", "program:PHPMailer 6"}; !slices.Equal(got, want) {
		t.Errorf("groups are %q, want %q", got, want)
	}
	if last := order(tasks)[6:]; !slices.Equal(last, []string{"alone", "other"}) {
		t.Errorf("the order is %v", order(tasks))
	}
}

// What comes through a forwarded port of this machine has its address, whoever
// sent it.
func TestThisMachinesOwnAddressIsNoHost(t *testing.T) {
	m := Migration{Senders: []Sender{
		{ID: "a", Account: "a@contoso.example", Peers: []string{"127.0.0.1"}, Hellos: []string{"localhost.localdomain", "[192.0.2.1]", "192.0.2.1"}},
		{ID: "b", Account: "b@contoso.example", Peers: []string{"127.0.0.1"}, Hellos: []string{"localhost.localdomain", "[192.0.2.1]", "192.0.2.1"}},
	}}
	if _, groups := m.Plan(PlanInput{Now: onDay(22)}); len(groups) > 0 {
		t.Errorf("groups are %+v", groups)
	}
}
