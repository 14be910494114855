//go:build !linux

package bluez

import (
	"context"
	"errors"

	"cardea/hybrid"
)

// errNoL2CAP: BlueZ is Linux's.
var errNoL2CAP = errors.New("direct Bluetooth connections are for Linux")

type socket struct{ f nothing }

type nothing struct{}

func (nothing) Close() error { return nil }

func listenL2CAP([6]byte) (socket, hybrid.PSM, error) { return socket{}, 0, errNoL2CAP }

func (socket) accept(context.Context) (hybrid.Pipe, error) { return nil, errNoL2CAP }

func dialL2CAP(context.Context, [6]byte, [6]byte, bool, hybrid.PSM) (hybrid.Pipe, error) {
	return nil, errNoL2CAP
}
