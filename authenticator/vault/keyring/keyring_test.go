//go:build linux

package keyring

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"cardea/authenticator/vault"
	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/secret"
)

func TestHolderSuite(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	startKeyring(t, bus, t.TempDir())
	vaulttest.RunHolder(t, func(*testing.T) vaulttest.KeyHolder { return holderOn(bus) }, vault.ErrHolderLost, true)
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

func TestAVaultOpensByTheKeyringInALaterSession(t *testing.T) {
	t.Parallel()
	home, first := t.TempDir(), startBus(t)
	startKeyring(t, first, home)
	v := enrolled(t, holderOn(first))
	second := startBus(t)
	startKeyring(t, second, home)
	if err := v.UnlockBy(t.Context(), holderOn(second)); err != nil || v.Locked() {
		t.Fatalf("UnlockBy = %v", err)
	}
	v.Lock()
	if err := v.Unenroll(t.Context(), "keyring", holderOn(second)); err != nil {
		t.Fatal(err)
	}
	if err := v.UnlockBy(t.Context(), holderOn(second)); !errors.Is(err, vault.ErrNotEnrolled) {
		t.Errorf("UnlockBy = %v, want ErrNotEnrolled", err)
	}
}

func TestAnotherKeyringDoesNotHaveIt(t *testing.T) {
	t.Parallel()
	one, other := startBus(t), startBus(t)
	startKeyring(t, one, t.TempDir())
	startKeyring(t, other, t.TempDir())
	v := enrolled(t, holderOn(one))
	if err := v.UnlockBy(t.Context(), holderOn(other)); !errors.Is(err, vault.ErrHolderLost) {
		t.Errorf("UnlockBy = %v, want ErrHolderLost", err)
	}
}

// Nothing that could ask the person is on this bus.
func TestALockedKeyringThatCannotAsk(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	startKeyring(t, bus, t.TempDir())
	h := holderOn(bus)
	v := enrolled(t, h)
	lockKeyring(t, bus)
	if err := v.UnlockBy(t.Context(), h); !errors.Is(err, ErrLocked) || !v.Locked() {
		t.Errorf("UnlockBy = %v, want ErrLocked", err)
	}
	if _, err := h.Hold(t.Context(), []byte{1}, secret.Random(32)); !errors.Is(err, ErrLocked) {
		t.Errorf("Hold = %v, want ErrLocked", err)
	}
	if err := h.Available(t.Context()); err != nil {
		t.Errorf("Available = %v", err)
	}
}

func TestNoKeyring(t *testing.T) {
	t.Parallel()
	noBus := &Holder{connect: func(context.Context) (*dbus.Conn, error) { return dbus.Connect("unix:path=/nowhere") }}
	for what, h := range map[string]*Holder{"nobody on the bus": holderOn(startBus(t)), "no bus": noBus} {
		if err := h.Available(t.Context()); !errors.Is(err, ErrNoKeyring) {
			t.Errorf("%s: Available = %v, want ErrNoKeyring", what, err)
		}
		if _, err := h.Give(t.Context(), []byte{1}, []byte{2}); !errors.Is(err, ErrNoKeyring) {
			t.Errorf("%s: Give = %v, want ErrNoKeyring", what, err)
		}
	}
}

// A fakeKeyring is a locked keyring with one item that asks the person.
type fakeKeyring struct {
	t         *testing.T
	conn      *dbus.Conn
	asked     chan struct{}
	dismissed chan struct{}

	mu   sync.Mutex
	key  string
	open bool
}

const (
	fakeItem   = dbus.ObjectPath("/org/freedesktop/secrets/item")
	fakePrompt = dbus.ObjectPath("/org/freedesktop/secrets/prompt")
)

func startFake(t *testing.T, bus string) *fakeKeyring {
	t.Helper()
	f := &fakeKeyring{t: t, conn: dial(t, bus), asked: make(chan struct{}, 1), dismissed: make(chan struct{}, 1),
		key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
	for path, name := range map[dbus.ObjectPath]string{
		servicePath: serviceInterface, fakeItem: itemInterface, fakePrompt: promptInterface,
	} {
		if err := f.conn.Export(f, path, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.conn.RequestName(busName, 0); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fakeKeyring) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	return dbus.MakeVariant(""), "/session", nil
}

func (f *fakeKeyring) SearchItems(map[string]string) (unlocked, locked []dbus.ObjectPath, err *dbus.Error) {
	return nil, []dbus.ObjectPath{fakeItem}, nil
}

func (f *fakeKeyring) Unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	return nil, fakePrompt, nil
}

func (f *fakeKeyring) Prompt(string) *dbus.Error {
	f.asked <- struct{}{}
	return nil
}

func (f *fakeKeyring) Dismiss() *dbus.Error {
	f.dismissed <- struct{}{}
	return nil
}

func (f *fakeKeyring) GetSecret(session dbus.ObjectPath) (sealedText, *dbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.open {
		return sealedText{}, dbus.NewError("org.freedesktop.Secret.Error.IsLocked", nil)
	}
	return sealedText{Session: session, Value: []byte(f.key), ContentType: "text/plain"}, nil
}

// answer is what the person does with the question.
func (f *fakeKeyring) answer(dismissed bool) {
	<-f.asked
	f.mu.Lock()
	f.open = !dismissed
	f.mu.Unlock()
	err := f.conn.Emit(fakePrompt, promptInterface+".Completed", dismissed, dbus.MakeVariant([]dbus.ObjectPath{fakeItem}))
	if err != nil {
		f.t.Error(err)
	}
}

func TestThePersonOpensTheKeyring(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startFake(t, bus)
	go f.answer(false)
	key, err := holderOn(bus).Give(t.Context(), []byte{1}, []byte{2})
	if err != nil || key.Len() != 32 {
		t.Errorf("Give = %d bytes, %v", key.Len(), err)
	}
	f.mu.Lock()
	f.key = "not base64!"
	f.mu.Unlock()
	go f.answer(false)
	if _, err := holderOn(bus).Give(t.Context(), []byte{1}, []byte{2}); !errors.Is(err, vault.ErrHolderLost) {
		t.Errorf("Give of what is no key = %v, want ErrHolderLost", err)
	}
}

func TestThePersonDoesNotOpenTheKeyring(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startFake(t, bus)
	go f.answer(true)
	if _, err := holderOn(bus).Give(t.Context(), []byte{1}, []byte{2}); !errors.Is(err, ErrLocked) {
		t.Errorf("Give = %v, want ErrLocked", err)
	}
}

func TestTheQuestionIsCalledOff(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	f := startFake(t, bus)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-f.asked
		cancel()
	}()
	if _, err := holderOn(bus).Give(ctx, []byte{1}, []byte{2}); !errors.Is(err, context.Canceled) {
		t.Errorf("Give = %v, want context.Canceled", err)
	}
	<-f.dismissed
}
