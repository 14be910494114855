//go:build linux

package tpm

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"golang.org/x/sys/unix"

	"cardea/authenticator/vault"
	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/secret"
)

// An emulator is a TPM of its own, in a process of its own.
type emulator struct {
	conn net.Conn

	mu   sync.Mutex
	seen bytes.Buffer // all that passed over the wire
}

// start starts a TPM with what it keeps in state.
func start(t testing.TB, state string) *emulator {
	t.Helper()
	path, err := exec.LookPath("swtpm")
	if err != nil {
		t.Skip("swtpm is not installed (.ci/test-deps installs it)")
	}
	run, err := os.MkdirTemp("", "tpm") // a path short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	socket := filepath.Join(run, "s")
	cmd := exec.Command(path, "socket", "--tpm2", "--tpmstate", "dir="+state,
		"--server", "type=unixio,path="+socket, "--flags", "not-need-init,startup-clear")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := &emulator{}
	t.Cleanup(func() {
		if e.conn != nil {
			e.conn.Close()
		}
		cmd.Process.Kill()
		cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); e.conn == nil; {
		if e.conn, err = net.Dial("unix", socket); err == nil {
			break
		}
		if time.Now().After(deadline) {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("swtpm did not come up: %v\n%s", err, &said)
		}
		time.Sleep(5 * time.Millisecond) // another process: there is nothing to wait on
	}
	return e
}

func (e *emulator) Read(p []byte) (int, error)  { return e.note(p, e.conn.Read) }
func (e *emulator) Write(p []byte) (int, error) { return e.note(p, e.conn.Write) }
func (e *emulator) Close() error                { return nil } // the next call comes by the same wire

func (e *emulator) note(p []byte, do func([]byte) (int, error)) (int, error) {
	n, err := do(p)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen.Write(p[:n])
	return n, err
}

func (e *emulator) holder() *Holder {
	return &Holder{open: func() (transport.TPMCloser, error) { return transport.FromReadWriteCloser(e), nil }}
}

var _ io.ReadWriteCloser = (*emulator)(nil)

func TestHolderSuite(t *testing.T) {
	t.Parallel()
	e := start(t, t.TempDir())
	vaulttest.RunHolder(t, func(*testing.T) vaulttest.KeyHolder { return e.holder() }, vault.ErrHolderLost, false)
}

func enrolled(t testing.TB, h *Holder) *vault.Vault {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault"), "2468", vault.WithCost(vault.TestCost))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if err := v.Enroll(t.Context(), "2468", h); err != nil {
		t.Fatal(err)
	}
	v.Lock()
	return v
}

func TestAVaultOpensByTheTPMAfterARestart(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	v := enrolled(t, start(t, state).holder())
	// Another process with the same state: the computer was switched off.
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	if err := v.UnlockBy(t.Context(), start(t, copied).holder()); err != nil || v.Locked() {
		t.Errorf("UnlockBy = %v", err)
	}
}

func TestAClearedTPMSaysSo(t *testing.T) {
	t.Parallel()
	e := start(t, t.TempDir())
	v := enrolled(t, e.holder())
	_, err := tpm2.Clear{AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHLockout, Auth: tpm2.PasswordAuth(nil)}}.
		Execute(transport.FromReadWriteCloser(e))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.UnlockBy(t.Context(), e.holder()); !errors.Is(err, vault.ErrHolderLost) || !v.Locked() {
		t.Errorf("UnlockBy = %v, want ErrHolderLost", err)
	}
	if err := v.Enroll(t.Context(), "2468", e.holder()); err != nil {
		t.Fatal(err)
	}
	if err := v.UnlockBy(t.Context(), e.holder()); err != nil {
		t.Errorf("after enrolling again: %v", err)
	}
}

func TestAnotherTPMDoesNotOpenIt(t *testing.T) {
	t.Parallel()
	v := enrolled(t, start(t, t.TempDir()).holder())
	if err := v.UnlockBy(t.Context(), start(t, t.TempDir()).holder()); !errors.Is(err, vault.ErrHolderLost) {
		t.Errorf("UnlockBy = %v, want ErrHolderLost", err)
	}
}

