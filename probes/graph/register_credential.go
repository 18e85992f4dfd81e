package graph

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the name of a certificate
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// How long a credential is good for where no policy says less, and how long
// before its end it is taken for spent.
const (
	certificateLife = 2 * 365 * 24 * time.Hour
	secretLife      = 365 * 24 * time.Hour
	spent           = 14 * 24 * time.Hour
)

// credential sees to it that the app has one, that it is good, and that it is
// kept here.
func (c *run) credential(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.step(StepCredential, emit, func(s *probes.SetupStep, waiting func(time.Duration)) error {
		if held, ok := c.held(); ok {
			s.Outcome, s.Name = probes.SetupFound, held.Name
			s.Args = map[string]string{"kind": held.Kind, "expires": held.Expires.UTC().Format(time.DateOnly)}
			return c.tookCredential(held)
		}
		kind, err := c.kind()
		if err != nil {
			return err
		}
		s.Args = map[string]string{"kind": kind}
		if c.wouldBe(s, probes.SetupCreated) {
			return nil
		}
		made, err := c.makeCredential(ctx, kind, waiting)
		if err != nil {
			return c.noCredential(err, kind)
		}
		s.Outcome, s.Name, s.Args["expires"] = probes.SetupCreated, made.Name, made.Expires.UTC().Format(time.DateOnly)
		return nil
	})
}

// held is the credential that is kept here, if the app still has it and it is
// good for a while. A wish for the other kind makes it another one.
func (c *run) held() (Credential, bool) {
	if c.app.AppID == "" || c.isNew {
		return Credential{}, false
	}
	h, ok := c.Held(c.app.AppID)
	if !ok || c.q.Kind != "" && c.q.Kind != h.Kind {
		return Credential{}, false
	}
	good := c.now().Add(spent)
	if h.Kind == Certificate {
		i := slices.IndexFunc(c.app.Keys, func(k key) bool { return bytes.Equal(k.Key, h.DER) })
		return h, i >= 0 && h.Expires.After(good)
	}
	i := slices.IndexFunc(c.app.Passwords, func(p secret) bool { return p.is(h) })
	if i < 0 || !c.app.Passwords[i].End.After(good) {
		return h, false
	}
	p := c.app.Passwords[i]
	h.KeyID, h.Name, h.Expires = p.KeyID, probes.Clean(p.Name, 100), p.End
	return h, true
}

// is tells whether a secret of the app is the one that is kept: by its id, or,
// of one that was entered by hand, by the beginning that Entra shows (Graph,
// resource type passwordCredential, hint).
func (p secret) is(h Credential) bool {
	if h.KeyID != "" {
		return p.KeyID == h.KeyID
	}
	return p.Hint != "" && strings.HasPrefix(h.Secret, p.Hint)
}

// kind chooses between certificate and secret by what the tenant allows.
func (c *run) kind() (string, error) {
	switch {
	case c.q.Kind == Secret && c.policy.NoSecrets:
		return "", fault("choose a credential", CredentialForbidden, "kind", Secret)
	case c.q.Kind == Certificate && c.policy.NoSelfSigned:
		return "", fault("choose a credential", CredentialForbidden, "kind", Certificate)
	case c.q.Kind != "":
		return c.q.Kind, nil
	case !c.policy.NoSelfSigned:
		return Certificate, nil
	case !c.policy.NoSecrets:
		return Secret, nil
	}
	return "", fault("choose a credential", NoCredential)
}

func (c *run) makeCredential(ctx context.Context, kind string, waiting func(time.Duration)) (Credential, error) {
	if kind == Secret {
		return c.makeSecret(ctx, waiting)
	}
	return c.makeCertificate(ctx, waiting)
}

// life is how long the credential may live.
func life(wanted, most time.Duration) time.Duration {
	if most > 0 && most < wanted {
		return most
	}
	return wanted
}

