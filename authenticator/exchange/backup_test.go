package exchange

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/internal/secret"
)

func backup(t testing.TB, passkeys []authenticator.Passkey) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteBackup(&b, phrase, TestCost, Backup{Made: made, Passkeys: passkeys}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBackupComesBackWhole(t *testing.T) {
	t.Parallel()
	want := full(t)
	want[2].Discoverable, want[2].LargeBlobKey = false, secret.Random(32)
	got, err := ReadBackup(bytes.NewReader(backup(t, want)), phrase)
	if err != nil || !got.Made.Equal(made) {
		t.Fatalf("read: %v, made %v", err, got.Made)
	}
	if d := cmp.Diff(want, got.Passkeys, exposeKeys); d != "" {
		t.Errorf("want to got: %s", d)
	}
}

// A backup with large blobs is of a version that older programs refuse, and one
// without is not.
func TestBackupHasWhatSitesLeft(t *testing.T) {
	t.Parallel()
	for version, blobs := range map[byte][]byte{1: nil, 2: secret.Random(60_000).Expose()} {
		var b bytes.Buffer
		if err := WriteBackup(&b, phrase, TestCost, Backup{Made: made, Blobs: blobs}); err != nil {
			t.Fatal(err)
		}
		if got := b.Bytes()[len(backupMagic)+2+2]; got != version { // a5 01 version
			t.Errorf("version %d, want %d", got, version)
		}
		got, err := ReadBackup(&b, phrase)
		if err != nil || !bytes.Equal(got.Blobs, blobs) {
			t.Errorf("read %d bytes, %v; want %d", len(got.Blobs), err, len(blobs))
		}
	}
	if err := WriteBackup(io.Discard, phrase, TestCost, Backup{Blobs: make([]byte, maxRecord)}); err == nil {
		t.Error("a backup that could not be read again was written")
	}
}

func TestBackupOfNothing(t *testing.T) {
	t.Parallel()
	got, err := ReadBackup(bytes.NewReader(backup(t, nil)), phrase)
	if err != nil || len(got.Passkeys) != 0 {
		t.Errorf("read: %v, %v", got, err)
	}
}

// The sizes of content around the end of a chunk are those where a cut or a
// full last chunk could be mistaken.
func TestChunksOfEverySize(t *testing.T) {
	t.Parallel()
	aead, err := fileAEAD(phrase, head{1, TestCost.Time, TestCost.Memory, TestCost.Threads, make([]byte, saltSize)})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2*chunkSize - 1, 2 * chunkSize, 3*chunkSize + 7} {
		want := secret.Random(size).Expose()
		var sealed bytes.Buffer
		s := newSealer(&sealed, aead, []byte("data"))
		if _, err := s.Write(want); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		open := func(b []byte) ([]byte, error) { return io.ReadAll(newOpener(bytes.NewReader(b), aead, []byte("data"))) }
		got, err := open(sealed.Bytes())
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: %d came back, %v", size, len(got), err)
		}
		for cut := 0; cut < sealed.Len(); cut += chunkSize + tagSize {
			if _, err := open(sealed.Bytes()[:cut]); !errors.Is(err, ErrDamaged) {
				t.Errorf("%d bytes cut at chunk's end %d: %v", size, cut, err)
			}
		}
		if _, err := open(append(bytes.Clone(sealed.Bytes()), 0)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d bytes and one more: %v", size, err)
		}
	}
}

func TestBackupCutShortIsNone(t *testing.T) {
	t.Parallel()
	b := backup(t, full(t))
	eachPrefix(t, b, 1, func(b []byte) error {
		got, err := ReadBackup(bytes.NewReader(b), phrase)
		if err != nil && got.Passkeys != nil {
			t.Fatal("an error and passkeys")
		}
		return err
	})
}

func TestBackupChangedAnywhereIsNone(t *testing.T) {
	t.Parallel()
	b := backup(t, []authenticator.Passkey{passkey(t, 1)})
	for n := range b {
		changed := bytes.Clone(b)
		changed[n] ^= 1
		if _, err := ReadBackup(bytes.NewReader(changed), phrase); err == nil {
			t.Fatalf("byte %d of %d may be changed", n, len(b))
		}
	}
}

