package ui

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"offbasic/probes"
)

// capturing is the live screen with sessions on it.
func capturing(t *testing.T, lang string, prepare func(*Options), sessions ...probes.Session) *stage {
	t.Helper()
	w := newWorld(t, lang)
	o := w.options()
	if prepare != nil {
		prepare(&o)
	}
	s := newStage(t, o, 80, 24)
	s.press("c")
	s.pass(100 * time.Millisecond)
	for i, c := range sessions {
		w.knock(at(c, fmt.Sprintf("s%d", i)))
		s.pass(time.Second)
	}
	s.pass(time.Second)
	return s
}

// fullDisk is a session whose message was not acknowledged.
func fullDisk() probes.Session {
	c := copier
	c.Taken, c.End, c.Quirks = false, probes.EndClosed, []string{"keep_failed"}
	return c
}

// A message that the disk did not take is news, at once, with what to do, until
// one is kept again.
func TestAFullDiskIsSaidOnTheLiveScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := capturing(t, "en", nil, copier, fullDisk())
		s.sees("could not be kept on disk, and was not acknowledged", "Free some space", "not kept", "2 sessions, 1 sender")
		s.end()
	})
	synctest.Test(t, func(t *testing.T) {
		s := capturing(t, "en", nil, fullDisk(), copier)
		s.missing("Free some space")
		s.end()
	})
}

// What is not shown of the list is counted, with the keys that show it.
func TestTheListSaysThatThereIsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := capturing(t, "en", nil, copier, copier, copier, copier, copier, copier, copier)
		s.sees("more lines (↑ ↓)")
		s.end()
	})
}

// A handshake that failed says in its row what the device offered, whole at 80
// columns, and below what that means.
func TestAFailedHandshakeSaysWhatWasOffered(t *testing.T) {
	failed := func(id string, versions ...string) probes.Session {
		return probes.Session{
			Peer: "192.168.100.161", Hello: "KM_C258_2ND_FLOOR", Listener: "0.0.0.0:587", End: probes.EndTLS,
			TLS: probes.TLS{Mode: probes.StartTLS, Error: id, ClientVersions: versions, ClientSuites: []string{"TLS_DHE_RSA_WITH_AES_128_CBC_SHA"}},
		}
	}
	for _, tt := range []struct {
		session probes.Session
		row     string
		means   []string
	}{
		{failed("no_common_version", "SSL 3.0"), "TLS: at most SSL 3.0", []string{"offers at most SSL 3.0", "speaks at most SSL 3.0, which is no TLS"}},
		{failed("no_common_suite", "TLS 1.2"), "TLS: no suite in common", []string{"TLS_DHE_RSA_WITH_AES_128_CBC_SHA"}},
		{failed("certificate_refused", "TLS 1.3"), "TLS: refuses our certificate", []string{"turn the certificate check off"}},
		{failed("closed"), "TLS: not readable", []string{"cannot be read"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := capturing(t, "en", nil, tt.session)
			s.sees(tt.row)
			said := strings.Join(strings.Fields(s.frame()), " ")
			for _, m := range tt.means {
				if !strings.Contains(said, m) {
					t.Errorf("%q is not said:\n%s", m, s.frame())
				}
			}
			if strings.Contains(said, "421") {
				t.Errorf("an answer is promised that no source has for SSL:\n%s", s.frame())
			}
			s.end()
		})
	}
}

// Without a network the screen says so, in place of a server that nobody can
// type.
func TestWithoutANetworkTheCaptureSaysSo(t *testing.T) {
	for _, addresses := range [][]Address{nil, {{"127.0.0.1", "lo"}}} {
		synctest.Test(t, func(t *testing.T) {
			s := capturing(t, "en", func(o *Options) { o.Addresses = addresses })
			s.sees("no network address of its own")
			s.end()
		})
	}
}
