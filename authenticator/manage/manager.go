package manage

import (
	"context"
	"errors"

	"cardea/authenticator"
	"cardea/authenticator/exchange"
	"cardea/authenticator/vault"
	"cardea/webauthn"
)

// A Manager manages one vault. Implementations are safe for concurrent use.
//
// A wrong secret is a *vault.PINError, which says how many attempts are left,
// or vault.ErrBlocked. Without a vault the error is vault.ErrNone. The secret of
// a vault that has none (vault.NoPIN) is "".
type Manager interface {
	// Status is told to anybody.
	Status(ctx context.Context) (Status, error)
	// Unlock leaves the vault unlocked.
	Unlock(ctx context.Context, secret string) error
	// Lock forgets the keys until the next Unlock. A vault without a secret
	// stays open.
	Lock(ctx context.Context) error
	// SetSecret replaces the secret by another of the same kind; if there is
	// none, by a PIN; if there is no vault, it makes one. A secret that will
	// not do is vault.ErrPolicy.
	SetSecret(ctx context.Context, old, new string) error
	// Erase destroys the vault and every passkey. A blocked vault has no
	// secret that could be proved; it is erased without.
	Erase(ctx context.Context, secret string) error

	// List returns all passkeys, newest first, without what is secret in
	// them.
	List(ctx context.Context, secret string) ([]authenticator.Passkey, error)
	// Rename gives a passkey the person's own name, or takes it away. It
	// returns authenticator.ErrNoPasskey, as Delete does, if there is none.
	Rename(ctx context.Context, secret string, id webauthn.CredentialID, name string) error
	Delete(ctx context.Context, secret string, id webauthn.CredentialID) error
	// Export returns all passkeys with their keys.
	Export(ctx context.Context, secret string) ([]authenticator.Passkey, error)
	// Import brings passkeys in as exchange.Merge does: all or none.
	Import(ctx context.Context, secret string, passkeys []authenticator.Passkey) (exchange.Counts, error)
}

// Status is what a vault tells without its secret.
type Status struct {
	Exists  bool       `cbor:"1,keyasint,omitempty" json:"exists"`
	Kind    vault.Kind `cbor:"2,keyasint,omitempty" json:"secret,omitempty"`
	Locked  bool       `cbor:"3,keyasint,omitempty" json:"locked"`
	Retries int        `cbor:"4,keyasint,omitempty" json:"tries_left"` // zero is blocked
}

// ErrSecretSet says that there is a secret already, and "" is not it.
var ErrSecretSet = errors.New("there is a secret already")

// Public returns p without what is secret in it.
func Public(p authenticator.Passkey) authenticator.Passkey {
	var none authenticator.Passkey
	p.PrivateKey, p.HMACSecrets, p.CredBlob, p.LargeBlobKey = none.PrivateKey, none.HMACSecrets, none.CredBlob, none.LargeBlobKey
	return p
}
