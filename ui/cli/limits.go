package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"offbasic/probes/capture"
	"offbasic/ui/text"
)

// limitFlags gives every limit of the capture its flag.
func (c *call) limitFlags(flags *pflag.FlagSet, l *capture.Limits) {
	*l = capture.DefaultLimits()
	flags.IntVar(&l.Connections, "max-connections", l.Connections, c.tr.T("cli.flag.max_connections"))
	flags.IntVar(&l.PerPeer, "max-per-peer", l.PerPeer, c.tr.T("cli.flag.max_per_peer"))
	flags.IntVar(&l.LineLength, "max-line", l.LineLength, c.tr.T("cli.flag.max_line"))
	flags.IntVar(&l.Transcript, "max-transcript", l.Transcript, c.tr.T("cli.flag.max_transcript"))
	flags.IntVar(&l.Messages, "max-messages", l.Messages, c.tr.T("cli.flag.max_messages"))
	flags.IntVar(&l.Recipients, "max-recipients", l.Recipients, c.tr.T("cli.flag.max_recipients"))
	flags.Var((*size)(&l.MessageSize), "max-message", c.tr.T("cli.flag.max_message"))
	flags.Var((*size)(&l.Disk), "max-disk", c.tr.T("cli.flag.max_disk"))
	flags.IntVar(&l.SignIns, "max-sign-ins", l.SignIns, c.tr.T("cli.flag.max_sign_ins"))
	flags.IntVar(&l.Unknown, "max-unknown", l.Unknown, c.tr.T("cli.flag.max_unknown"))
	flags.IntVar(&l.Waiting, "max-waiting", l.Waiting, c.tr.T("cli.flag.max_waiting"))
	flags.DurationVar(&l.Command, "max-silence", l.Command, c.tr.T("cli.flag.max_silence"))
	flags.DurationVar(&l.Session, "max-session", l.Session, c.tr.T("cli.flag.max_session"))
	flags.DurationVar(&l.Peek, "peek", l.Peek, c.tr.T("cli.flag.peek"))
}

// shortestLine is what every server must take of a command line, in bytes (RFC
// 5321, section 4.5.3.1.4).
const shortestLine = 512

// checkLimits finds values that would let nothing happen. No time to speak
// first is none, not the default.
func checkLimits(l *capture.Limits) error {
	for _, x := range []struct {
		flag  string
		value int
		least int
	}{
		{"max-connections", l.Connections, 1},
		{"max-per-peer", l.PerPeer, 1},
		{"max-line", l.LineLength, shortestLine},
		{"max-transcript", l.Transcript, 1},
		{"max-messages", l.Messages, 1},
		{"max-recipients", l.Recipients, 1},
		{"max-sign-ins", l.SignIns, 1},
		{"max-unknown", l.Unknown, 1},
		{"max-waiting", l.Waiting, 1},
	} {
		if x.value < x.least {
			return badUsage("usage.at_least", text.Args{"flag": "--" + x.flag, "least": itoa(x.least)})
		}
	}
	if l.Command <= 0 || l.Session <= 0 {
		return badUsage("usage.some_time", text.Args{"flags": "--max-silence, --max-session"})
	}
	if l.Peek == 0 {
		l.Peek = -1
	}
	return nil
}

// size is a number of bytes as it is typed: 5000000, 500k, 50M, 2G. The
// factors are powers of 1024.
type size int64

const suffixes = "kMG"

func (s *size) Type() string { return "size" }

func (s *size) String() string {
	n, suffix := int64(*s), ""
	for _, r := range suffixes {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, suffix = n/1024, string(r)
	}
	return strconv.FormatInt(n, 10) + suffix
}

func (s *size) Set(typed string) error {
	number := strings.TrimSuffix(typed, "B")
	factor := int64(1)
	if i := strings.IndexByte(suffixes, last(number)); i >= 0 {
		number = number[:len(number)-1]
		for range i + 1 {
			factor *= 1024
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > (1<<62)/factor {
		return fmt.Errorf("a size is a number of bytes, or one with k, M or G: 50M")
	}
	*s = size(n * factor)
	return nil
}

func last(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}
