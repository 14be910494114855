package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeSecretFile writes a file that is for its owner alone: whole or not at
// all, and never over another one unless replace is said.
func writeSecretFile(path string, replace bool, write func(io.Writer) error) error {
	if !replace {
		// This takes the name. Links would do it too, but not on the file
		// systems that sticks have.
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already; choose another name, or add --force to replace it", path)
		}
		if err != nil {
			return err
		}
		f.Close()
	}
	err := writeAside(path, write)
	if err != nil && !replace {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// writeAside writes a new file and moves it to path.
func writeAside(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	// The new name is not durable before the folder is. Not every system has
	// that, so no error is made of it.
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		_ = d.Sync()
		d.Close()
	}
	return nil
}
