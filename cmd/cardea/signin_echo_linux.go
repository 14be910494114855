package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// echoOf switches whether a terminal shows what is typed.
func echoOf(f *os.File) func(on bool) error {
	return func(on bool) (err error) {
		conn, err := f.SyscallConn()
		if err != nil {
			return err
		}
		failed := conn.Control(func(fd uintptr) { // not Fd: that would make reads of it block
			var t *unix.Termios
			if t, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err != nil {
				return
			}
			t.Lflag &^= unix.ECHO
			if on {
				t.Lflag |= unix.ECHO
			}
			err = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
		})
		if failed != nil {
			return failed
		}
		return err
	}
}
