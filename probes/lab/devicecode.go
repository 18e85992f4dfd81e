package lab

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// deviceGrant is the grant type of the device authorization grant (RFC 8628
// section 3.4). MSAL for Go v1.10.1 sends the older name, which Entra takes as
// well.
const (
	deviceGrant    = "urn:ietf:params:oauth:grant-type:device_code"
	oldDeviceGrant = "device_code"
)

// deviceLife is how long a code can be entered: 15 minutes.
const deviceLife = 15 * time.Minute

// deviceInterval is how often a client may ask (RFC 8628 section 3.2), in
// seconds.
const deviceInterval = 5

// device is one device code.
type device struct {
	userCode string
	client   enterprise
	asked    asked
	expires  time.Time
	polled   time.Time // the last time
	user     *user     // who entered the code; nil while nobody did
	no       *refusal  // instead of a token
}

// deviceCode starts the device authorization grant (RFC 8628 section 3.1).
func (l *Lab) deviceCode(w http.ResponseWriter, r *http.Request) {
	if r.ParseForm() != nil {
		l.refuse(w, malformed())
		return
	}
	no := l.checkPlace(r.PathValue("tenant"))
	var client enterprise
	if no == nil {
		client, no = l.clientApp(r.PostForm.Get("client_id"))
	}
	var a asked
	if no == nil {
		a, no = l.delegated(r.PostForm.Get("scope"), client)
	}
	if no != nil {
		l.refuse(w, *no)
		return
	}
	code, userCode := randomText(60), strings.ToUpper(newID()[:8])
	expires := l.now().Add(deviceLife)
	if l.fault("signin-code-expired") {
		expires = l.now()
	}
	l.signIns.mu.Lock()
	l.signIns.devices.put(code, &device{userCode: userCode, client: client, asked: a, expires: expires})
	l.signIns.mu.Unlock()
	at := l.deviceAddress()
	l.log("sign-in: device code")
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": userCode, "verification_uri": at,
		"expires_in": int(deviceLife.Seconds()), "interval": deviceInterval,
		"message": "To sign in, use a web browser to open the page " + at + " and enter the code " + userCode + " to authenticate.",
	})
}

func (l *Lab) deviceAddress() string { return l.Authority() + "/common/oauth2/deviceauth" }

// devicePage asks for the code.
func (l *Lab) devicePage(w http.ResponseWriter, _ *http.Request) {
	write(w, `<!DOCTYPE html><html lang="en"><head><title>Enter code</title></head><body><h1>Enter code</h1>
<form method="post"><input name="user_code" autocomplete="off"> <button>Next</button></form></body></html>
`, nil)
}

// enterCode takes the code on the page, and signs in the administrator or the
// account that is named.
func (l *Lab) enterCode(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // an empty form has no code
	u, known := l.user(r.PostForm.Get("lab_account"))
	l.signIns.mu.Lock()
	d := l.signIns.device(r.PostForm.Get("user_code"))
	l.signIns.mu.Unlock()
	if d == nil || !known || !l.now().Before(d.expires) {
		l.page(w, refusal{code: 70018, text: "Invalid verification code due to User typing in wrong user code for device code flow."})
		return
	}
	no := l.approve(d, u)
	l.signIns.mu.Lock()
	d.user, d.no = &u, no
	l.signIns.mu.Unlock()
	if no != nil {
		l.page(w, *no)
		return
	}
	write(w, `<!DOCTYPE html><html lang="en"><body><p>You have signed in. You may now close this window.</p></body></html>
`, nil)
}

// approve is what the tenant says to a code that was entered. Conditional
// Access shows in the client's next question.
func (l *Lab) approve(d *device, u user) *refusal {
	switch {
	case l.fault("signin-code-blocked"):
		return blockedByPolicy()
	case l.fault("signin-security-defaults"):
		return &refusal{http.StatusBadRequest, "invalid_grant", 530035, "Access has been blocked by security defaults. " +
			"The request is deemed unsafe by security defaults policies."}
	case l.fault("signin-declined"):
		return &refusal{http.StatusBadRequest, "authorization_declined", 90120, "The authorization was declined by the end user."}
	}
	if no := l.keptOut(d.client, u); no != nil {
		return no
	}
	no := l.consent(d.asked, d.client, u)
	if no != nil {
		no.status, no.name = http.StatusBadRequest, "invalid_grant"
	}
	return no
}

// device finds one by what is typed, in either case. mu is held.
func (s *signIns) device(userCode string) *device {
	for _, d := range s.devices.all {
		if strings.EqualFold(d.userCode, strings.TrimSpace(userCode)) {
			return d
		}
	}
	return nil
}

// poll says what a device code has come to (RFC 8628 section 3.5). mu is held.
func (l *Lab) poll(d *device) *refusal {
	last := d.polled
	d.polled = l.now()
	wait := func(name, text string) *refusal { return &refusal{http.StatusBadRequest, name, 70016, text} }
	switch {
	case d.no != nil:
		return d.no
	case !l.now().Before(d.expires):
		return &refusal{http.StatusBadRequest, "expired_token", 70020, fmt.Sprintf(
			"The provided value for the input parameter 'device_code' is not valid. This device code has expired after %d minutes.", int(deviceLife.Minutes()))}
	case d.user != nil:
		return nil
	case !last.IsZero() && d.polled.Sub(last) < time.Second:
		return wait("slow_down", "The client asks too often.")
	}
	return wait("authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
}
