package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
)

// ErrRunning says that an agent listens at the path already.
var ErrRunning = errors.New("an agent is running here already")

// Listen makes the socket at path for Serve. It makes the folder if there is
// none, and refuses one that others may enter. A socket that a program left
// behind when it was killed is replaced; one that answers is ErrRunning.
func Listen(path string) (net.Listener, error) {
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("listening for programs: %w", err)
	}
	return l, nil
}

func listen(path string) (net.Listener, error) {
	if err := makePrivate(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	// Between these two lines the folder keeps others out.
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("folder %s may be entered by others (mode %04o), want 0700", dir, mode)
	}
	return nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is not a socket", path)
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return ErrRunning
	}
	return os.Remove(path)
}
