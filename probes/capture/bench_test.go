package capture

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"offbasic/probes"
)

// bench runs a server for a benchmark; nothing is kept on disk.
func bench(b *testing.B, p string) string {
	b.Helper()
	s := &Server{
		Listen: []string{"127.0.0.1:0"}, Policy: policy(b, p), certs: sharedCertificates(),
		Limits: Limits{Peek: -1, Connections: 5000, PerPeer: 5000},
	}
	open := make(chan string, 1)
	done := make(chan error)
	go func() {
		done <- s.Run(b.Context(), func(e probes.CaptureEvent) {
			if e.Listening != nil {
				open <- e.Listening.Addr
			}
		})
	}()
	b.Cleanup(func() { <-done })
	return <-open
}

// script is one device, as fast as it can.
type script struct {
	conn net.Conn
	in   *bufio.Reader
	err  error
}

func (s *script) ask(text, code string) {
	if s.err != nil {
		return
	}
	if _, s.err = io.WriteString(s.conn, text); s.err != nil {
		return
	}
	s.expect(code)
}

func (s *script) expect(code string) {
	for s.err == nil {
		l, err := s.in.ReadSlice('\n')
		if err != nil {
			s.err = err
			return
		}
		if len(l) > 3 && l[3] == '-' {
			continue
		}
		if string(l[:3]) != code {
			s.err = fmt.Errorf("reply %q, want %s", l, code)
		}
		return
	}
}

// deliver is one session: EHLO, TLS if wanted, AUTH LOGIN, a message, QUIT.
func deliver(addr string, message string, overTLS bool) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetLinger(0)
	s := &script{conn: conn, in: bufio.NewReader(conn)}
	s.expect("220")
	s.ask("EHLO copier.contoso.example\r\n", "250")
	if overTLS {
		s.ask("STARTTLS\r\n", "220")
		s.conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		s.in = bufio.NewReader(s.conn)
		s.ask("EHLO copier.contoso.example\r\n", "250")
	}
	s.ask("AUTH LOGIN\r\n", "334")
	s.ask(user64+"\r\n", "334")
	s.ask(pass64+"\r\n", "235")
	s.ask("MAIL FROM:<scan@contoso.example>\r\n", "250")
	s.ask("RCPT TO:<bob@example.org>\r\n", "250")
	s.ask("DATA\r\n", "354")
	s.ask(message+".\r\n", "250")
	s.ask("QUIT\r\n", "221")
	return s.err
}

// ofSize is a message of about n bytes.
func ofSize(n int) string {
	head := scan[:strings.Index(scan, "\r\n\r\n")+4]
	return head + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", max(0, n-len(head))/78)
}

func BenchmarkSession(b *testing.B) {
	message := ofSize(10 << 10)
	for _, overTLS := range []bool{false, true} {
		for _, clients := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("tls=%v/clients=%d", overTLS, clients), func(b *testing.B) {
				addr := bench(b, "everything")
				b.ReportAllocs()
				b.ResetTimer()
				var left atomic.Int64
				left.Store(int64(b.N))
				var all sync.WaitGroup
				for range clients {
					all.Go(func() {
						for left.Add(-1) >= 0 {
							if err := deliver(addr, message, overTLS); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
			})
		}
	}
}

func BenchmarkData20MB(b *testing.B) {
	addr, message := bench(b, "everything"), ofSize(20<<20)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if err := deliver(addr, message, false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClientHello(b *testing.B) {
	hello := wireHello(0x0301, 0x0303, list("1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"), []extension{
		{extServerName, bytes16(append([]byte{0}, bytes16([]byte("smtp.office365.com"))...))},
		{extSupportedGroups, bytes16(pack(list("001d 0017 0018")))},
		{extPointFormats, bytes8([]byte{0})},
		{extSignatures, bytes16(pack(list("0403 0804 0401 0503 0805 0501 0806 0601")))},
		{extSupportedVersions, bytes8(pack(list("0304 0303")))},
	}, 1<<14)
	b.ReportAllocs()
	for b.Loop() {
		h, err := parseHello(hello)
		if err != nil {
			b.Fatal(err)
		}
		h.offer(probes.StartTLS)
	}
}

// BenchmarkIdleConnection reports the memory of one connection that has been
// greeted and says nothing.
func BenchmarkIdleConnection(b *testing.B) {
	const idle = 2000
	for b.Loop() {
		addr := bench(b, "everything")
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		conns := make([]net.Conn, idle)
		for i := range conns {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Skipf("%d connections: %v", i, err)
			}
			conns[i] = c
		}
		for _, c := range conns {
			c.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		for _, c := range conns {
			c.Close()
		}
		b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/idle, "B/connection")
	}
}
