package exports

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"offbasic/probes"
)

// now is after the dates in the examples.
func now() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

type got struct {
	rows []probes.Sighting
	sum  Summary
	err  error
}

func readBytes(t *testing.T, b []byte, o Options) got {
	t.Helper()
	var g got
	o.Name, o.Now = "export.csv", now
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	g.sum, g.err = Read(t.Context(), open, o, func() { g.rows = nil }, func(s probes.Sighting) error {
		g.rows = append(g.rows, s)
		return nil
	})
	return g
}

func read(t *testing.T, s string, o Options) got {
	t.Helper()
	return readBytes(t, []byte(s), o)
}

func wantCode(t *testing.T, err error, code probes.Code) *probes.Fault {
	t.Helper()
	var f *probes.Fault
	if !errors.As(err, &f) || f.Code != code {
		t.Fatalf("the error is %v, want %s", err, code)
	}
	return f
}

// The report's columns are those that Microsoft documents for its detail
// table (MC786329; SMTP AUTH clients report in the Exchange admin center).
const report = "Sender address,Domain,TLS 1.0,TLS 1.1,TLS 1.2,Messages sent,Authentication Protocol\n" +
	"scan@contoso.example,contoso.example,0,12.5,87.5,\"1,234\",Basic\n" +
	"erp@contoso.example,contoso.example,0,0,100,77,OAuth\n"

func TestTheReportTellsAccountVolumeProtocolAndOldTLS(t *testing.T) {
	g := read(t, report, Options{})
	if g.err != nil {
		t.Fatal(g.err)
	}
	want := probes.Sighting{Kind: probes.FromReport, Line: 2, Account: "scan@contoso.example", From: "scan@contoso.example", Protocol: "basic", OldTLS: 12.5, Messages: 1234}
	if len(g.rows) != 2 || g.rows[0] != want {
		t.Errorf("got %+v\nwant %+v first", g.rows, want)
	}
	if g.rows[1].Protocol != "oauth" || g.rows[1].OldTLS != 0 {
		t.Errorf("the second row is %+v", g.rows[1])
	}
}

func TestTheReportIsReadInEverySpelling(t *testing.T) {
	french := "Adresse de l'expéditeur;Domaine;TLS 1.0;TLS 1.1;TLS 1.2;Messages envoyés;Protocole d'authentification\r\n" +
		"scan@contoso.example;contoso.example;0;12,5%;87,5%;1 234;De base\r\n"
	for name, b := range map[string][]byte{
		"semicolon, French": []byte(french),
		"UTF-8 with BOM":    []byte("\ufeff" + report),
		"tabs":              []byte("sep=\t\n" + strings.ReplaceAll(strings.ReplaceAll(report, `"1,234"`, "1.234"), ",", "\t")),
		"UTF-16 LE":         encode(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), report),
		"UTF-16 BE":         encode(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder(), report),
		"UTF-16, no BOM":    encode(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder(), report),
		"Windows-1252":      encode(t, charmap.Windows1252.NewEncoder(), french),
		"gzip":              zipped(t, report),
	} {
		t.Run(name, func(t *testing.T) {
			g := readBytes(t, b, Options{})
			if g.err != nil {
				t.Fatal(g.err)
			}
			if g.sum.Kind != probes.FromReport || len(g.rows) == 0 || g.rows[0].Account != "scan@contoso.example" ||
				g.rows[0].Messages != 1234 || g.rows[0].OldTLS != 12.5 || g.rows[0].Protocol != "basic" {
				t.Errorf("got %s %+v, columns %v", g.sum.Kind, g.rows, g.sum.Known)
			}
		})
	}
}

