package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"offbasic/checks"
)

func (c *call) devicesCommand() *cobra.Command {
	return c.command("devices [words]", func(_ *cobra.Command, args []string) error { return c.devices(args) })
}

// deviceLine is a product of the catalogue in the JSON contract.
type deviceLine struct {
	Type string `json:"type"`
	checks.Device
}

// devices lists the products whose name, kind or scope holds every word.
func (c *call) devices(words []string) error {
	found := checks.NewDevices().Search(strings.Join(words, " "))
	for i, d := range found {
		if c.json {
			if err := c.line(deviceLine{"device", d}); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			c.say("")
		}
		c.device(d)
	}
	if len(found) == 0 {
		c.note("cli.devices.none", nil)
	}
	return nil
}

// device says what is known of a product, and by whom.
func (c *call) device(d checks.Device) {
	c.say("%s (%s)  %s", d.Name, c.tr.T("kind."+d.Kind), d.ID)
	if d.Scope != "" {
		c.say("  %s %s", c.tr.T("known.scope"), c.scope(d))
	}
	c.say("  %s", c.tr.T("support."+string(d.OAuth)))
	if how := "device." + d.ID + ".oauth"; c.tr.Has(how) {
		c.say("  %s", c.tr.T(how))
	}
	c.signInOf(d)
	if d.Source != "" {
		c.say("  %s %s (%s)", c.tr.T("known.source"), c.tr.Cite(d.Source), c.tr.T("confidence."+d.Confidence))
	}
	if d.Date != "" {
		c.say("  %s %s", c.tr.T("known.date"), d.Date)
	}
}

// signInOf says since when a product signs in with OAuth, where that is set,
// how it gets its token, and what breaks it.
func (c *call) signInOf(d checks.Device) {
	if d.Since != "" {
		c.say("  %s %s", c.tr.T("known.since"), d.Since)
	}
	if len(d.Menu) > 0 {
		c.say("  %s %s", c.tr.T("known.menu"), strings.Join(d.Menu, " > "))
	}
	if d.Pattern != "" {
		c.say("  %s", c.tr.T("pattern."+string(d.Pattern)))
		c.say("  %s %s", c.tr.T("known.breaks"), c.tr.T("pattern."+string(d.Pattern)+".breaks"))
	}
	if d.Pattern.Delegated() {
		c.say("  %s %s", c.tr.T("known.breaks"), c.tr.T("pattern.delegated"))
	}
	if len(d.Consent) > 0 {
		c.say("  %s %s", c.tr.T("known.consent"), strings.Join(d.Consent, ", "))
	}
	for _, l := range d.Limits {
		c.say("  - %s", c.tr.T("device.limit."+l))
	}
	if d.OAuth == checks.OAuthYes {
		c.say("  %s", c.tr.T("known.no_tls"))
	}
}

// scope says which models are meant, in the reader's words where there are any.
func (c *call) scope(d checks.Device) string {
	if key := c.has("device." + d.ID + ".scope"); key != "" {
		return c.tr.T(key)
	}
	return d.Scope
}
