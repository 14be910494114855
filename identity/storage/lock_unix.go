//go:build unix

package storage

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// A lockFile is held by one open file at a time and let go by the kernel when
// its process ends, however it ends.
type lockFile struct{ f *os.File }

func lock(path string) (*lockFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("locking: %w", err)
	}
	return &lockFile{f}, nil
}

// unlock leaves the file: removing it would race with who locks it next.
//
// Closing alone would not do: a child process that is just being started holds
// a copy of every open file for a moment, and with it the lock.
func (l *lockFile) unlock() error {
	return errors.Join(syscall.Flock(int(l.f.Fd()), syscall.LOCK_UN), l.f.Close())
}
