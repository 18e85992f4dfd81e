package checks

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"offbasic/probes"
)

// status is an enhanced status code of RFC 3463, packed so that codes compare
// as numbers; 0 is none.
type status uint32

func (s status) subject() status { return s &^ 1023 }

// parseStatus reads "5.7.139"; 0 when s is no enhanced code.
func parseStatus(s string) status {
	st, n := statusAt(s)
	if n != len(s) {
		return 0
	}
	return st
}

// parseRange reads "5.7.139" or "5.7.606-5.7.649".
func parseRange(s string) (lo, hi status) {
	a, b, many := strings.Cut(s, "-")
	lo = parseStatus(a)
	if !many {
		return lo, lo
	}
	return lo, parseStatus(b)
}

// statusAt reads an enhanced code at the beginning of s and its length. An
// address such as 5.7.139.2 is none.
func statusAt(s string) (st status, n int) {
	if len(s) < 5 || s[0] != '2' && s[0] != '4' && s[0] != '5' || s[1] != '.' {
		return 0, 0
	}
	subject, a := number(s[2:])
	if a == 0 || 2+a >= len(s) || s[2+a] != '.' {
		return 0, 0
	}
	detail, b := number(s[3+a:])
	n = 3 + a + b
	if b == 0 || n < len(s) && (s[n] == '.' && n+1 < len(s) && isDigit(s[n+1]) || isWord(s[n])) {
		return 0, 0
	}
	return status(s[0]-'0')<<20 | status(subject)<<10 | status(detail), n
}

// number reads up to three digits.
func number(s string) (v, n int) {
	for n < len(s) && isDigit(s[n]) {
		if n == 3 {
			return 0, 0
		}
		v = v*10 + int(s[n]-'0')
		n++
	}
	return v, n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c >= utf8.RuneSelf
}

// found is a reply found in a line.
type found struct {
	code     int
	status   status
	enhanced string
	text     string
	server   string
	more     bool // "550-": another line of the same reply follows
}

// class is "5.7", or "5" without an enhanced code.
func (r found) class() string {
	if r.status != 0 {
		class, rest, _ := strings.Cut(r.enhanced, ".")
		subject, _, _ := strings.Cut(rest, ".")
		if len(subject) == 1 && subject[0] <= '7' { // RFC 3463 defines 0 to 7
			return class + "." + subject
		}
		return class
	}
	if r.code == 0 {
		return ""
	}
	return string([]byte{'0' + byte(r.code/100)})
}

// findReplies finds the reply that a text of one or several lines is about:
// the first refusal, else the first reply. Further lines of it are joined.
func findReplies(text string) (r found, ok bool) {
	for line := range strings.Lines(text) {
		next, is := findReply(line, false)
		switch {
		case !ok && is, ok && is && r.code < 400 && next.code >= 400:
			r, ok = next, true
		case ok && is && next.code == r.code && next.status == r.status:
			r.text = joined(r.text, next.text)
			r.server = next.server
		case ok && !is && r.code >= 400:
			r.text = joined(r.text, strings.TrimSpace(line))
			if r.server == "" {
				r.text, r.server = cutServer(r.text)
			}
		}
	}
	return r, ok
}

func joined(a, b string) string {
	if a == "" || b == "" || len(a) > maxText {
		return a + b
	}
	return a + " " + b
}

// findReply finds a reply in one line. A code that an enhanced code follows is
// preferred; a bare one counts only where a reply can stand. In a log, whose
// lines are full of numbers, strict wants more of a bare one.
func findReply(line string, strict bool) (r found, ok bool) {
	for i := 0; i+3 <= len(line); i++ {
		if !beginsNumber(line, i) {
			continue
		}
		if st, n := statusAt(line[i:]); st != 0 {
			if !ok {
				r, ok = statusAlone(line, i, strict)
			}
			i += n
			continue
		}
		if !isCode(line[i:]) {
			continue
		}
		next, enhanced := codeAt(line, i)
		if enhanced {
			return next, true
		}
		if r.code == 0 && replyAt(line, i, strict) {
			r, ok = next, true
		}
	}
	return r, ok
}

// statusAlone reads the enhanced code at i as a reply of its own.
func statusAlone(line string, i int, strict bool) (r found, ok bool) {
	if !aloneAt(line, i, strict) {
		return found{}, false
	}
	st, n := statusAt(line[i:])
	r = found{status: st, enhanced: line[i : i+n]}
	r.setText(line, i+n)
	return r, true
}

// beginsNumber tells whether a number from 2 to 5 begins at i.
func beginsNumber(line string, i int) bool {
	if line[i] < '2' || line[i] > '5' {
		return false
	}
	return i == 0 || !isWord(line[i-1]) && line[i-1] != '.'
}

// isCode tells whether s begins with a reply code (RFC 5321 section 4.2).
func isCode(s string) bool {
	return s[1] <= '5' && isDigit(s[1]) && isDigit(s[2]) && (len(s) == 3 || !isWord(s[3]))
}

// codeAt reads the reply whose code stands at i, and whether an enhanced code
// follows it: "550 5.7.30", "550-5.7.30", "(535, b'5.7.139".
func codeAt(line string, i int) (r found, enhanced bool) {
	r.code = int(line[i]-'0')*100 + int(line[i+1]-'0')*10 + int(line[i+2]-'0')
	j := i + 3
	r.more = j < len(line) && line[j] == '-'
	k := j
	for k < len(line) && k < j+5 && strings.IndexByte(" -,:b'\"#+", line[k]) >= 0 {
		k++
	}
	if k > j {
		if st, n := statusAt(line[k:]); st != 0 {
			r.status, r.enhanced = st, line[k:k+n]
			r.setText(line, k+n)
			return r, true
		}
	}
	r.setText(line, min(j+1, len(line)))
	return r, false
}