func TestBackupNeedsItsPassphrase(t *testing.T) {
	t.Parallel()
	b := backup(t, full(t))
	for _, wrong := range []string{"", phrase + " ", strings.ToUpper(phrase), strings.Repeat("x", 1<<20)} {
		if _, err := ReadBackup(bytes.NewReader(b), wrong); !errors.Is(err, ErrPassphrase) {
			t.Errorf("with another passphrase: %v, want ErrPassphrase", err)
		}
	}
	if _, err := ReadBackup(strings.NewReader(`{"version":{"major":1,"minor":0}}`), phrase); !errors.Is(err, ErrNotBackup) {
		t.Errorf("of a CXF document: %v, want ErrNotBackup", err)
	}
	for _, p := range full(t) {
		if bytes.Contains(b, p.ID) || bytes.Contains(b, []byte(p.RPID)) {
			t.Error("the backup tells of what is in it")
		}
	}
}

func TestEasyPassphrasesAreRefused(t *testing.T) {
	t.Parallel()
	for _, easy := range []string{"", "1234", "elevenchars", "aaaaaaaaaaaaaaaaaa", "            x", "\xff\xfe0123456789ab", strings.Repeat("abcdefgh", 200)} {
		if err := WriteBackup(io.Discard, easy, TestCost, Backup{Made: made}); !errors.Is(err, ErrWeakPassphrase) {
			t.Errorf("passphrase %.20q: %v, want ErrWeakPassphrase", easy, err)
		}
	}
	for _, good := range []string{"twelve chars", "ünïcödé wörds", phrase} {
		if err := CheckPassphrase(good); err != nil {
			t.Errorf("passphrase %q: %v", good, err)
		}
	}
}

func TestBackupMayNotAskForAllMemory(t *testing.T) {
	t.Parallel()
	for _, c := range []Cost{{}, {1, 1 << 21, 1}, {17, 64, 1}, {1, 64, 33}, {1, 8, 2}} {
		if err := WriteBackup(io.Discard, phrase, c, Backup{Made: made}); err == nil {
			t.Errorf("cost %+v is taken", c)
		}
	}
}

func FuzzReadBackup(f *testing.F) {
	b := backup(f, full(f))
	f.Add(b)
	f.Add(b[:40])
	f.Add(backup(f, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, _, err := readHead(bytes.NewReader(b)); err != nil || h.Memory > 1<<10 || h.Time > 1 {
			return // a head that is dear to try is not tried here
		}
		got, err := ReadBackup(bytes.NewReader(b), phrase)
		if err != nil && got.Passkeys != nil {
			t.Error("an error and passkeys")
		}
	})
}

func FuzzDecodePasskey(f *testing.F) {
	for _, p := range full(f) {
		b, err := EncodePasskey(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodePasskey(b)
		if err != nil {
			return
		}
		again, err := EncodePasskey(p)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		twice, err := DecodePasskey(again)
		if d := cmp.Diff(p, twice, exposeKeys); err != nil || d != "" {
			t.Fatalf("%v: %s", err, d)
		}
	})
}

func TestPasskeyCutShortIsNone(t *testing.T) {
	t.Parallel()
	b, err := EncodePasskey(full(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	eachPrefix(t, b, 1, func(b []byte) error { _, err := DecodePasskey(b); return err })
}

func BenchmarkBackup(b *testing.B) {
	p := passkey(b, 0)
	all := make([]authenticator.Passkey, 100_000)
	for n := range all {
		all[n] = p
	}
	for b.Loop() {
		var buf bytes.Buffer
		if err := WriteBackup(&buf, phrase, TestCost, Backup{Made: made, Passkeys: all}); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(buf.Len()))
		if _, err := ReadBackup(&buf, phrase); err != nil {
			b.Fatal(err)
		}
	}
}
