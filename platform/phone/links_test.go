package phone

import (
	"crypto/ecdh"
	"crypto/rand"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"cardea/hybrid"
	"cardea/internal/secret"
)

func newLink(t *testing.T, name string) hybrid.Link {
	t.Helper()
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return hybrid.Link{
		ContactID: []byte("contact"), LinkID: [8]byte{1}, Secret: secret.Random(32),
		Identity: k.PublicKey(), Name: name, Service: hybrid.DevelopmentService,
	}
}

func names(t *testing.T, l *Links) (out []string) {
	t.Helper()
	all, err := l.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		out = append(out, k.Name)
	}
	return out
}

func keep(t *testing.T, l *Links, k hybrid.Link) {
	t.Helper()
	if err := l.Keep(k); err != nil {
		t.Fatal(err)
	}
}

func TestPhonesAreKeptForThisPersonAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new folder", "phones")
	l, ada := OpenLinks(path), newLink(t, "Ada's phone")
	if got := names(t, l); len(got) != 0 {
		t.Errorf("before there is a file: %q", got)
	}
	keep(t, l, ada)
	keep(t, l, newLink(t, "Bob's phone"))
	renamed := ada
	renamed.Name, renamed.LinkID = "Ada's new name", [8]byte{2}
	keep(t, l, renamed)
	if got := names(t, OpenLinks(path)); len(got) != 2 || got[0] != "Ada's new name" || got[1] != "Bob's phone" {
		t.Errorf("phones %q", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := l.Forget(ada); err != nil {
		t.Fatal(err)
	}
	if got := names(t, l); len(got) != 1 || got[0] != "Bob's phone" {
		t.Errorf("after forgetting: %q", got)
	}
	if err := l.Forget(ada); err != nil {
		t.Errorf("forgetting twice: %v", err)
	}
}

func TestTheOldestPhoneGoesFirst(t *testing.T) {
	t.Parallel()
	l := OpenLinks(filepath.Join(t.TempDir(), "phones"))
	for n := range maxLinks + 2 {
		keep(t, l, newLink(t, strconv.Itoa(n)))
	}
	got := names(t, l)
	if len(got) != maxLinks || got[0] != strconv.Itoa(maxLinks+1) || got[maxLinks-1] != "2" {
		t.Errorf("phones %q", got)
	}
}

// What cannot be read is neither lost nor in the way: the code is still there.
func TestAFileThatCannotBeReadStays(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"no JSON":         "{",
		"a later version": `{"version":2,"links":[]}`,
		"no link":         `{"version":1,"links":["AAAA"]}`,
	} {
		path := filepath.Join(t.TempDir(), "phones")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		l := OpenLinks(path)
		if err := l.Keep(newLink(t, "new")); err == nil {
			t.Errorf("%s: a phone was added", name)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != content {
			t.Errorf("%s: became %q, %v", name, b, err)
		}
		if got := (&Route{Links: l}).Remembered(); len(got) != 0 {
			t.Errorf("%s: %d phones", name, len(got))
		}
	}
}

func FuzzParseLinks(f *testing.F) {
	f.Add([]byte(`{"version":1,"links":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = parseLinks(b) })
}
