// Package tcpproxy is test support: peers on TCP, and a proxy that does to connections what
// networks do. It can go silent, keep one side of a connection open and reset
// the other, slow down, and reset both sides: at once, for connections to come,
// or at the moment at which some text passes.
//
//	p, err := tcpproxy.New(server)
//	fired := p.When(tcpproxy.ToServer, "commit\x00", 0, tcpproxy.HalfOpen)
package tcpproxy

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// A Direction is the way that bytes take.
type Direction int

// The directions.
const (
	ToServer Direction = iota
	ToClient
)

// A Fault is what happens to a connection.
type Fault func(*Conn)

// Silence swallows what comes in these directions, in both when none is named. Both
// sides stay connected, and are not told when the other one closes.
func Silence(ways ...Direction) Fault {
	if len(ways) == 0 {
		ways = []Direction{ToServer, ToClient}
	}
	return func(c *Conn) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, way := range ways {
			c.silent[way] = true
		}
	}
}

// Slow lets so many bytes a second pass in each direction.
func Slow(bytesPerSecond int) Fault {
	return func(c *Conn) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.rate = bytesPerSecond
	}
}

// HalfOpen resets the client's side. The server is not told: its side stays
// connected, and what it sends is swallowed.
func HalfOpen(c *Conn) {
	Silence()(c)
	reset(c.sides[ToClient])
}

// Reset resets both sides.
func Reset(c *Conn) {
	reset(c.sides[ToClient])
	reset(c.sides[ToServer])
}

func reset(side net.Conn) {
	_ = side.(*net.TCPConn).SetLinger(0)
	_ = side.Close()
}

// A Conn is one connection through a proxy.
type Conn struct {
	proxy *Proxy
	sides [2]net.Conn // the one that bytes of a direction go to

	mu     sync.Mutex
	silent [2]bool
	rate   int // bytes a second; 0: any
}

// A Proxy forwards connections to a server. It is safe for concurrent use.
type Proxy struct {
	server   string
	listener net.Listener
	work     sync.WaitGroup
	ended    chan struct{}

	mu    sync.Mutex
	conns []*Conn
	fresh Fault
	rules []*rule
}

// A rule is a fault that waits for its text.
type rule struct {
	way   Direction
	text  []byte
	pass  int // bytes of the text that are forwarded before the fault
	fault Fault
	fired chan struct{}
}

// New starts a proxy to the address of a server. The caller closes it.
func New(server string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p := &Proxy{server: server, listener: listener, ended: make(chan struct{})}
	p.work.Go(p.accept)
	return p, nil
}

// Addr is the address that clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Do does a fault to the connections that are open.
func (p *Proxy) Do(f Fault) {
	p.mu.Lock()
	conns := slices.Clone(p.conns)
	p.mu.Unlock()
	for _, c := range conns {
		f(c)
	}
}

// DoNew does a fault to each connection that opens from now on, before anything is
// forwarded; nil does nothing again.
func (p *Proxy) DoNew(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fresh = f
}

// longestText bounds the texts of When that are found when they come in parts.
const longestText = 1024

// When does a fault once: to the connection in which text comes next in a direction,
// when the first bytes of the text, so many as pass says, are forwarded. The channel
// is closed afterwards.
func (p *Proxy) When(way Direction, text string, pass int, f Fault) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &rule{way, []byte(text), pass, f, make(chan struct{})}
	p.rules = append(p.rules, r)
	return r.fired
}

// Close resets all connections and waits until nothing is going on any more.
func (p *Proxy) Close() error {
	close(p.ended)
	err := p.listener.Close()
	p.Do(Reset)
	p.work.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	server, err := net.DialTimeout("tcp", p.server, 10*time.Second)
	if err != nil {
		reset(client)
		return
	}
	c := &Conn{proxy: p, sides: [2]net.Conn{ToServer: server, ToClient: client}}
	for _, side := range c.sides { // a sender is to notice that it is slow
		_ = side.(*net.TCPConn).SetReadBuffer(64 << 10)
	}
	p.mu.Lock()
	p.conns = append(p.conns, c)
	fresh := p.fresh
	p.mu.Unlock()
	if fresh != nil {
		fresh(c)
	}
	select {
	case <-p.ended: // Close may have missed it
		Reset(c)
	default:
	}
	var pumps sync.WaitGroup
	pumps.Go(func() { c.pump(ToServer) })
	pumps.Go(func() { c.pump(ToClient) })
	pumps.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = slices.DeleteFunc(p.conns, func(other *Conn) bool { return other == c })
}

// pump forwards what comes in a direction, until that ends.
func (c *Conn) pump(way Direction) {
	from, to := c.sides[1-way], c.sides[way]
	var tail []byte // of what came before, as a text may come in parts
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		chunk := buffer[:n]
		for {
			r, pass := c.proxy.match(way, tail, chunk)
			if r == nil {
				break
			}
			c.send(way, chunk[:pass])
			r.fault(c)
			close(r.fired)
			tail, chunk = nil, chunk[pass:]
		}
		c.send(way, chunk)
		tail = append(tail, chunk...)
		tail = tail[max(0, len(tail)-longestText):]
		if err != nil {
			if silent, _ := c.state(way); !silent {
				_ = to.Close()
			}
			return
		}
	}
}

// match takes the first rule whose text is complete with a chunk, and tells how much
// of the chunk is forwarded before its fault.
func (p *Proxy) match(way Direction, tail, chunk []byte) (*rule, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, r := range p.rules {
		before := tail[max(0, len(tail)-len(r.text)+1):]
		if at := bytes.Index(slices.Concat(before, chunk), r.text); r.way == way && at >= 0 {
			p.rules = slices.Delete(p.rules, i, i+1)
			return r, max(0, at+r.pass-len(before))
		}
	}
	return nil, 0
}

// send forwards bytes, as fast as it may, unless they are swallowed. An error shows
// in the other direction.
func (c *Conn) send(way Direction, b []byte) {
	for len(b) > 0 {
		silent, rate := c.state(way)
		if silent {
			return
		}
		n := len(b)
		if rate > 0 {
			n = min(n, max(1, rate/20))
			select {
			case <-time.After(time.Duration(n) * time.Second / time.Duration(rate)):
			case <-c.proxy.ended:
				return
			}
		}
		if _, err := c.sides[way].Write(b[:n]); err != nil && !errors.Is(err, net.ErrClosed) {
			_ = c.sides[way].Close()
			return
		}
		b = b[n:]
	}
}

func (c *Conn) state(way Direction) (silent bool, rate int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.silent[way], c.rate
}
