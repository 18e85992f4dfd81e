package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"charm.land/huh/v2"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// plain is the interface for screen readers: questions and answers, a line at
// a time, nothing drawn twice. Its menus are numbered; huh's own have English
// prompts, so only the hidden answer is asked by huh.
type plain struct {
	env
	ctx context.Context //nolint:containedctx // the program's lifetime
	in  io.Reader
	out io.Writer
	m   wizard.Migration
}

// What ends a menu, besides its last number.
var (
	errLeft   = errors.New("end of input") // the admin has gone
	errChosen = errors.New("chosen")       // there is nothing more to choose
)

// choice is one line of a menu.
type choice struct {
	words string
	do    func() error
}

func runPlain(ctx context.Context, opts Options) error {
	app := New(ctx, opts)
	app.th = theme{} // no colours, no cursor: words alone
	p := &plain{env: app.env(), ctx: ctx, in: opts.In, out: opts.Out, m: app.mig}
	p.mig, p.width, p.height = &p.m, prose+2, 24
	err := p.home()
	app.runs.wg.Wait()
	if errors.Is(err, errLeft) || ctx.Err() != nil {
		return nil
	}
	return err
}

func (p *plain) say(lines ...string) {
	for _, l := range lines {
		fmt.Fprintln(p.out, l)
	}
}

// line waits for one answer, or for the end of the program. Reading a terminal
// cannot be interrupted: at the end of the program a read may stay behind.
func (p *plain) line() (string, error) {
	said := make(chan string, 1)
	go func() {
		defer close(said)
		if s, err := readLine(p.in); err == nil {
			said <- s
		}
	}()
	select {
	case s, ok := <-said:
		if !ok {
			return "", errLeft
		}
		return s, nil
	case <-p.ctx.Done():
		return "", errLeft
	}
}

// readLine reads a byte at a time: what follows the line belongs to the next
// question.
func readLine(in io.Reader) (string, error) {
	const longest = 4096
	var b []byte
	one := make([]byte, 1)
	for len(b) < longest {
		n, err := in.Read(one)
		if n == 1 && one[0] == '\n' {
			return strings.TrimSpace(string(b)), nil
		}
		b = append(b, one[:n]...)
		if err != nil {
			return "", errLeft
		}
	}
	return "", errLeft
}

// menu lists choices until one of them is taken. The last number leaves.
func (p *plain) menu(leave string, choices func() []choice) error {
	for {
		cs := choices()
		p.say("")
		for i, c := range cs {
			p.say(fmt.Sprintf("%d. %s", i+1, c.words))
		}
		p.say(fmt.Sprintf("%d. %s", len(cs)+1, leave))
		fmt.Fprint(p.out, p.t("app.plain.choose", text.Args{"n": number(len(cs) + 1)})+" ")
		said, err := p.line()
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(said)
		switch {
		case err != nil || n < 1 || n > len(cs)+1:
			p.say(p.t("app.plain.not_one"))
			continue
		case n == len(cs)+1:
			return nil
		}
		if err := cs[n-1].do(); errors.Is(err, errLeft) || errors.Is(err, errChosen) {
			return err
		} else if err != nil {
			p.say("! " + faultText(p.env, err))
		}
	}
}

// home is the state and a choice of senders.
func (p *plain) home() error {
	return p.menu(p.t("key.quit"), func() []choice {
		p.say("", p.t("app.name")+". "+p.deadline()+".", p.counted("home.senders", len(p.m.Senders))+".")
		var cs []choice
		for _, c := range p.m.Senders {
			words := clean(c.Title()) + ", " + p.t("state."+string(c.State())) + ", " + p.seen(&c)
			cs = append(cs, choice{words, func() error { return p.sender(c.ID) }})
		}
		cs = append(cs,
			choice{p.t("home.way.capture"), p.capture},
			choice{p.t("home.way.add"), p.add},
			choice{p.t("app.title"), p.registration},
		)
		if p.opts.Tenant != nil {
			cs = append(cs, choice{p.t("tenant.title"), p.tenant})
		}
		return append(cs, p.finds()...)
	})
}

