package lab

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"testing"
)

// What stands in for a credential is good for as long as that one is in the
// directory, which it does not change.
func TestWhatStandsInGoesWithWhatItStandsFor(t *testing.T) {
	l := startFor(t)
	client, app := l.App().ClientID, "/v1.0/applications/"+l.App().RegistrationObjectID
	before, _ := l.registration(client)
	other, _, err := appCertificate(l.now())
	if err != nil {
		t.Fatal(err)
	}
	thumb := func() string { sum := sha256.Sum256(other.Raw); return base64.RawURLEncoding.EncodeToString(sum[:]) }()
	if _, ok := l.StandIn(client, "00", other.Raw); ok {
		t.Error("it stands in for a certificate that the app has not")
	}
	registered, ok := l.StandIn(client, hex.EncodeToString(sha1Of(l.appCert)), other.Raw)
	if _, found := l.certificateBy(client, thumb); !ok || found != proofGood || string(registered) != string(l.appCert.Raw) {
		t.Errorf("the certificate is %v", found)
	}
	secret, ok := l.StandInSecret(client, before.Passwords[0].KeyID)
	if !ok || l.checkSecret(client, secret) != proofGood {
		t.Error("the secret is not good")
	}
	if after, _ := l.registration(client); len(after.Keys) != 1 || after.Keys[0].Thumbprint != before.Keys[0].Thumbprint || len(after.Passwords) != 1 {
		t.Errorf("the directory has %+v", after)
	}
	asks(t, l, "POST", app+"/removePassword", `{"keyId":"`+before.Passwords[0].KeyID+`"}`, "Application.ReadWrite.All")
	asks(t, l, "PATCH", app, `{"keyCredentials":[]}`, "Application.ReadWrite.All")
	if _, found := l.certificateBy(client, thumb); found != proofUnknown || l.checkSecret(client, secret) != proofUnknown {
		t.Error("they are good without what they stand for")
	}
	if _, ok := l.StandInSecret(client, ""); ok {
		t.Error("a secret stands in for none")
	}
}
