package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// discard throws away what was typed before the question.
func discard(tty *os.File) { _ = unix.IoctlSetInt(int(tty.Fd()), unix.TCFLSH, unix.TCIFLUSH) }

// inForeground reports whether this program may read tty. One in the background
// would be stopped for it.
func inForeground(tty *os.File) bool {
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