// changed takes up a new state.
func (p *plain) changed(m wizard.Migration, err error) error {
	if err == nil {
		p.m = m
	}
	return err
}

func (p *plain) question(id string, value *string, valid func(string) error) error {
	p.say("", p.t(id), p.t(id+".why"))
	return p.answer(value, valid)
}

// answer waits for a valid answer to what was asked.
func (p *plain) answer(value *string, valid func(string) error) error {
	for {
		if *value != "" {
			p.say(p.t("app.plain.now", text.Args{"value": clean(*value)}))
		}
		fmt.Fprint(p.out, "> ")
		said, err := p.line()
		if err != nil {
			return err
		}
		if said == "" {
			said = *value
		}
		if err := valid(said); err != nil {
			p.say(err.Error())
			continue
		}
		*value = said
		return nil
	}
}

func (p *plain) add() error {
	v, s := validator{p.env}, sender{}
	if err := p.question("home.add.name", &s.name, v.given); err != nil {
		return err
	}
	if err := p.question("home.add.account", &s.account, v.address); err != nil {
		return err
	}
	if err := p.question("home.add.peer", &s.peer, v.peer); err != nil {
		return err
	}
	return p.changed(p.opts.Change(p.ctx, func(m *wizard.Migration) error {
		m.Senders = append(m.Senders, s.sender(m))
		return nil
	}))
}

func (p *plain) register() error {
	d, v := p.draft, validator{p.env}
	d.recall(&p.m)
	for _, q := range []struct {
		id    string
		value *string
		valid func(string) error
	}{
		{"app.tenant", &d.tenant, v.guid},
		{"app.domains", &d.domains, v.domains},
		{"app.client", &d.client, v.guid},
		{"app.object", &d.object, v.object(&d.client)},
	} {
		if err := p.question(q.id, q.value, q.valid); err != nil {
			return err
		}
	}
	p.say("", p.t("app.credential"), p.t("app.credential.why"))
	return p.menu(p.t("key.back"), func() []choice {
		return []choice{
			{p.t("app.credential.certificate"), func() error { return p.credential(wizard.Certificate) }},
			{p.t("app.credential.secret"), func() error { return p.credential(wizard.Secret) }},
		}
	})
}

// credential asks for the one chosen, and saves. A secret is not shown while it
// is typed; without a terminal that cannot be promised, and it is not asked.
func (p *plain) credential(c wizard.Credential) error {
	d, v := p.draft, validator{p.env}
	d.credential = c
	if c == wizard.Certificate {
		if err := p.question("app.cert", &d.cert, v.given); err != nil {
			return err
		}
	} else if err := p.input("app.secret", &d.secret).EchoMode(huh.EchoModePassword).Validate(v.given).RunAccessible(p.out, p.in); err != nil {
		return err
	}
	tenant, app, secret := d.answers(p.m)
	if err := p.opts.SaveApp(p.ctx, tenant, app, secret); err != nil {
		return err
	}
	d.forget(draftDoneMsg{"app"})
	p.say(p.t("app.saved"))
	return p.changed(p.opts.Reload(p.ctx))
}

// capture says what happens until the admin presses enter.
func (p *plain) capture() error {
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	s := captureScreen{}
	if len(p.opts.Policies) > 0 {
		s.policy = p.opts.Policies[0]
	}
	p.say(p.t("app.plain.stop"))
	done := make(chan error, 1)
	p.runs.wg.Go(func() {
		done <- p.opts.Capture(ctx, s.policy, func(ev probes.CaptureEvent) { p.happened(ev) })
	})
	_, left := p.line()
	stop()
	if err := <-done; err != nil {
		return err
	}
	if left != nil {
		return left
	}
	return p.changed(p.opts.Reload(p.ctx))
}

