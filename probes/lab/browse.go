package lab

import (
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Browse does what a browser does with the sign-in page at address: the
// administrator is signed in at once, and the answer is posted to the program
// that waits for it on loopback. What the page says instead is the error.
func (l *Lab) Browse(ctx context.Context, address string) error {
	if l.fault("signin-no-browser") {
		return errors.New("no_browser") // words under "own_cause."
	}
	if !strings.HasPrefix(address, l.Authority()+"/") {
		return errors.New("not an address of the lab")
	}
	page, err := l.fetch(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	action, fields, ok := form(page)
	if !ok {
		return pageError(page)
	}
	u, err := url.Parse(action)
	if err != nil || u.Scheme != "http" || u.Hostname() != "localhost" {
		return errors.New("the answer is not for this machine")
	}
	_, err = l.fetch(ctx, http.MethodPost, action, fields)
	return err
}

// EnterCode types a device code into the lab's page, as account; "" is the
// administrator. What the page says instead is the error.
func (l *Lab) EnterCode(ctx context.Context, code, account string) error {
	page, err := l.fetch(ctx, http.MethodPost, l.deviceAddress(), url.Values{"user_code": {code}, "lab_account": {account}})
	if err != nil || strings.Contains(page, "You have signed in") {
		return err
	}
	return pageError(page)
}

// fetch gets or posts a page, with the lab's CA.
func (l *Lab) fetch(ctx context.Context, method, address string, form url.Values) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Close = true // a browser's idle connection would hold MSAL's server up
	res, err := l.client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return string(page), err
}

// form reads the form that posts itself.
func form(page string) (action string, fields url.Values, ok bool) {
	m := regexp.MustCompile(`<form method="post" action="([^"]*)">`).FindStringSubmatch(page)
	if m == nil {
		return "", nil, false
	}
	fields = url.Values{}
	for _, f := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(page, -1) {
		fields.Set(html.UnescapeString(f[1]), html.UnescapeString(f[2]))
	}
	return html.UnescapeString(m[1]), fields, true
}

// pageError is what a page says to its reader.
func pageError(page string) error {
	if m := regexp.MustCompile(`AADSTS\d+: [^<]*`).FindString(page); m != "" {
		return errors.New(html.UnescapeString(m))
	}
	return errors.New("the page asks for something")
}
