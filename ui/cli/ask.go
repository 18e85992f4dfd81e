package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

func (c *call) askCommand() *cobra.Command {
	var set []string
	cmd := c.command("ask [SENDER]", func(cmd *cobra.Command, args []string) error {
		return c.askAbout(cmd.Context(), args, set)
	})
	cmd.Args = atMostOne
	cmd.Flags().StringArrayVar(&set, "set", nil, c.tr.T("cli.flag.set", text.Args{"names": askNames()}))
	return cmd
}

// askNames are the questions with the answers that they take.
func askNames() string {
	var names []string
	for _, a := range wizard.Asks() {
		if len(a.Choices) == 0 {
			names = append(names, a.ID)
			continue
		}
		names = append(names, a.ID+"="+strings.Join(a.Choices, "|"))
	}
	return strings.Join(names, ", ")
}

// askLine is a question about a sender in the JSON contract; open unless it
// has an answer.
type askLine struct {
	Type   string `json:"type"`
	Sender string `json:"sender"`
	wizard.Ask
	Answer string `json:"answer,omitempty"`
}

// askAbout puts the open questions about a sender, or about all in the order of
// work, one at a time. Every answer is kept at once.
func (c *call) askAbout(ctx context.Context, args, set []string) error {
	if len(set) > 0 && len(args) == 0 {
		return badUsage("usage.set_sender", nil)
	}
	answers, err := readAnswers(set)
	if err != nil {
		return err
	}
	open := c.open
	if c.json && len(set) == 0 {
		open = c.openRead
	}
	w, err := open(ctx)
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // every answer was synced as it was given
	if len(args) == 1 {
		if _, ok := w.Folder.Migration().Sender(args[0]); !ok {
			return noSender(args[0])
		}
	}
	for _, a := range answers {
		if err := w.Answer(ctx, args[0], a[0], a[1]); err != nil {
			return err
		}
	}
	switch {
	case c.json:
		return c.askJSON(ctx, w, args)
	case len(set) > 0:
		c.note("ask.kept", nil)
		return nil
	}
	return c.askPeople(ctx, w, args)
}

// readAnswers reads "recipients=inside".
func readAnswers(set []string) ([][2]string, error) {
	var out [][2]string
	for _, pair := range set {
		id, answer, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, badUsage("usage.set", text.Args{"name": pair, "names": askNames()})
		}
		out = append(out, [2]string{id, answer})
	}
	return out, nil
}

// Answer keeps what people said of a sender.
func (w *Work) Answer(ctx context.Context, id, question, answer string) error {
	answer = probes.Clean(strings.TrimSpace(answer), 200)
	_, err := w.Folder.Change(ctx, func(m *wizard.Migration) error { return m.Answer(id, question, answer) })
	switch {
	case errors.Is(err, wizard.ErrNoSender):
		return noSender(id)
	case errors.Is(err, wizard.ErrNoAsk), errors.Is(err, wizard.ErrChoice):
		return badUsage("usage.set", text.Args{"name": question + "=" + answer, "names": askNames()})
	}
	return err
}

// asked are the senders to ask about, in the order of work.
func (c *call) asked(ctx context.Context, w *Work, args []string) (Order, []string, error) {
	o, err := w.Order(ctx)
	if err != nil || len(args) == 1 {
		return o, args, err
	}
	var ids []string
	for _, t := range o.Tasks {
		ids = append(ids, t.Sender)
	}
	return o, ids, nil
}

func (c *call) askJSON(ctx context.Context, w *Work, args []string) error {
	o, ids, err := c.asked(ctx, w, args)
	if err != nil {
		return err
	}
	m := w.Folder.Migration()
	for _, id := range ids {
		s, _ := m.Sender(id)
		for _, a := range wizard.Asks() {
			answer := s.Answers[a.ID]
			if answer == "" && !slices.Contains(askIDs(o.Asks[id]), a.ID) {
				continue // evidence tells it
			}
			if err := c.line(askLine{"ask", id, a, answer}); err != nil {
				return err
			}
		}
	}
	return nil
}

// askPeople asks on the terminal, or reads the answers from a pipe. The end of
// the input ends it.
func (c *call) askPeople(ctx context.Context, w *Work, args []string) error {
	o, ids, err := c.asked(ctx, w, args)
	if err != nil {
		return err
	}
	in, m, n := bufio.NewReader(&interruptible{ctx: ctx, in: c.In}), w.Folder.Migration(), 0
	for _, id := range ids {
		if len(o.Asks[id]) == 0 {
			continue
		}
		s, _ := m.Sender(id)
		n++
		c.say("")
		c.say("%s", c.tr.T("ask.about", text.Args{"sender": s.Title(), "id": id}))
		for _, a := range o.Asks[id] {
			err := c.askOne(ctx, w, in, id, a)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	if n == 0 {
		c.note("ask.none", nil)
	}
	return nil
}

// askOne asks one question until it is answered or skipped. io.EOF means that
// there is nobody to ask any more.
func (c *call) askOne(ctx context.Context, w *Work, in *bufio.Reader, id string, a wizard.Ask) error {
	c.say("%s", c.tr.T("ask."+a.ID))
	for n, choice := range a.Choices {
		c.say("  %d  %s", n+1, c.tr.T("ask."+a.ID+"."+choice))
	}
	c.say("  %s", c.tr.T("ask.keys"))
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := in.ReadString('\n')
		line = strings.TrimSpace(line)
		switch {
		case err != nil && line == "":
			return io.EOF
		case line == "":
			return nil
		case line == "q":
			return io.EOF
		case line == "?":
			c.say("  %s", c.tr.T("ask."+a.ID+".why"))
			continue
		}
		answer, ok := chosen(a, line)
		if !ok {
			c.note("ask.wrong", text.Args{"answer": probes.Clean(line, 40), "choices": strings.Join(a.Choices, ", ")})
			continue
		}
		return w.Answer(ctx, id, a.ID, answer)
	}
}

// chosen is the choice that a line names, by its number or its id.
func chosen(a wizard.Ask, line string) (string, bool) {
	if len(a.Choices) == 0 {
		return line, true
	}
	for n, choice := range a.Choices {
		if line == itoa(n+1) || strings.EqualFold(line, choice) {
			return choice, true
		}
	}
	return "", false
}
