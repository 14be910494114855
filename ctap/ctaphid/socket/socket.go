package socket

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"cardea/ctap/ctaphid"
)

// writeWithin is how long a client may leave its answers unread before it is
// let go: others wait for the device meanwhile.
const writeWithin = 2 * time.Second

// A Socket takes clients. It is safe for concurrent use.
type Socket struct {
	address Address
	udp     *net.UDPConn // one of these two
	tcp     net.Listener
	work    sync.WaitGroup

	mu     sync.Mutex
	device *device // what is plugged in; nil if nothing is
	conns  map[net.Conn]bool
	closed bool
}

// Listen opens a Socket at a, which must be a loopback address. Nothing is
// plugged in yet.
func Listen(a Address) (*Socket, error) {
	if !a.Host.Addr().Unmap().IsLoopback() {
		return nil, fmt.Errorf("address %q: %w", a, ErrNotLoopback)
	}
	s := &Socket{conns: map[net.Conn]bool{}}
	var at net.Addr
	var err error
	switch a.Network {
	case "udp":
		s.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(a.Host))
		if err == nil {
			at = s.udp.LocalAddr()
			s.work.Go(s.takeDatagrams)
		}
	case "tcp":
		s.tcp, err = net.Listen("tcp", a.Host.String())
		if err == nil {
			at = s.tcp.Addr()
			s.work.Go(s.takeConns)
		}
	default:
		err = net.UnknownNetworkError(a.Network)
	}
	if err != nil {
		return nil, err
	}
	s.address = Address{a.Network, netip.MustParseAddrPort(at.String())}
	return s, nil
}

// Address is where clients come to, with the port that was found.
func (s *Socket) Address() Address { return s.address }

// Errors of Plug.
var (
	errTaken  = errors.New("there is a device already")
	errClosed = errors.New("the socket is closed")
)

// Plug puts a device in: what it returns is the device's end, which reads and
// writes one report at a time, as ctaphid.Serve wants it. Its Close pulls the
// device out and hangs up on the clients. There is room for one.
func (s *Socket) Plug() (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, errClosed
	case s.device != nil:
		return nil, errTaken
	}
	s.device = &device{socket: s, arrived: make(chan ctaphid.Report), gone: make(chan struct{}), routes: newRoutes()}
	return s.device, nil
}

// Close pulls the device out, hangs up, and waits until nothing runs any more.
func (s *Socket) Close() error {
	s.mu.Lock()
	s.closed = true
	d := s.device
	s.mu.Unlock()
	if d != nil {
		d.Close()
	}
	var err error
	if s.udp != nil {
		err = s.udp.Close()
	} else {
		err = s.tcp.Close()
	}
	s.work.Wait()
	return err
}

// plugged is the device that is there now, or nil.
func (s *Socket) plugged() *device {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.device
}

func (s *Socket) takeDatagrams() {
	buf := make([]byte, ctaphid.ReportSize+1) // room to notice one that is too long
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// Other errors are of a client that has gone, not of the socket.
		if d := s.plugged(); err == nil && n == ctaphid.ReportSize && d != nil {
			d.take(ctaphid.Report(buf[:n]), datagrams{s.udp, from})
		}
	}
}

func (s *Socket) takeConns() {
	for {
		c, err := s.tcp.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of file descriptors: it passes
			continue
		}
		if d := s.join(c); d != nil {
			s.work.Go(func() { s.takeStream(d, c) })
		}
	}
}

// join makes c a client of the device that is there, or hangs up.
func (s *Socket) join(c net.Conn) *device {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.device == nil {
		c.Close()
		return nil
	}
	s.conns[c] = true
	return s.device
}

func (s *Socket) takeStream(d *device, c net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		c.Close()
	}()
	var r ctaphid.Report
	for {
		if _, err := io.ReadFull(c, r[:]); err != nil || !d.take(r, connection{c}) {
			return
		}
	}
}

// unplug takes d out, unless it is out already.
func (s *Socket) unplug(d *device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.device != d {
		return
	}
	s.device = nil
	close(d.gone)
	for c := range s.conns {
		c.Close()
	}
}

// A client is where answers go. It is comparable.
type client interface{ send(report []byte) }

type datagrams struct {
	conn *net.UDPConn
	to   netip.AddrPort
}

// send drops what cannot be sent, as a network does.
func (d datagrams) send(report []byte) { _, _ = d.conn.WriteToUDPAddrPort(report, d.to) }

type connection struct{ net.Conn }

func (c connection) send(report []byte) {
	_ = c.SetWriteDeadline(time.Now().Add(writeWithin))
	if _, err := c.Write(report); err != nil {
		c.Close()
	}
}
