package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"offbasic/probes"
)

// clientHello is what a client offers, read from the bytes below TLS, so that
// a handshake that cannot be finished still tells.
type clientHello struct {
	sslv2      bool   // in the format of SSL 2.0
	record     uint16 // version of the record
	version    uint16 // of the hello
	versions   []uint16
	suites     []uint16
	specs      []uint32 // of an SSL 2.0 hello: three bytes each
	extensions []uint16
	groups     []uint16
	formats    []uint8
	signatures []uint16
	alpn       []string
	sni        string
}

var errNoHello = errors.New("no ClientHello")

// parseHello reads the ClientHello that b begins with: TLS records (RFC 8446,
// section 5.1), however many it is spread over, or the SSL 2.0 format (RFC
// 5246, appendix E.2).
func parseHello(b []byte) (clientHello, error) {
	if len(b) > 2 && b[0]&0x80 != 0 && b[2] == 1 {
		return parseSSLv2(b)
	}
	var h clientHello
	var body []byte
	for first := true; len(b) >= 5 && b[0] == 22; first = false {
		if first {
			h.record = binary.BigEndian.Uint16(b[1:])
		}
		n := int(binary.BigEndian.Uint16(b[3:]))
		n = min(n, len(b)-5)
		body = append(body, b[5:5+n]...)
		b = b[5+n:]
		if len(body) >= 4 && len(body)-4 >= int(body[1])<<16|int(body[2])<<8|int(body[3]) {
			break
		}
	}
	if len(body) < 4 || body[0] != 1 {
		return h, errNoHello
	}
	length := int(body[1])<<16 | int(body[2])<<8 | int(body[3])
	return h, h.parseBody(body[4:min(4+length, len(body))])
}

// parseBody reads a ClientHello (RFC 8446, section 4.1.2).
func (h *clientHello) parseBody(b []byte) error {
	c := cursor{b: b}
	h.version = c.u16()
	c.skip(32) // random
	c.vector8()
	suites := c.vector16()
	c.vector8() // compression
	if c.bad {
		return fmt.Errorf("%w: it ends early", errNoHello)
	}
	h.suites = suites.u16s()
	all := c.vector16()
	for len(all.b) > 0 && !all.bad {
		id := all.u16()
		data := all.vector16()
		if all.bad {
			break
		}
		h.extensions = append(h.extensions, id)
		h.extension(id, data)
	}
	return nil
}

// The extensions that are read (IANA, TLS ExtensionType Values).
const (
	extServerName        = 0
	extSupportedGroups   = 10
	extPointFormats      = 11
	extSignatures        = 13
	extALPN              = 16
	extSupportedVersions = 43
)

func (h *clientHello) extension(id uint16, c cursor) {
	switch id {
	case extServerName:
		list := c.vector16()
		if list.u8() == 0 {
			name := list.vector16()
			h.sni = clean(name.b, keptName)
		}
	case extSupportedGroups:
		list := c.vector16()
		h.groups = list.u16s()
	case extPointFormats:
		list := c.vector8()
		h.formats = slices.Clone(list.b)
	case extSignatures:
		list := c.vector16()
		h.signatures = list.u16s()
	case extALPN:
		list := c.vector16()
		for len(list.b) > 0 && !list.bad && len(h.alpn) < 20 {
			name := list.vector8()
			h.alpn = append(h.alpn, clean(name.b, keptName))
		}
	case extSupportedVersions:
		list := c.vector8()
		h.versions = list.u16s()
	}
}

// parseSSLv2 reads a hello of SSL 2.0, or of SSL 3.0 and TLS in that format.
func parseSSLv2(b []byte) (clientHello, error) {
	h := clientHello{sslv2: true}
	c := cursor{b: b[2:min(len(b), 2+(int(b[0]&0x7f)<<8|int(b[1])))]}
	c.skip(1)
	h.version = c.u16()
	specs := int(c.u16())
	c.skip(4) // lengths of the session id and of the challenge
	list := c.take(specs)
	if c.bad || specs%3 != 0 {
		return h, fmt.Errorf("%w: it ends early", errNoHello)
	}
	for ; len(list) >= 3; list = list[3:] {
		spec := uint32(list[0])<<16 | uint32(list[1])<<8 | uint32(list[2])
		h.specs = append(h.specs, spec)
		if list[0] == 0 {
			h.suites = append(h.suites, uint16(spec))
		}
	}
	return h, nil
}

// cursor walks through bytes and remembers that it ran out of them.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.b, c.bad = nil, true
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) skip(n int) { c.take(n) }

func (c *cursor) u8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) vector8() cursor  { return cursor{b: c.take(int(c.u8()))} }
func (c *cursor) vector16() cursor { return cursor{b: c.take(int(c.u16()))} }

func (c *cursor) u16s() []uint16 {
	var list []uint16
	for len(c.b) >= 2 {
		list = append(list, c.u16())
	}
	return list
}

// isGREASE tells the values that mean nothing (RFC 8701).
func isGREASE(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// offered are the versions from the newest down, without those of GREASE. A
// hello without the extension names its newest only; which older ones it would
// also take, it does not say.
func (h clientHello) offered() []uint16 {
	var list []uint16
	for _, v := range h.versions {
		if !isGREASE(v) && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	if len(list) == 0 {
		list = []uint16{h.version}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

// versionSSL2 is SSL 2.0 in its own hello.
const versionSSL2 = 0x0002

func versionName(v uint16) string {
	switch v {
	case versionSSL2:
		return "SSL 2.0"
	case 0x0300:
		return "SSL 3.0"
	case 0x0301, 0x0302, 0x0303, 0x0304:
		return fmt.Sprintf("TLS 1.%d", v-0x0301)
	}
	return fmt.Sprintf("0x%04x", v)
}

// offer is the hello as a session records it.
func (h clientHello) offer(mode probes.TLSMode) probes.TLS {
	t := probes.TLS{Mode: mode, SNI: h.sni, ALPN: h.alpn, JA3: h.ja3(), JA4: h.ja4()}
	for _, v := range h.offered() {
		t.ClientVersions = append(t.ClientVersions, versionName(v))
	}
	for _, s := range h.suites {
		if !isGREASE(s) && len(t.ClientSuites) < 300 {
			t.ClientSuites = append(t.ClientSuites, suiteName(s))
		}
	}
	for _, s := range h.specs {
		if s > 0xffff {
			t.ClientSuites = append(t.ClientSuites, sslv2Name(s))
		}
	}
	return t
}