func encode(t *testing.T, e interface{ Bytes([]byte) ([]byte, error) }, s string) []byte {
	t.Helper()
	b, err := e.Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The headings are those of the portal's download of interactive sign-ins;
// the values of "Client app" are those of clientAppUsed (Graph, signIn).
const signIns = "Date (UTC),Request ID,User,Username,User type,Incoming token type,Authentication Protocol,Application,IP address,Location,Status,Sign-in error code,Failure reason,Client app\n" +
	"2026-11-20T08:01:02Z,1,Scanner,SCAN@contoso.example,Member,none,none,Office 365 Exchange Online,192.0.2.7,\"Lyon, FR\",Success,0,,Authenticated SMTP\n" +
	"2026-11-20T09:01:02Z,2,Somebody,a@contoso.example,Member,none,none,Teams,192.0.2.7,,Success,0,,Browser\n" +
	"2026-11-21T08:01:02Z,3,Scanner,scan@contoso.example,Member,none,none,Office 365 Exchange Online,192.0.2.7,,Failure,50126,Invalid,Authenticated SMTP\n"

func TestTheSignInLogTellsWhoSignedInOverSMTPAndWhatWasRefused(t *testing.T) {
	g := read(t, signIns, Options{})
	if g.err != nil {
		t.Fatal(g.err)
	}
	if len(g.rows) != 2 || g.sum.Skipped != 1 {
		t.Fatalf("%d rows and %d skipped, want 2 and 1: %+v", len(g.rows), g.sum.Skipped, g.rows)
	}
	if r := g.rows[0]; r.Account != "scan@contoso.example" || r.Peer != "192.0.2.7" || !r.At.Equal(time.Date(2026, 11, 20, 8, 1, 2, 0, time.UTC)) || r.Protocol != "" {
		t.Errorf("the first row is %+v", r)
	}
	if r := g.rows[1]; !r.Refused || r.Why != "AADSTS50126" || r.Messages != 0 {
		t.Errorf("the refused row is %+v", r)
	}
}

// Graph, signIn: the portal's JSON export is an array of them.
func TestTheSignInLogIsReadAsJSON(t *testing.T) {
	one := `{"createdDateTime":"2026-11-20T08:01:02Z","userPrincipalName":"scan@contoso.example","clientAppUsed":"Authenticated SMTP","ipAddress":"192.0.2.7","status":{"errorCode":0}}`
	other := `{"createdDateTime":"2026-11-20T08:01:02Z","userPrincipalName":"a@contoso.example","clientAppUsed":"Browser","status":{"errorCode":0}}`
	for name, s := range map[string]string{
		"array": "[" + one + "," + other + "]", "answer": `{"@odata.context":"x","value":[` + one + "," + other + "]}", "lines": one + "\n" + other + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := read(t, s, Options{})
			if g.err != nil || len(g.rows) != 1 || g.sum.Skipped != 1 || g.rows[0].Account != "scan@contoso.example" {
				t.Errorf("got %v %+v %+v", g.err, g.sum, g.rows)
			}
		})
	}
	wantCode(t, read(t, "["+one+",", Options{}).err, Broken)
	wantCode(t, read(t, `[{"a":1}]`, Options{}).err, Unknown)
}

// Get-MessageTraceV2 has these properties; Export-Csv of Windows PowerShell
// writes the #TYPE line.
func TestAMessageTraceOfPowerShellIsRead(t *testing.T) {
	g := read(t, "#TYPE Deserialized.Microsoft.Exchange.Management.FfoReporting.MessageTrace\n"+
		`"Received","SenderAddress","RecipientAddress","Subject","Status","ToIP","FromIP","Size","MessageId"`+"\n"+
		`"11/20/2026 8:01:02 AM","scan@contoso.example","a@example.org","Scan, page 1","Delivered","","192.0.2.7","20480","<1@x>"`+"\n"+
		`"11/21/2026 8:01:02 AM","<>","a@example.org","Undeliverable","Failed","","","1","<2@x>"`+"\n", Options{})
	if g.err != nil {
		t.Fatal(g.err)
	}
	want := probes.Sighting{
		Kind: probes.FromTrace, Line: 3, From: "scan@contoso.example", Peer: "192.0.2.7", OldTLS: -1, Messages: 1, To: "example.org", Size: 20480,
		At: time.Date(2026, 11, 20, 8, 1, 2, 0, time.UTC),
	}
	if len(g.rows) != 1 || g.rows[0] != want || g.sum.Skipped != 1 || g.sum.Order != MonthFirst {
		t.Errorf("got %+v %+v\nwant %+v", g.sum, g.rows, want)
	}
}

