package lab_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"offbasic/probes/lab"
	"offbasic/wizard"
)

// post sends a request to Graph and gives the status and the error.
func post(t *testing.T, l *lab.Lab, token, path, kind string, body []byte) (status int, code, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.GraphBase()+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", kind)
	res, err := l.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var e struct {
		Error struct{ Code, Message string }
	}
	_ = json.NewDecoder(res.Body).Decode(&e) // 202 has no body
	return res.StatusCode, e.Error.Code, e.Error.Message
}

const lunch = `{"message":{"subject":"scan","body":{"contentType":"Text","content":"hello"},"internetMessageId":"<g1@printer>",
	"toRecipients":[{"emailAddress":{"address":"it@contoso.example"}}],"bccRecipients":[{"emailAddress":{"address":"support@example.org"}}]}`

// Graph, "user: sendMail": 202; JSON, or MIME in base64 as text/plain; a copy
// in Sent Items unless saveToSentItems is false.
func TestSendMailDeliversJSONAndMIME(t *testing.T) {
	l := start(t, lab.Options{})
	token := issue(t, l, "https://graph.microsoft.com/.default")
	const path = "/v1.0/users/scan@contoso.example/sendMail"
	if status, code, text := post(t, l, token, path, "application/json", []byte(lunch+`}`)); status != http.StatusAccepted {
		t.Fatalf("JSON: %d %s %s", status, code, text)
	}
	m := arrived(t, l, inside)
	if m.Folder != "Inbox" || m.MessageID != "<g1@printer>" || m.header("X-MS-Exchange-Organization-AuthAs") != "Internal" ||
		m.header("From") != "scan@contoso.example" || !strings.Contains(m.header("Received"), "with mapi id") {
		t.Errorf("JSON: %+v", m)
	}
	if left := l.Departed(); len(left) != 1 || left[0].To != outside || left[0].Service != "graph" {
		t.Errorf("left: %+v", left)
	}
	raw := "From: scan@contoso.example\r\nTo: it@contoso.example\r\nBcc: accounting@contoso.example\r\nSubject: mime\r\nMessage-ID: <g2@printer>\r\n\r\nhello\r\n"
	if status, code, text := post(t, l, token, path, "text/plain", []byte(base64.StdEncoding.EncodeToString([]byte(raw)))); status != http.StatusAccepted {
		t.Fatalf("MIME: %d %s %s", status, code, text)
	}
	if m := inbox(t, l, inside)[0]; m.MessageID != "<g2@printer>" || m.header("Bcc") != "" {
		t.Errorf("MIME: %+v", m)
	}
	arrived(t, l, "accounting@contoso.example")
	if status, _, _ := post(t, l, token, path, "application/json", []byte(lunch+`,"saveToSentItems":false}`)); status != http.StatusAccepted {
		t.Errorf("without a copy: %d", status)
	}
	if kept := inbox(t, l, "scan@contoso.example"); len(kept) != 2 || kept[0].Folder != "Sent Items" {
		t.Errorf("Sent Items: %+v", kept)
	}
}

// The refusals of sendMail: Graph, "user: sendMail"; and what applications
// report of the limit of 4 MB and of From.
func TestSendMailRefusals(t *testing.T) {
	l := start(t, lab.Options{})
	token := issue(t, l, "https://graph.microsoft.com/.default")
	other := strings.Replace(lunch, `"subject"`, `"from":{"emailAddress":{"address":"accounting@contoso.example"}},"subject"`, 1)
	for _, tt := range []struct {
		what, token, user, kind, body string
		status                        int
		code                          string
	}{
		{"no permission", l.IssueToken(func(c map[string]any) {
			c["aud"], c["roles"] = "https://graph.microsoft.com", []string{"Mail.Read"}
		}), "scan@contoso.example", "application/json", lunch + "}", 403, "ErrorAccessDenied"},
		{"another From", token, "scan@contoso.example", "application/json", other + "}", 403, "ErrorSendAsDenied"},
		{"nobody", token, "nobody@contoso.example", "application/json", lunch + "}", 404, "ErrorInvalidUser"},
		{"no base64", token, "scan@contoso.example", "text/plain", "From: a", 400, ""},
		{"no message", token, "scan@contoso.example", "application/json", "{}", 400, ""},
		{"no JSON", token, "scan@contoso.example", "application/json", "hello", 400, ""},
		{"another type", token, "scan@contoso.example", "message/rfc822", "From: a", 400, ""},
		{"no recipient", token, "scan@contoso.example", "application/json", `{"message":{"subject":"a"}}`, 400, ""},
		{"20 MB", token, "scan@contoso.example", "text/plain", strings.Repeat("A", 20<<20), 413, ""},
	} {
		status, code, text := post(t, l, tt.token, "/v1.0/users/"+tt.user+"/sendMail", tt.kind, []byte(tt.body))
		if status != tt.status || tt.code != "" && code != tt.code || text == "" {
			t.Errorf("%s: %d %s %q, want %d %s", tt.what, status, code, text, tt.status, tt.code)
		}
	}
	if list := inbox(t, l, inside); len(list) != 0 {
		t.Errorf("delivered all the same: %+v", list)
	}
	// Send As opens the other address.
	execute(t, l, named(t, "send-as", wizard.ScriptValues{
		App: wizard.Registration{Name: "lab", ClientID: l.App().ClientID, ObjectID: l.App().ObjectID}, SendAs: []string{"accounting@contoso.example"},
	}))
}