// setText takes the text from j on, without what the program that logged it
// put around it and without Microsoft's bracket.
func (r *found) setText(line string, j int) {
	s := line[j:]
	if i := strings.Index(s, " (in reply to "); i >= 0 { // Postfix
		s = s[:i]
	}
	if len(s) > maxText {
		s = s[:maxText]
	}
	r.text, r.server = cutServer(strings.Trim(s, " \t\r\n'\"#<>;,"))
	if open := strings.Count(r.text, "("); strings.Count(r.text, ")") > open {
		r.text = strings.TrimRight(r.text, ")'\" ")
	}
}

// cutServer splits off "[PR3P192CA0001.EURP192.PROD.OUTLOOK.COM 2024-06-24T08:58:06.389Z 08DC93087F48F48A]".
func cutServer(s string) (text, server string) {
	end := strings.LastIndexByte(s, ']')
	if end < 0 {
		return s, ""
	}
	i := strings.LastIndexByte(s[:end], '[')
	if i < 0 {
		return s, ""
	}
	host, rest, _ := strings.Cut(s[i+1:end], " ")
	if strings.Count(host, ".") < 2 || rest == "" || strings.ContainsAny(host, "=/") {
		return s, "" // "[IP]" and "[Hostname=...]" are part of the sentence
	}
	return strings.TrimSpace(s[:i]), s[i+1 : end]
}

// aloneAt tells whether an enhanced code without a reply code is one: at the
// beginning, or as "dsn=5.7.64" and "#5.7.64" of logs and bounces.
func aloneAt(line string, i int, strict bool) bool {
	before := line[:i]
	if strings.HasSuffix(before, "dsn=") || strings.HasSuffix(before, "#") {
		return line[i] != '2'
	}
	return !strict && strings.Trim(before, prompts) == ""
}

// prompts are what stands before a reply in transcripts: "<** 535", "S: 535".
const prompts = " \t<>*~-=SC:'\"b("

// replyAt tells whether a code without an enhanced code can be a reply.
func replyAt(line string, i int, strict bool) bool {
	before := line[:i]
	if i+3 < len(line) && line[i+3] != ' ' && line[i+3] != '-' && line[i+3] != '\r' && line[i+3] != '\n' && strict {
		return false
	}
	if strings.Trim(before, prompts) == "" {
		return !strict || standard(line[i:i+3])
	}
	if !strict {
		return strings.HasSuffix(before, ": ") || strings.HasSuffix(before, "(") || strings.HasSuffix(before, "smtp;")
	}
	for _, s := range []string{"said: ", " to me: ", "smtp; ", "smtp;", "SMTP error ", "SMTP error: ", ",<,", ",>,", `,<,"`, `,>,"`} {
		if strings.HasSuffix(before, s) {
			return true
		}
	}
	if strings.HasSuffix(before, ": ") && strings.Contains(before, " authenticator failed for ") { // Exim
		return true
	}
	return strings.HasSuffix(before, ": ") && strings.Contains(before, "SMTP error from remote")
}

// standard tells the refusals that servers really give (RFC 5321 section
// 4.2.3, RFC 4954 section 6, RFC 7504, and Exchange's 432) from a number that
// begins a line.
func standard(code string) bool {
	const codes = "421 432 450 451 452 454 455 500 501 502 503 504 521 530 534 535 538 550 551 552 553 554 555 556"
	return strings.Contains(codes, code)
}

// findAADSTS finds "AADSTS7000215" or "error_codes":[7000215].
func findAADSTS(s string) (n int, ok bool) {
	for _, mark := range []string{"AADSTS", "aadsts", `"error_codes":[`} {
		_, after, ok := strings.Cut(s, mark)
		if !ok {
			continue
		}
		rest := strings.TrimLeft(after, " -:")
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits >= 5 && digits <= 9 {
			n, err := strconv.Atoi(rest[:digits])
			return n, err == nil
		}
	}
	return 0, false
}

// bareNumber reads a text that is nothing but an AADSTS number.
func bareNumber(s string) (n int, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) < 5 || len(s) > 9 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0
}

// subCode finds "AS46601" in "(AS46601)", "ATTR34" or "PRX2": they tell
// Microsoft's support more than the text does.
func subCode(s string) string {
	for _, mark := range []string{"(AS", "ATTR", "CPRX", "PRX"} {
		_, after, ok := strings.Cut(s, mark)
		if !ok {
			continue
		}
		after = strings.TrimPrefix(after, ":") // "(AS:46601)" is seen as well
		digits := len(after) - len(strings.TrimLeft(after, "0123456789"))
		if digits > 0 {
			return strings.TrimPrefix(mark, "(") + after[:digits]
		}
	}
	return ""
}

// squeeze appends s to dst in lower case and without white space, so that
// texts compare whatever a log or a paste did to them.
func squeeze(dst []byte, s string) []byte {
	for i := 0; i < len(s) && i < maxText; i++ {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			return squeezeRunes(dst, s[i:])
		case c <= ' ':
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c|0x20)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func squeezeRunes(dst []byte, s string) []byte {
	for _, r := range s[:min(len(s), maxText)] {
		switch {
		case unicode.IsSpace(r):
		case r == '’' || r == '‘':
			dst = append(dst, '\'')
		default:
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}

// maxText is how much of a reply's text is looked at and kept, in bytes.
const maxText = 2048

// clean makes a text from the network fit to be shown, on one line.
func clean(s string) string {
	if strings.ContainsAny(s, "\t\r\n") || strings.Contains(s, "  ") {
		s = strings.Join(strings.Fields(s), " ")
	}
	return probes.Clean(withoutSecrets(s), maxText)
}
