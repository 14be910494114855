package manage

import (
	"context"
	"errors"

	"cardea/authenticator"
	"cardea/authenticator/exchange"
	"cardea/authenticator/vault"
	"cardea/webauthn"
)

// A Holder is a program that has a vault open, or has none yet. Vault is
// required; the others may be nil.
type Holder struct {
	// Vault returns the open vault, or vault.ErrNone.
	Vault func() (*vault.Vault, error)
	// Create makes the vault, with a PIN.
	Create func(pin string) error
	// Erase destroys the vault. Nil means vault.Vault.Reset, which leaves an
	// empty one without a secret.
	Erase func() error
	// Computers returns how many computers are linked; nil means none.
	Computers func() int
	// Changed hears of every change.
	Changed func()
}

// Vault manages a vault that is open in this program.
func Vault(v *vault.Vault) Manager {
	return Held(Holder{Vault: func() (*vault.Vault, error) { return v, nil }})
}

// Held manages the vault of a program.
func Held(h Holder) Manager {
	if h.Changed == nil {
		h.Changed = func() {}
	}
	if h.Computers == nil {
		h.Computers = func() int { return 0 }
	}
	return held{h}
}

type held struct{ h Holder }

func (m held) Status(context.Context) (Status, error) {
	v, err := m.h.Vault()
	if errors.Is(err, vault.ErrNone) {
		return Status{Locked: true}, nil
	}
	if err != nil {
		return Status{}, err
	}
	return Status{
		Exists: true, Kind: v.Kind(), Locked: v.Locked(), Retries: v.Retries(), Holders: v.Holders(), Computers: m.h.Computers(),
	}, nil
}

// prove spends an attempt and leaves the vault unlocked.
func prove(ctx context.Context, v *vault.Vault, secret string) error {
	if v.Locked() {
		return v.Unlock(ctx, secret)
	}
	return v.Verify(ctx, secret)
}

// proved does something to the vault after its secret was proved, and leaves it
// as locked as it was.
func (m held) proved(ctx context.Context, secret string, do func(*vault.Vault) error) error {
	v, err := m.h.Vault()
	if err != nil {
		return err
	}
	if v.Locked() {
		defer v.Lock()
	}
	if err := prove(ctx, v, secret); err != nil {
		return err
	}
	return do(v)
}

func (m held) Unlock(ctx context.Context, secret string) error {
	v, err := m.h.Vault()
	if err != nil {
		return err
	}
	defer m.h.Changed()
	return prove(ctx, v, secret)
}

func (m held) Lock(context.Context) error {
	v, err := m.h.Vault()
	if err != nil {
		return err
	}
	v.Lock()
	m.h.Changed()
	return nil
}

func (m held) SetSecret(ctx context.Context, old, new string) error {
	defer m.h.Changed()
	v, err := m.h.Vault()
	if errors.Is(err, vault.ErrNone) && m.h.Create != nil {
		return m.h.Create(new)
	}
	if err != nil {
		return err
	}
	kind := v.Kind()
	if kind == vault.NoPIN {
		kind = vault.PIN
	} else if old == "" {
		return ErrSecretSet
	}
	// Before the change: a crash between the two must not leave the token of a
	// PIN that is no more.
	end := func(v *vault.Vault) error { return authenticator.EndPersistentToken(ctx, v) }
	if err := m.proved(ctx, old, end); err != nil {
		return err
	}
	return v.ChangeSecret(ctx, old, kind, new)
}

func (m held) Erase(ctx context.Context, secret string) error {
	v, err := m.h.Vault()
	if err != nil {
		return err
	}
	if v.Retries() != 0 {
		if err := v.Verify(ctx, secret); err != nil {
			return err
		}
	}
	defer m.h.Changed()
	if m.h.Erase == nil {
		return v.Reset(ctx)
	}
	return m.h.Erase()
}

func (m held) List(ctx context.Context, secret string) ([]authenticator.Passkey, error) {
	all, err := m.Export(ctx, secret)
	for i, p := range all {
		p.PrivateKey.Wipe()
		p.HMACSecrets.Wipe()
		p.CredBlob.Wipe()
		p.LargeBlobKey.Wipe()
		all[i] = Public(p)
	}
	return all, err
}

func (m held) Export(ctx context.Context, secret string) (all []authenticator.Passkey, err error) {
	err = m.proved(ctx, secret, func(v *vault.Vault) error {
		all, err = v.Passkeys(ctx, "")
		return err
	})
	return all, err
}

func (m held) Blobs(ctx context.Context, secret string) (blobs []byte, err error) {
	err = m.proved(ctx, secret, func(v *vault.Vault) error {
		blobs, err = authenticator.ExportBlobs(ctx, v)
		return err
	})
	return blobs, err
}

func (m held) AddBlobs(ctx context.Context, secret string, blobs []byte) error {
	return m.proved(ctx, secret, func(v *vault.Vault) error { return authenticator.ImportBlobs(ctx, v, blobs) })
}

func (m held) Rename(ctx context.Context, secret string, id webauthn.CredentialID, name string) error {
	defer m.h.Changed()
	return m.proved(ctx, secret, func(v *vault.Vault) error { return v.Rename(ctx, id, name) })
}

func (m held) Delete(ctx context.Context, secret string, id webauthn.CredentialID) error {
	defer m.h.Changed()
	return m.proved(ctx, secret, func(v *vault.Vault) error { return v.Delete(ctx, id) })
}

func (m held) Import(ctx context.Context, secret string, passkeys []authenticator.Passkey) (c exchange.Counts, err error) {
	defer m.h.Changed()
	err = m.proved(ctx, secret, func(v *vault.Vault) error {
		c, err = exchange.Merge(ctx, v, passkeys)
		return err
	})
	return c, err
}
