package capture

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"offbasic/probes"
)

// opened runs a server that must not be able to open everything, and returns
// what it said of its addresses.
func opened(t *testing.T, s *Server) ([]probes.Listening, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var told []probes.Listening
	s.certs = sharedCertificates()
	err := s.Run(ctx, func(e probes.CaptureEvent) {
		if e.Listening != nil {
			if told = append(told, *e.Listening); len(told) == len(s.Listen) {
				cancel()
			}
		}
	})
	return told, err
}

func TestAnAddressThatCannotBeOpenedSaysWhy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		addr string
		code probes.Code
	}{
		{taken.Addr().String(), PortBusy},
		{"192.0.2.1:2525", AddressUnavailable}, // RFC 5737: no machine has it
		{"127.0.0.1", AddressInvalid},
		{"127.0.0.1:smtp", AddressInvalid},
		{"127.0.0.1:99999", AddressInvalid},
		{"no such host:2525", AddressInvalid},
		{"", AddressInvalid},
	} {
		told, err := opened(t, &Server{Listen: []string{tt.addr}})
		var fault *probes.Fault
		if !errors.As(err, &fault) || fault.Code != tt.code {
			t.Errorf("%q: error %v, want code %s", tt.addr, err, tt.code)
			continue
		}
		if len(told) != 1 || told[0].Fault == nil || told[0].Addr != "" || fault.Args["address"] != tt.addr {
			t.Errorf("%q: told %+v", tt.addr, told)
		}
	}
}

func TestOneOpenAddressIsEnough(t *testing.T) {
	told, err := opened(t, &Server{Listen: []string{"192.0.2.1:2525", "127.0.0.1:0"}})
	if err != nil || len(told) != 2 || told[0].Fault == nil || told[1].Addr == "" {
		t.Errorf("error %v, told %+v", err, told)
	}
}

func TestEveryLowPortHasAWayOut(t *testing.T) {
	for _, addr := range DefaultListen() {
		_, port, _ := net.SplitHostPort(addr)
		if popPort(port) != popPort(fallbackPort(port)) {
			t.Errorf("port %s and its way out differ in protocol", port)
		}
		if alt := fallbackPort(port); len(alt) != 4 {
			t.Errorf("port %s: way out %q", port, alt)
		}
		if implicitPort(port) != implicitPort(fallbackPort(port)) {
			t.Errorf("port %s and its way out differ in TLS", port)
		}
	}
	if fallbackPort("2525") != "" {
		t.Error("2525 has a way out")
	}
}

func TestARefusedPortOpensItsWayOut(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:587")
	if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatal(err)
	}
	if taken != nil {
		defer taken.Close()
	}
	told, err := opened(t, &Server{Listen: []string{"127.0.0.1:587"}, Fallback: true})
	if len(told) != 1 || told[0].Fault == nil || told[0].Wanted != "127.0.0.1:587" {
		t.Fatalf("error %v, told %+v", err, told)
	}
	if err == nil && told[0].Addr != "127.0.0.1:1587" { // unless 1587 is taken as well
		t.Errorf("way out %q", told[0].Addr)
	}
}

func TestRefusedPermissionIsNamed(t *testing.T) {
	err := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)}
	if code := listenCode(err); code != PortDenied {
		t.Errorf("code %s", code)
	}
}

func TestAddressesPutTheLikelyOneFirstAndLoopbackLast(t *testing.T) {
	addrs := Addresses()
	if len(addrs) == 0 {
		t.Fatal("this machine has no address at all")
	}
	for i, a := range addrs {
		if a.Interface == "" || !a.Addr.IsValid() {
			t.Errorf("address %+v", a)
		}
		if i > 0 && addrs[i-1].Addr.IsLoopback() && !a.Addr.IsLoopback() {
			t.Errorf("%s comes after loopback", a.Addr)
		}
	}
}

func TestPrivateRanges(t *testing.T) {
	for _, tt := range []struct {
		addrs string
		want  bool
	}{
		{"127.0.0.1 ::1 10.1.2.3 172.16.0.1 192.168.1.50 169.254.1.1 100.64.0.1 fd00::1 fe80::1%eth0", true},
		{"198.51.100.7 203.0.113.9 172.32.0.1 100.128.0.1 2001:db8::1", false},
	} {
		for addr := range strings.FieldsSeq(tt.addrs) {
			if got := isPrivate(netip.MustParseAddr(addr)); got != tt.want {
				t.Errorf("%s: private %v", addr, got)
			}
		}
	}
}
