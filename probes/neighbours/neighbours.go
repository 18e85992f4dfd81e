// Package neighbours tells the hardware address of a device on the same link,
// from the table that the system keeps anyway. It sends no packet, changes no
// table, and never makes a caller wait long: what cannot be had is not known.
package neighbours

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Table is the system's neighbour table, read when it is asked for a peer that
// is not known yet. It is safe for use by several goroutines: however many ask,
// the system is asked once.
type Table struct {
	// System is the GOOS whose table is read; "" means this one.
	System string
	// Read returns a file's bytes, or a command's output; nil means from the
	// system.
	Read func(ctx context.Context, s Source) ([]byte, error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu    sync.Mutex
	known map[netip.Addr]string
	asked time.Time // when the system was last asked
	dry   time.Duration
}

// Source is where a part of the table is read: a file, or a command.
type Source struct {
	File string
	Run  []string
}

const (
	patience = time.Second      // for one source
	fresh    = 2 * time.Second  // the system is not asked again within it
	tired    = 30 * time.Second // nor within it after a source was slow or failed
	stale    = 5 * time.Minute  // addresses are handed out anew
	most     = 4096             // neighbours kept
)

// Sources are where the table lies on a system, which is a GOOS; none for one
// that is not known.
func Sources(system string) []Source {
	switch system {
	case "linux":
		return []Source{{File: "/proc/net/arp"}, {Run: []string{"ip", "-6", "neigh", "show"}}}
	case "darwin":
		return []Source{{Run: []string{"/usr/sbin/arp", "-an"}}, {Run: []string{"/usr/sbin/ndp", "-an"}}}
	case "windows":
		return []Source{{Run: []string{"arp", "-a"}}}
	}
	return nil
}

// MAC is the hardware address of a peer in lower case, "00:00:85:0a:0b:0c",
// or "" when it is not on the link or not known. It returns within a few
// seconds whatever the system does, and at once when it has just been asked.
func (t *Table) MAC(ctx context.Context, peer string) string {
	addr, err := netip.ParseAddr(peer)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() || addr.IsUnspecified() {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	age := now.Sub(t.asked)
	mac := t.known[addr]
	if mac != "" && age < stale || !t.asked.IsZero() && age < max(fresh, t.dry) {
		return mac
	}
	t.refresh(ctx)
	return t.known[addr]
}

func (t *Table) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now() //nolint:forbidigo // the default clock
}

// refresh asks every source. When one fails or is slow, the system is left
// alone for a while.
func (t *Table) refresh(ctx context.Context) {
	read, system := t.Read, t.System
	if read == nil {
		read = fromSystem
	}
	if system == "" {
		system = runtime.GOOS
	}
	known := map[netip.Addr]string{}
	t.dry = 0
	for _, s := range Sources(system) {
		asking, cancel := context.WithTimeout(ctx, patience)
		b, err := read(asking, s)
		cancel()
		if err != nil {
			t.dry = tired
		}
		for addr, mac := range Parse(b) {
			if len(known) < most {
				known[addr] = mac
			}
		}
	}
	t.known, t.asked = known, t.now()
}

// fromSystem reads a source. A command that does not end is killed with its
// context, and so are those that hold its output open.
func fromSystem(ctx context.Context, s Source) ([]byte, error) {
	if s.File != "" {
		return os.ReadFile(s.File)
	}
	cmd := exec.CommandContext(ctx, s.Run[0], s.Run[1:]...) //nolint:gosec // the commands are those of Sources
	cmd.WaitDelay = patience
	return cmd.Output()
}
