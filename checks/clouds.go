package checks

import "slices"

// Cloud is one of Microsoft's clouds with its hosts and scopes. A field that
// is empty is not known, or does not exist there.
type Cloud struct {
	ID         string   `json:"id"` // "worldwide", "gcc-high", "dod", "21vianet"; name under "cloud.<id>"
	Aliases    []string `json:"aliases,omitempty"`
	Login      string   `json:"login"`
	LoginOld   string   `json:"login_old,omitempty"`
	Graph      string   `json:"graph"`
	SMTP       string   `json:"smtp"` // host of client submission
	Ports      []int    `json:"ports"`
	Legacy     string   `json:"smtp_legacy,omitempty"` // host that still takes TLS 1.0 and 1.1
	Delegated  string   `json:"delegated_scope,omitempty"`
	AppScope   string   `json:"app_scope"`
	PowerShell string   `json:"exchange_environment"` // for -ExchangeEnvironmentName
	// SPF is the domain that a domain's SPF policy includes for mail that
	// Exchange Online sends.
	SPF string `json:"spf,omitempty"`
	// Conflicts are values that other sources give, by field.
	Conflicts  map[string]string `json:"conflicts,omitempty"`
	Source     string            `json:"source"`
	Confidence string            `json:"confidence"`
}

// Clouds is the table of clouds, worldwide first.
func Clouds() []Cloud { return read[Cloud]("clouds.json") }

// CloudByID finds a cloud by id or alias; "" is the worldwide one.
func CloudByID(id string) (c Cloud, ok bool) {
	for _, c := range Clouds() {
		if c.ID == id || id == "" {
			return c, true
		}
		if slices.Contains(c.Aliases, id) {
			return c, true
		}
	}
	return Cloud{}, false
}