// The columns are those of the enhanced summary report (Message trace in the
// new Exchange admin center, "Enhanced summary reports").
func TestTheEnhancedSummaryOfATraceIsRead(t *testing.T) {
	g := read(t, "origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,network_message_id,original_client_ip,directionality,connector_id\n"+
		"2026-11-20T08:01:02.1234567Z,scan@contoso.example,a@example.org##Receive; Send,Scan,20480,<1@x>,1,192.0.2.7,2,\n", Options{})
	if g.err != nil || len(g.rows) != 1 {
		t.Fatalf("got %v %+v", g.err, g.sum)
	}
	if r := g.rows[0]; r.To != "example.org" || r.Peer != "192.0.2.7" || r.Size != 20480 || r.At.Day() != 20 {
		t.Errorf("got %+v", r)
	}
}

func TestMailboxesWhoseOwnSwitchIsOnAreSenders(t *testing.T) {
	g := read(t, "Name,PrimarySmtpAddress,SmtpClientAuthenticationDisabled\nScanner,scan@contoso.example,False\nA,a@contoso.example,True\nB,b@contoso.example,\n", Options{})
	if g.err != nil || len(g.rows) != 1 || g.rows[0].Account != "scan@contoso.example" || g.rows[0].SMTPAuth != "on" || g.sum.Skipped != 2 {
		t.Errorf("got %v %+v %+v", g.err, g.sum, g.rows)
	}
	readBack := `{"type":"readback","schema":1,"script":"basic-usage","results":{"cas_mailboxes":[{"PrimarySmtpAddress":"scan@contoso.example","SmtpClientAuthenticationDisabled":"False"}]}}`
	if g := read(t, readBack, Options{}); g.err != nil || len(g.rows) != 1 || g.sum.Kind != probes.FromMailbox {
		t.Errorf("the read-back gives %v %+v", g.err, g.rows)
	}
}

func TestAListOfSomebodyIsRead(t *testing.T) {
	g := read(t, "Nom;Modèle;Adresse IP;Boîte;Référent;Site\nCopieur 2e;C3320i;192.0.2.7;scan@contoso.example;Accueil;Lyon\n;;;;;\n", Options{})
	want := probes.Sighting{
		Kind: probes.FromList, Line: 2, Name: "Copieur 2e", Model: "C3320i", Peer: "192.0.2.7", Account: "scan@contoso.example", Contact: "Accueil", Site: "Lyon", OldTLS: -1,
	}
	if g.err != nil || len(g.rows) != 1 || g.rows[0] != want || g.sum.BadRows != 1 {
		t.Errorf("got %v %+v\n%+v\nwant %+v", g.err, g.sum, g.rows, want)
	}
}

// The lines are of the form that Postfix writes (postfix-logging; qmgr(8),
// smtpd(8), smtp(8)).
func TestPostfixTellsWhoGaveItAMessage(t *testing.T) {
	g := read(t, `Dec 31 23:59:58 mail postfix/smtpd[7]: connect from printer[192.0.2.7]
Dec 31 23:59:58 mail postfix/smtpd[7]: 4F2A1BC01: client=printer[192.0.2.7], sasl_method=LOGIN, sasl_username=scan
Dec 31 23:59:58 mail postfix/qmgr[8]: 4F2A1BC01: from=<scan@contoso.example>, size=20480, nrcpt=1 (queue active)
Jan  1 00:00:01 mail postfix/smtp[9]: 4F2A1BC01: to=<a@example.org>, relay=smtp.office365.com[203.0.113.9]:587, delay=3, dsn=2.0.0, status=sent (250 2.0.0 OK)
Jan  1 00:00:01 mail postfix/qmgr[8]: 4F2A1BC01: removed
`, Options{})
	want := probes.Sighting{
		Kind: probes.FromPostfix, Line: 4, Account: "scan", From: "scan@contoso.example", Peer: "192.0.2.7", OldTLS: -1, Messages: 1, To: "example.org", Size: 20480,
		At: time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC),
	}
	if g.err != nil || len(g.rows) != 1 || g.rows[0] != want {
		t.Errorf("got %v %+v\nwant %+v", g.err, g.rows, want)
	}
	if !g.sum.YearsGuessed {
		t.Error("it is not said that the years were guessed")
	}
}

