package lab

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"offbasic/probes"
)

// The codes of the faults that Start reports; all have the argument address.
const (
	PortBusy      probes.Code = "lab_port_busy"       // something else listens there
	PortForbidden probes.Code = "lab_port_denied"     // the system does not allow it
	AddrInvalid   probes.Code = "lab_address_invalid" // it is not an address with a port
	NotLoopback   probes.Code = "lab_not_loopback"
	NotOpen       probes.Code = "lab_not_open" // any other reason; arg cause
)

// listenLoopback opens addr, "" meaning any free port of 127.0.0.1.
func listenLoopback(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	fault := func(code probes.Code, err error) error {
		return &probes.Fault{
			Op: "open the lab on " + probes.Clean(addr, 100), Code: code, Err: err,
			Args: map[string]string{"address": probes.Clean(addr, 100)},
		}
	}
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fault(AddrInvalid, errors.New("not an address with a port"))
	}
	if !ap.Addr().IsLoopback() {
		return nil, fault(NotLoopback, errors.New("not a loopback address"))
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case isBusy(err):
		return nil, fault(PortBusy, errors.New("the port is in use"))
	case errors.Is(err, fs.ErrPermission):
		return nil, fault(PortForbidden, errors.New("the system does not allow it"))
	}
	f := &probes.Fault{Op: "open the lab on " + addr, Code: NotOpen, Err: err}
	return nil, f.With("address", addr).With("cause", probes.Clean(err.Error(), 200))
}

// isBusy tells an address in use: EADDRINUSE, which Windows calls 10048
// (WSAEADDRINUSE) or 10013 when another process has it for itself.
func isBusy(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.Errno(10048))
}

// maxBody is how much of a request is read, in bytes: more than any call takes,
// so that a large message is refused in words.
const maxBody = 64 << 20

// httpSide is one https server with its connections.
type httpSide struct {
	srv   *http.Server
	done  chan struct{} // Serve has returned
	conns sync.WaitGroup
}

// serveHTTPS answers on ln until close.
func serveHTTPS(ln net.Listener, trust *authority, h http.Handler) *httpSide {
	s := &httpSide{done: make(chan struct{})}
	s.srv = &http.Server{
		Handler:           http.MaxBytesHandler(h, maxBody),
		TLSConfig:         trust.serverConfig(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(discard{}, "", 0),
		ConnState: func(_ net.Conn, st http.ConnState) {
			switch st {
			case http.StateNew: // Serve calls this itself: it cannot race with close
				s.conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.conns.Done()
			}
		},
	}
	go func() {
		defer close(s.done)
		_ = s.srv.ServeTLS(ln, "", "") // ends with ErrServerClosed
	}()
	return s
}

// close ends the server and waits for its connections.
func (s *httpSide) close() {
	_ = s.srv.Close()
	<-s.done
	s.conns.Wait()
}

// discard keeps the server's remarks about broken handshakes off the screen.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
