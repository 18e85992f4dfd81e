package capture

import (
	"slices"
	"strings"
	"testing"
)

// Every policy that asks something is one that a policy file could hold, and
// without TLS it announces in clear what it announces inside TLS.
func TestEveryQuestionHasAPolicyThatHolds(t *testing.T) {
	names := append(PolicyNames(), AskingNames()...)
	for _, name := range names {
		p, ok := Asking(name)
		if !ok || p.Name != name {
			t.Fatalf("no policy %s: %+v", name, p)
		}
		if err := (&policyFile{}).check(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		clear, ok := Asking(name + WithoutTLS)
		if !ok || clear.Name != name+WithoutTLS || clear.announces(false, "STARTTLS") || clear.RequireTLS || !slices.Equal(clear.EHLO, p.EHLOTLS) {
			t.Errorf("%s without TLS: %+v", name, clear)
		}
		for _, l := range p.EHLOTLS {
			if auth, is := strings.CutPrefix(l, "AUTH "); is && !announcesOnly(p, auth) {
				t.Errorf("%s announces %q and takes %v", name, auth, p.Mechanisms)
			}
		}
	}
	if _, ok := Asking("nonsense"); ok {
		t.Error("nonsense is a policy")
	}
	if a, _ := Asking("fallback-504"); a.Replies["AUTH"] == "" {
		t.Error("the 504 is gone")
	}
	if e := policy(t, "exchange"); e.Replies["AUTH"] != "" || e.Replies["MESSAGE"] != "" {
		t.Errorf("a policy that asks changed another: %v", e.Replies)
	}
}

// announcesOnly tells whether what is announced can be gone through with.
func announcesOnly(p Policy, auth string) bool {
	return !slices.ContainsFunc(strings.Fields(auth), func(m string) bool { return !p.takes(m) })
}
