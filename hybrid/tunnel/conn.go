package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/coder/websocket"
)

var (
	// ErrClosed says that the tunnel was ended in good order: the other side
	// has gone, or the service is going.
	ErrClosed = errors.New("the tunnel was closed")

	// ErrExpired says that the service has ended the tunnel because it has lived
	// or carried as much as the service allows.
	ErrExpired = errors.New("the tunnel has expired")

	// ErrLost says that the connection to the service broke.
	ErrLost = errors.New("the connection to the tunnel service was lost")
)

// A Conn is one place in a tunnel: it carries messages of bytes, whole and in
// order. One Read and one Write may go on at the same time.
//
// The service's pings are answered only while somebody reads.
type Conn struct {
	ws *websocket.Conn
	// signals says that the service has promised to say when the other side is
	// there: its first message is then one byte, 00, and not the other side's.
	signals bool
}

// Read returns the next message. The error wraps ErrClosed, ErrExpired or
// ErrLost when there will be none; it tells them apart as well as the service
// does. The end of ctx ends the tunnel too: there is no reading on.
func (c *Conn) Read(ctx context.Context) ([]byte, error) {
	b, err := c.read(ctx)
	if err != nil || !c.signals {
		return b, err
	}
	c.signals = false
	if len(b) != 1 || b[0] != 0 {
		c.Abort()
		return nil, errors.New("reading from the tunnel: no word that the other side is there")
	}
	return c.read(ctx)
}

func (c *Conn) read(ctx context.Context) ([]byte, error) {
	kind, b, err := c.ws.Read(ctx)
	if err != nil {
		c.Abort() // the library does not, when ctx had ended before
		return nil, fmt.Errorf("reading from the tunnel: %w", endOf(ctx, err))
	}
	if kind != websocket.MessageBinary {
		c.ws.Close(websocket.StatusUnsupportedData, "text")
		return nil, errors.New("reading from the tunnel: a message of text")
	}
	return b, nil
}

// Write sends one message. The errors are those of Read, which tells better why
// a tunnel has ended: a Write may only find that it has. One that fails leaves
// it to the Read that goes on to say so; the end of ctx ends the tunnel.
func (c *Conn) Write(ctx context.Context, message []byte) error {
	if len(message) > MaxMessage {
		return fmt.Errorf("writing to the tunnel: message of %d bytes, most are %d", len(message), MaxMessage)
	}
	err := ctx.Err() // the library may not look, when there is room to write
	if err == nil {
		err = c.ws.Write(ctx, websocket.MessageBinary, message)
	}
	if err != nil {
		if ctx.Err() != nil {
			c.Abort()
		}
		return fmt.Errorf("writing to the tunnel: %w", endOf(ctx, err))
	}
	return nil
}

// Close ends the tunnel in good order: what was written before arrives. It
// waits for the service's answer, for some seconds at most. Closing what is
// closed already is no error.
func (c *Conn) Close() error {
	err := c.ws.Close(websocket.StatusNormalClosure, "")
	if err != nil && (isClosed(err) || isLost(err)) {
		return nil
	}
	return err
}

// Abort ends the tunnel at once. What was written may be lost.
func (c *Conn) Abort() { c.ws.CloseNow() }

// endOf tells the ways apart in which a connection ends: by our own will, by
// the other side's, or by trouble on the way.
func endOf(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case websocket.CloseStatus(err) == websocket.StatusPolicyViolation:
		return fmt.Errorf("%w (%w)", ErrExpired, err)
	case isClosed(err):
		return fmt.Errorf("%w (%w)", ErrClosed, err)
	case isLost(err):
		return fmt.Errorf("%w (%w)", ErrLost, err)
	default:
		return err
	}
}

func isClosed(err error) bool { return websocket.CloseStatus(err) != -1 }

func isLost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
