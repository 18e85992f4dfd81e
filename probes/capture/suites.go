package capture

import (
	_ "embed"
	"fmt"
	"strings"
)

// suiteTable has a line for each TLS cipher suite that IANA has named, in the
// order of their numbers: "1301 TLS_AES_128_GCM_SHA256".
//
//go:embed suites.txt
var suiteTable string

// suiteName is IANA's name of a cipher suite, or its number.
func suiteName(id uint16) string {
	key := fmt.Sprintf("%04x", id)
	low, high := 0, len(suiteTable)
	for low < high {
		at := low + (high-low)/2
		at = strings.LastIndexByte(suiteTable[:at], '\n') + 1
		end := at + strings.IndexByte(suiteTable[at:], '\n') + 1
		switch l := suiteTable[at:end]; {
		case l[:4] == key:
			return l[5 : len(l)-1]
		case l[:4] < key:
			low = end
		default:
			high = at
		}
	}
	return "0x" + key
}

// sslv2Name is the name of a cipher kind that only SSL 2.0 has.
func sslv2Name(spec uint32) string {
	switch spec {
	case 0x010080:
		return "SSL2_RC4_128_WITH_MD5"
	case 0x020080:
		return "SSL2_RC4_128_EXPORT40_WITH_MD5"
	case 0x030080:
		return "SSL2_RC2_128_CBC_WITH_MD5"
	case 0x040080:
		return "SSL2_RC2_128_CBC_EXPORT40_WITH_MD5"
	case 0x050080:
		return "SSL2_IDEA_128_CBC_WITH_MD5"
	case 0x060040:
		return "SSL2_DES_64_CBC_WITH_MD5"
	case 0x0700c0:
		return "SSL2_DES_192_EDE3_CBC_WITH_MD5"
	}
	return fmt.Sprintf("0x%06x", spec)
}
