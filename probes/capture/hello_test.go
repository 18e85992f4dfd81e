package capture

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// list reads numbers in hexadecimal.
func list(s string) []uint16 {
	var l []uint16
	for f := range strings.FieldsSeq(strings.ReplaceAll(s, ",", " ")) {
		var v uint16
		for _, c := range f {
			v = v<<4 | uint16(strings.IndexRune("0123456789abcdef", c))
		}
		l = append(l, v)
	}
	return l
}

// bytes16 and bytes8 are vectors with a length of two bytes or one.
func bytes16(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}
func bytes8(b []byte) []byte { return append([]byte{byte(len(b))}, b...) }

func pack(l []uint16) []byte {
	var b []byte
	for _, v := range l {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// extension is one of a hello that a test writes.
type extension struct {
	id   uint16
	data []byte
}

// wireHello writes a ClientHello in records of at most size bytes.
func wireHello(record, version uint16, suites []uint16, exts []extension, size int) []byte {
	b := binary.BigEndian.AppendUint16(nil, version)
	b = append(b, make([]byte, 32)...)
	b = append(b, 0)
	b = append(b, bytes16(pack(suites))...)
	b = append(b, 1, 0)
	if exts != nil {
		var all []byte
		for _, e := range exts {
			all = append(binary.BigEndian.AppendUint16(all, e.id), bytes16(e.data)...)
		}
		b = append(b, bytes16(all)...)
	}
	message := append([]byte{1, byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
	var out []byte
	for len(message) > 0 {
		n := min(size, len(message))
		out = append(out, 22)
		out = binary.BigEndian.AppendUint16(out, record)
		out = append(out, bytes16(message[:n])...)
		message = message[n:]
	}
	return out
}

// sslv2Hello writes a hello in the format of SSL 2.0.
func sslv2Hello(version uint16, specs ...uint32) []byte {
	b := []byte{1}
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint16(b, uint16(3*len(specs)))
	b = append(b, 0, 0, 0, 16)
	for _, s := range specs {
		b = append(b, byte(s>>16), byte(s>>8), byte(s))
	}
	b = append(b, make([]byte, 16)...)
	return append([]byte{0x80 | byte(len(b)>>8), byte(len(b))}, b...)
}

// The two examples of JA3's own description (github.com/salesforce/ja3,
// README, "How it works").
func TestJA3OfThePublishedExamples(t *testing.T) {
	groups := []extension{{0, nil}, {10, bytes16(pack(list("0017 0018 0019")))}, {11, bytes8([]byte{0})}}
	for _, tt := range []struct {
		suites []uint16
		exts   []extension
		text   string
		hash   string
	}{
		{
			list("002f 0035 0005 000a c009 c00a c013 c014 0032 0038 0013 0004"), groups,
			"769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0", "ada70206e40642a3e4461f35503241d5",
		},
		{
			list("0004 0005 000a 0009 0064 0062 0003 0006 0013 0012 0063"), nil,
			"769,4-5-10-9-100-98-3-6-19-18-99,,,", "de350869b8c85de67a350c8d186f11e6",
		},
	} {
		h, err := parseHello(wireHello(0x0301, 0x0301, tt.suites, tt.exts, 1<<14))
		if err != nil {
			t.Fatal(err)
		}
		if h.ja3String() != tt.text || h.ja3() != tt.hash {
			t.Errorf("JA3 %s %s, want %s %s", h.ja3String(), h.ja3(), tt.text, tt.hash)
		}
	}
}

// The worked example of JA4's own description (github.com/FoxIO-LLC/ja4,
// technical_details/JA4.md): Chrome, t13d1516h2_8daaf6152771_e5627efa2ab1.
func TestJA4OfThePublishedExample(t *testing.T) {
	suites := list("6a6a 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035")
	signatures := pack(list("0403 0804 0401 0503 0805 0501 0806 0601"))
	exts := []extension{{0x1a1a, nil}}
	for _, id := range list("001b 0000 0033 0010 4469 0017 002d 000d 0005 0023 0012 002b ff01 000b 000a 0015") {
		e := extension{id: id}
		switch id {
		case extServerName:
			e.data = bytes16(append([]byte{0}, bytes16([]byte("example.org"))...))
		case extALPN:
			e.data = bytes16(append(bytes8([]byte("h2")), bytes8([]byte("http/1.1"))...))
		case extSignatures:
			e.data = bytes16(signatures)
		case extSupportedVersions:
			e.data = bytes8(pack(list("8a8a 0304 0303")))
		}
		exts = append(exts, e)
	}
	h, err := parseHello(wireHello(0x0301, 0x0303, suites, exts, 1<<14))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1"; got != want {
		t.Errorf("JA4 %s, want %s", got, want)
	}
	if h.sni != "example.org" || !slices.Equal(h.alpn, []string{"h2", "http/1.1"}) {
		t.Errorf("SNI %q, ALPN %q", h.sni, h.alpn)
	}
}

func TestAHelloSaysWhatItOffers(t *testing.T) {
	tls12 := wireHello(0x0301, 0x0303, list("c02f 0a0a 0016"), nil, 1<<14)
	for _, tt := range []struct {
		name     string
		hello    []byte
		versions string
		suites   string
	}{
		{"TLS 1.2", tls12, "TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"},
		{"in records of seven bytes", wireHello(0x0301, 0x0303, list("c02f"), nil, 7), "TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		{"SSL 3.0 with export suites", wireHello(0x0300, 0x0300, list("0003 0008 0004"), nil, 1<<14), "SSL 3.0", "TLS_RSA_EXPORT_WITH_RC4_40_MD5 TLS_RSA_EXPORT_WITH_DES40_CBC_SHA TLS_RSA_WITH_RC4_128_MD5"},
		{
			"TLS 1.3 with GREASE", wireHello(0x0301, 0x0303, list("1301"), []extension{{extSupportedVersions, bytes8(pack(list("fafa 0303 0304")))}}, 1<<14),
			"TLS 1.3 TLS 1.2", "TLS_AES_128_GCM_SHA256",
		},
		{"TLS 1.0 in the format of SSL 2.0", sslv2Hello(0x0301, 0x00002f, 0x0700c0), "TLS 1.0", "TLS_RSA_WITH_AES_128_CBC_SHA SSL2_DES_192_EDE3_CBC_WITH_MD5"},
		{"SSL 2.0 alone", sslv2Hello(0x0002, 0x010080, 0x020080), "SSL 2.0", "SSL2_RC4_128_WITH_MD5 SSL2_RC4_128_EXPORT40_WITH_MD5"},
		{"a suite of old Mozilla", wireHello(0x0301, 0x0301, list("fefe"), nil, 1<<14), "TLS 1.0", "SSL_RSA_FIPS_WITH_DES_CBC_SHA"},
		{"the first and the last of the table", wireHello(0x0301, 0x0301, list("0000 fffd"), nil, 1<<14), "TLS 1.0", "TLS_NULL_WITH_NULL_NULL 0xfffd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := parseHello(tt.hello)
			if err != nil {
				t.Fatal(err)
			}
			o := h.offer("starttls")
			if got := strings.Join(o.ClientVersions, " "); got != tt.versions {
				t.Errorf("versions %q, want %q", got, tt.versions)
			}
			if got := strings.Join(o.ClientSuites, " "); got != tt.suites {
				t.Errorf("suites %q, want %q", got, tt.suites)
			}
		})
	}
}

func TestAHelloThatEndsEarlyIsNoHello(t *testing.T) {
	whole := wireHello(0x0301, 0x0303, list("c02f"), []extension{{extServerName, bytes16(append([]byte{0}, bytes16([]byte("a.example"))...))}}, 1<<14)
	for n := range whole {
		h, err := parseHello(whole[:n])
		if err == nil && len(h.suites) != 1 {
			t.Errorf("%d of %d bytes: no error, suites %v", n, len(whole), h.suites)
		}
	}
}

// The hellos were sent by the clients named; versions, SNI, JA3 and the number
// of suites are tshark's reading of the same bytes.
func TestHellosOfRealClients(t *testing.T) {
	file, err := os.ReadFile("testdata/hellos.tsv")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for l := range strings.Lines(string(file)) {
		if strings.HasPrefix(l, "#") {
			continue
		}
		seen++
		col := strings.Split(strings.TrimSpace(l), "\t")
		t.Run(col[0]+" "+col[1], func(t *testing.T) {
			b, err := hex.DecodeString(col[6])
			if err != nil {
				t.Fatal(err)
			}
			h, err := parseHello(b)
			if err != nil {
				t.Fatal(err)
			}
			o := h.offer("implicit")
			got := []string{strings.Join(o.ClientVersions, ", "), o.SNI, o.JA3, strconv.Itoa(len(o.ClientSuites))}
			if !slices.Equal(got, col[2:6]) {
				t.Errorf("got %q, want %q", got, col[2:6])
			}
			if h.sslv2 != (o.JA4 == "") {
				t.Errorf("JA4 %q of a hello in the format of SSL 2.0: %v", o.JA4, h.sslv2)
			}
		})
	}
	if seen < 17 {
		t.Errorf("%d hellos", seen)
	}
}
