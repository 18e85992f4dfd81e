package lab

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"

	"offbasic/probes"
)

// graphService is what the message trace and Departed call Graph's sendMail.
const graphService = "graph"

// maxRequest is how large a request to Graph may be, in bytes: 4 MB.
const maxRequest = 4 << 20

// sendMailCalls is "user: sendMail".
func sendMailCalls() []call {
	return []call{{
		method: http.MethodPost, path: "/v1.0/users/{user}/sendMail", page: "user-sendmail",
		roles: []string{"Mail.Send"}, scopes: []string{"Mail.Send"}, raw: true, answer: (*Lab).sendMail,
	}}
}

// sendMail takes a message as JSON, or as MIME in base64 with the content type
// text/plain, and answers 202 without a body (Graph, "user: sendMail").
func (l *Lab) sendMail(w http.ResponseWriter, r *http.Request) {
	m := l.graphUser(w, r)
	if m == nil {
		return
	}
	if who := l.signedInUser(r); who != "" && !strings.EqualFold(who, m.address) {
		l.graphRefuse(w, r, http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(body) > maxRequest {
		_, _ = io.Copy(io.Discard, r.Body) // a client that still writes does not hear the answer
		// The status and the words are those that applications report; the code
		// is not documented.
		l.graphRefuse(w, r, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The maximum request length supported is 4MB.")
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	var p posted
	switch kind {
	case "application/json":
		p, err = jsonMessage(body)
	case "text/plain":
		p, err = mimeMessage(body)
	default:
		err = errors.New("The content type is neither application/json nor text/plain.") //nolint:revive,staticcheck // a sentence for the client
	}
	if err != nil {
		l.graphRefuse(w, r, http.StatusBadRequest, "ErrorInvalidRequest", err.Error())
		return
	}
	l.sendAs(w, r, m, p)
}

// signedInUser is whose token a request has; "" for an application's own.
func (l *Lab) signedInUser(r *http.Request) string {
	b, err := l.bearer(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "https://graph.microsoft.com")
	if err != nil {
		return ""
	}
	return b.User
}

// sendAs posts a message of a mailbox. Another address in From needs the right
// to send as it.
func (l *Lab) sendAs(w http.ResponseWriter, r *http.Request, m *mailbox, p posted) {
	author := headerFrom(p.head)
	if author == "" {
		author = m.address
		p.head = append(p.head, header{"From", m.address})
	}
	if !l.dir.speaksFor(m.address, m.address, author) {
		l.graphRefuse(w, r, http.StatusForbidden, "ErrorSendAsDenied", "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account.")
		return
	}
	if len(p.to) == 0 {
		l.graphRefuse(w, r, http.StatusBadRequest, "ErrorInvalidRecipients", "At least one recipient is not valid.")
		return
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	p.service, p.from, p.peer = graphService, author, l.seen(host)
	p.trace = append([]header{{"Received", "from " + hub + " by " + hub + " with mapi id 15.20.9000.10; " + l.now().UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700")}},
		internal(author, "04")...)
	if l.limited && (l.dir.pace(m.address, l.now()) || l.dir.spend(m.address, len(p.to), l.now())) {
		w.Header().Set("Retry-After", "30")
		l.graphRefuse(w, r, http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
		return
	}
	id := l.post(p)
	l.log("graph: sendMail of " + m.address + ": " + id)
	w.WriteHeader(http.StatusAccepted)
}

// recipient is Graph's type of one.
type recipient struct {
	EmailAddress struct {
		Address string `json:"address"`
		Name    string `json:"name"`
	} `json:"emailAddress"`
}

// jsonMessage reads the JSON of sendMail.
func jsonMessage(body []byte) (posted, error) {
	v := struct {
		Message *struct {
			Subject                                   string
			InternetMessageID                         string `json:"internetMessageId"`
			From, Sender                              *recipient
			ToRecipients, CcRecipients, BccRecipients []recipient
			Body                                      struct{ ContentType, Content string }
			InternetMessageHeaders                    []struct{ Name, Value string }
		}
		Save *bool `json:"saveToSentItems"`
	}{}
	if json.Unmarshal(body, &v) != nil {
		return posted{}, errors.New("Unable to read JSON request payload.") //nolint:revive,staticcheck // Graph's own words
	}
	if v.Message == nil {
		return posted{}, errors.New("The value of the parameter 'Message' is empty.") //nolint:revive,staticcheck // Graph's own words
	}
	p := posted{size: len(body), saved: v.Save == nil || *v.Save}
	if v.Message.From != nil {
		p.head = append(p.head, header{"From", v.Message.From.EmailAddress.Address})
	}
	var shown []string
	for _, to := range slices.Concat(v.Message.ToRecipients, v.Message.CcRecipients) {
		shown = append(shown, to.EmailAddress.Address)
	}
	for _, to := range slices.Concat(v.Message.ToRecipients, v.Message.CcRecipients, v.Message.BccRecipients) {
		p.to = append(p.to, to.EmailAddress.Address)
	}
	p.head = append(p.head, header{"To", strings.Join(shown, ", ")}, header{"Subject", v.Message.Subject})
	if v.Message.InternetMessageID != "" {
		p.head = append(p.head, header{"Message-ID", v.Message.InternetMessageID})
	}
	for _, h := range v.Message.InternetMessageHeaders {
		if !strings.HasPrefix(strings.ToLower(h.Name), "x-") {
			// Graph: custom headers begin with x-.
			return posted{}, errors.New("The internet message header name '" + probes.Clean(h.Name, 100) + "' should start with 'x-' or 'X-'.")
		}
		p.head = append(p.head, header{h.Name, h.Value})
	}
	return p, nil
}

// mimeMessage reads a message in base64. Its recipients are those of its
// header fields.
func mimeMessage(body []byte) (posted, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(body)))
	if err != nil {
		return posted{}, errors.New("Invalid base64 string for MIME content.") //nolint:revive,staticcheck // Graph's own words
	}
	p := posted{size: len(raw), saved: true, head: parseHead(raw[:min(len(raw), maxHead)])}
	for _, h := range p.head {
		if !slices.Contains([]string{"to", "cc", "bcc"}, strings.ToLower(h.name)) {
			continue
		}
		list, err := mail.ParseAddressList(h.value)
		if err != nil {
			continue
		}
		for _, a := range list {
			p.to = append(p.to, a.Address)
		}
	}
	p.head = slices.DeleteFunc(p.head, func(h header) bool { return strings.EqualFold(h.name, "Bcc") })
	return p, nil
}
