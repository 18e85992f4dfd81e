package neighbours_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"

	"offbasic/probes/neighbours"
)

// What the systems print, with addresses of RFC 5737 and RFC 3849.
const (
	procNetARP = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.50       0x1         0x2         00:26:73:0a:0b:0c     *        eth0
192.0.2.51       0x1         0x0         00:00:00:00:00:00     *        eth0
`
	ipNeigh = `2001:db8::50 dev eth0 lladdr 00:26:73:0a:0b:0c router REACHABLE
fe80::226:73ff:fe0a:b0c dev eth0 lladdr 00:26:73:0a:0b:0c STALE
2001:db8::51 dev eth0 FAILED
2001:db8::52 dev eth0  INCOMPLETE
`
	macARP = `? (192.0.2.1) at 2:fc:0:0:0:5 on en0 ifscope [ethernet]
? (192.0.2.50) at 0:26:73:a:b:c on en0 ifscope [ethernet]
? (192.0.2.51) at (incomplete) on en0 ifscope [ethernet]
? (192.0.2.255) at ff:ff:ff:ff:ff:ff on en0 ifscope [ethernet]
? (224.0.0.251) at 1:0:5e:0:0:fb on en0 ifscope permanent [ethernet]
`
	macNDP = `Neighbor                                Linklayer Address  Netif Expire    St Flgs Prbs
2001:db8::50                            0:26:73:a:b:c        en0 23s       R      
fe80::1%lo0                             (incomplete)         lo0 permanent R
fe80::226:73ff:fe0a:b0c%en0             0:26:73:a:b:c        en0 4m32s     S  R
`
	windowsARP = "\r\nInterface: 192.0.2.23 --- 0xb\r\n" +
		"  Internet Address      Physical Address      Type\r\n" +
		"  192.0.2.50            00-26-73-0a-0b-0c     dynamic   \r\n" +
		"  192.0.2.255           ff-ff-ff-ff-ff-ff     static    \r\n" +
		"  224.0.0.22            01-00-5e-00-00-16     static    \r\n"
	windowsARPFrench = "\r\nInterface\xff: 192.0.2.23 --- 0xb\r\n" +
		"  Adresse Internet      Adresse physique      Type\r\n" +
		"  192.0.2.50            00-26-73-0a-0b-0c     dynamique \r\n"
)

const ricoh = "00:26:73:0a:0b:0c"

func TestTablesOfEverySystemAreRead(t *testing.T) {
	addr := netip.MustParseAddr
	four := map[netip.Addr]string{addr("192.0.2.50"): ricoh}
	six := map[netip.Addr]string{addr("2001:db8::50"): ricoh, addr("fe80::226:73ff:fe0a:b0c"): ricoh}
	mac := maps.Clone(four)
	mac[addr("192.0.2.1")] = "02:fc:00:00:00:05"
	for _, tt := range []struct {
		name, table string
		want        map[netip.Addr]string
	}{
		{"/proc/net/arp", procNetARP, four},
		{"ip neigh", ipNeigh, six},
		{"arp on macOS", macARP, mac},
		{"ndp on macOS", macNDP, six},
		{"arp on Windows", windowsARP, four},
		{"arp on a French Windows", windowsARPFrench, four},
		{"nothing", "", map[netip.Addr]string{}},
		{"something else", "192.0.2.50 is not here\n\x00\xff:::::\n1-2-3-4-5-6\n", map[netip.Addr]string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := neighbours.Parse([]byte(tt.table)); !maps.Equal(got, tt.want) {
				t.Errorf("read %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{procNetARP, ipNeigh, macARP, macNDP, windowsARP, windowsARPFrench} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, table []byte) {
		for addr, mac := range neighbours.Parse(table) {
			if !addr.IsValid() || len(mac) != len(ricoh) {
				t.Errorf("read %v with %q", addr, mac)
			}
		}
	})
}

// clock is a clock that stands until it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestSystemIsAskedOnceForMany(t *testing.T) {
	asked, c := 0, &clock{time.Unix(1000, 0)}
	table := neighbours.Table{System: "windows", Now: c.now, Read: func(context.Context, neighbours.Source) ([]byte, error) {
		asked++
		return []byte(windowsARP), nil
	}}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got := table.MAC(t.Context(), "192.0.2.50"); got != ricoh {
				t.Errorf("the address is %q, want %q", got, ricoh)
			}
			if got := table.MAC(t.Context(), "192.0.2.77"); got != "" {
				t.Errorf("a peer that is not on the link has %q", got)
			}
		})
	}
	wg.Wait()
	if asked != 1 {
		t.Errorf("the system was asked %d times, want once", asked)
	}
	c.at = c.at.Add(time.Minute)
	table.MAC(t.Context(), "192.0.2.50")
	if asked != 1 {
		t.Errorf("a peer that is known was asked for again")
	}
	table.MAC(t.Context(), "192.0.2.77")
	if asked != 2 {
		t.Errorf("a peer that may have come was not asked for again")
	}
}

func TestTableThatFailsIsLeftAlone(t *testing.T) {
	asked, c := 0, &clock{time.Unix(1000, 0)}
	table := neighbours.Table{System: "windows", Now: c.now, Read: func(context.Context, neighbours.Source) ([]byte, error) {
		asked++
		return nil, errors.New("no such command")
	}}
	for range 20 {
		if got := table.MAC(t.Context(), "192.0.2.50"); got != "" {
			t.Errorf("the address is %q, want none", got)
		}
		c.at = c.at.Add(time.Second)
	}
	if asked != 1 {
		t.Errorf("asked %d times in 20 seconds, want once", asked)
	}
}

func TestOwnMachineAndNonsenseAreNotLookedUp(t *testing.T) {
	table := neighbours.Table{Read: func(context.Context, neighbours.Source) ([]byte, error) {
		t.Error("the system was asked")
		return nil, nil
	}}
	for _, peer := range []string{"", "127.0.0.1", "::1", "0.0.0.0", "not an address", "::ffff:127.0.0.1"} {
		if got := table.MAC(t.Context(), peer); got != "" {
			t.Errorf("%q has %q", peer, got)
		}
	}
}

// A command that never ends is bounded, with what the other sources said.
func TestSourceThatHangsIsBounded(t *testing.T) {
	table := neighbours.Table{System: "linux", Read: func(ctx context.Context, s neighbours.Source) ([]byte, error) {
		if s.File != "" {
			return []byte(procNetARP), nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	if got := table.MAC(t.Context(), "::ffff:192.0.2.50"); got != ricoh {
		t.Errorf("the address is %q, want %q", got, ricoh)
	}
}
