package ui

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
)

// A stage runs a model as tea.Program does, without a terminal and on a fake
// clock. It must be used inside synctest.Test.
type stage struct {
	t      *testing.T
	m      tea.Model
	w, h   int
	msgs   chan tea.Msg
	done   chan struct{}
	film   strings.Builder
	draws  int      // how often the model was asked to draw
	clips  []string // what was sent to the clipboard
	quit   bool
	cancel func()
}

func newStage(t *testing.T, opts Options, w, h int) *stage {
	ctx, cancel := context.WithCancel(t.Context())
	app := New(ctx, opts)
	s := &stage{t: t, m: app, w: w, h: h, msgs: make(chan tea.Msg, 1<<16), done: make(chan struct{}), cancel: cancel}
	s.start(app.Init())
	s.send(tea.WindowSizeMsg{Width: w, Height: h})
	return s
}

func (s *stage) start(cmd tea.Cmd) {
	if cmd != nil {
		go func() { s.deliver(cmd()) }()
	}
}

func (s *stage) deliver(msg tea.Msg) {
	select {
	case s.msgs <- msg:
	case <-s.done:
	}
}

// send delivers msgs, and after each everything that follows from it without
// time passing.
func (s *stage) send(msgs ...tea.Msg) {
	for _, msg := range msgs {
		s.update(msg)
		s.settle()
	}
}

// pass lets time go by, a frame at a time.
func (s *stage) pass(d time.Duration) {
	for ; d > 0; d -= 10 * time.Millisecond {
		time.Sleep(min(d, 10*time.Millisecond))
		s.settle()
	}
}

func (s *stage) settle() {
	for {
		synctest.Wait()
		select {
		case msg := <-s.msgs:
			s.update(msg)
		default:
			return
		}
	}
}

func (s *stage) update(msg tea.Msg) {
	if cmds, ok := commands(msg); ok {
		if strings.Contains(reflect.TypeOf(msg).String(), "sequence") {
			go s.inTurn(cmds)
			return
		}
		for _, cmd := range cmds {
			s.start(cmd)
		}
		return
	}
	switch name := fmt.Sprintf("%T", msg); name {
	case "tea.setClipboardMsg":
		s.clips = append(s.clips, fmt.Sprint(msg))
		return
	case "tea.QuitMsg":
		s.quit = true
		return
	}
	var cmd tea.Cmd
	s.m, cmd = s.m.Update(msg)
	s.draws++ // the program draws after every message
	s.start(cmd)
}

// inTurn runs a sequence: each command after the former has ended.
func (s *stage) inTurn(cmds []tea.Cmd) {
	for _, cmd := range cmds {
		if cmd == nil {
			continue
		}
		msg := cmd()
		if more, ok := commands(msg); ok {
			s.inTurn(more)
			continue
		}
		s.deliver(msg)
	}
}

// commands tells tea.BatchMsg and the unexported sequence, both []tea.Cmd.
func commands(msg tea.Msg) ([]tea.Cmd, bool) {
	v := reflect.ValueOf(msg)
	if !v.IsValid() || v.Kind() != reflect.Slice || v.Type().Elem() != reflect.TypeFor[tea.Cmd]() {
		return nil, false
	}
	cmds := make([]tea.Cmd, v.Len())
	for i := range cmds {
		cmds[i], _ = v.Index(i).Interface().(tea.Cmd)
	}
	return cmds, true
}

func (s *stage) press(keys ...string) {
	for _, k := range keys {
		s.send(keyPress(k))
	}
}

// write types text a letter at a time.
func (s *stage) write(text string) {
	for _, r := range text {
		s.send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
}

func keyPress(k string) tea.KeyPressMsg {
	named := map[string]rune{
		"enter": tea.KeyEnter, "tab": tea.KeyTab, "down": tea.KeyDown, "up": tea.KeyUp, "esc": tea.KeyEscape,
		"pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp, "home": tea.KeyHome, "end": tea.KeyEnd, "backspace": tea.KeyBackspace,
	}
	if code, ok := named[k]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	if mod, letter, ok := strings.Cut(k, "+"); ok && mod == "ctrl" {
		return tea.KeyPressMsg{Code: []rune(letter)[0], Mod: tea.ModCtrl}
	}
	if k == "space" {
		return tea.KeyPressMsg{Code: ' ', Text: " "}
	}
	return tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
}

// frame is what is on the screen, without colour. It fails when the screen
// does not fit the window or shows a key of the catalogue instead of words.
func (s *stage) frame() string {
	s.t.Helper()
	shown := ansi.Strip(s.m.View().Content)
	lines := strings.Split(shown, "\n")
	if len(lines) != s.h {
		s.t.Errorf("%d lines in a window of %d:\n%s", len(lines), s.h, shown)
	}
	for _, l := range lines {
		if n := ansi.StringWidth(l); n > s.w {
			s.t.Errorf("a line of %d cells in a window of %d: %q", n, s.w, l)
		}
	}
	if strings.Contains(shown, "⟦") {
		s.t.Errorf("words are missing:\n%s", shown)
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	s.showsKeys(lines[max(0, len(lines)-footHeight):])
	return strings.Join(lines, "\n") + "\n"
}

// showsKeys fails when a key that works is not at the foot of the window.
func (s *stage) showsKeys(foot []string) {
	s.t.Helper()
	if s.app().tooSmall() || s.w < 80 {
		return
	}
	shown := strings.Join(foot, "\n")
	for _, act := range s.app().actions() {
		if words := act.Help().Key + " " + act.Help().Desc; !act.quiet && !strings.Contains(shown, words) {
			s.t.Errorf("the key %q works and is not shown:\n%s", words, shown)
		}
	}
}

// shoot adds the frame to the film.
func (s *stage) shoot(caption string) {
	s.t.Helper()
	fmt.Fprintf(&s.film, "── %s\n%s", caption, s.frame())
}

// sees fails unless every one of the texts is on the screen.
func (s *stage) sees(texts ...string) {
	s.t.Helper()
	shown := s.frame()
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			s.t.Errorf("%q is not on the screen:\n%s", text, shown)
		}
	}
}

// missing fails if one of the texts is on the screen.
func (s *stage) missing(texts ...string) {
	s.t.Helper()
	shown := s.frame()
	for _, text := range texts {
		if strings.Contains(shown, text) {
			s.t.Errorf("%q is on the screen:\n%s", text, shown)
		}
	}
}

func (s *stage) app() App { return s.m.(App) }

// end is the end of the program. Whatever the interface started must end with
// it: a goroutine that stays fails the test.
func (s *stage) end() {
	s.cancel()
	close(s.done)
	s.app().runs.wg.Wait()
	time.Sleep(time.Hour) // ticks that are pending fire into the void
}

// golden compares the film with testdata/<test name>.golden.
func (s *stage) golden() {
	s.t.Helper()
	golden.RequireEqual(s.t, s.film.String())
}