// A year is the last one that is not in the future: at 22 November 2026,
// 23 December was in 2025.
func TestALogWithoutYearsIsOfTheLastTwelveMonths(t *testing.T) {
	d := dates{now: now()}
	for s, year := range map[string]int{"Nov 22 11:00:00": 2026, "Dec 23 11:00:00": 2025, "Jan  2 11:00:00": 2026} {
		if got, ok := d.syslog(s); !ok || got.Year() != year {
			t.Errorf("%s is in %d, want %d", s, got.Year(), year)
		}
	}
}

// The fields are those of the W3C extended log of IIS's SMTP service.
func TestIISTellsWhoGaveItAMessage(t *testing.T) {
	g := read(t, `#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Fields: date time c-ip cs-username s-sitename s-computername s-ip s-port cs-method cs-uri-stem cs-uri-query sc-status sc-win32-status sc-bytes cs-bytes time-taken
2026-11-20 08:01:02 192.0.2.7 printer SMTPSVC1 MAIL01 192.0.2.10 0 MAIL - +FROM:<scan@contoso.example> 250 0 44 35 0
2026-11-20 08:01:02 192.0.2.7 printer SMTPSVC1 MAIL01 192.0.2.10 0 RCPT - +TO:<a@example.org> 250 0 30 28 0
2026-11-20 08:01:03 192.0.2.7 printer SMTPSVC1 MAIL01 192.0.2.10 0 DATA - <1@printer> 250 0 127 20480 15
2026-11-20 08:01:04 203.0.113.9 OutboundConnectionResponse SMTPSVC1 MAIL01 - 25 - - 250+OK 0 0 10 0 0
`, Options{})
	want := probes.Sighting{
		Kind: probes.FromIIS, Line: 6, From: "scan@contoso.example", Peer: "192.0.2.7", OldTLS: -1, Messages: 1, To: "example.org", Size: 20480,
		At: time.Date(2026, 11, 20, 8, 1, 3, 0, time.UTC),
	}
	if g.err != nil || len(g.rows) != 1 || g.rows[0] != want {
		t.Errorf("got %v %+v %+v\nwant %+v", g.err, g.sum, g.rows, want)
	}
}

func TestABadRowCostsOnlyItself(t *testing.T) {
	rows := []string{
		"a@contoso.example,contoso.example,0,0,100,1,Basic",
		`"b@contoso.example,contoso.example,0,0,100,1,Basic`, // never closed
		"c@contoso.example,contoso.example,0,0,100,many,Basic",
		"nobody,contoso.example,0,0,100,1,Basic",
		strings.Repeat("x", maxLine*2),
		"d@contoso.example,contoso.example,0,0,100,1,Basic",
		"\"e\n@contoso.example\",contoso.example,0,0,100,1,Basic",
		"f@contoso.example,contoso.example,0,0,100,1,Basic",
	}
	g := read(t, strings.SplitAfter(report, "\n")[0]+strings.Join(rows, "\n"), Options{})
	if g.err != nil {
		t.Fatal(g.err)
	}
	var accounts []string
	for _, r := range g.rows {
		accounts = append(accounts, r.Account)
	}
	if s := strings.Join(accounts, " "); s != "a@contoso.example d@contoso.example f@contoso.example" {
		t.Errorf("read %s", s)
	}
	want := []Bad{{3, "quote"}, {6, "long"}, {4, "number"}, {5, "address"}, {9, "address"}}
	if !slices.Equal(g.sum.Bad, want) {
		t.Errorf("bad rows are %+v, want %+v", g.sum.Bad, want)
	}
	if last := g.rows[len(g.rows)-1]; last.Line != 10 {
		t.Errorf("the last row is of line %d, want 10", last.Line)
	}
}

func TestWhatIsNoExportIsRefusedForWhatItIs(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		code probes.Code
		arg  string
	}{
		"a PDF":           {"%PDF-1.7\n%\xe2\xe3", NotText, "pdf"},
		"a workbook":      {"PK\x03\x04\x14\x00", NotText, "xlsx"},
		"a web page":      {"<!DOCTYPE html><html>", NotText, "html"},
		"noise":           {"\x00\x01\x02\x03\x7f\x00\x00\x00", NotText, "binary"},
		"nothing":         {" \r\n", Empty, ""},
		"another report":  {"Mailbox size,Item count,Quota\n1,2,3\n", AskColumns, ""},
		"a third tongue":  {"Absenderadresse;Gesendete Nachrichten\nscan@contoso.example;3\n", AskColumns, ""},
		"a text":          {"Dear colleague\nplease find\n", Unknown, ""},
		"no row is right": {strings.SplitAfter(report, "\n")[0] + "x,y,0,0,0,1,Basic\n", AllBad, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := wantCode(t, read(t, c.text, Options{}).err, c.code)
			if f.Args["what"] != c.arg {
				t.Errorf("it is taken for %q, want %q", f.Args["what"], c.arg)
			}
		})
	}
}

