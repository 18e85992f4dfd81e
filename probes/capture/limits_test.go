package capture

import (
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"offbasic/probes"
)

// want checks that a session ended as said and shows the quirk.
func want(t *testing.T, s probes.Session, end probes.End, quirk string) {
	t.Helper()
	if s.End != end || quirk != "" && !slices.Contains(s.Quirks, quirk) {
		t.Errorf("end %s, quirks %q; want end %s and quirk %q", s.End, s.Quirks, end, quirk)
	}
}

func TestConnectionsOverTheLimitAreTurnedAwayAndRecordedOnce(t *testing.T) {
	for name, limits := range map[string]Limits{
		quirkLimitPerPeer: {PerPeer: 2}, quirkLimitConnections: {Connections: 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, &Server{Limits: limits})
			first, second := r.greeted(), r.greeted()
			r.dial().expect("421 4.3.2")
			s := r.session()
			want(t, s, probes.EndLimit, name)
			if s.IsSender() {
				t.Error("a connection that was not served passes for a sender")
			}
			for range 5 { // no record of each, once a minute is enough
				if _, err := r.dial().in.ReadByte(); err == nil {
					t.Error("it was served")
				}
			}
			first.ask("QUIT", "221")
			want(t, r.session(), probes.EndQuit, "")
			r.greeted().ask("QUIT", "221")
			want(t, r.session(), probes.EndQuit, "")
			second.ask("QUIT", "221")
		})
	}
}

func TestPublicPeersAreTurnedAway(t *testing.T) {
	public := netip.MustParseAddr("203.0.113.9")
	d := newDoor(DefaultLimits(), false, time.Now)
	if got := d.enter(public); got != quirkPublicPeer {
		t.Errorf("refusal %q", got)
	}
	d = newDoor(DefaultLimits(), true, time.Now)
	if got := d.enter(public); got != "" {
		t.Errorf("refusal %q although public peers are allowed", got)
	}
}

func TestABusyPeerIsNotHeldUpUnlessItSpokeFirst(t *testing.T) {
	now := time.Unix(0, 0)
	d := newDoor(DefaultLimits(), false, func() time.Time { return now })
	quiet, eager := netip.MustParseAddr("192.168.1.50"), netip.MustParseAddr("192.168.1.51")
	d.began(eager, "587", true)
	for range busySilences {
		d.began(quiet, "587", false)
		d.began(eager, "587", false)
		now = now.Add(time.Second)
	}
	if !d.busy(quiet, "587") || d.busy(quiet, "25") || d.busy(eager, "587") {
		t.Errorf("busy: quiet %v, on another port %v, eager %v", d.busy(quiet, "587"), d.busy(quiet, "25"), d.busy(eager, "587"))
	}
	now = now.Add(busyWithin)
	if d.busy(quiet, "587") {
		t.Error("still busy after a pause")
	}
	for i := range 3 * habitsKept {
		d.began(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), "587", false)
	}
	if len(d.habit) > habitsKept {
		t.Errorf("%d peers are remembered", len(d.habit))
	}
}

func TestALineOverTheLimitIsRefusedAndItsNameCut(t *testing.T) {
	r := start(t, &Server{Policy: policy(t, "relay")})
	c := r.greeted()
	c.ask("EHLO "+strings.Repeat("a", 100<<10), "250")
	c.ask("MAIL FROM:<"+strings.Repeat("b", 100<<10)+"@contoso.example>", "500 5.5.2")
	c.ask("AUTH PLAIN "+strings.Repeat("c", 100<<10), "500 5.5.2")
	c.deliver()
	c.ask("QUIT", "221")
	s := r.session()
	want(t, s, probes.EndQuit, quirkLimitLine)
	if len(s.Hello) > 2*keptName || !s.Taken {
		t.Errorf("a name of %d bytes, taken %v", len(s.Hello), s.Taken)
	}
}