func (p *plain) happened(ev probes.CaptureEvent) {
	switch {
	case ev.Session != nil:
		c := *ev.Session
		p.say(strings.Join([]string{p.clock(c.Started), clean(c.Peer), clean(c.Hello), signedIn(p.env, c), tlsWord(p.env, c), outcome(p.env, c)}, ", "))
		if why, args := checks.FailedTLS(c.TLS); why != "" {
			p.say(p.t("tls.why."+why, p.args(args)) + ".")
		}
		if unkept(c) {
			p.say("! " + p.t("capture.not_kept"))
		}
	case ev.Listening.Addr != "":
		p.listening(*ev.Listening)
	case ev.Listening.Fault != nil:
		p.say(clean(ev.Listening.Wanted) + ": " + faultText(p.env, ev.Listening.Fault))
	}
}

// listening says what to type on the device for an open port, and what the
// port is for where that is not SMTP.
func (p *plain) listening(l probes.Listening) {
	args := text.Args{"host": "?", "port": number(int(port(l.Addr)))}
	if h := p.host(); h != "" {
		args["host"] = clean(h)
	}
	if l.Protocol != "" {
		p.say(p.t("capture.type_pop3", args))
		return
	}
	_, encryption := bestPort([]uint16{port(l.Addr)})
	args["encryption"] = p.t("capture.encryption." + encryption)
	p.say(p.t("capture.type", args))
}

// sender says what is known of one and offers its steps.
func (p *plain) sender(id string) error {
	sessions, err := p.opts.Sessions(p.ctx, id)
	if err != nil {
		return err
	}
	trials, err := p.opts.Trials(p.ctx)
	if err != nil {
		return err
	}
	facts := p.facts(id, sessions, trials)
	if c, ok := p.m.Sender(id); ok {
		p.say(p.whole(c, facts, prose)...)
	}
	for _, f := range worstFirst(p.opts.Judge(facts)) {
		p.say(p.finding(f))
	}
	ranked := p.opts.Rank(facts)
	return p.menu(p.t("key.back"), func() []choice {
		routes := choice{p.t("sender.routes"), func() error { return p.routes(id, ranked) }}
		who := choice{p.t("key.who"), func() error { return p.who(id) }}
		return append(append([]choice{routes, who}, p.steps(id)...), p.senderFinds(id)...)
	})
}

// product is a row of the choice of products, as a sentence has it.
func (p *plain) product(s whoScreen, row string) string {
	if d, ok := p.opts.Devices.Find(row); ok {
		return d.Name + ", " + p.t("kind."+d.Kind)
	}
	return s.row(p.env, row)
}

// who asks for a few words, and offers the products that have them.
func (p *plain) who(id string) error {
	s := whoScreen{sender: id}
	if err := p.question("who.ask", &s.filter.text, validator{p.env}.given); err != nil {
		return err
	}
	err := p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for _, row := range s.rows(p.env) {
			cs = append(cs, choice{p.product(s, row), func() error {
				keep, said := s.keep(p.env, row)
				if err := p.changed(p.opts.Change(p.ctx, keep)); err != nil {
					return err
				}
				p.say(said)
				return errChosen
			}})
		}
		return cs
	})
	if errors.Is(err, errChosen) {
		return nil
	}
	return err
}

// routes lists the routes, the best first, until one is chosen or it is left.
func (p *plain) routes(id string, ranked []checks.Ranked) error {
	err := p.menu(p.t("key.back"), func() []choice {
		var cs []choice
		for _, r := range ranked {
			words := p.routeName(r.Route) + ", " + p.t("fit."+string(r.Fit)) + ". " + p.firstReason(r)
			cs = append(cs, choice{words, func() error {
				choose := func(m *wizard.Migration) error { return m.Choose(id, r.Route, p.now) }
				if err := p.changed(p.opts.Change(p.ctx, choose)); err != nil {
					return err
				}
				p.say(p.t("sender.chosen", text.Args{"route": p.routeName(r.Route)}))
				return errChosen
			}})
		}
		return cs
	})
	if errors.Is(err, errChosen) {
		return nil
	}
	return err
}