func TestColumnsCanBeNamed(t *testing.T) {
	german := "Absenderadresse;Gesendete Nachrichten\nscan@contoso.example;3\n"
	g := read(t, german, Options{Columns: map[Field]string{From: "Absenderadresse", Messages: "gesendete nachrichten"}})
	if g.err != nil || len(g.rows) != 1 || g.rows[0].Account != "scan@contoso.example" {
		t.Errorf("got %v %+v", g.err, g.rows)
	}
	f := wantCode(t, read(t, german, Options{Columns: map[Field]string{From: "Absender"}}).err, BadColumn)
	if f.Args["column"] != "Absender" || !strings.Contains(f.Args["columns"], "Absenderadresse") {
		t.Errorf("it says %v", f.Args)
	}
}

func TestTheOrderOfADateIsToldByTheFileOrAsked(t *testing.T) {
	trace := func(dates ...string) string {
		rows := []string{"Received,SenderAddress,RecipientAddress,MessageId\n"}
		for _, d := range dates {
			rows = append(rows, d+",scan@contoso.example,a@example.org,<1@x>\n")
		}
		return strings.Join(rows, "")
	}
	third := time.Date(2026, 4, 3, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		text  string
		order Order
		first time.Time
	}{
		"French, told late":   {trace("03/04/2026 10:00", "13/04/2026 10:00"), "", third},
		"American, told late": {trace("04/03/2026 10:00", "04/13/2026 10:00"), "", third},
		"said to be French":   {trace("03/04/2026 10:00"), DayFirst, third},
		"the same either way": {trace("04/04/2026 10:00"), "", third.AddDate(0, 0, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			g := read(t, c.text, Options{Order: c.order})
			if g.err != nil || !g.rows[0].At.Equal(c.first) {
				t.Errorf("got %v %v, want %v", g.err, g.rows, c.first)
			}
		})
	}
	f := wantCode(t, read(t, trace("04/04/2026 10:00", "03/04/2026 10:00"), Options{}).err, AskOrder)
	if f.Args["example"] != "03/04/2026 10:00" || f.Args["line"] != "3" {
		t.Errorf("it asks about %v", f.Args)
	}
	if g := read(t, trace("13/04/2026 10:00", "04/13/2026 10:00"), Options{}); g.sum.BadRows != 1 || g.sum.Bad[0].Why != "date" {
		t.Errorf("a date of the other order gives %+v", g.sum)
	}
}

func TestHostileTextIsCleaned(t *testing.T) {
	g := read(t, "Name,Model,Mailbox\n\x1b[2Jprinter\u202e,=cmd,scan@contoso.example\n", Options{})
	if g.err != nil || strings.ContainsAny(g.rows[0].Name, "\x1b\u202e") {
		t.Errorf("got %v %q", g.err, g.rows[0].Name)
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(report)), nil }
	_, err := Read(ctx, open, Options{Name: "x"}, func() {}, func(probes.Sighting) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{report, signIns, "[{\"clientAppUsed\":\"SMTP\"}]", "#Fields: date c-ip\n2026-01-01 192.0.2.1\n", "Name,Model\n\"a\n\"\"b,c\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
		_, err := Read(t.Context(), open, Options{Name: "x", Now: now}, func() {}, func(s probes.Sighting) error {
			for _, text := range []string{s.Account, s.From, s.Name, s.Model, s.Contact, s.Site, s.To, s.Why, s.Peer} {
				if text != probes.Clean(text, 2*maxText) {
					t.Errorf("%q is not clean", text)
				}
			}
			return nil
		})
		var fault *probes.Fault
		if err != nil && !errors.As(err, &fault) {
			t.Errorf("the error is %v, not a fault", err)
		}
	})
}