func TestAMessageOverTheLimitIsRefusedAtItsEnd(t *testing.T) {
	for name, limits := range map[string]Limits{quirkLimitMessage: {MessageSize: 1000}, quirkLimitDisk: {Disk: 1000}} {
		t.Run(name, func(t *testing.T) {
			store := &memory{}
			r := start(t, &Server{Policy: policy(t, "relay"), Limits: limits, Store: store})
			c := r.greeted()
			c.ask("EHLO a.example", "250")
			c.ask("MAIL FROM:<scan@contoso.example>", "250")
			c.ask("RCPT TO:<bob@example.org>", "250")
			c.ask("DATA", "354")
			c.ask("Subject: x\r\n\r\n"+strings.Repeat(strings.Repeat("a", 70)+"\r\n", 5000)+".", map[string]string{
				quirkLimitMessage: "552 5.3.4", quirkLimitDisk: "452 4.3.1",
			}[name])
			c.ask("QUIT", "221")
			s := r.session()
			want(t, s, probes.EndQuit, name)
			if s.Taken || len(store.text(s.Message.File)) > 100<<10 || s.Size < 300000 {
				t.Errorf("taken %v, kept %d bytes of %d", s.Taken, len(store.text(s.Message.File)), s.Size)
			}
		})
	}
}

func TestADeclaredSizeOverTheLimitIsRefusedAtOnce(t *testing.T) {
	r := start(t, &Server{Policy: policy(t, "relay"), Limits: Limits{MessageSize: 1000}})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.ask("MAIL FROM:<scan@contoso.example> SIZE=1001", "552 5.3.4")
	c.ask("QUIT", "221")
	want(t, r.session(), probes.EndQuit, quirkLimitMessage)
}

func TestCountsOverTheLimitAreRefused(t *testing.T) {
	r := start(t, &Server{Policy: policy(t, "relay"), Limits: Limits{Recipients: 2, Messages: 1, Transcript: 20}})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	c.ask("MAIL FROM:<scan@contoso.example>", "250")
	c.ask("RCPT TO:<a@example.org>", "250")
	c.ask("RCPT TO:<b@example.org>", "250")
	c.ask("RCPT TO:<c@example.org>", "452 4.5.3")
	c.ask("RSET", "250")
	c.deliver()
	c.ask("MAIL FROM:<scan@contoso.example>", "421 4.7.0")
	s := r.session()
	for _, q := range []string{quirkLimitRecipients, quirkLimitMessages, quirkLimitTranscript} {
		want(t, s, probes.EndDropped, q)
	}
	if len(s.Transcript) != 20 {
		t.Errorf("%d lines of transcript", len(s.Transcript))
	}
}

func TestEndlessNonsenseIsCutOff(t *testing.T) {
	r := start(t, &Server{})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	for range DefaultLimits().Unknown - 1 {
		c.ask("hunter2secret", "500")
	}
	c.ask("hunter2secret", "421")
	s := r.session()
	want(t, s, probes.EndLimit, quirkLimitUnknown)
	assertNoSecret(t, s, "hunter2secret", "HUNTER2SECRET", "HUNTER", "hunter")
}

func TestEndlessSignInsAreCutOff(t *testing.T) {
	p := policy(t, "everything")
	p.Replies["AUTH"] = "535 5.7.3 Authentication unsuccessful"
	r := start(t, &Server{Policy: p})
	c := r.greeted()
	c.ask("EHLO a.example", "250")
	for range DefaultLimits().SignIns {
		c.ask("AUTH PLAIN "+plain64("\x00scan\x00hunter2secret"), "535")
	}
	c.ask("AUTH PLAIN "+plain64("\x00scan\x00hunter2secret"), "421")
	s := r.session()
	want(t, s, probes.EndDropped, quirkLimitAuth)
	if len(s.Auth) != keptAuths {
		t.Errorf("%d attempts kept", len(s.Auth))
	}
}

// bubble serves one connection over a pipe in fake time.
func bubble(t *testing.T, limits Limits, client func(net.Conn), p ...Policy) probes.Session {
	t.Helper()
	var s probes.Session
	certs := sharedCertificates()
	synctest.Test(t, func(t *testing.T) {
		r := newRun(&Server{AllowPublic: true, Limits: limits, certs: certs})
		for _, own := range p {
			r.Policy = own
		}
		ours, theirs := net.Pipe()
		r.serving.Go(newConn(r, ours, netip.MustParseAddr("192.168.1.50")).serve)
		client(theirs)
		s = <-r.ended
		theirs.Close()
		r.serving.Wait()
	})
	return s
}

