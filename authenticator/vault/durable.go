package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	tmpSuffix  = ".tmp"
	tornSuffix = ".torn"
)

// replaceFile puts a file in the place of another, so that a crash leaves the
// old or the new one, whole.
func replaceFile(path string, content []byte) error {
	f, err := createAside(path, content)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return moveIntoPlace(path)
}

// createAside writes and syncs the file that moveIntoPlace will put at path.
func createAside(path string, content []byte) (*os.File, error) {
	f, err := os.OpenFile(path+tmpSuffix, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func moveIntoPlace(path string) error {
	if err := os.Rename(path+tmpSuffix, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there, and need not be
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// removeUnfinished removes what a crash left half written.
func removeUnfinished(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), tmpSuffix) {
			continue
		}
		if err := os.Remove(filepath.Join(path, e.Name())); err != nil {
			return fmt.Errorf("removing what was not finished: %w", err)
		}
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
