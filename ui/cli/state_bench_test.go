package cli

import (
	"encoding/json"
	"fmt"
	"testing"

	"offbasic/checks"
	"offbasic/wizard"
)

// The tenant's state from the file that PowerShell wrote in a tenant of 5,000
// mailboxes: read, understood and judged.
func BenchmarkStateOf5000Mailboxes(b *testing.B) {
	w := openWork(b, b.TempDir()+"/m")
	if err := w.begin(b.Context(), true); err != nil {
		b.Fatal(err)
	}
	s, _ := wizard.ScriptNamed("tenant-state", wizard.ScriptValues{})
	f, err := w.Lab.Execute(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	f.Results["cas_mailboxes"] = nil
	for i := range 5000 {
		f.Results["cas_mailboxes"] = append(f.Results["cas_mailboxes"], map[string]string{
			"PrimarySmtpAddress": fmt.Sprintf("user%d@contoso.example", i), "SmtpClientAuthenticationDisabled": []string{"", "False"}[i%2],
		})
	}
	text, err := json.MarshalIndent(f, "", "                    ") // as Windows PowerShell 5.1 indents
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Folder.Import("tenant-state", text); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		facts, _, err := w.TenantFacts(b.Context())
		if err != nil || len(checks.TenantState(facts)) == 0 {
			b.Fatal(err)
		}
	}
}
