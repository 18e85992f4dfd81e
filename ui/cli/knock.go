package cli

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"offbasic/probes"
	"offbasic/ui/text"
)

// knockFor is how long a test connection to this machine itself may take.
const knockFor = 3 * time.Second

// Knock connects to an address and port of this machine, as a device would,
// and closes at once. A nil error means that the port answers.
func Knock(ctx context.Context, addr string) error {
	ctx, stop := context.WithTimeout(ctx, knockFor)
	defer stop()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err == nil {
		return c.Close()
	}
	fault := &probes.Fault{Op: "connect to " + addr, Code: "knock_stopped", Err: err, Args: text.Args{"address": addr}}
	if command := firewallCommand(runtime.GOOS, portOf(addr)); command != "" {
		fault = fault.With("command", command)
	}
	const refusedOnWindows = syscall.Errno(10061) // WSAECONNREFUSED of winsock2.h
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, refusedOnWindows) {
		fault.Code = "knock_refused"
	}
	return fault
}

// firewallCommand lets a port through the firewall of this system, or shows
// its rules where several kinds are common.
func firewallCommand(system, port string) string {
	switch system {
	case "windows":
		return "netsh advfirewall firewall add rule name=offbasic dir=in action=allow protocol=TCP localport=" + port
	case "darwin":
		if exe, err := os.Executable(); err == nil && !strings.ContainsAny(exe, "'\n") {
			return "sudo /usr/libexec/ApplicationFirewall/socketfilterfw --unblockapp '" + exe + "'"
		}
	case "linux":
		return "sudo nft list ruleset"
	}
	return ""
}
