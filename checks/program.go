package checks

import "slices"

// Program is the program that a sender's messages name (X-Mailer or
// User-Agent), of its last message that names one. It is "" for a product with
// a program of its own, as a printer: two of those share no script.
func Program(f Facts) string {
	if f.Device != nil && slices.Contains([]string{"mfp", "nas", "ups", "network"}, f.Device.Kind) {
		return ""
	}
	for _, s := range slices.Backward(f.Sessions) {
		if s.Message != nil && s.Message.Mailer != "" {
			return s.Message.Mailer
		}
	}
	return ""
}
