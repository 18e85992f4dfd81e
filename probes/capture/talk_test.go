package capture

import (
	"slices"
	"testing"
)

// RFC 5321, section 3.1: the client waits for the greeting.
func TestAClientThatDoesNotWaitForTheGreetingIsServedAndRecorded(t *testing.T) {
	r := start(t, &Server{Limits: Limits{Peek: patience}})
	c := r.dial()
	c.send("EHLO copier.contoso.example\r\n")
	c.expect("220")
	c.expect("250")
	c.ask("QUIT", "221")
	if s := r.session(); !slices.Contains(s.Quirks, quirkEarlyTalker) || s.Hello != "copier.contoso.example" {
		t.Errorf("hello %q, quirks %q", s.Hello, s.Quirks)
	}
}

func TestSeveralMessagesOfOneConnectionAreAllRecorded(t *testing.T) {
	r := start(t, &Server{Policy: policy(t, "relay")})
	c := r.greeted()
	c.ask("EHLO copier.contoso.example", "250")
	c.deliver()
	c.deliver()
	c.ask("QUIT", "221")
	if s := r.session(); !slices.Contains(s.Quirks, quirkSeveralMessages) || len(s.More) != 1 || !s.Taken {
		t.Errorf("%d more messages, quirks %q", len(s.More), s.Quirks)
	}
}
