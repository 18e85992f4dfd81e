package checks

import (
	"testing"

	"offbasic/probes"
)

func TestProgramIsThatOfTheLastMessageAndNoPrinters(t *testing.T) {
	mailed := func(names ...string) []probes.Session {
		var all []probes.Session
		for _, n := range names {
			all = append(all, probes.Session{Message: &probes.Message{Mailer: n}})
		}
		return append(all, probes.Session{})
	}
	for _, tt := range []struct {
		facts Facts
		want  string
	}{
		{Facts{}, ""},
		{Facts{Sessions: mailed("PHPMailer 5", "PHPMailer 6", "")}, "PHPMailer 6"},
		{Facts{Sessions: mailed("Canon MFP"), Device: &Device{Kind: "mfp"}}, ""},
		{Facts{Sessions: mailed("Zabbix"), Device: &Device{Kind: "monitoring"}}, "Zabbix"},
	} {
		if got := Program(tt.facts); got != tt.want {
			t.Errorf("the program of %+v is %q, want %q", tt.facts, got, tt.want)
		}
	}
}
