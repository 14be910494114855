//go:build unix

package storage

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"testing"
)

// A child that was handed the lock's file, as every child is for a moment
// while it starts, does not keep the database from being opened again.
func TestChildDoesNotKeepTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	l, err := lock(path)
	if err != nil {
		t.Fatal(err)
	}
	child := osexec.CommandContext(t.Context(), "cat") // ends with its input
	child.ExtraFiles = []*os.File{l.f}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}()
	if err := l.unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := lock(path)
	if err != nil {
		t.Fatalf("locking again: %v", err)
	}
	if err := again.unlock(); err != nil {
		t.Error(err)
	}
}