// makeCertificate makes a certificate, keeps it, and only then tells Entra of
// it ("Update application"): interrupted in between, the next run finds a
// certificate that it holds.
func (c *run) makeCertificate(ctx context.Context, waiting func(time.Duration)) (Credential, error) {
	if c.key == nil {
		if err := c.makeKey(ctx, nil); err != nil {
			return Credential{}, err
		}
	}
	now := c.now()
	made, err := certificateFor(c.key, c.made.Name, now, now.Add(life(certificateLife, c.policy.KeyLife)))
	if err != nil {
		return made, err
	}
	if err := c.Keep(c.app.AppID, made); err != nil {
		return made, err
	}
	keys := slices.DeleteFunc(slices.Clone(c.app.Keys), func(k key) bool { return c.made.KeyID != "" && fingerprint(k.Key) == c.made.KeyID })
	keys = append(keys, key{Type: "AsymmetricX509Cert", Usage: "Verify", Name: made.Name, Key: made.DER})
	path := applicationPath(c.app.ID)
	added := path + "/keyCredentials/" + fingerprint(made.DER)
	err = c.Directory.do(ctx, ask{
		method: http.MethodPatch, path: path, body: map[string]any{"keyCredentials": keys}, needs: []string{WriteApplications},
		fresh: c.isNew, step: StepCredential, waiting: waiting,
		intent: added, object: func([]byte) string { return added },
	}, nil)
	if err != nil {
		return made, err
	}
	return made, c.tookCredential(made)
}

// fingerprint is a certificate's SHA-1 in hex, as the portal shows it.
func fingerprint(der []byte) string {
	sum := sha1.Sum(der) //nolint:gosec // a name, not a proof
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// makeSecret asks Entra for a secret ("application: addPassword"). Its name is
// remembered first: one whose answer was lost is of no use to anybody, and is
// taken away by the next run.
func (c *run) makeSecret(ctx context.Context, waiting func(time.Duration)) (Credential, error) {
	stale := c.stale()
	now := c.now()
	name := Tag + " " + now.UTC().Format("2006-01-02T15:04:05.000Z")
	if err := c.save(func(m *Registered) { m.Kind, m.KeyID, m.KeyName = Secret, "", name }); err != nil {
		return Credential{}, err
	}
	end := now.Add(life(secretLife, c.policy.SecretLife)).UTC().Truncate(time.Second)
	path := applicationPath(c.app.ID)
	var p secret
	err := c.Directory.do(ctx, ask{
		method: http.MethodPost, path: path + "/addPassword", needs: []string{WriteApplications}, fresh: c.isNew,
		body: map[string]any{"passwordCredential": map[string]any{"displayName": name, "endDateTime": end}},
		step: StepCredential, waiting: waiting, intent: path + "/passwordCredentials/" + url.PathEscape(name), object: passwordAt(path),
	}, &p)
	if err != nil {
		return Credential{}, err
	}
	if p.End.IsZero() {
		p.End = end
	}
	made := Credential{Kind: Secret, KeyID: p.KeyID, Name: name, Expires: p.End, Secret: p.Text}
	if err := c.Keep(c.app.AppID, made); err != nil {
		return made, err
	}
	if err := c.tookCredential(made); err != nil {
		return made, err
	}
	return made, c.removeStale(ctx, stale)
}

// stale are the secrets of the wizard's own that nobody holds any more.
func (c *run) stale() []string {
	var ids []string
	for _, p := range c.app.Passwords {
		if c.made.Kind == Secret && p.KeyID != "" && (p.KeyID == c.made.KeyID || c.made.KeyName != "" && p.Name == c.made.KeyName) {
			ids = append(ids, p.KeyID)
		}
	}
	return ids
}

func (c *run) removeStale(ctx context.Context, ids []string) error {
	for _, id := range ids {
		err := c.Directory.do(ctx, ask{
			method: http.MethodPost, path: "/applications/" + url.PathEscape(c.app.ID) + "/removePassword",
			body: map[string]any{"keyId": id}, needs: []string{WriteApplications}, step: StepCredential,
		}, nil)
		if err != nil && status(err) != "404" {
			return err
		}
	}
	return nil
}

// passwordAt is the path of the secret in the answer to addPassword.
func passwordAt(application string) func([]byte) string {
	return func(body []byte) string {
		var p secret
		if json.Unmarshal(body, &p) != nil || p.KeyID == "" {
			return ""
		}
		return application + "/passwordCredentials/" + url.PathEscape(p.KeyID)
	}
}

// tookCredential remembers which one it is, never the credential itself.
func (c *run) tookCredential(made Credential) error {
	id := made.KeyID
	if made.Kind == Certificate {
		id = fingerprint(made.DER)
	}
	return c.save(func(m *Registered) { m.Kind, m.KeyID, m.KeyName, m.Expires = made.Kind, id, made.Name, made.Expires })
}

// noCredential tells a policy's refusal from other ones.
func (c *run) noCredential(err error, kind string) error {
	f, ok := errors.AsType[*probes.Fault](err)
	if ok && strings.Contains(f.Args["message"], "not allowed as per assigned policy") {
		return with(err, fault("give the app a credential", CredentialForbidden, "kind", kind))
	}
	return c.mayNot(err)
}
