package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A poller keeps connections that cost no goroutine and no buffer while they
// say nothing: a few loops wait for all of them.
type poller struct {
	loops   []*loop
	running sync.WaitGroup
	next    atomic.Uint32 // the loop that gets the next connection
}

func newPoller() (*poller, error) {
	p := &poller{}
	// One loop passes on some hundred thousand messages in a second. The other
	// half of the processors is for the requests that make connections.
	for range max(runtime.GOMAXPROCS(0)/2, 1) {
		l, err := newLoop()
		if err != nil {
			p.close()
			return nil, err
		}
		p.loops = append(p.loops, l)
		p.running.Go(l.run)
	}
	return p, nil
}

// close ends the loops. Their connections are closed by then.
func (p *poller) close() {
	if p == nil {
		return
	}
	for _, l := range p.loops {
		l.stop()
	}
	p.running.Wait()
}

// start takes the socket out of nc and lets it run. It calls left when the
// connection is over.
func (p *poller) start(nc net.Conn, limits *Limits, early []byte, s seat, left func()) error {
	fd, err := socketOf(nc)
	if err != nil {
		left()
		s.giveUp()
		return fmt.Errorf("taking the socket: %w", err)
	}
	l := p.loops[int(p.next.Add(1))%len(p.loops)]
	c := &polled{fd: fd, interest: unix.EPOLLIN, loop: l, party: s.party, left: left, heard: time.Now()}
	c.limits, c.ping = limits, s.ping
	if err = c.party.attach(c); err == nil {
		var to conn
		to, err = c.take(c, c.party, early)
		c.mindBacklog(to)
	}
	if err != nil && c.finish(err) {
		c.destroy()
		return nil
	}
	c.loop.add(c)
	return nil
}

// socketOf returns a socket of our own for nc, which is closed. What is not TCP
// goes through a pair of sockets.
func socketOf(nc net.Conn) (int, error) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return bridge(nc)
	}
	defer nc.Close()
	raw, err := tcp.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	if cerr := raw.Control(func(s uintptr) { fd, err = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0) }); cerr != nil {
		return -1, cerr
	}
	return fd, err // it stays non-blocking: that is of the socket, not of the number
}

// bridge copies between nc and a socket, until either ends.
func bridge(nc net.Conn) (int, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		nc.Close()
		return -1, err
	}
	f := os.NewFile(uintptr(fds[1]), "bridge")
	far, err := net.FileConn(f)
	f.Close()
	if err != nil {
		nc.Close()
		unix.Close(fds[0])
		return -1, err
	}
	go func() {
		io.Copy(far, nc)
		far.Close()
	}()
	go func() {
		io.Copy(nc, far)
		nc.Close()
	}()
	return fds[0], nil
}

// A loop is a goroutine that waits for many connections at once. Its epoll
// instance is itself waited for by the runtime, so that a quiet loop holds no
// thread.
type loop struct {
	file *os.File // the epoll instance
	raw  syscall.RawConn
	fd   int

	mu      sync.Mutex
	conns   map[int]*polled
	wheel   wheel[reminder]
	added   uint32 // how many connections there have been
	stopped bool
}

// A reminder names a connection without holding on to it: most are over long
// before they are due.
type reminder struct {
	fd     int32
	number uint32
}

func newLoop() (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an epoll instance: %w", err)
	}
	// os.NewFile leaves to the runtime what does not block.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	l := &loop{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), conns: map[int]*polled{}}
	l.wheel.now = time.Now().UnixNano() / int64(tickTime)
	if l.raw, err = l.file.SyscallConn(); err == nil {
		err = l.file.SetReadDeadline(time.Now().Add(tickTime))
	}
	if err != nil {
		l.file.Close()
		return nil, err
	}
	return l, nil
}

func (l *loop) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true // seen at the next tick
}

// run is the loop's goroutine.
func (l *loop) run() {
	defer l.file.Close()
	events := make([]unix.EpollEvent, 512)
	buf := make([]byte, 64<<10)
	tick := time.Now().Add(tickTime)
	for {
		for _, e := range events[:l.wait(events)] {
			if c := l.find(int(e.Fd)); c != nil {
				c.ready(e.Events, buf)
			}
		}
		now := time.Now()
		if now.Before(tick) {
			continue
		}
		if !l.turn(now) {
			return
		}
		tick = now.Add(tickTime)
		l.file.SetReadDeadline(tick)
	}
}

// wait returns how many events there are, or none at the end of a tick.
func (l *loop) wait(events []unix.EpollEvent) (n int) {
	l.raw.Read(func(uintptr) bool {
		var err error
		n, err = unix.EpollWait(l.fd, events, 0)
		n = max(n, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
	return n
}

func (l *loop) find(fd int) *polled {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[fd]
}

// add lets the loop wait for c, which is the loop's from then on.
func (l *loop) add(c *polled) {
	due := c.until()
	l.mu.Lock()
	l.conns[c.fd] = c
	l.added++
	c.number = l.added
	c.tick = l.wheel.put(reminder{int32(c.fd), c.number}, due)
	err := unix.EpollCtl(l.fd, unix.EPOLL_CTL_ADD, c.fd, &unix.EpollEvent{Events: c.interest, Fd: int32(c.fd)})
	if err != nil {
		delete(l.conns, c.fd)
	}
	l.mu.Unlock()
	if by := c.closeBy.Load(); by != nil {
		l.remind(c, *by) // it may have come after the look above
	}
	if err != nil { // out of watches or of memory
		if !c.finished {
			c.finish(fmt.Errorf("waiting for a socket: %w", err))
		}
		c.destroy()
	}
}

// watch changes what c is waited for.
func (l *loop) watch(c *polled, bit uint32, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := c.interest
	if c.interest &^= bit; on {
		c.interest |= bit
	}
	if l.conns[c.fd] == c && c.interest != was {
		unix.EpollCtl(l.fd, unix.EPOLL_CTL_MOD, c.fd, &unix.EpollEvent{Events: c.interest, Fd: int32(c.fd)})
	}
}

// remind makes the loop look at c at t, if it would not earlier.
func (l *loop) remind(c *polled, t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns[c.fd] != c || c.tick > l.wheel.now && c.tick <= tickOf(t) {
		return
	}
	c.tick = l.wheel.put(reminder{int32(c.fd), c.number}, t)
}

// turn looks at the connections whose time has come. It reports false when the
// loop is to end.
func (l *loop) turn(now time.Time) bool {
	var due []*polled
	l.mu.Lock()
	l.wheel.turn(now, func(r reminder, tick int64) {
		c := l.conns[int(r.fd)]
		if c != nil && c.number == r.number && c.tick <= tick { // else it is over, or put in again for later
			due = append(due, c)
		}
	})
	goOn := !l.stopped
	l.mu.Unlock()
	for _, c := range due {
		c.look(now)
	}
	return goOn
}

// remove closes c's socket.
func (l *loop) remove(c *polled) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c.fd)
	unix.Close(c.fd) // which ends the waiting, too: no other number is for this socket
	c.fd = -1
}
