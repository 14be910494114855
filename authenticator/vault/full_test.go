//go:build linux

package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
)

func init() { victims["full"] = writeOnAFullDisk }

// A disk that is full takes a part of what is written, as a limit to the size
// of files does. The limit is one of a process, so this runs in one of its own.
func TestAFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	path := newVaultAt(t, rightPIN)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedEnv+"=full "+path)
	out, _ := cmd.CombinedOutput()
	if !strings.Contains(string(out), "all is well") {
		t.Fatalf("%s", out)
	}
}

func writeOnAFullDisk(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	v, err := openVictim(path)
	if err != nil {
		return err
	}
	v.slack = 1 << 30
	ctx, kept := context.Background(), 0
	p := vaulttest.NewPasskey(1, "example.org", "0")
	for room := int64(0); ; room++ {
		// One byte more each time, until the record goes in.
		end := v.open.journal.end
		p.ID[0]++
		if err := limited(end+room, func() error { return v.Save(ctx, p) }); err == nil {
			kept++
			break
		}
		if info, err := os.Stat(filepath.Join(path, logFile)); err != nil || info.Size() != end {
			return fmt.Errorf("with room for %d bytes a part was left behind: %v", room, err)
		}
	}
	// Neither a header nor a new log can be written; the old ones stay.
	if err := limited(10, func() error { return v.ChangePIN(ctx, rightPIN, "another") }); err == nil {
		return errors.New("a header was written to a full disk")
	}
	log := v.open.journal
	err = limited(log.end-1, func() error {
		v.mu.Lock()
		v.slack = -1 << 30
		v.tidy()
		v.mu.Unlock()
		v.background.Wait()
		return nil
	})
	if err != nil || v.open.journal != log {
		return fmt.Errorf("the log was written anew on a full disk: %v", err)
	}
	many := make([]authenticator.Passkey, 200)
	for n := range many {
		many[n] = numbered(n)
	}
	for _, all := range [][]authenticator.Passkey{many[:5], many} {
		if err := limited(log.end+10, func() error { return v.SaveAll(ctx, all) }); err == nil || len(v.open.all) != kept {
			return fmt.Errorf("%d passkeys were saved on a full disk: %v; now there are %d", len(all), err, len(v.open.all))
		}
	}
	p.ID[0], p.Account.Handle = 99, []byte("1")
	if err := v.Save(ctx, p); err != nil { // there is room again
		return err
	}
	kept++
	v.Close()
	if v, err = openVictim(path); err != nil {
		return err
	}
	if n := len(v.open.all); n != kept {
		return fmt.Errorf("%d passkeys, want %d", n, kept)
	}
	return errors.New("all is well")
}

// limited does something while no file may grow beyond size.
func limited(size int64, do func() error) error {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return nil
	}
	small := before
	small.Cur = uint64(size)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		return nil
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)
	return do()
}
