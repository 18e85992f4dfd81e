package ui

import (
	"context"
	"slices"
	"strings"
	"time"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/wizard"
)

// withSetup lets the world be changed through Graph and PowerShell.
func (w *world) withSetup(o Options) Options {
	o.Register, o.Undo = w.register, w.undo
	o.Made = func(context.Context) ([]probes.Change, error) { return slices.Clone(w.made), nil }
	o.Changes = func(context.Context) ([]probes.Change, error) { return slices.Clone(w.log), nil }
	o.SaveChanges = func(context.Context) (string, error) { return "/home/anna/migration/saved/changes.txt", nil }
	o.Tenant = func(context.Context) (TenantState, error) { return w.tenant, nil }
	o.TakeReadBack = func(_ context.Context, _ ScriptRef, given string) ([]ReadBackLine, error) {
		w.taken = append(w.taken, given)
		if !strings.HasPrefix(given, "{") && !strings.HasSuffix(given, ".json") {
			return nil, &probes.Fault{Op: "read the answer", Code: "readback_damaged", Args: map[string]string{"file": "-", "line": "1", "column": "1"}}
		}
		return answer(true), nil
	}
	o.ProveOutside = w.proves
	o.OpenFolder = func(_ context.Context, path string) error { w.opened = append(w.opened, path); return nil }
	o.Forecast = func(context.Context, TryRequest) ([]checks.Finding, error) { return w.forecast, nil }
	o.Repeat = func(t probes.Trial) string {
		if t.Server == "" {
			return ""
		}
		return "# Type it first: stty -echo; IFS= read -r PASSWORD; stty echo\n" + `SWAKS_OPT_auth_password="${PASSWORD:?}" swaks --server ` + t.Server +
			" --tls --auth LOGIN --auth-user scan@contoso.example --from scan@contoso.example --to " + strings.Join(t.To, ",")
	}
	o.Compare = func(ctx context.Context, _ string, emit func(CompareEvent)) error {
		for _, ev := range w.compared {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			emit(ev)
		}
		return nil
	}
	return o
}

// register plays the next set-up, an event every 200 ms.
func (w *world) register(ctx context.Context, r RegisterRequest, emit func(SetupEvent)) (wizard.Migration, error) {
	w.requests = append(w.requests, r)
	events, failure := w.setups[0], error(nil)
	w.setups = w.setups[1:]
	if len(w.failures) > 0 {
		failure, w.failures = w.failures[0], w.failures[1:]
	}
	if err := play(ctx, events, emit); err != nil {
		return wizard.Migration{}, err
	}
	if failure != nil || r.DryRun {
		return w.copy(), failure
	}
	return w.change(ctx, func(m *wizard.Migration) error {
		m.Tenant = wizard.Tenant{ID: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", Domain: "contoso.example", Domains: []string{"contoso.example"}}
		m.App = &wizard.Registration{
			Name: r.Name, ClientID: "11111111-2222-3333-4444-555555555555", ObjectID: "66666666-7777-8888-9999-000000000000", Credential: r.Credential,
		}
		return nil
	})
}

func play(ctx context.Context, events []SetupEvent, emit func(SetupEvent)) error {
	for _, ev := range events {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		emit(ev)
		if ev.SignIn == nil {
			continue
		}
		select { // the admin signs in
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Second):
		}
	}
	return nil
}

func (w *world) undo(ctx context.Context, ids []string, emit func(SetupEvent)) (wizard.Migration, error) {
	for _, id := range slices.Backward(ids) {
		i := slices.IndexFunc(w.made, func(c probes.Change) bool { return c.ID == id })
		c := w.made[i]
		if err := play(ctx, []SetupEvent{{Step: &probes.SetupStep{Step: c.Step, Outcome: probes.SetupRemoved, ID: c.Object, MS: 120}}}, emit); err != nil {
			return wizard.Migration{}, err
		}
		w.made = slices.Delete(w.made, i, i+1)
		w.undone = append(w.undone, id)
	}
	return w.change(ctx, func(m *wizard.Migration) error { m.App = nil; return nil })
}

// script is the one of the sender's route, or one by its name.
func (w *world) script(r ScriptRef) (ScriptText, error) {
	name, text := r.Name, "Connect-ExchangeOnline -ShowBanner:$false\nGet-OrganizationConfig\n"
	if name == "" {
		w.mu.Lock()
		defer w.mu.Unlock()
		name, text = "service-principal", scriptText
		if c, ok := w.mig.Sender(r.Sender); ok && c.Route != probes.OAuth {
			name = wizard.RouteScripts(c.Route)[0]
			text = "<# Lets devices relay by their address.\n   Safe to run twice. #>\nNew-InboundConnector -Name 'Devices' -SenderIPAddresses '203.0.113.10' -Enabled $true\n"
		}
	}
	s, _ := wizard.ScriptNamed(name, wizard.ScriptValues{})
	return ScriptText{Name: name, Text: text, Missing: w.missing, Onprem: s.Module == probes.ExchangeOnPremises, Changes: s.Changes()}, nil
}
