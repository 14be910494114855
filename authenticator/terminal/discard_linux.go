package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// discard throws away what was typed before the question.
func discard(tty *os.File) { _ = unix.IoctlSetInt(int(tty.Fd()), unix.TCFLSH, unix.TCIFLUSH) }
