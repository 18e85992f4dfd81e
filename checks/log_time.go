package checks

import "strings"

// stampOn finds the time at the beginning of a line, as it is written there:
// "Nov 22 10:00:00", "2026-11-22T10:00:00.123Z", "22/11/2026 10:00",
// "[22/Nov/2026:10:00:00 +0100]", with or without the seconds.
func stampOn(line string) string {
	s := line[:min(len(line), 64)]
	if rest, ok := strings.CutPrefix(s, "<"); ok { // the priority of RFC 5424
		if n, after, ok := strings.Cut(rest, ">"); ok && len(n) <= 3 {
			s = strings.TrimPrefix(after, "1 ")
		}
	}
	s = strings.TrimLeft(s, " \"'[")
	n := dateIn(s)
	if n == 0 {
		return ""
	}
	gap := n
	for gap < len(s) && gap < n+3 && strings.IndexByte(" T,;:\t\"", s[gap]) >= 0 {
		gap++
	}
	clock := clockIn(s[gap:])
	if clock == 0 {
		if hasYear(s[:n]) {
			return s[:n]
		}
		return ""
	}
	end := gap + clock
	end += zoneIn(s[end:])
	return strings.ReplaceAll(s[:end], `"`, "")
}

// dateIn is the length of the date at the beginning of s: three parts, of
// which the month may be a name, or the two of syslog, "Nov 22".
//
//nolint:gocognit // one look after the other for each way that logs write a date
func dateIn(s string) int {
	if len(s) > 7 && isLetter(s[0]) && isLetter(s[1]) && isLetter(s[2]) && s[3] == ' ' {
		if isDigit(s[5]) && (s[4] == ' ' || isDigit(s[4])) {
			return 6
		}
		if isDigit(s[4]) && s[5] == ' ' {
			return 5
		}
		return 0
	}
	n, parts := 0, 0
	for parts < 3 && n < len(s) {
		from := n
		for n < len(s) && n-from < 4 && (isDigit(s[n]) || parts == 1 && isLetter(s[n])) {
			n++
		}
		if n == from {
			return 0
		}
		parts++
		if parts < 3 {
			if n == len(s) || s[n] != '-' && s[n] != '/' && s[n] != '.' {
				return 0
			}
			n++
		}
	}
	if parts < 3 || n < 6 {
		return 0
	}
	return n
}

// hasYear tells a date that has a year of four digits at one end, which
// tells it from an enhanced code.
func hasYear(s string) bool {
	year := func(s string) bool { _, n := number(s[:3]); return n == 3 && isDigit(s[3]) }
	return len(s) >= 8 && (year(s) && !isDigit(s[4]) || year(s[len(s)-4:]))
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// clockIn is the length of "10:00", "10:00:00" or "10:00:00.123".
func clockIn(s string) int {
	n, colons := 0, 0
	for n < len(s) && n < 20 {
		switch c := s[n]; {
		case isDigit(c):
		case c == ':' && n > 0 && colons < 2:
			colons++
		case (c == '.' || c == ',') && colons == 2 && n+1 < len(s) && isDigit(s[n+1]) && s[n-1] != ':':
		default:
			return whenColons(n, colons)
		}
		n++
	}
	return whenColons(n, colons)
}

func whenColons(n, colons int) int {
	if colons == 0 || n < 4 {
		return 0
	}
	return n
}

// zoneIn is the length of "Z", "+01:00", " +0100", " AM" or " PM".
func zoneIn(s string) int {
	if strings.HasPrefix(s, "Z") {
		return 1
	}
	n := len(s) - len(strings.TrimPrefix(s, " "))
	if len(s) >= n+2 && (s[n] == 'A' || s[n] == 'P') && s[n+1] == 'M' {
		return n + 2
	}
	if len(s) < n+5 || s[n] != '+' && s[n] != '-' || !isDigit(s[n+1]) || !isDigit(s[n+2]) {
		return 0
	}
	if s[n+3] == ':' && len(s) >= n+6 && isDigit(s[n+4]) && isDigit(s[n+5]) {
		return n + 6
	}
	if isDigit(s[n+3]) && isDigit(s[n+4]) {
		return n + 5
	}
	return 0
}
