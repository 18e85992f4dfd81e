package cli

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/capture"
	"offbasic/ui/text"
	"offbasic/wizard"
)

// CaptureWith captures on the usual ports with a built-in policy.
func (w *Work) CaptureWith(ctx context.Context, policy string, emit func(probes.CaptureEvent)) error {
	p, ok := capture.PolicyNamed(policy)
	if !ok {
		return badUsage("usage.policy", text.Args{"name": policy, "names": strings.Join(capture.PolicyNames(), ", ")})
	}
	return w.Capture(ctx, capture.Server{Fallback: true, Policy: p}, emit)
}

// PortFix is the one command that allows a port that was refused, or "".
func PortFix(l probes.Listening) string {
	if l.Fault == nil {
		return ""
	}
	return l.Fault.Args["command"]
}

// SaveAppOrSay is SaveApp, with a fault when the secret lives in memory only.
// The registration is remembered in either case.
func (w *Work) SaveAppOrSay(ctx context.Context, t wizard.Tenant, r wizard.Registration, secret string) error {
	kept, err := w.SaveApp(ctx, t, r, secret)
	if err == nil && !kept {
		return &probes.Fault{Op: "keep the secret in the keyring", Code: "keyring_memory"}
	}
	return err
}

// ReadBackOrNone is ReadBack, without an error while there is no answer yet.
func (w *Work) ReadBackOrNone(ctx context.Context, sender string) ([]checks.Compared, error) {
	got, err := w.ReadBack(ctx, sender)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return got, err
}
