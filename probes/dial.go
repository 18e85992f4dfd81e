package probes

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
)

// DialOutcomeOf says in a word what became of a connection that ended with
// err, which may be nil. The numbers are Windows' own.
func DialOutcomeOf(err error) DialOutcome {
	is := func(errs ...error) bool {
		return slices.ContainsFunc(errs, func(e error) bool { return errors.Is(err, e) })
	}
	switch {
	case err == nil:
		return DialConnected
	case is(syscall.ECONNREFUSED, syscall.Errno(10061)): // WSAECONNREFUSED
		return DialRefused
	case TimedOut(err):
		return DialTimeout
	case is(syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT),
		is(syscall.Errno(10051), syscall.Errno(10065), syscall.Errno(10047)): // WSAENETUNREACH, WSAEHOSTUNREACH, WSAEAFNOSUPPORT
		return DialNoRoute
	}
	return DialFailed
}

// TimedOut tells an error that is want of an answer.
func TimedOut(err error) bool {
	var t interface{ Timeout() bool } // as net.Error has it
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// Cause is the plain reason of an error of the network, cleaned: without the
// addresses that package net puts before it.
func Cause(err error) string {
	var no syscall.Errno
	switch {
	case TimedOut(err):
		return "no answer"
	case errors.As(err, &no):
		return Clean(no.Error(), 200)
	}
	return Clean(err.Error(), 200)
}

// Rewritten tells the marks of firewalls that inspect SMTP: a banner of stars
// ("banner_masked"), and capabilities whose names are overwritten with X, as
// "XXXXXXXA" for STARTTLS ("starttls_masked"); "" for neither.
func Rewritten(banner string, capabilities []string) string {
	if len(banner) >= 8 && strings.Count(banner, "*") > len(banner)*3/4 {
		return "banner_masked"
	}
	for _, c := range capabilities {
		word, _, _ := strings.Cut(c, " ")
		if rest := strings.TrimLeft(word, "X"); strings.HasPrefix(word, "XXXX") && len(rest) <= 1 {
			return "starttls_masked"
		}
	}
	return ""
}
