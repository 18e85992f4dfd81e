package capture

import "offbasic/probes"

// clean makes text of a client fit to be shown and kept; what is longer than
// limit bytes is cut.
func clean[T string | []byte](s T, limit int) string { return probes.Clean(string(s), limit) }
