package socket

import (
	"encoding/binary"
	"io"
	"sync"

	"cardea/ctap/ctaphid"
)

// A device is the end of one that is plugged in.
type device struct {
	socket  *Socket
	arrived chan ctaphid.Report
	gone    chan struct{} // closed when it is pulled out

	mu     sync.Mutex
	routes *routes
}

// take hands a client's report to the device. It reports false if the device
// has been pulled out.
func (d *device) take(r ctaphid.Report, from client) bool {
	d.mu.Lock()
	d.routes.heard(&r, from)
	d.mu.Unlock()
	select {
	case d.arrived <- r:
		return true
	case <-d.gone:
		return false
	}
}

// Read waits for a client's report.
func (d *device) Read(p []byte) (int, error) {
	if len(p) < ctaphid.ReportSize {
		return 0, io.ErrShortBuffer
	}
	select {
	case r := <-d.arrived:
		return copy(p, r[:]), nil
	case <-d.gone:
		return 0, io.EOF
	}
}

// Write sends a report to the client it is for. If that is nobody any more it
// is dropped.
func (d *device) Write(p []byte) (int, error) {
	if len(p) != ctaphid.ReportSize {
		return 0, io.ErrShortWrite
	}
	select {
	case <-d.gone:
		return 0, io.ErrClosedPipe
	default:
	}
	d.mu.Lock()
	to := d.routes.route((*ctaphid.Report)(p))
	d.mu.Unlock()
	if to != nil {
		to.send(p)
	}
	return len(p), nil
}

// Close pulls the device out. Closing twice is harmless.
func (d *device) Close() error {
	d.socket.unplug(d)
	return nil
}

// maxRoutes bounds what is remembered of clients that never say goodbye.
const maxRoutes = 4096

// routes remember who speaks on which channel.
type routes struct {
	channels  map[ctaphid.Channel]client
	nonces    map[[8]byte]client // of INIT under way on the broadcast channel
	broadcast client             // who used that channel last
}

func newRoutes() *routes {
	return &routes{channels: map[ctaphid.Channel]client{}, nonces: map[[8]byte]client{}}
}

// Where things are in a report (CTAP §11.2.4); INIT's data begins with a nonce,
// and its answer goes on with the new channel.
const (
	commandAt    = 4
	nonceAt      = 7
	newChannelAt = 15
	initReport   = 0x80 | byte(ctaphid.Init)
)

func channelAt(r *ctaphid.Report, at int) ctaphid.Channel {
	return ctaphid.Channel(binary.BigEndian.Uint32(r[at:]))
}

// heard notes a report of a client's.
func (t *routes) heard(r *ctaphid.Report, from client) {
	c := channelAt(r, 0)
	if c != ctaphid.Broadcast {
		put(t.channels, c, from)
		return
	}
	t.broadcast = from
	if r[commandAt] == initReport {
		put(t.nonces, [8]byte(r[nonceAt:]), from)
	}
}

// route returns the client that a report of the device's is for, or nil.
func (t *routes) route(r *ctaphid.Report) client {
	c := channelAt(r, 0)
	switch {
	case c != ctaphid.Broadcast:
		return t.channels[c]
	case r[commandAt] != initReport:
		return t.broadcast
	}
	nonce := [8]byte(r[nonceAt:])
	to := t.nonces[nonce]
	delete(t.nonces, nonce)
	if to != nil {
		put(t.channels, channelAt(r, newChannelAt), to)
	}
	return to
}

// put adds to a map that forgets some other entry when it is full.
func put[K comparable](m map[K]client, k K, c client) {
	if _, known := m[k]; !known && len(m) >= maxRoutes {
		for other := range m {
			delete(m, other)
			break
		}
	}
	m[k] = c
}
