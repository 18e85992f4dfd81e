package signin_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"offbasic/probes"
	"offbasic/probes/signin"
)

// What Entra says of the cloud is told, from its refusal (AADSTS90038) or from
// the OpenID configuration of the tenant; one of the same cloud says nothing.
func TestTheTenantsCloudIsNamed(t *testing.T) {
	const redirect = `{"error":"invalid_request","error_description":"AADSTS90038: Tenant 'contoso.example' request is being redirected to the National Cloud 'MicrosoftOnline.us'.","error_codes":[90038]}`
	const unknown = `{"error":"invalid_tenant","error_description":"AADSTS90002: Tenant not found.","error_codes":[90002]}`
	for _, tt := range []struct {
		login, instance, sub, answer string
		code                         probes.Code
		clouds                       string
	}{
		{"https://login.microsoftonline.com", "", "", redirect, signin.OtherCloud, "gcc-high, dod"},
		{"https://login.microsoftonline.com", "microsoftonline.us", "DODCON", unknown, signin.OtherCloud, "gcc-high"},
		{"https://login.microsoftonline.com", "microsoftonline.us", "DOD", unknown, signin.OtherCloud, "dod"},
		{"https://login.microsoftonline.com", "partner.microsoftonline.cn", "", unknown, signin.OtherCloud, "21vianet"},
		{"https://login.microsoftonline.us", "microsoftonline.com", "GCC", unknown, signin.OtherCloud, "worldwide"},
		{"https://login.microsoftonline.com", "microsoftonline.com", "GCC", unknown, signin.NoTenant, ""},
		{"https://login.microsoftonline.com", "", "", unknown, signin.NoTenant, ""},
	} {
		base := tt.login + "/contoso.example"
		answer := roundTrip(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
				json.NewEncoder(w).Encode(map[string]string{
					"issuer": base + "/v2.0", "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
					"device_authorization_endpoint": base + "/devicecode", "cloud_instance_name": tt.instance, "tenant_region_sub_scope": tt.sub,
				})
				return w.Result(), nil
			}
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, tt.answer)
			return w.Result(), nil
		})
		client := &http.Client{Transport: answer}
		u := &signin.User{Authority: tt.login, Tenant: "contoso.example", HTTP: client, Ways: []signin.Way{signin.DeviceCode}}
		_, ofUser := u.Token(t.Context(), readApps)
		a := signin.App{Authority: tt.login, Tenant: "contoso.example", ClientID: signin.GraphTools, Secret: "a-secret-of-this-test", HTTP: client}
		_, ofApp := a.Token(t.Context(), outlook)
		for _, err := range []error{ofUser, ofApp} {
			f, ok := errors.AsType[*probes.Fault](err)
			if !ok || f.Code != tt.code || f.Args["clouds"] != tt.clouds {
				t.Errorf("%s says %q %q: %v, want %s %q", tt.login, tt.instance, tt.sub, err, tt.code, tt.clouds)
			}
		}
	}
}
