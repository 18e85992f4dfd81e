package report

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"offbasic/assets"
	"offbasic/checks"
	"offbasic/probes"
	"offbasic/ui/text"
)

// secretive holds names in every field that can have one.
func secretive() probes.Session {
	return probes.Session{
		ID: "s1", Peer: "10.20.30.40", MAC: "00:26:73:8a:1b:2c", Listener: "10.20.30.41:587", Hello: "RNP0026738A1B2C",
		TLS:      probes.TLS{Mode: probes.StartTLS, Version: "TLS 1.2", SNI: "mail.fabrikam-works.com", JA3: "abc"},
		Auth:     []probes.Auth{{Mechanism: "NTLM", Account: "Scan@Fabrikam-Works.com", Domain: "FABRIKAM", Host: "COPIER7", Reply: "235 2.7.0 Authentication successful", Claims: &probes.Claims{Tenant: "11111111-2222-3333-4444-555555555555", User: "scan@fabrikam-works.com", Roles: []string{"SMTP.SendAsApp"}}}},
		MailFrom: "scan@fabrikam-works.com", RcptTo: []string{"lucie.martin@fabrikam-works.com", "x@partner-gmbh.de"},
		Message: &probes.Message{
			From: "scan@fabrikam-works.com", Subject: "Invoice Dupont 4711", MessageID: "<1@copier.fabrikam-works.com>", Mailer: "Canon iR-ADV", Attachments: []string{"Dupont invoice.pdf"}, File: "messages/s1.eml",
		},
		Quirks: []string{"helo"}, End: probes.EndQuit,
		Transcript: []probes.Line{
			{From: probes.Server, Text: "220 smtp.office365.com ready"},
			{From: probes.Client, Text: "EHLO RNP0026738A1B2C"},
			{From: probes.Client, Text: "AUTH LOGIN U2NhbkBGYWJyaWthbS1Xb3Jrcy5jb20="},
			{From: probes.Client, Text: "AUTH LOGIN c2Nhbg=="},
			{From: probes.Client, Text: "c2Nhbg=="},
			{From: probes.Client, Text: "MAIL FROM:<scan@fabrikam-works.com> SIZE=4711"},
			{From: probes.Client, Text: "RCPT TO:<lucie.martin@fabrikam-works.com>"},
			{From: probes.Server, Text: "354 go on"},
			{From: probes.Client, Text: "Subject: Invoice Dupont 4711"},
			{From: probes.Client, Text: "."},
			{From: probes.Server, Text: "250 2.0.0 OK from [10.20.30.41]"},
		},
	}
}

func bundle(t *testing.T) []File {
	t.Helper()
	tr, err := text.Load(assets.Locales(), "en")
	if err != nil {
		t.Fatal(err)
	}
	files, err := Bundle(tr, "1", []probes.Session{secretive()}, []checks.Finding{{Check: "account", Status: checks.Pass, Sender: "10.20.30.40", Args: map[string]string{"account": "scan@fabrikam-works.com", "source": "smtp_auth_report", "file": "fabrikam report.csv"}}})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestABundleHoldsNoNameOfAnybody(t *testing.T) {
	for _, f := range bundle(t) {
		low := strings.ToLower(string(f.Data))
		for _, name := range []string{"fabrikam", "lucie", "martin", "partner-gmbh", "dupont", "10.20.30", "rnp0026738", "copier7", "8a:1b:2c", "u2nhbkbg", "11111111-2222", "messages/", "c2nhbg"} {
			if strings.Contains(low, name) {
				t.Errorf("%s holds %q:\n%s", f.Name, name, f.Data)
			}
		}
	}
}

func TestABundleKeepsWhatTellsTheDevice(t *testing.T) {
	s := string(bundle(t)[2].Data)
	for _, want := range []string{`"ja3":"abc"`, `"TLS 1.2"`, "NTLM", "00:26:73:00:00:00", "Canon iR-ADV", `"helo"`, "SMTP.SendAsApp", "235 2.7.0", "smtp.office365.com", "attachment.pdf", ":587"} {
		if !strings.Contains(s, want) {
			t.Errorf("it does not hold %q:\n%s", want, s)
		}
	}
}

func TestANameIsReplacedByTheSameOneThroughout(t *testing.T) {
	files := bundle(t)
	s := string(files[2].Data)
	if n := strings.Count(s, "user1@domain"); n < 5 {
		t.Errorf("the account is the same %d times, want 5 or more:\n%s", n, s)
	}
	if !strings.Contains(string(files[3].Data), "user1@domain") {
		t.Errorf("the finding names another account: %s", files[3].Data)
	}
}

func TestABundleIsAZip(t *testing.T) {
	var b bytes.Buffer
	if err := Zip(&b, bundle(t)); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(z.File) != 4 {
		t.Errorf("got %v and %d files", err, len(z.File))
	}
}

func TestABundleKeepsTheKindOfAnExportAndOfItsFile(t *testing.T) {
	s := string(bundle(t)[3].Data)
	for _, want := range []string{`"source":"smtp_auth_report"`, `"file":"file1.csv"`} {
		if !strings.Contains(s, want) {
			t.Errorf("it does not hold %s: %s", want, s)
		}
	}
}
