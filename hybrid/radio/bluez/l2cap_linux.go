package bluez

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cardea/hybrid"
)

// The address types of low-energy devices (l2cap.h).
const (
	bdaddrLEPublic = 1
	bdaddrLERandom = 2
)

// Values of socket options that x/sys has no names for (bluetooth.h).
const (
	solBluetooth = 274
	btSndMTU     = 12
	btRcvMTU     = 13
)

// maxReceive is how large a packet we take: L2CAP cuts it up by itself.
const maxReceive = 4096

// a socket is an L2CAP socket in the care of the runtime's poller.
type socket struct{ f *os.File }

func newSocket() (s socket, err error) {
	fd, err := unix.Socket(unix.AF_BLUETOOTH, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.BTPROTO_L2CAP)
	if err != nil {
		return s, os.NewSyscallError("socket", err)
	}
	return socket{os.NewFile(uintptr(fd), "l2cap")}, nil
}

// control runs f with the descriptor.
func (s socket) control(f func(fd int) error) error {
	raw, err := s.f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = f(int(fd)) }); err != nil {
		return err
	}
	return result
}

// wait calls f until it does not say EAGAIN; in between it waits until the
// descriptor is ready to be read or, if so wanted, written. The end of ctx
// ends it.
func (s socket) wait(ctx context.Context, write bool, f func(fd int) error) error {
	raw, err := s.f.SyscallConn()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = s.f.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var result error
	ready := func(fd uintptr) bool {
		result = f(int(fd))
		return !errors.Is(result, unix.EAGAIN)
	}
	if write {
		err = raw.Write(ready)
	} else {
		err = raw.Read(ready)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	return result
}

// listenL2CAP listens on an adapter; the kernel chooses the PSM.
func listenL2CAP(adapter [6]byte) (s socket, psm hybrid.PSM, err error) {
	if s, err = newSocket(); err != nil {
		return s, 0, err
	}
	err = s.control(func(fd int) error {
		if err := unix.Bind(fd, &unix.SockaddrL2{Addr: adapter, AddrType: bdaddrLEPublic}); err != nil {
			return os.NewSyscallError("bind", err)
		}
		if err := unix.SetsockoptInt(fd, solBluetooth, btRcvMTU, maxReceive); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		if err := unix.Listen(fd, 4); err != nil {
			return os.NewSyscallError("listen", err)
		}
		name, err := unix.Getsockname(fd)
		if err != nil {
			return os.NewSyscallError("getsockname", err)
		}
		if l2, ok := name.(*unix.SockaddrL2); ok {
			psm = hybrid.PSM(l2.PSM)
		}
		return nil
	})
	if err != nil {
		s.f.Close()
	}
	return s, psm, err
}

func (s socket) accept(ctx context.Context) (hybrid.Pipe, error) {
	var got int
	err := s.wait(ctx, false, func(fd int) (err error) {
		got, _, err = unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("accepting a direct connection: %w", err)
	}
	return newPipe(socket{os.NewFile(uintptr(got), "l2cap")})
}

// dialL2CAP connects an adapter to a device. No link is encrypted here and
// nothing is paired: what passes is sealed already.
func dialL2CAP(ctx context.Context, adapter, device [6]byte, random bool, psm hybrid.PSM) (hybrid.Pipe, error) {
	s, err := newSocket()
	if err != nil {
		return nil, err
	}
	to := &unix.SockaddrL2{PSM: uint16(psm), Addr: device, AddrType: bdaddrLEPublic}
	if random {
		to.AddrType = bdaddrLERandom
	}
	err = s.control(func(fd int) error {
		if err := unix.Bind(fd, &unix.SockaddrL2{Addr: adapter, AddrType: bdaddrLEPublic}); err != nil {
			return os.NewSyscallError("bind", err)
		}
		if err := unix.SetsockoptInt(fd, solBluetooth, btRcvMTU, maxReceive); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		if err := unix.Connect(fd, to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
			return os.NewSyscallError("connect", err)
		}
		return nil
	})
	if err == nil {
		err = s.connected(ctx)
	}
	if err != nil {
		s.f.Close()
		return nil, fmt.Errorf("connecting directly: %w", err)
	}
	return newPipe(s)
}

// connected waits until the connection stands. A socket that is on its way has
// the name of its peer already; the size of its packets it gets at the end.
func (s socket) connected(ctx context.Context) error {
	return s.wait(ctx, true, func(fd int) error {
		failed, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && failed != 0 {
			err = syscall.Errno(failed)
		}
		if err == nil {
			if _, err = unix.GetsockoptInt(fd, solBluetooth, btSndMTU); errors.Is(err, unix.ENOTCONN) {
				err = unix.EAGAIN
			}
		}
		return err
	})
}

// A pipe is a direct connection.
type pipe struct {
	socket
	mtu int
}

func newPipe(s socket) (hybrid.Pipe, error) {
	p := &pipe{socket: s}
	err := s.control(func(fd int) (err error) {
		p.mtu, err = unix.GetsockoptInt(fd, solBluetooth, btSndMTU)
		return os.NewSyscallError("getsockopt", err)
	})
	if err == nil && p.mtu <= 0 {
		err = errors.New("the other device takes no packets")
	}
	if err != nil {
		s.f.Close()
		return nil, fmt.Errorf("opening a direct connection: %w", err)
	}
	return p, nil
}

func (p *pipe) ReadPacket(ctx context.Context) ([]byte, error) {
	b := make([]byte, maxReceive)
	var n int
	err := p.wait(ctx, false, func(fd int) (err error) {
		n, err = unix.Read(fd, b)
		return err
	})
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return nil, p.ended(ctx, err)
	}
	return b[:n], nil
}

func (p *pipe) WritePacket(ctx context.Context, packet []byte) error {
	err := p.wait(ctx, true, func(fd int) error {
		n, err := unix.Write(fd, packet)
		if err == nil && n != len(packet) {
			err = io.ErrShortWrite
		}
		return err
	})
	if err != nil {
		return p.ended(ctx, err)
	}
	return nil
}

// ended closes the connection and says why it has ended.
func (p *pipe) ended(ctx context.Context, err error) error {
	p.f.Close()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", hybrid.ErrPipeClosed, err)
}

func (p *pipe) MaxPacket() int { return p.mtu }

func (p *pipe) Close() error {
	if err := p.f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
