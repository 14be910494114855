package ceremony_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/webauthn"
)

// Whatever is a secret in the hands of a person or a browser is nowhere in the
// database, nor in an error or an event.
func TestNoSecretIsWrittenDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	secrets := map[string]string{}
	var said []string // by errors

	setupCode, _, err := h.directory.FirstAdministratorCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	secrets["setup code"] = setupCode
	b := browser("b")
	secrets["binding"] = b.Binding
	begun, err := h.ceremony.BeginSetup(ctx, b, setupCode, directory.NewUser{Username: "maia", DisplayName: "Maia"})
	if err != nil {
		t.Fatal(err)
	}
	key := newSoft(t)
	in, err := h.ceremony.FinishSetup(ctx, b, begun.Sealed, key.create(begun.Options), "")
	if err != nil {
		t.Fatal(err)
	}
	secrets["token"] = in.Token
	maia := someone{User: in.User, key: key, in: in}

	_, pass := h.newcomer(maia, "theo")
	secrets["access pass"] = pass
	redeemed, err := h.ceremony.RedeemAccessPass(ctx, b, "theo", pass)
	if err != nil {
		t.Fatal(err)
	}
	secrets["token of the pass's session"] = redeemed.Token

	// A sign-in that fails, with everything in it that could be quoted.
	signIn := h.begin(b)
	challenge := parse[webauthn.RequestOptions](t, signIn.Options).Challenge
	secrets["challenge"] = challenge.String()
	for _, e := range signInRefusals {
		try := h.begin(b)
		_, err := h.ceremony.FinishSignIn(ctx, b, try.Sealed, key.get(try.Options, e.edit))
		said = append(said, err.Error(), fmt.Sprintf("%+v", err))
	}
	if _, err := h.ceremony.FinishSignIn(ctx, b, signIn.Sealed, key.get(signIn.Options)); err != nil {
		t.Fatal(err)
	}
	_, err = h.ceremony.FinishSignIn(ctx, b, signIn.Sealed, key.get(signIn.Options))
	said = append(said, err.Error(), fmt.Sprintf("%+v", err))
	_, err = h.ceremony.RedeemAccessPass(ctx, b, "theo", pass)
	said = append(said, err.Error(), fmt.Sprintf("%+v", err))
	_, err = h.ceremony.BeginSetup(ctx, b, setupCode, directory.NewUser{Username: "eve", DisplayName: "Eve"})
	said = append(said, err.Error(), fmt.Sprintf("%+v", err))

	events, err := h.log.Recent(ctx, audit.MaxEvents)
	if err != nil {
		t.Fatal(err)
	}
	said = append(said, fmt.Sprintf("%+v", events))
	files := h.files()
	for name, s := range secrets {
		for form, text := range forms(s) {
			for _, where := range said {
				if strings.Contains(where, text) {
					t.Errorf("%s (%s) is in %q", name, form, where)
				}
			}
			for file, content := range files {
				if bytes.Contains(content, []byte(text)) {
					t.Errorf("%s (%s) is in %s", name, form, file)
				}
			}
		}
	}
	// The search can find: a user name is there.
	if !strings.Contains(string(bytes.Join(values(files), nil)), "theo") {
		t.Error("the search would find nothing")
	}
}

// forms are the ways in which a secret could be written.
func forms(s string) map[string]string {
	f := map[string]string{
		"as it is": s, "in hex": hex.EncodeToString([]byte(s)),
		"in base64": base64.StdEncoding.EncodeToString([]byte(s))[:len(s)], "without hyphens": strings.ReplaceAll(s, "-", ""),
	}
	if raw, err := base64.RawURLEncoding.DecodeString(s); err == nil {
		f["decoded"], f["decoded and in hex"] = string(raw), hex.EncodeToString(raw)
	}
	return f
}

// files returns all that is on the disk: the database, its log and its lock.
func (h *house) files() map[string][]byte {
	h.t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(filepath.Dir(h.path), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func values(m map[string][]byte) (list [][]byte) {
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

// Beginning costs nothing: whoever begins a million sign-ins has written
// nothing.
func TestBeginWritesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	before := h.files()
	h.begin(browser("b"))
	if _, err := h.ceremony.BeginRegistration(t.Context(), browser("b"), maia.ID, maia.in.Session.ID); err != nil {
		t.Fatal(err)
	}
	_, err := h.ceremony.FinishSignIn(t.Context(), browser("b"), "sealed by nobody", []byte("{}"))
	refusedFor(t, err, ceremony.ReasonNoCeremony)
	for path, content := range h.files() {
		if strings.HasSuffix(path, "-shm") {
			continue // where readers leave their marks
		}
		if !bytes.Equal(content, before[path]) {
			t.Errorf("%s was changed", filepath.Base(path))
		}
	}
}
