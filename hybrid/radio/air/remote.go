package air

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"cardea/hybrid"
)

// The protocol of the socket. A connection carries one act and ends with it.
// Every frame is a kind, a length and that many bytes.
//
//	caller → air   advertise ‖ service data    until the caller closes
//	air → caller   started                     or off
//	caller → air   scan                        until the caller closes
//	air → caller   heard ‖ service data, …     or off
type frameKind byte

const (
	frameAdvertise frameKind = 'A'
	frameScan      frameKind = 'S'
	frameStarted   frameKind = 'Y'
	frameHeard     frameKind = 'H'
	frameOff       frameKind = 'X'
)

// patience is how long one frame may take to cross the socket.
const patience = 5 * time.Second

func writeFrame(w io.Writer, k frameKind, data []byte) error {
	if len(data) > maxServiceData {
		return fmt.Errorf("frame of %d bytes", len(data))
	}
	_, err := w.Write(append([]byte{byte(k), byte(len(data))}, data...))
	return err
}

func readFrame(r io.Reader) (frameKind, []byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	data := make([]byte, head[1])
	if _, err := io.ReadFull(r, data); err != nil {
		return 0, nil, fmt.Errorf("frame cut short: %w", err)
	}
	return frameKind(head[0]), data, nil
}

// Serve lends a to whoever connects to l, until ctx ends. Then it closes l and
// every connection and returns nil. What a caller advertises ends when its
// connection does. Whoever may open the socket may listen and speak, so its
// folder should be the user's alone.
func Serve(ctx context.Context, l net.Listener, a *Air) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return nil
		case err != nil:
			cancel()
			return fmt.Errorf("accepting: %w", err)
		}
		calls.Go(func() { serveCall(ctx, nc, a) })
	}
}

// serveCall does what one caller asks.
func serveCall(ctx context.Context, nc net.Conn, a *Air) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	nc.SetReadDeadline(time.Now().Add(patience))
	kind, data, err := readFrame(nc)
	if err != nil {
		return
	}
	nc.SetReadDeadline(time.Time{})
	switch kind {
	case frameAdvertise:
		advertiseFor(ctx, nc, a, data)
	case frameScan:
		// The caller has no more to say: the end of its silence is the end.
		var hangup sync.WaitGroup
		hangup.Go(func() {
			nc.Read(make([]byte, 1))
			cancel()
		})
		scanFor(ctx, nc, a)
		nc.Close()
		hangup.Wait()
	}
}

func advertiseFor(ctx context.Context, nc net.Conn, a *Air, data []byte) {
	stop, err := a.Advertise(ctx, data)
	if err != nil {
		reply(nc, frameOff, nil)
		return
	}
	// Before the connection closes: the caller takes that for the silence.
	defer stop()
	if reply(nc, frameStarted, nil) == nil {
		nc.Read(make([]byte, 1))
	}
}

func scanFor(ctx context.Context, nc net.Conn, a *Air) {
	err := a.Scan(ctx, func(data []byte) bool { return reply(nc, frameHeard, data) != nil })
	if errors.Is(err, hybrid.ErrRadioOff) {
		reply(nc, frameOff, nil)
	}
}

func reply(nc net.Conn, k frameKind, data []byte) error {
	nc.SetWriteDeadline(time.Now().Add(patience))
	return writeFrame(nc, k, data)
}

// A Remote is an Air in another process. It holds no connection between acts,
// and is safe for concurrent use. When nobody serves the socket, its errors
// wrap hybrid.ErrRadioOff: without the other process there is no radio.
type Remote struct{ path string }

var (
	_ hybrid.Advertiser = (*Remote)(nil)
	_ hybrid.Scanner    = (*Remote)(nil)
)

// Dial returns the Air that is served on the Unix socket at path. It connects
// only when the Air is used.
func Dial(path string) *Remote { return &Remote{path} }

// call connects and asks for one act.
func (r *Remote) call(ctx context.Context, k frameKind, data []byte) (*net.UnixConn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", r.path)
	if err != nil {
		return nil, r.gone(ctx, err)
	}
	nc.SetWriteDeadline(time.Now().Add(patience))
	if err := writeFrame(nc, k, data); err != nil {
		nc.Close()
		return nil, r.gone(ctx, err)
	}
	return nc.(*net.UnixConn), nil
}

// gone is the error for an Air that does not answer.
func (r *Remote) gone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: nobody serves the air: %w", hybrid.ErrRadioOff, err)
}

// Advertise implements hybrid.Advertiser.
func (r *Remote) Advertise(ctx context.Context, serviceData []byte) (stop func() error, err error) {
	if err := checkServiceData(serviceData); err != nil {
		return nil, err
	}
	nc, err := r.call(ctx, frameAdvertise, serviceData)
	if err != nil {
		return nil, err
	}
	release := context.AfterFunc(ctx, func() { nc.Close() })
	nc.SetReadDeadline(time.Now().Add(patience))
	kind, _, err := readFrame(nc)
	switch {
	case err != nil:
		err = r.gone(ctx, err)
	case kind == frameOff:
		err = hybrid.ErrRadioOff
	case kind != frameStarted:
		err = fmt.Errorf("air answered %q", kind)
	}
	if err != nil {
		release()
		nc.Close()
		return nil, err
	}
	return sync.OnceValue(func() error {
		release()
		defer nc.Close()
		// The server closes once the advertisement is off the air.
		nc.CloseWrite()
		nc.SetReadDeadline(time.Now().Add(patience))
		io.Copy(io.Discard, nc)
		return nil
	}), nil
}

// Scan implements hybrid.Scanner.
func (r *Remote) Scan(ctx context.Context, heard func(serviceData []byte) (done bool)) error {
	nc, err := r.call(ctx, frameScan, nil)
	if err != nil {
		return err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	for {
		kind, data, err := readFrame(nc)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return r.gone(ctx, err)
		case kind == frameOff:
			return hybrid.ErrRadioOff
		case kind != frameHeard:
			return fmt.Errorf("air sent %q", kind)
		case heard(data):
			return nil
		}
	}
}
