package capture

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ja3String is the text that JA3 hashes (salesforce/ja3, README): hello
// version, suites, extensions, groups and point formats, without GREASE.
func (h clientHello) ja3String() string {
	formats := make([]uint16, 0, len(h.formats))
	for _, f := range h.formats {
		formats = append(formats, uint16(f))
	}
	return strings.Join([]string{
		strconv.Itoa(int(h.version)), decimals(h.suites), decimals(h.extensions), decimals(h.groups), decimals(formats),
	}, ",")
}

func decimals(list []uint16) string {
	var b strings.Builder
	for _, v := range list {
		if isGREASE(v) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('-')
		}
		b.WriteString(strconv.Itoa(int(v)))
	}
	return b.String()
}

// ja3 is absent for a hello of SSL 2.0, which it is not defined for.
func (h clientHello) ja3() string {
	if h.sslv2 {
		return ""
	}
	sum := md5.Sum([]byte(h.ja3String()))
	return hex.EncodeToString(sum[:])
}

// ja4 is the TLS client fingerprint of FoxIO (ja4/technical_details/JA4.md),
// for TLS over TCP.
func (h clientHello) ja4() string {
	if h.sslv2 {
		return ""
	}
	suites, exts := withoutGREASE(h.suites), withoutGREASE(h.extensions)
	sni := "i"
	if slices.Contains(exts, extServerName) {
		sni = "d"
	}
	head := fmt.Sprintf("t%s%s%02d%02d%s", h.ja4Version(), sni, min(len(suites), 99), min(len(exts), 99), h.ja4ALPN())
	slices.Sort(suites)
	slices.Sort(exts)
	exts = slices.DeleteFunc(exts, func(e uint16) bool { return e == extServerName || e == extALPN })
	hashed := hexes(exts)
	if len(h.signatures) > 0 && hashed != "" {
		hashed += "_" + hexes(withoutGREASE(h.signatures))
	}
	return head + "_" + ja4Hash(hexes(suites)) + "_" + ja4Hash(hashed)
}

func (h clientHello) ja4Version() string {
	switch v := h.offered(); v[0] {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	case versionSSL2:
		return "s2"
	}
	return "00"
}

// ja4ALPN is the first and the last character of the first protocol, or of its
// hexadecimal form when they are not alphanumeric.
func (h clientHello) ja4ALPN() string {
	if len(h.alpn) == 0 || h.alpn[0] == "" {
		return "00"
	}
	p := h.alpn[0]
	first, last := p[0], p[len(p)-1]
	if isAlphanumeric(first) && isAlphanumeric(last) {
		return string([]byte{first, last})
	}
	x := hex.EncodeToString([]byte(p))
	return x[:1] + x[len(x)-1:]
}

func isAlphanumeric(b byte) bool { return isLetter(b) || b >= '0' && b <= '9' }

func withoutGREASE(list []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), isGREASE)
}

func hexes(list []uint16) string {
	var b strings.Builder
	for i, v := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%04x", v)
	}
	return b.String()
}

// ja4Hash is the first twelve characters of the SHA-256, or zeros for nothing.
func ja4Hash(s string) string {
	if s == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:12]
}
