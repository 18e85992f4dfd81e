package submit

import (
	"strings"
	"unicode"
)

// The parameters of Punycode for names (RFC 3492 section 5).
const (
	base        = 36
	tMin        = 1
	tMax        = 26
	skew        = 38
	damp        = 700
	initialBias = 72
	initialN    = 128
)

// ascii writes a name with its labels in ASCII (RFC 5890 section 2.3.2.1), as
// DNS and every server know them. A name in ASCII stays as it is.
func ascii(name string) string {
	if isASCII(name) {
		return name
	}
	labels := strings.Split(strings.NewReplacer("\u3002", ".", "\uff0e", ".").Replace(name), ".")
	for i, l := range labels {
		if !isASCII(l) {
			labels[i] = "xn--" + punycode([]rune(strings.Map(unicode.ToLower, l)))
		}
	}
	return strings.Join(labels, ".")
}

// punycode encodes one label (RFC 3492 section 6.3).
func punycode(label []rune) string {
	var out strings.Builder
	for _, c := range label {
		if c < initialN {
			out.WriteRune(c)
		}
	}
	basic := out.Len()
	if basic > 0 {
		out.WriteByte('-')
	}
	n, delta, bias := rune(initialN), 0, initialBias
	for done := basic; done < len(label); n++ {
		next := smallest(label, n)
		delta += int(next-n) * (done + 1)
		n = next
		for _, c := range label {
			if c < n {
				delta++
			}
			if c == n {
				variable(&out, delta, bias)
				bias = adapt(delta, done+1, done == basic)
				delta = 0
				done++
			}
		}
		delta++
	}
	return out.String()
}

// smallest is the smallest character of a label that is not below n.
func smallest(label []rune, n rune) rune {
	next := rune(unicode.MaxRune)
	for _, c := range label {
		if c >= n && c < next {
			next = c
		}
	}
	return next
}

// variable writes a number as a variable-length integer.
func variable(out *strings.Builder, q, bias int) {
	for k := base; ; k += base {
		t := min(max(k-bias, tMin), tMax)
		if q < t {
			out.WriteByte(digit(q))
			return
		}
		out.WriteByte(digit(t + (q-t)%(base-t)))
		q = (q - t) / (base - t)
	}
}

func digit(d int) byte {
	if d < 26 {
		return byte('a' + d)
	}
	return byte('0' + d - 26)
}

// adapt changes the bias (RFC 3492 section 6.1).
func adapt(delta, points int, first bool) int {
	if first {
		delta /= damp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for delta > (base-tMin)*tMax/2 {
		delta /= base - tMin
		k += base
	}
	return k + (base-tMin+1)*delta/(delta+skew)
}
