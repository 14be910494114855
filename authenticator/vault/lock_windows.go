package vault

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// takeLock takes the one lock of a vault, without waiting. The system gives it
// back when the program ends, however it ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped))
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return nil, ErrInUse
	}
	return nil, err
}

// releaseLock gives the lock back and closes the file.
func releaseLock(f *os.File) error { return f.Close() }
