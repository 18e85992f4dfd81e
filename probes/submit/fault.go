package submit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"

	"offbasic/probes"
)

// The codes of the faults of a step.
const (
	HostInvalid       probes.Code = "host_invalid"       // arg host
	AccountInvalid    probes.Code = "account_invalid"    // arg account
	AddressMalformed  probes.Code = "address_malformed"  // arg address
	NoRecipient       probes.Code = "recipient_missing"  // nobody to send to
	NoMessage         probes.Code = "message_missing"    // nothing to send
	CredentialInvalid probes.Code = "credential_invalid" // no token or password, or one with control characters
	CredentialFailed  probes.Code = "credential_failed"  // it could not be had; arg cause
	TokenInClear      probes.Code = "token_in_clear"     // a token is not sent without TLS
	HostUnknown       probes.Code = "host_unknown"       // no address for the name; arg host
	DNSFailed         probes.Code = "dns_failed"         // no answer about the name; args host, cause
	ConnectRefused    probes.Code = "connect_refused"    // nothing listens there; arg addr
	ConnectTimeout    probes.Code = "connect_timeout"    // no answer at all; arg addr
	ConnectFailed     probes.Code = "connect_failed"     // any other reason; args addr, cause
	TimedOut          probes.Code = "server_silent"      // arg host
	Lost              probes.Code = "connection_lost"    // arg host
	TooLong           probes.Code = "reply_too_long"     // arg host
	Malformed         probes.Code = "reply_malformed"    // arg host
	NoSTARTTLS        probes.Code = "starttls_missing"   // args host, offered
	Injected          probes.Code = "starttls_injected"  // arg host
	NoMechanism       probes.Code = "mechanism_missing"  // args mechanism, offered
	NoUTF8            probes.Code = "smtputf8_missing"   // an address is not ASCII and the server takes no other
	Untrusted         probes.Code = "tls_untrusted"      // args name, issuer
	WrongName         probes.Code = "tls_name"           // args name, names
	Expired           probes.Code = "tls_expired"        // args name, from, until
	TLSFailed         probes.Code = "tls_failed"         // args host, cause
	Intercepted       probes.Code = "tls_intercepted"    // args name, issuer: somebody between us and a public service
	Rewritten         probes.Code = "smtp_rewritten"     // args host, offered: STARTTLS was overwritten on the way
	NoMX              probes.Code = "no_mx"              // arg domain
	TooLarge          probes.Code = "message_too_large"  // args size, limit, in bytes
	Cancelled         probes.Code = "cancelled"          // the person or the program ended it
)

// fault names what ended a step when it was not the server's no.
func (t *try) fault(err error) *probes.Fault {
	var f *probes.Fault
	host := map[string]string{"host": t.host}
	named := func(code probes.Code) *probes.Fault {
		return &probes.Fault{Op: "send", Code: code, Args: host, Err: err}
	}
	switch {
	case t.ctx.Err() != nil:
		return &probes.Fault{Op: "send", Code: Cancelled, Err: context.Cause(t.ctx)}
	case errors.As(err, &f):
		return f
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return named(TimedOut)
	case errors.Is(err, errTooLong), errors.Is(err, smtp.ErrTooLongLine):
		return named(TooLong)
	case errors.Is(err, errInjected):
		return named(Injected)
	case isMalformed(err):
		return named(Malformed)
	case isLost(err):
		return named(Lost)
	case t.wire == nil:
		return &probes.Fault{Op: "sign in", Code: CredentialFailed, Args: map[string]string{"cause": err.Error()}, Err: err}
	}
	return named(Malformed)
}

func isMalformed(err error) bool {
	var (
		proto   textproto.ProtocolError
		b64     base64.CorruptInputError
		strange *smtp.SMTPError // with a code that is no refusal
	)
	return errors.Is(err, errMalformed) || errors.As(err, &proto) || errors.As(err, &b64) || errors.As(err, &strange)
}

func isLost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.As(err, new(*net.OpError))
}

// dnsFault tells a name that does not exist from a resolver that does not
// answer.
func dnsFault(host string, err error) *probes.Fault {
	var dns *net.DNSError
	f := &probes.Fault{Op: "look up " + host, Code: DNSFailed, Args: map[string]string{"host": host, "cause": err.Error()}, Err: err}
	if errors.As(err, &dns) {
		f.Args["cause"] = dns.Err
		if dns.IsNotFound {
			f.Code = HostUnknown
		}
	}
	return f
}

// connectFault tells a port where nothing listens from a firewall that drops.
func connectFault(addr string, err error) *probes.Fault {
	f := &probes.Fault{Op: "connect to " + addr, Code: ConnectFailed, Args: map[string]string{"addr": addr, "cause": probes.Cause(err)}, Err: err}
	switch probes.DialOutcomeOf(err) {
	case probes.DialRefused:
		f.Code = ConnectRefused
	case probes.DialTimeout:
		f.Code = ConnectTimeout
	case probes.DialConnected, probes.DialNoRoute, probes.DialFailed, probes.DialUnfinished:
	}
	return f
}

// tlsFault says what a handshake failed at.
func (t *try) tlsFault(err error) *probes.Fault {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		f       = &probes.Fault{Op: "start TLS with " + t.serverName(), Code: TLSFailed, Err: err}
	)
	f.Args = map[string]string{"host": t.host, "name": t.serverName(), "cause": err.Error()}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		f.Code = TimedOut
	case errors.As(err, &name):
		f.Code, f.Args["names"] = WrongName, names(name.Certificate)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		f.Code = Expired
		f.Args["from"] = invalid.Cert.NotBefore.Format(time.DateOnly)
		f.Args["until"] = invalid.Cert.NotAfter.Format(time.DateOnly)
	case errors.As(err, &unknown):
		f.Code, f.Args["issuer"] = t.untrusted(), issuer(unknown.Cert)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		f.Code, f.Args["issuer"] = t.untrusted(), ""
	case isLost(err) && !isAlert(err):
		f.Code = Lost
	}
	return f
}

// untrusted is what a chain says that leads to nobody who is trusted: of a
// public service, that somebody speaks in its place.
func (t *try) untrusted() probes.Code {
	if t.r.Public {
		return Intercepted
	}
	return Untrusted
}

// isAlert tells an alert of TLS, the other side's or our own, from a
// connection that went away: crypto/tls wraps both in a net.OpError.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error")
}

// names are those that a certificate is for.
func names(c *x509.Certificate) string {
	list := probes.CertificateNames(c)
	if len(list) == 0 {
		list = []string{c.Subject.CommonName}
	}
	return strings.Join(list[:min(len(list), 10)], ", ")
}

func issuer(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return c.Issuer.String()
}
