//go:build linux

package relayload

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Floor is what the kernel alone takes on this machine to pass on a kibibyte
// from one socket to another and wake the reader, one at a time through each of
// 32 pairs: a loop of epoll_wait, read and write, without WebSockets. What a
// relay takes is best seen beside it.
func Floor(ctx context.Context, d time.Duration) (Rate, error) {
	// The time of this thread is counted, and the peers run on others.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Rate{}, err
	}
	defer l.Close()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return Rate{}, err
	}
	defer unix.Close(epoll)
	to := map[int32]int{}
	for range 32 {
		from, files, err := socketPair(l)
		if err != nil {
			return Rate{}, err
		}
		defer files.close()
		fd := int(files.near[0].Fd())
		to[int32(fd)] = int(files.near[1].Fd())
		if err := unix.SetNonblock(fd, true); err != nil {
			return Rate{}, err
		}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return Rate{}, err
		}
		go lockstep(from[0], from[1])
	}
	return copyAll(ctx, epoll, to, d)
}

// pairFiles are the near ends of two connections.
type pairFiles struct {
	near [2]*os.File
	far  [2]net.Conn
}

func (p *pairFiles) close() {
	for i := range p.near {
		p.near[i].Close()
		p.far[i].Close()
	}
}

func socketPair(l net.Listener) (far [2]net.Conn, files *pairFiles, err error) {
	files = &pairFiles{}
	for i := range far {
		if far[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
			return far, nil, err
		}
		nc, err := l.Accept()
		if err != nil {
			return far, nil, err
		}
		files.near[i], err = nc.(*net.TCPConn).File()
		nc.Close()
		if err != nil {
			return far, nil, err
		}
	}
	files.far = far
	return far, files, nil
}

// lockstep sends one message after the other has come out.
func lockstep(a, b net.Conn) {
	m, got := make([]byte, 1032), make([]byte, 1032)
	for {
		if _, err := a.Write(m); err != nil {
			return
		}
		if _, err := io.ReadFull(b, got); err != nil {
			return
		}
	}
}

func copyAll(ctx context.Context, epoll int, to map[int32]int, d time.Duration) (r Rate, err error) {
	var before, after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &before); err != nil {
		return r, err
	}
	events, buf := make([]unix.EpollEvent, 64), make([]byte, 64<<10)
	for began := time.Now(); r.Took < d && ctx.Err() == nil; r.Took = time.Since(began) {
		n, _ := unix.EpollWait(epoll, events, 100)
		for _, e := range events[:max(n, 0)] {
			n, err := unix.Read(int(e.Fd), buf)
			if err != nil {
				return r, fmt.Errorf("reading: %w", err)
			}
			if _, err := unix.Write(to[e.Fd], buf[:n]); err != nil {
				return r, fmt.Errorf("writing: %w", err)
			}
			r.Times++
		}
	}
	err = unix.Getrusage(unix.RUSAGE_THREAD, &after)
	r.CPU = time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	return r, err
}
