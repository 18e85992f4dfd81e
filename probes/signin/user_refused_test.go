package signin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"offbasic/checks"
	"offbasic/probes"
	"offbasic/probes/signin"
)

// What the tenant's refusals are called, and which of them end the sign-in.
func TestRefusalsAreNamedInTheTenantsTerms(t *testing.T) {
	for _, tt := range []struct {
		fault, login string
		ways         []signin.Way
		want         probes.Code
		aadsts       string
	}{
		{"signin-tenant-missing", "", nil, signin.NoTenant, "90002"},
		{"signin-other-cloud", "", nil, signin.OtherCloud, "90038"},
		{"signin-client-unknown", "", nil, signin.NoTools, "700016"},
		{"signin-consent-needed", "", nil, signin.Consent, "90094"},
		{"signin-declined", "", nil, signin.Declined, "65004"},
		{"signin-declined", "", []signin.Way{signin.DeviceCode}, signin.Declined, "90120"},
		{"signin-not-assigned", "", nil, signin.NotAssigned, "50105"},
		{"signin-wrong-account", "", nil, signin.WrongAccount, "50020"},
		{"", "nobody@contoso.example", nil, signin.WrongAccount, "50034"},
		{"", "helpdesk@contoso.example", nil, signin.Consent, "90094"},
		{"", "helpdesk@contoso.example", []signin.Way{signin.DeviceCode}, signin.Consent, "90094"},
	} {
		var faults []string
		if tt.fault != "" {
			faults = append(faults, tt.fault)
		}
		a := newAdmin(t, startLab(t, faults...))
		a.Login, a.Ways = tt.login, tt.ways
		_, err := a.Token(t.Context(), writeApps)
		if err == nil {
			t.Errorf("%s %s: no error", tt.fault, tt.login)
			continue
		}
		if f := fault(t, err); f.Code != tt.want || f.Args["aadsts"] != tt.aadsts || !strings.HasPrefix(f.Args["description"], "AADSTS"+tt.aadsts) {
			t.Errorf("%s %s %v: %s %v, want %s %s", tt.fault, tt.login, tt.ways, f.Code, f.Args, tt.want, tt.aadsts)
		}
	}
}

// Every way that fails is told when the next one begins; when none is left the
// portal's steps are.
func TestGoesFromOneWayToTheNext(t *testing.T) {
	for _, tt := range []struct {
		faults []string
		why    []probes.Code // of each way that fails, in order
		ends   probes.Code   // "" is a token
	}{
		{[]string{"signin-no-browser"}, []probes.Code{signin.NoBrowser}, ""},
		{[]string{"signin-no-browser", "signin-code-blocked"}, []probes.Code{signin.NoBrowser, signin.CodeBlocked}, signin.ByHand},
		{[]string{"signin-no-browser", "signin-security-defaults"}, []probes.Code{signin.NoBrowser, signin.CodeBlocked}, signin.ByHand},
		{[]string{"signin-no-browser", "signin-code-expired"}, []probes.Code{signin.NoBrowser, signin.CodeExpired}, signin.ByHand},
		{[]string{"signin-blocked"}, []probes.Code{signin.Blocked, signin.CodeBlocked}, signin.ByHand},
	} {
		a := newAdmin(t, startLab(t, tt.faults...))
		_, err := a.Token(t.Context(), readApps)
		if tt.ends == "" {
			if err != nil {
				t.Errorf("%v: %v", tt.faults, err)
			}
		} else if err == nil || fault(t, err).Code != tt.ends {
			t.Errorf("%v: %v, want %s", tt.faults, err, tt.ends)
		}
		var told []probes.Code
		for _, p := range a.prompts {
			if p.Why != nil {
				told = append(told, p.Why.Code)
			}
		}
		if !slices.Equal(told, tt.why) || tt.ends != "" && innermost(err) != tt.why[len(tt.why)-1] {
			t.Errorf("%v: told %v, want %v, then %v", tt.faults, told, tt.why, err)
		}
	}
}

// innermost is the code of the last way in a ByHand.
func innermost(err error) probes.Code {
	var f *probes.Fault
	if !errors.As(err, &f) || f.Err == nil {
		return ""
	}
	joined, ok := f.Err.(interface{ Unwrap() []error })
	if !ok {
		return ""
	}
	list := joined.Unwrap()
	errors.As(list[len(list)-1], &f)
	return f.Code
}

