package link

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"cardea/hybrid"
	"cardea/hybrid/noise"
	"cardea/hybrid/tunnel"
)

// A conn carries messages between the two devices, whole and in order: a tunnel
// or a direct connection. The end of the ctx of a Read ends the conn.
type conn interface {
	Read(ctx context.Context) ([]byte, error)
	Write(ctx context.Context, message []byte) error
	Close() error
	Abort()
}

// direct is a conn over a Pipe (CTAP 2.3 §11.5.1). How messages are told apart
// there the phones say by doing it: each ends with CR LF, in a packet of its
// own if it fits. As what is sealed may hold the same two bytes, a message ends
// where it opens.
type direct struct {
	pipe hybrid.Pipe
	// opens reports whether it is a whole message.
	opens func(candidate []byte) bool

	rest []byte // read, and not yet a message
}

var endOfMessage = []byte("\r\n")

const (
	// maxDirect bounds a message; there is no other bound on what a neighbor
	// may send.
	maxDirect = 1 << 20
	// maxTries bounds the ends that are tried for one packet.
	maxTries = 16
)

// tryNeighbor is how long one neighbor may take for its first message: others
// wait behind it.
const tryNeighbor = 5 * time.Second

// handshakeSize is the size of both messages of the handshake.
const handshakeSize = 65 + 16

func isHandshake(candidate []byte) bool { return len(candidate) == handshakeSize }

// Read implements conn.
func (d *direct) Read(ctx context.Context) ([]byte, error) {
	for {
		if message, ok := d.cut(); ok {
			return message, nil
		}
		if len(d.rest) > maxDirect {
			d.Abort()
			return nil, fmt.Errorf("%w: a message that does not end", errProtocol)
		}
		packet, err := d.pipe.ReadPacket(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading from the direct connection: %w", err)
		}
		if len(d.rest) == 0 && bytes.Equal(packet, endOfMessage) {
			continue // of a message that ended without it
		}
		d.rest = append(d.rest, packet...)
	}
}

// cut takes a whole message off what was read. Some senders end a message with
// its packet and nothing else.
func (d *direct) cut() (message []byte, ok bool) {
	if len(d.rest) == 0 {
		return nil, false
	}
	if d.opens(d.rest) {
		message, d.rest = d.rest, nil
		return message, true
	}
	end := len(d.rest)
	for range maxTries {
		if end = bytes.LastIndex(d.rest[:end], endOfMessage); end < 0 {
			break
		}
		if candidate := d.rest[:end:end]; d.opens(candidate) {
			d.rest = d.rest[end+len(endOfMessage):]
			return candidate, true
		}
	}
	return nil, false
}

// Write implements conn.
func (d *direct) Write(ctx context.Context, message []byte) error {
	framed := append(bytes.Clone(message), endOfMessage...)
	for len(framed) > 0 {
		n := min(len(framed), d.pipe.MaxPacket())
		if err := d.pipe.WritePacket(ctx, framed[:n]); err != nil {
			return fmt.Errorf("writing to the direct connection: %w", err)
		}
		framed = framed[n:]
	}
	return nil
}

// Close implements conn.
func (d *direct) Close() error { return d.pipe.Close() }

// Abort implements conn.
func (d *direct) Abort() { _ = d.pipe.Close() }

// over returns a channel over c. From here on a direct connection's messages
// are records.
func over(c conn, s *noise.Session) *channel {
	if d, ok := c.(*direct); ok {
		d.opens = s.Receive.Opens
	}
	return &channel{conn: c, session: s}
}

// heard is what a client knows of the phone that it heard.
type heard struct {
	eid  hybrid.EID
	from hybrid.Peer
	psm  hybrid.PSM // 0: there is no direct way to it
}

