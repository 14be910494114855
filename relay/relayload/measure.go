//go:build linux

package relayload

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"cardea/hybrid"
)

// What an idle connection is.
const (
	Waiting    = "waiting"    // a tunnel that nobody has joined: one connection
	Joined     = "joined"     // a tunnel with both its ends: two connections
	Registered = "registered" // a phone that waits for calls: one connection
)

var tunnels atomic.Uint64

func nextID() (id hybrid.TunnelID) {
	binary.BigEndian.PutUint64(id[8:], tunnels.Add(1))
	return id
}

// A crowd is connections that are held open.
type crowd struct {
	target *Target
	mu     sync.Mutex
	peers  []*peer // of joined tunnels, in pairs
}

// openers is how many connections are opened at once.
const openers = 32

// grow opens connections of a sort until there are n.
func (c *crowd) grow(n int, sort string) error {
	step := 1
	if sort == Joined {
		step = 2
	}
	var group sync.WaitGroup
	var failed atomic.Pointer[error]
	want := atomic.Int64{}
	want.Store(int64(n - len(c.peers)))
	for range openers {
		group.Go(func() {
			for want.Add(-int64(step)) > -int64(step) && failed.Load() == nil {
				ps, err := c.target.member(sort)
				if err != nil {
					failed.Store(&err)
					return
				}
				c.mu.Lock()
				c.peers = append(c.peers, ps...)
				c.mu.Unlock()
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return fmt.Errorf("opening connection %d: %w", len(c.peers), *err)
	}
	return nil
}

// member opens one tunnel or registration.
func (t *Target) member(sort string) ([]*peer, error) {
	switch sort {
	case Joined:
		phone, client, err := t.pair(nextID())
		return []*peer{phone, client}, err
	case Registered:
		key := hybrid.NewContactKey()
		id, err := hybrid.ContactIDOf(key)
		if err != nil {
			return nil, err
		}
		p, err := t.open("/cable/register/"+id.String(), "X-Cardea-Contact-Key: "+hex.EncodeToString(key.Expose())+"\r\n")
		return []*peer{p}, err
	default:
		p, err := t.open(newPath(nextID()), "")
		return []*peer{p}, err
	}
}

func (c *crowd) leave() {
	for _, p := range c.peers {
		p.abort()
	}
	c.peers = nil
}

// Idle returns what the relay holds with each of the numbers of connections of
// one sort, beginning with none.
func Idle(t *Target, sort string, counts ...int) ([]Stats, error) {
	c := &crowd{target: t}
	defer c.leave()
	// What is made once and kept: pools, threads, the books.
	if err := c.grow(200, sort); err != nil {
		return nil, err
	}
	c.leave()
	if err := t.settle(); err != nil {
		return nil, err
	}
	var all []Stats
	for _, n := range append([]int{0}, counts...) {
		if err := c.grow(n, sort); err != nil {
			return nil, err
		}
		time.Sleep(300 * time.Millisecond)
		s, err := t.Stats()
		if err != nil {
			return nil, err
		}
		if s.Connections != int64(n) {
			return nil, fmt.Errorf("the relay has %d connections, want %d", s.Connections, n)
		}
		all = append(all, s)
	}
	return all, nil
}

// settle waits until the relay has noticed that everybody has left.
func (t *Target) settle() error {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		s, err := t.Stats()
		switch {
		case err != nil:
			return err
		case s.Connections == 0 && s.Tunnels == 0:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d connections and %d tunnels are left", s.Connections, s.Tunnels)
		}
	}
}

// A Rate is how often something was done, in how long, at what cost.
type Rate struct {
	Times int64
	Took  time.Duration
	CPU   time.Duration // of the relay
}

// Each returns the relay's time for one.
func (r Rate) Each() time.Duration { return r.CPU / time.Duration(max(r.Times, 1)) }

// PerCore returns how many a processor of the relay does in a second.
func (r Rate) PerCore() float64 { return float64(r.Times) / r.CPU.Seconds() }

// measure runs work in several goroutines for d.
func (t *Target) measure(d time.Duration, workers int, work func(i int, on func() bool) (int64, error)) (Rate, error) {
	before, err := t.Stats()
	if err != nil {
		return Rate{}, err
	}
	began := time.Now()
	on := func() bool { return time.Since(began) < d }
	var times atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			n, err := work(i, on)
			if times.Add(n); err != nil {
				failed.Store(&err)
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	if err := failed.Load(); err != nil {
		return Rate{}, *err
	}
	// The collection that Stats makes is not of the load. It is measured twice
	// and taken off.
	middle, err := t.Stats()
	if err != nil {
		return Rate{}, err
	}
	after, err := t.Stats()
	if err != nil {
		return Rate{}, err
	}
	return Rate{times.Load(), took, middle.CPU - before.CPU - (after.CPU - middle.CPU)}, nil
}

// Accepts opens tunnels and breaks them off for d.
func Accepts(t *Target, d time.Duration) (Rate, error) {
	r, err := t.measure(d, 8, func(_ int, on func() bool) (n int64, err error) {
		for on() {
			p, err := t.open(newPath(nextID()), "")
			if err != nil {
				return n, err
			}
			p.abort()
			n++
		}
		return n, nil
	})
	return r, errors.Join(err, t.settle())
}

// kibibyte is a message to measure with.
var kibibyte = func() []byte {
	b := make([]byte, 1024)
	rand.Read(b)
	return b
}()

// Messages opens n connections as joined tunnels, and for d sends messages of
// 1 KiB through all of them in turn: window at a time through one, from
// several tunnels at once.
func Messages(t *Target, n, window int, d time.Duration) (Rate, error) {
	c := &crowd{target: t}
	defer c.leave()
	if err := c.grow(n, Joined); err != nil {
		return Rate{}, err
	}
	for _, p := range c.peers {
		p.SetDeadline(time.Now().Add(d + patience))
	}
	var burst []byte
	for range window {
		burst = append(burst, frame(ws.OpBinary, kibibyte)...)
	}
	const workers = 32
	r, err := t.measure(d, workers, func(w int, on func() bool) (times int64, err error) {
		got := make([]byte, window*(4+len(kibibyte)))
		for at := 2 * w; on(); at += 2 * workers {
			if at+1 >= len(c.peers) {
				at = 2 * w
			}
			phone, client := c.peers[at], c.peers[at+1]
			if _, err := client.Write(burst); err != nil {
				return times, err
			}
			if _, err := io.ReadFull(phone.reader(), got); err != nil {
				return times, err
			}
			times += int64(window)
		}
		return times, nil
	})
	if err != nil {
		return r, err
	}
	c.leave()
	return r, t.settle()
}
