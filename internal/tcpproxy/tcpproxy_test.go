package tcpproxy_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/tcpproxy"
)

// A link is a connection through a proxy, with both of its ends.
type link struct {
	proxy          *tcpproxy.Proxy
	client, server net.Conn
}

func newLink(t *testing.T, prepare func(*tcpproxy.Proxy)) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p, err := tcpproxy.New(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	prepare(p)
	l := &link{proxy: p}
	if l.client, err = net.Dial("tcp", p.Addr()); err != nil {
		t.Fatal(err)
	}
	if l.server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.client.Close()
		l.server.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func send(t *testing.T, to net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(to, text); err != nil {
		t.Fatal(err)
	}
}

// receive reads for a moment. Whoever writes to a connection that was reset may have
// met the reset there already.
func receive(from net.Conn) string {
	_ = from.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	text, err := io.ReadAll(bufio.NewReader(from))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return string(text)
	}
	return string(text) + "(gone)"
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault            tcpproxy.Fault
		atServer, atUser string
	}{
		"none":              {func(*tcpproxy.Conn) {}, "ping", "pong"},
		"silent":            {tcpproxy.Silence(), "", ""},
		"silent to server":  {tcpproxy.Silence(tcpproxy.ToServer), "", "pong"},
		"silent to client":  {tcpproxy.Silence(tcpproxy.ToClient), "ping", ""},
		"half-open":         {tcpproxy.HalfOpen, "", "(gone)"},
		"reset":             {tcpproxy.Reset, "(gone)", "(gone)"},
		"slow, but it gets": {tcpproxy.Slow(100), "ping", "pong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLink(t, func(*tcpproxy.Proxy) {})
			send(t, l.client, "hello")
			if got := receive(l.server); got != "hello" {
				t.Fatalf("before: %q", got)
			}
			l.proxy.Do(c.fault)
			_, _ = io.WriteString(l.client, "ping")
			_, _ = io.WriteString(l.server, "pong")
			if got := receive(l.server); got != c.atServer {
				t.Errorf("the server gets %q, want %q", got, c.atServer)
			}
			if got := receive(l.client); got != c.atUser {
				t.Errorf("the client gets %q, want %q", got, c.atUser)
			}
		})
	}
}

func TestFaultOfNewConnections(t *testing.T) {
	t.Parallel()
	l := newLink(t, func(p *tcpproxy.Proxy) { p.DoNew(tcpproxy.Silence(tcpproxy.ToServer)) })
	send(t, l.client, "ping")
	send(t, l.server, "pong")
	if server, client := receive(l.server), receive(l.client); server != "" || client != "pong" {
		t.Errorf("the server gets %q, the client %q", server, client)
	}
}

// TestFaultAtAText sends the text in parts.
func TestFaultAtAText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parts []string
		pass  int
		want  string
	}{
		"before it":           {[]string{"one COMMIT two"}, 0, "one (gone)"},
		"after some of it":    {[]string{"one COMMIT two"}, 3, "one COM(gone)"},
		"in parts, before it": {[]string{"one COM", "MIT two"}, 0, "one COM(gone)"},
		"in parts, amid it":   {[]string{"one COM", "MIT two"}, 5, "one COMMI(gone)"},
		"another text":        {[]string{"one commit two"}, 0, "one commit two"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLink(t, func(*tcpproxy.Proxy) {})
			send(t, l.client, "COMMIT ") // it came before, and does not count
			if got := receive(l.server); got != "COMMIT " {
				t.Fatalf("before: %q", got)
			}
			cut := func(conn *tcpproxy.Conn) {
				time.Sleep(50 * time.Millisecond) // a reset overtakes what was sent
				tcpproxy.Reset(conn)
			}
			fired := l.proxy.When(tcpproxy.ToServer, "COMMIT", c.pass, cut)
			got := make(chan string)
			go func() { got <- receive(l.server) }()
			for _, part := range c.parts {
				send(t, l.client, part)
				time.Sleep(20 * time.Millisecond)
			}
			if text := <-got; text != c.want {
				t.Errorf("the server gets %q, want %q", text, c.want)
			}
			if c.want != c.parts[0] {
				<-fired
			}
		})
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	l := newLink(t, func(p *tcpproxy.Proxy) { p.DoNew(tcpproxy.Slow(2000)) })
	began := time.Now()
	send(t, l.client, string(make([]byte, 1000)))
	if _, err := io.ReadFull(l.server, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("1000 bytes took %s at 2000 bytes a second", took)
	}
}