// Nothing is opened that is no web page, whatever the service names.
func TestOnlyWebPagesAreOpened(t *testing.T) {
	for _, page := range []string{"file:///etc/passwd", "http://login.example/authorize", "javascript:alert(1)", "https://u:p@login.example/"} {
		mux := http.NewServeMux()
		srv := httptest.NewTLSServer(mux)
		t.Cleanup(srv.Close)
		mux.HandleFunc("/contoso.example/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			json.NewEncoder(w).Encode(map[string]string{
				"issuer": srv.URL + "/v2.0", "authorization_endpoint": page, "token_endpoint": srv.URL + "/token",
			})
		})
		mux.HandleFunc("/devicecode", func(w http.ResponseWriter, _ *http.Request) {
			json.NewEncoder(w).Encode(map[string]any{"device_code": "d", "user_code": "U", "verification_uri": page, "expires_in": 900, "interval": 5})
		})
		u := &signin.User{
			Authority: srv.URL, Tenant: "contoso.example", HTTP: srv.Client(),
			Browser: func(address string) error { t.Errorf("opened %s", address); return nil },
			Show: func(p signin.Prompt) {
				if p.URL != "" {
					t.Errorf("shown %+v", p)
				}
			},
		}
		if _, err := u.Token(t.Context(), readApps); err == nil {
			t.Errorf("%s: no error", page)
		}
	}
}

func TestNoNetworkOpensNoBrowser(t *testing.T) {
	u := &signin.User{
		Authority: "https://login.contoso.example", Tenant: "contoso.example", HTTP: &http.Client{Transport: down{}},
		Browser: func(string) error { t.Error("the browser was opened"); return nil },
	}
	_, err := u.Token(t.Context(), readApps)
	if f := fault(t, err); f.Code != signin.Unreachable || !strings.Contains(f.Args["cause"], "unplugged") {
		t.Errorf("%s %v", f.Code, f.Args)
	}
}

// The sign-in of a tenant is told to nobody but its own cloud: MSAL asks
// login.microsoftonline.com about none of these hosts.
//
// Source of the hosts: the table of clouds.
func TestEveryCloudIsAskedAtItsOwnHost(t *testing.T) {
	for _, cloud := range checks.Clouds() {
		var hosts []string
		answer := roundTrip(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Host)
			w := httptest.NewRecorder()
			if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
				base := cloud.Login + "/03f702db-2c1d-4b07-9918-c0833cc10a64"
				json.NewEncoder(w).Encode(map[string]string{
					"issuer": base + "/v2.0", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token",
				})
				return w.Result(), nil
			}
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":"invalid_grant","error_description":"AADSTS53003: Blocked.","error_codes":[53003]}`)
			return w.Result(), nil
		})
		u := &signin.User{Authority: cloud.Login, Tenant: "contoso.example", HTTP: &http.Client{Transport: answer}, Ways: []signin.Way{signin.DeviceCode}}
		_, err := u.Token(t.Context(), cloud.Graph+"/Application.Read.All")
		if innermost(err) != signin.CodeBlocked {
			t.Errorf("%s: %v, want signin_code_blocked", cloud.ID, err)
		}
		hosts = slices.Compact(hosts)
		if want := strings.TrimPrefix(cloud.Login, "https://"); len(hosts) != 1 || hosts[0] != want {
			t.Errorf("%s: asked %v, want %s alone", cloud.ID, hosts, want)
		}
	}
}

// What the other side repeats of a request is in no error: device code,
// refresh token, code and verifier are as good as a password.
func TestNoErrorHoldsACode(t *testing.T) {
	device := strings.Repeat("d3v1ce", 20)
	srv := authority(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"invalid_grant","error_description":%q}`, "AADSTS70000: you sent "+string(b))
	})
	srv.Config.Handler.(*http.ServeMux).HandleFunc("/contoso.example/devicecode", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{
			"device_code": device, "user_code": "U", "verification_uri": srv.URL, "expires_in": 900, "interval": 5,
		})
	})
	u := &signin.User{Authority: srv.URL, Tenant: "contoso.example", HTTP: srv.Client()}
	_, err := u.Token(t.Context(), readApps)
	f := fault(t, err)
	if all := fmt.Sprintf("%v %+v %#v %v", err, f.Args, f, f.Err); strings.Contains(all, device[:30]) || !strings.Contains(all, "AADSTS70000") {
		t.Errorf("the error holds the device code, or nothing: %s", all)
	}
}