func TestASilentClientIsDropped(t *testing.T) {
	s := bubble(t, Limits{Command: time.Minute}, func(c net.Conn) { io.Copy(io.Discard, c) })
	want(t, s, probes.EndTimeout, quirkLimitSilence)
	if got := s.Ended.Sub(s.Started); got > 62*time.Second+2*time.Second {
		t.Errorf("it lasted %s", got)
	}
}

// A Java device may need longer for its first byte than the greeting waits: its
// next attempt is waited for.
func TestAClientWhoseHelloCameTooLateIsWaitedForTheNextTime(t *testing.T) {
	certs := sharedCertificates()
	hello := wireHello(0x0301, 0x0303, list("c02f"), nil, 1<<14)
	synctest.Test(t, func(t *testing.T) {
		r := newRun(&Server{AllowPublic: true, certs: certs})
		for n, quirk := range []string{quirkTLSAfterBanner, quirkImplicitOnPlainPort} {
			ours, theirs := net.Pipe()
			r.serving.Go(newConn(r, ours, netip.MustParseAddr("192.168.1.50")).serve)
			go io.Copy(io.Discard, theirs)
			time.Sleep(time.Second)
			theirs.Write(hello)
			theirs.Close()
			if s := <-r.ended; !slices.Contains(s.Quirks, quirk) {
				t.Errorf("attempt %d: quirks %q, want %s", n+1, s.Quirks, quirk)
			}
		}
		r.serving.Wait()
	})
}

func TestAClientThatDripsBytesIsDropped(t *testing.T) {
	s := bubble(t, Limits{Command: time.Minute, Session: 10 * time.Minute}, func(c net.Conn) {
		go io.Copy(io.Discard, c)
		for range 1000 {
			if _, err := c.Write([]byte("E")); err != nil {
				return
			}
			time.Sleep(50 * time.Second)
		}
	})
	want(t, s, probes.EndLimit, quirkLimitTime)
	if got := s.Ended.Sub(s.Started); got > 10*time.Minute+5*time.Second {
		t.Errorf("it lasted %s", got)
	}
}

func TestAClientThatNeverReadsIsDropped(t *testing.T) {
	s := bubble(t, Limits{Command: time.Minute, Peek: -1}, func(net.Conn) {})
	want(t, s, probes.EndTimeout, quirkLimitSilence)
}

func TestAClientThatNeverSaysQuitIsShownSoon(t *testing.T) {
	p, _ := PolicyNamed("relay")
	s := bubble(t, Limits{Peek: -1}, func(c net.Conn) {
		go io.Copy(io.Discard, c)
		io.WriteString(c, "EHLO a.example\r\nMAIL FROM:<a@contoso.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n.\r\n")
	}, p)
	want(t, s, probes.EndTimeout, quirkNoQuit)
	if got := s.Ended.Sub(s.Started); !s.Taken || got > 2*afterMessage || slices.Contains(s.Quirks, quirkLimitSilence) {
		t.Errorf("taken %v, it lasted %s, quirks %q", s.Taken, got, s.Quirks)
	}
}

func TestRandomBytesCostNothingAndOthersAreServed(t *testing.T) {
	r := start(t, &Server{Policy: policy(t, "relay"), Limits: Limits{Command: 2 * time.Second, PerPeer: 1000}})
	random := rand.New(rand.NewPCG(1, 2))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 50 {
		c := r.dial()
		b := make([]byte, 200<<10)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		go func() { c.conn.Write(b); c.conn.(*net.TCPConn).CloseWrite() }()
		go io.Copy(io.Discard, c.conn)
	}
	c := r.greeted()
	c.ask("EHLO copier.contoso.example", "250")
	c.deliver()
	c.ask("QUIT", "221")
	device := false
	for range 51 {
		s := r.session()
		device = device || s.Taken
		if !s.Taken && s.IsSender() {
			t.Errorf("random bytes pass for a sender: %+v", s)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); !device || grown > 20<<20 {
		t.Errorf("the device was served: %v; the heap has grown by %d bytes", device, grown)
	}
}
