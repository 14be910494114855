package vpcd

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"cardea/authenticator"
	"cardea/ctap/ctaphid/socket"
)

// DefaultPort is where Debian's vpcd waits for its first card.
const DefaultPort = 35963

// How long Serve waits before it looks for the reader again.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 5 * time.Second
)

// Controls, frames of one byte.
const (
	powerOff = 0
	powerOn  = 1
	warmUp   = 2
	getATR   = 4
)

// atr is what a card without a chip's history answers to a reset: T=1 and
// nothing else (PC/SC part 3, §3.1.3.2.3).
var atr = []byte{0x3b, 0x80, 0x80, 0x01, 0x01}

// A Reader is where a vpcd listens.
type Reader struct{ address socket.Address }

// ParseReader reads HOST:PORT. Its error wraps socket.ErrNotLoopback if others
// than this machine are there; names are not looked up.
func ParseReader(text string) (Reader, error) {
	a, err := socket.ParseAddress("tcp:" + text)
	return Reader{a}, err
}

// String is the text that ParseReader reads.
func (r Reader) String() string { return r.address.Host.String() }

// Serve holds a to the reader until ctx ends, whose error it returns. While no
// vpcd listens there it tries again and again, at first soon and then every five
// seconds.
func (r Reader) Serve(ctx context.Context, a *authenticator.Authenticator) error {
	wait := firstWait
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.String())
		if err == nil {
			wait = firstWait
			err = hold(ctx, conn, a)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		again := time.NewTimer(wait)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		}
		wait = min(2*wait, longestWait)
	}
}

// hold is one card in one reader, until that closes conn, which hold owns.
func hold(ctx context.Context, conn net.Conn, a *authenticator.Authenticator) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A question must not outlive its reader, so reading goes on while the card
	// works; and a reader that asks twice at once is none.
	frames := make(chan []byte)
	var failed error
	go func() {
		defer close(frames)
		defer cancel()
		failed = readFrames(ctx, conn, frames)
	}()
	c := newCard(a)
	defer c.reset()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for frame := range frames {
		answer, err := c.take(ctx, frame)
		if err == nil && answer != nil {
			err = writeFrame(conn, answer)
		}
		if err != nil {
			cancel()
			for range frames {
				// so that the reader ends
			}
			return err
		}
	}
	return failed
}

// take acts on one frame. An answer of nil is none.
func (c *card) take(ctx context.Context, frame []byte) ([]byte, error) {
	if len(frame) != 1 {
		return c.answer(ctx, frame), nil
	}
	switch frame[0] {
	case powerOff:
		c.reset()
		// The field is gone, and with it what a key without a battery knows.
		return nil, c.a.PowerCycle(ctx)
	case warmUp:
		c.reset()
	case getATR:
		return atr, nil
	}
	return nil, nil // power is on already
}

func readFrames(ctx context.Context, r io.Reader, frames chan<- []byte) error {
	b := bufio.NewReader(r)
	for {
		var size [2]byte
		if _, err := io.ReadFull(b, size[:]); err != nil {
			return fmt.Errorf("reading from vpcd: %w", err)
		}
		frame := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(b, frame); err != nil {
			return fmt.Errorf("reading from vpcd: %w", err)
		}
		select {
		case frames <- frame:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func writeFrame(w io.Writer, frame []byte) error {
	if len(frame) > maxData {
		return fmt.Errorf("answer of %d bytes, and a frame holds %d", len(frame), maxData)
	}
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(frame))), frame...))
	if err != nil {
		return fmt.Errorf("writing to vpcd: %w", err)
	}
	return nil
}
