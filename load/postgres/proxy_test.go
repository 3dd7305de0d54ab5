package postgres_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// A cut is where the proxy breaks the connection that sends the next COMMIT.
type cut int32

const (
	nowhere      cut = iota
	beforeCommit     // the server never sees it
	tornCommit       // the server sees half of it
	beforeReply      // the server has answered, the client sees nothing
	tornReply        // the client sees half of the answer
)

// A proxy forwards to a server, message by message, and breaks a connection
// where it is told to.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type proxy struct {
	next   atomic.Int32
	cuts   atomic.Int32 // that were made
	server string
}

// newProxy starts a proxy to a database and returns it with its address.
func newProxy(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: u.Host}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	u.Host = listener.Addr().String()
	u.RawQuery = "sslmode=disable" // what is encrypted cannot be cut by message
	return p, u.String()
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var mine atomic.Int32
	var replies sync.WaitGroup
	replies.Go(func() {
		defer client.Close()
		defer server.Close()
		p.reply(client, server, &mine)
	})
	defer replies.Wait()
	defer server.Close()
	// The first message has no type.
	if first, err := message(client, 0); err != nil || send(server, first) != nil {
		return
	}
	for {
		m, err := message(client, 1)
		if err != nil {
			return
		}
		if m[0] == 'Q' && bytes.EqualFold(m[5:], []byte("commit\x00")) {
			mine.Store(p.next.Swap(int32(nowhere)))
		}
		switch cut(mine.Load()) {
		case beforeCommit:
			p.cuts.Add(1)
			return
		case tornCommit:
			p.cuts.Add(1)
			_ = send(server, m[:len(m)/2])
			return
		}
		if send(server, m) != nil {
			return
		}
	}
}

// reply forwards what the server says. An answer that shall not arrive is
// awaited to its end, so that the server is known to have committed.
func (p *proxy) reply(client, server net.Conn, mine *atomic.Int32) {
	for {
		m, err := message(server, 1)
		if err != nil {
			return
		}
		switch c := cut(mine.Load()); {
		case c != beforeReply && c != tornReply:
			if send(client, m) != nil {
				return
			}
		case m[0] == 'Z':
			p.cuts.Add(1)
			return
		case c == tornReply:
			_ = send(client, m[:len(m)-3])
		}
	}
}

// message reads one message whose length stands after its type.
func message(r io.Reader, kind int) ([]byte, error) {
	head := make([]byte, kind+4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	m := append(head, make([]byte, binary.BigEndian.Uint32(head[kind:])-4)...)
	_, err := io.ReadFull(r, m[len(head):])
	return m, err
}

func send(w io.Writer, m []byte) error {
	_, err := w.Write(m)
	return err
}
