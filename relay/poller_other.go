//go:build !linux

package relay

import (
	"errors"
	"net"
)

// A poller is what there is none of here.
type poller struct{}

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) start(net.Conn, *Limits, []byte, seat, func()) error { return errors.ErrUnsupported }

func (*poller) close() {}