// provisionTrace makes the service principal that the message trace needs
// (Graph, resource type exchangeMessageTrace, Prerequisites).
func provisionTrace(t *testing.T, l *lab.Lab) {
	t.Helper()
	status, code, text := post(t, l, l.AdminToken("Application.ReadWrite.All"), "/v1.0/servicePrincipals", "application/json",
		[]byte(`{"appId":"8bd644d1-64a1-4d4b-ae52-2e0cbf64e373"}`))
	if status != http.StatusCreated {
		t.Fatalf("service principal: %d %s %s", status, code, text)
	}
}

// traceRow is a message trace as Graph shows it.
type traceRow struct {
	ID, MessageID, SenderAddress, RecipientAddress, FromIP, ToIP, Status, Subject string
	Size                                                                          int
	ReceivedDateTime                                                              time.Time
}

func trace(t *testing.T, l *lab.Lab, filter string) []traceRow {
	t.Helper()
	var list struct{ Value []traceRow }
	path := "/v1.0/admin/exchange/tracing/messageTraces"
	if filter != "" {
		path += "?$filter=" + url.QueryEscape(filter)
	}
	if status := fetch(t, l, path, &list); status != http.StatusOK {
		t.Fatalf("trace with %q: %d", filter, status)
	}
	return list.Value
}

// detail is what happened to a message on its way to its recipient.
func detail(t *testing.T, l *lab.Lab, r traceRow) (events []struct{ Event, Description, Data string }) {
	t.Helper()
	var list struct {
		Value []struct{ Event, Description, Data string }
	}
	if status := fetch(t, l, "/v1.0/admin/exchange/tracing/messageTraces/"+r.ID+"/getDetailsByRecipient(recipientAddress='"+url.PathEscape(r.RecipientAddress)+"')", &list); status != http.StatusOK {
		t.Fatalf("detail: %d", status)
	}
	return list.Value
}

// lastBounce is why the last message that failed did.
func lastBounce(t *testing.T, l *lab.Lab) string {
	t.Helper()
	rows := trace(t, l, "status eq 'failed'")
	if len(rows) == 0 {
		return ""
	}
	events := detail(t, l, rows[0])
	last := events[len(events)-1]
	if last.Event != "Fail" {
		return ""
	}
	_, reply, _ := strings.Cut(last.Description, "LED=")
	return strings.TrimSuffix(reply, "}]")
}

// Graph, resource types exchangeMessageTrace and exchangeMessageTraceDetail.
func TestMessageTraceShowsTheAddressAndTheConnector(t *testing.T) {
	clock := newClock()
	l := start(t, lab.Options{Now: clock.now, Delay: time.Minute, Faults: []string{"trace-unprovisioned"}})
	if status := fetch(t, l, "/v1.0/admin/exchange/tracing/messageTraces", new(any)); status != http.StatusUnauthorized {
		t.Errorf("without the service principal: %d", status)
	}
	provisionTrace(t, l)
	execute(t, l, named(t, "connector-address", wizard.ScriptValues{Addresses: []string{l.PublicAddress()}, Connector: "Devices & co"}))
	wantTaken(t, "sent", secure(t, l, "mx").send(device, inside, outside))
	rows := trace(t, l, "senderAddress eq '"+device+"' and recipientAddress eq '"+inside+"'")
	if len(rows) != 1 || rows[0].FromIP != "203.0.113.10" || rows[0].ToIP != "" || rows[0].Status != "pending" || rows[0].Size == 0 || rows[0].Subject != "scan" {
		t.Fatalf("before it arrived: %+v", rows)
	}
	clock.pass(2 * time.Minute)
	rows = trace(t, l, "messageId eq '"+rows[0].MessageID+"'")
	if len(rows) != 2 || rows[0].Status != "delivered" || rows[0].ToIP == "" || rows[1].RecipientAddress != inside {
		t.Fatalf("after it arrived: %+v", rows)
	}
	var page struct {
		Value []traceRow
		Next  string `json:"@odata.nextLink"`
	}
	fetch(t, l, "/v1.0/admin/exchange/tracing/messageTraces?$top=1", &page)
	first := slices.Clone(page.Value)
	fetch(t, l, strings.TrimPrefix(page.Next, l.GraphBase()), &page)
	if len(first) != 1 || len(page.Value) != 1 || first[0].RecipientAddress == page.Value[0].RecipientAddress {
		t.Errorf("two pages: %+v and %+v", first, page.Value)
	}
	events := detail(t, l, rows[1])
	if len(events) != 2 || events[0].Event != "Receive" || events[1].Event != "Deliver" || !strings.Contains(events[0].Data, `String="Devices &amp; co"`) {
		t.Errorf("detail: %+v", events)
	}
	late := clock.now().Add(time.Hour).UTC().Format(time.RFC3339)
	if rows := trace(t, l, "receivedDateTime ge "+late); len(rows) != 0 {
		t.Errorf("later than now: %+v", rows)
	}
	if status := fetch(t, l, "/v1.0/admin/exchange/tracing/messageTraces?$filter="+url.QueryEscape("size gt 5"), new(any)); status != http.StatusBadRequest {
		t.Errorf("a filter that is not documented: %d", status)
	}
}
