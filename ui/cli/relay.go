package cli

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// relayKinds are the ways to run a local relay. Their words are under
// "relay.<kind>" and "relay.<kind>.what".
func relayKinds() []string { return []string{"postfix", "exchange", "windows", "nas"} }

// relayFlags say what a relay is to be.
type relayFlags struct {
	kind, to, account, name, admin, server string
	allow                                  []string
}

func (c *call) relayCommand() *cobra.Command {
	var f relayFlags
	cmd := c.command("relay", func(cmd *cobra.Command, _ []string) error { return c.relay(cmd.Context(), f) })
	cmd.Args = noArgs
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "kind", "", c.tr.T("cli.flag.relay_kind", text.Args{"names": strings.Join(relayKinds(), ", ")}))
	flags.StringVar(&f.to, "to", "", c.tr.T("cli.flag.relay_to"))
	flags.StringVar(&f.account, "account", "", c.tr.T("cli.flag.relay_account"))
	flags.StringSliceVar(&f.allow, "allow", nil, c.tr.T("cli.flag.relay_allow"))
	flags.StringVar(&f.name, "name", "", c.tr.T("cli.flag.relay_name"))
	flags.StringVar(&f.admin, "admin", "", c.tr.T("cli.flag.relay_admin"))
	flags.StringVar(&f.server, "server", "", c.tr.T("cli.flag.relay_server"))
	return cmd
}

// relay names the ways to run a local relay; with a folder it writes what one
// needs.
func (c *call) relay(ctx context.Context, f relayFlags) error {
	switch {
	case f.kind == "" && f.to != "":
		return badUsage("usage.relay_kind", text.Args{"name": "-", "names": strings.Join(relayKinds(), ", ")})
	case f.kind == "":
		return c.relays(relayKinds(), "")
	case !slices.Contains(relayKinds(), f.kind):
		return badUsage("usage.relay_kind", text.Args{"name": f.kind, "names": strings.Join(relayKinds(), ", ")})
	case f.to == "":
		return c.relays([]string{f.kind}, f.kind)
	case f.kind == "windows" || f.kind == "nas":
		return badUsage("usage.relay_written", text.Args{"name": f.kind})
	}
	w, err := c.openRead(ctx)
	if err != nil && !isMissing(err) {
		return err
	}
	m := wizard.Migration{}
	if err == nil {
		m = w.Folder.Migration()
		defer w.Close() //nolint:errcheck // it was only read
	}
	allowed, err := relayNetworks(m, f.allow)
	if err != nil {
		return err
	}
	if f.kind == "exchange" {
		return c.exchangeRelay(w, f, allowed)
	}
	config, err := c.postfixRelay(m, f, allowed)
	if err != nil {
		return err
	}
	if err := c.writeRelay(f.to, config); err != nil {
		return err
	}
	return c.relayWritten(f.to, config)
}

// relayLine is a way to run a relay in the JSON contract, with the files that
// were written for it.
type relayLine struct {
	Type     string   `json:"type"`
	Kind     string   `json:"kind"`
	Dir      string   `json:"dir,omitempty"`
	Files    []string `json:"files,omitempty"`
	Account  string   `json:"account,omitempty"`
	Networks []string `json:"networks,omitempty"`
}

// relays names ways to run a relay, and what must not be forgotten of one of
// them, or of any for "".
func (c *call) relays(kinds []string, of string) error {
	for _, k := range kinds {
		if c.json {
			if err := c.line(relayLine{Type: "relay", Kind: k}); err != nil {
				return err
			}
			continue
		}
		c.say("%-9s %s", k, c.tr.T("relay."+k))
		c.say("          %s", c.tr.T("relay."+k+".what"))
	}
	if !c.json {
		c.say("")
		c.forget(of)
	}
	return nil
}

// notForgotten are what a relay of a kind needs beside its files; of any kind
// for "".
func notForgotten(kind string) []string {
	ids := []string{"who", "tls", "queue", "spare"}
	switch kind {
	case "postfix":
		return append(ids, "watch_postfix", "secret", "token_log", "from")
	case "exchange":
		return append(ids, "watch_exchange", "onward")
	case "windows", "nas":
		return append(ids, "watch", "secret", "from")
	}
	return append(ids, "watch")
}

func (c *call) forget(kind string) {
	c.say("%s", c.tr.T("relay.forget"))
	for _, id := range notForgotten(kind) {
		c.say("  - %s", c.tr.T("relay.forget."+id))
	}
}

// relayNetworks are who may use the relay: what was given, else the addresses
// of the senders whose route is a relay, else those of all senders.
func relayNetworks(m wizard.Migration, given []string) ([]string, error) {
	if len(given) == 0 {
		given = relayPeers(m, func(s wizard.Sender) bool { return s.Route == probes.Relay })
	}
	if len(given) == 0 {
		given = relayPeers(m, func(wizard.Sender) bool { return true })
	}
	if len(given) == 0 {
		return nil, badUsage("usage.relay_allow", nil)
	}
	if err := (wizard.ScriptValues{Server: "x", Ranges: given}).Validate("onprem-relay"); err != nil {
		return nil, badUsage("usage.relay_range", text.Args{"names": strings.Join(given, ", "), "cause": err.Error()})
	}
	return given, nil
}

// relayPeers are the addresses of senders as the network sees them.
func relayPeers(m wizard.Migration, is func(wizard.Sender) bool) []string {
	var out []string
	for _, s := range m.Senders {
		for _, p := range s.Peers {
			a, err := netip.ParseAddr(p)
			if is(s) && err == nil && !a.IsLoopback() && !slices.Contains(out, a.WithZone("").String()) {
				out = append(out, a.WithZone("").String())
			}
		}
	}
	return out
}

// exchangeRelay writes the script for a receive connector on the premises.
func (c *call) exchangeRelay(w *Work, f relayFlags, allowed []string) error {
	v := wizard.ScriptValues{Server: f.server, Ranges: allowed}
	if err := v.Validate("onprem-relay"); err != nil {
		return badUsage("usage.relay_server", nil)
	}
	s, _ := wizard.ScriptNamed("onprem-relay", v)
	if w == nil {
		w = &Work{Text: c.tr, inCloud: c.cloud}
	}
	content, err := w.scripts().Text(s)
	if err != nil {
		return err
	}
	if err := makeFolder(f.to); err != nil {
		return err
	}
	const name = "onprem-relay.ps1"
	if err := keepFile(filepath.Join(f.to, name), content, 0o600); err != nil {
		return err
	}
	if c.json {
		return c.line(relayLine{"relay", "exchange", f.to, []string{name}, "", allowed})
	}
	c.say("%s", c.tr.T("relay.written", text.Args{"dir": f.to, "files": name}))
	c.forget("exchange")
	return nil
}

func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &probes.Fault{Op: "make the folder " + dir, Code: "not_written", Args: text.Args{"path": dir}, Err: err}
	}
	return nil
}

// keepFile writes a file that is not there yet: what an admin filled in is not
// overwritten.
func keepFile(path, content string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return &probes.Fault{Op: "write " + path, Code: "relay_exists", Args: text.Args{"path": path}, Err: err}
	}
	if err == nil {
		_, err = f.WriteString(content)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return &probes.Fault{Op: "write " + path, Code: "not_written", Args: text.Args{"path": path}, Err: err}
	}
	return nil
}
