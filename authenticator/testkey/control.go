package testkey

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"cardea/ctap/ctaphid/socket"
)

// maxLine is more than any command needs.
const maxLine = 256

// Control takes commands for k on l, which must listen on loopback, until ctx
// ends. It closes l and returns when no connection is left.
func (k *Key) Control(ctx context.Context, l net.Listener) error {
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("control port on %v: %w", l.Addr(), socket.ErrNotLoopback), l.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	context.AfterFunc(ctx, func() { l.Close() })
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("taking control connections: %w", err)
		}
		work.Go(func() {
			defer context.AfterFunc(ctx, func() { c.Close() })()
			defer c.Close()
			k.converse(c)
		})
	}
}

// converse obeys the lines of one connection.
func (k *Key) converse(c net.Conn) {
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		answer, known := k.obey(lines.Text())
		if _, err := fmt.Fprintln(c, answer); err != nil || !known {
			return
		}
	}
}

// obey does what a line says and returns the answer.
func (k *Key) obey(line string) (answer string, known bool) {
	var err error
	switch line {
	case "touch on":
		k.Touch(true)
	case "touch off":
		k.Touch(false)
	case "deny":
		k.Deny()
	case "power off":
		err = k.PowerOff()
	case "power on":
		err = k.PowerOn()
	case "reset":
		err = k.Reset()
	case "status":
		return k.Status().String(), true
	default:
		return "error: want touch on, touch off, deny, power off, power on, reset or status", false
	}
	if err != nil {
		return "error: " + err.Error(), true
	}
	return "ok", true
}
