package lab

import (
	"strconv"
	"strings"

	"offbasic/probes"
)

func (s *session) mailFrom(arg string) {
	from, params, ok := path(arg, "FROM:")
	switch {
	case s.hello == "":
		s.wrong("503 5.5.2 Send hello first")
	case s.tls == nil && !s.svc.clear:
		s.wrong(tlsFirstMail)
	case s.account == "" && !s.svc.open:
		s.no(s.svc.unsigned)
	case s.mail:
		s.wrong("503 5.5.2 Sender already specified")
	case !ok:
		s.wrong("501 5.1.7 Invalid address")
	case declared(params) > s.svc.size:
		s.no(tooLarge)
	case s.provoked(stageMail):
	default:
		if reply := s.svc.from(s, from); reply != "" {
			s.no(reply)
			return
		}
		s.mail, s.from = true, from
		s.say("250 2.1.0 Sender OK")
	}
}

// declared reads the SIZE parameter (RFC 1870 section 6); 0 when there is none.
func declared(params string) int {
	for p := range strings.FieldsSeq(params) {
		if n, ok := strings.CutPrefix(strings.ToUpper(p), "SIZE="); ok {
			size, err := strconv.Atoi(n)
			if err != nil && strings.Trim(n, "0123456789") == "" {
				return int(^uint(0) >> 1) // more than an int holds
			}
			return size
		}
	}
	return 0
}

func (s *session) rcptTo(arg string) {
	to, _, ok := path(arg, "TO:")
	switch {
	case !s.mail:
		s.wrong("503 5.5.2 Need mail command")
	case !ok || !strings.Contains(to, "@"):
		s.wrong("501 5.1.3 Invalid address")
	case len(s.to) >= s.svc.most:
		s.no("452 4.5.3 Too many recipients")
	case s.provoked(stageRcpt):
	default:
		if reply := s.svc.to(s, to); reply != "" {
			s.l.log(s.svc.name + ": " + probes.Clean(to, 200) + ": " + reply)
			s.no(reply)
			return
		}
		s.to = append(s.to, to)
		s.say("250 2.1.5 Recipient OK")
	}
}

// anyAddress refuses none.
func anyAddress(*session, string) string { return "" }

// path reads "FROM:<a@b> SIZE=1".
func path(arg, prefix string) (address, params string, ok bool) {
	if len(arg) < len(prefix) || !strings.EqualFold(arg[:len(prefix)], prefix) {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(arg[len(prefix):]), "<")
	if !ok {
		return "", "", false
	}
	address, params, ok = strings.Cut(rest, ">")
	return address, params, ok && len(address) <= 320
}

// signIn remembers who signed in, until signOut.
func (s *session) signIn(mech, account, as string) {
	s.account, s.as = account, as
	s.l.dir.enter(account)
	s.l.log(s.svc.name + ": " + mech + " " + account + ": accepted")
	s.say(signedIn)
}

func (s *session) signOut() {
	if s.account != "" {
		s.l.dir.leave(s.account)
		s.account = ""
	}
}

// refused answers a sign-in with a no.
func (s *session) refused(mech, user, reply string) {
	s.l.log(s.svc.name + ": " + mech + " " + probes.Clean(user, 200) + ": " + reply)
	s.no(reply)
}
