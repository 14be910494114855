package keyring

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"

	"cardea/authenticator/vault"
	"cardea/internal/secret"
)

// What a keyring says when it cannot be used.
var (
	ErrNoKeyring = errors.New("no keyring is running in this session: install and start GNOME Keyring, KWallet or KeePassXC, or use the PIN")
	// ErrLocked says that the keyring stayed locked: the person did not want
	// to open it, or there is nothing on the screen to ask with.
	ErrLocked = errors.New("the keyring is locked: open it with its password, or use the PIN")
)

// Holder is a vault.KeyHolder. It connects to the session bus for each call.
type Holder struct {
	connect func(context.Context) (*dbus.Conn, error)
}

var _ vault.KeyHolder = (*Holder)(nil)

// New returns the holder of this session's keyring. Errors come from its
// methods: ErrNoKeyring, ErrLocked.
func New() *Holder {
	return &Holder{connect: func(ctx context.Context) (*dbus.Conn, error) {
		// Not ended by ctx: a question that is open must be called off.
		return dbus.ConnectSessionBus(dbus.WithContext(context.WithoutCancel(ctx)))
	}}
}

// Available reports whether a keyring is running in this session, or can be
// started: nil or ErrNoKeyring. It asks the person nothing.
func (h *Holder) Available(ctx context.Context) error {
	s, err := h.reach(ctx)
	if err != nil {
		return err
	}
	return s.close()
}

// Name is "keyring".
func (*Holder) Name() string { return "keyring" }

// Hold adds an item for the key. The keyring may ask the person to open it.
func (h *Holder) Hold(ctx context.Context, vaultID []byte, key secret.Key) (blob []byte, err error) {
	err = h.with(ctx, func(s *service) error {
		collection, err := s.openDefault(ctx)
		if err != nil {
			return err
		}
		blob = secret.Random(16).Expose()
		text := []byte(base64.StdEncoding.EncodeToString(key.Expose()))
		defer clear(text)
		return s.create(ctx, collection, attributes(vaultID, blob), text)
	})
	if err != nil {
		return nil, fmt.Errorf("keeping a key in the keyring: %w", err)
	}
	return blob, nil
}

// Give returns the key. The keyring may ask the person to open it. The error
// is vault.ErrHolderLost if an open keyring does not have it.
func (h *Holder) Give(ctx context.Context, vaultID, blob []byte) (key secret.Key, err error) {
	err = h.with(ctx, func(s *service) error {
		item, err := s.find(ctx, attributes(vaultID, blob))
		if err != nil {
			return err
		}
		text, err := s.read(ctx, item)
		if err != nil {
			return err
		}
		defer clear(text)
		plain, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			return fmt.Errorf("%w: what it keeps is not a key", vault.ErrHolderLost)
		}
		defer clear(plain)
		key = secret.New(plain)
		return nil
	})
	if err != nil {
		return secret.Key{}, fmt.Errorf("asking the keyring for the key: %w", err)
	}
	return key, nil
}

// Forget deletes the item.
func (h *Holder) Forget(ctx context.Context, vaultID, blob []byte) error {
	err := h.with(ctx, func(s *service) error {
		item, err := s.find(ctx, attributes(vaultID, blob))
		if errors.Is(err, vault.ErrHolderLost) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.remove(ctx, item)
	})
	if err != nil {
		return fmt.Errorf("deleting a key from the keyring: %w", err)
	}
	return nil
}

func attributes(vaultID, blob []byte) map[string]string {
	return map[string]string{
		"application": "cardea",
		"vault":       hex.EncodeToString(vaultID),
		"slot":        hex.EncodeToString(blob),
	}
}

func (h *Holder) with(ctx context.Context, do func(*service) error) error {
	s, err := h.reach(ctx)
	if err != nil {
		return err
	}
	if err = do(s); err != nil && ctx.Err() != nil {
		err = ctx.Err() // whatever was being done when it ended
	}
	return errors.Join(err, s.close())
}