// scan is Scanner.Scan with what can be known of a direct way.
func (cfg *DialConfig) scan(ctx context.Context, opens func(serviceData []byte) (hybrid.EID, []byte, bool), direct bool) (found heard, ok bool, err error) {
	hear := func(serviceData []byte, from hybrid.Peer) bool {
		eid, suffix, opened := opens(serviceData)
		if !opened {
			return false
		}
		found, ok = heard{eid: eid}, true
		if psm, named := hybrid.ParseSuffix(suffix); named && from != "" {
			found.from, found.psm = from, psm
		}
		return true
	}
	if d, can := cfg.Scanner.(hybrid.DirectScanner); can && direct {
		err = d.ScanPeers(ctx, hear)
	} else {
		err = cfg.Scanner.Scan(ctx, func(serviceData []byte) bool { return hear(serviceData, "") })
	}
	return found, ok, err
}

// connectDirect takes the direct way, if there is one. Without it, and when
// nobody answers there, the tunnel is left.
func (cfg *DialConfig) connectDirect(ctx context.Context, h heard) (conn, bool) {
	d, can := cfg.Scanner.(hybrid.DirectScanner)
	if !can || h.psm == 0 {
		return nil, false
	}
	pipe, err := d.Connect(ctx, h.from, h.psm)
	if err != nil {
		return nil, false
	}
	return &direct{pipe: pipe, opens: isHandshake}, true
}

// listen opens a place for direct connections, or none: the client must take
// them, and the radio must have them.
func (cfg *AnswerConfig) listen(ctx context.Context, qr hybrid.QR) hybrid.DirectListener {
	d, can := cfg.Advertiser.(hybrid.DirectAdvertiser)
	if !can || !slices.Contains(qr.Channels, hybrid.ChannelBLE) {
		return nil
	}
	l, err := d.Listen(ctx)
	if err != nil {
		return nil // the tunnel is left
	}
	return l
}

// accept waits for a neighbor that knows the QR code. Others may connect, too:
// they are sent away.
func accept(ctx context.Context, l hybrid.DirectListener, respond func(conn, []byte) (*met, error)) (*met, error) {
	for {
		pipe, err := l.Accept(ctx)
		if err != nil {
			return nil, err
		}
		c := &direct{pipe: pipe, opens: isHandshake}
		trying, cancel := context.WithTimeout(ctx, tryNeighbor)
		message1, err := c.Read(trying)
		cancel()
		if err == nil {
			var m *met
			if m, err = respond(c, message1); err == nil {
				return m, nil
			}
		}
		c.Abort()
	}
}

// An outcome is what one way of meeting a client led to.
type outcome struct {
	m   *met
	err error
}

// either waits for a client by the tunnel and by the direct way, whichever
// there is. The way that is not taken is closed.
func either(ctx context.Context, tunneled *tunnel.Conn, place hybrid.DirectListener, respond func(conn, []byte) (*met, error)) (*met, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ways []func() (*met, error)
	if tunneled != nil {
		ways = append(ways, func() (*met, error) {
			message1, err := tunneled.Read(ctx)
			if err != nil {
				return nil, err
			}
			return respond(tunneled, message1)
		})
	}
	if place != nil {
		ways = append(ways, func() (*met, error) { return accept(ctx, place, respond) })
	}
	outcomes := make(chan outcome, len(ways))
	for _, way := range ways {
		go func() {
			m, err := way()
			outcomes <- outcome{m, err}
		}()
	}
	return first(outcomes, len(ways), cancel)
}

// first waits for n outcomes and returns the first that is good. Then, and when a
// client came that does not fit, cancel ends the other way.
func first(outcomes <-chan outcome, n int, cancel func()) (won *met, lost error) {
	for range n {
		o := <-outcomes
		switch {
		case o.err == nil && won == nil:
			won = o.m
			cancel()
		case o.err == nil:
			o.m.conn.Abort()
		case lost == nil:
			lost = o.err // the first to fail says why, if all do
			if legOf(lost) == LegHandshake {
				cancel()
			}
		}
	}
	if won != nil {
		return won, nil
	}
	return nil, lost
}