func TestTheKeyDoesNotPassInClear(t *testing.T) {
	t.Parallel()
	e := start(t, t.TempDir())
	key := secret.Random(32)
	blob, err := e.holder().Hold(t.Context(), nil, key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.holder().Give(t.Context(), nil, blob)
	if err != nil || !got.Equal(key) {
		t.Fatalf("Give = %v", err)
	}
	if !bytes.Contains(e.seen.Bytes(), blob[len(blob)-32:]) {
		t.Fatal("nothing was recorded")
	}
	for i := range 32 - 8 + 1 {
		if bytes.Contains(e.seen.Bytes(), key.Expose()[i:i+8]) {
			t.Fatalf("bytes %d to %d of the key passed in clear", i, i+8)
		}
	}
}

// A lockout of guessers, whoever they were, does not lock the vault out.
func TestADictionaryAttackElsewhereDoesNotMatter(t *testing.T) {
	t.Parallel()
	e := start(t, t.TempDir())
	v := enrolled(t, e.holder())
	err := e.holder().with(t.Context(), func(wire transport.TPM, root rootKey) error {
		guarded := sealedTemplate
		guarded.ObjectAttributes.NoDA = false
		made, err := tpm2.CreateLoaded{
			ParentHandle: tpm2.AuthHandle{Handle: root.handle, Name: root.name, Auth: root.session(encryptIn)},
			InSensitive: tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{
				UserAuth: tpm2.TPM2BAuth{Buffer: []byte("theirs")},
				Data:     tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: []byte("x")}),
			}},
			InPublic: tpm2.New2BTemplate(&guarded),
		}.Execute(wire)
		if err != nil {
			return err
		}
		defer flush(wire, made.ObjectHandle)
		for range 50 {
			_, err = tpm2.Unseal{ItemHandle: tpm2.AuthHandle{
				Handle: made.ObjectHandle, Name: made.Name, Auth: tpm2.PasswordAuth([]byte("a guess")),
			}}.Execute(wire)
			if errors.Is(err, tpm2.TPMRCLockout) {
				return nil
			}
		}
		return err
	})
	if err != nil {
		t.Fatalf("no lockout came: %v", err)
	}
	if err := v.UnlockBy(t.Context(), e.holder()); err != nil {
		t.Errorf("UnlockBy = %v", err)
	}
}

func TestATPMWithAnOwnerPassword(t *testing.T) {
	t.Parallel()
	e := start(t, t.TempDir())
	_, err := tpm2.HierarchyChangeAuth{
		AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)},
		NewAuth:    tpm2.TPM2BAuth{Buffer: []byte("theirs")},
	}.Execute(transport.FromReadWriteCloser(e))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.holder().Hold(t.Context(), nil, secret.Random(32)); !errors.Is(err, ErrOwnerAuth) {
		t.Errorf("Hold = %v, want ErrOwnerAuth", err)
	}
}

func TestNothingIsLeftInTheTPM(t *testing.T) {
	t.Parallel()
	e := start(t, t.TempDir())
	v := enrolled(t, e.holder())
	for range 20 { // it has room for three
		if err := v.UnlockBy(t.Context(), e.holder()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoTPMAndNoPermission(t *testing.T) {
	t.Parallel()
	none := &Holder{open: func() (transport.TPMCloser, error) { return openAt(filepath.Join(t.TempDir(), "none")) }}
	if err := none.Available(); !errors.Is(err, ErrNoTPM) {
		t.Errorf("Available = %v, want ErrNoTPM", err)
	}
	if _, err := none.Hold(t.Context(), nil, secret.Random(32)); !errors.Is(err, ErrNoTPM) {
		t.Errorf("Hold = %v, want ErrNoTPM", err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	// Root may open everything; this thread is not root to the file system.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	_, err := openAt(filepath.Join(dir, "tpm"))
	if restored := unix.Setfsuid(os.Geteuid()); restored != nil {
		t.Fatal(restored)
	}
	if !errors.Is(err, ErrNoPermission) {
		t.Errorf("openAt = %v, want ErrNoPermission", err)
	}
}

const nobody = 65534

func TestEveryPrefixAndBitOfABlob(t *testing.T) {
	t.Parallel()
	h := start(t, t.TempDir()).holder()
	key := secret.Random(32)
	blob, err := h.Hold(t.Context(), nil, key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range blob {
		if _, err := decode(blob[:i]); err == nil {
			t.Errorf("%d of %d bytes were taken", i, len(blob))
		}
		changed := bytes.Clone(blob)
		changed[i] ^= 1
		if got, err := h.Give(t.Context(), nil, changed); !errors.Is(err, vault.ErrHolderLost) {
			t.Errorf("byte %d changed: %d bytes, %v; want ErrHolderLost", i, got.Len(), err)
		}
	}
}

func FuzzDecodeBlob(f *testing.F) {
	public := tpm2.New2B(sealedTemplate)
	s := sealed{tpm2.TPM2BName{Buffer: make([]byte, 34)}, public, tpm2.TPM2BPrivate{Buffer: make([]byte, 126)}}
	f.Add(s.encode())
	f.Add([]byte{blobVersion})
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := decode(in)
		if err == nil && !bytes.Equal(s.encode(), in) {
			t.Fatalf("%x came back as %x", in, s.encode())
		}
	})
}

func BenchmarkUnlockBy(b *testing.B) {
	h := start(b, b.TempDir()).holder()
	v := enrolled(b, h)
	for b.Loop() {
		v.Lock()
		if err := v.UnlockBy(b.Context(), h); err != nil {
			b.Fatal(err)
		}
	}
}
