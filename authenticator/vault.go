package authenticator

import (
	"context"
	"errors"
	"time"

	"cardea/internal/secret"
	"cardea/webauthn"
)

// A Passkey is one credential in a Vault.
type Passkey struct {
	ID         webauthn.CredentialID
	RPID       webauthn.RPID
	RPName     string
	Account    Account
	Algorithm  webauthn.COSEAlgorithm
	PrivateKey secret.Key // PKCS #8, DER
	SignCount  uint32
	// Discoverable passkeys are found without their ID.
	Discoverable bool
	// Nickname is the person's own name for it; may be empty.
	Nickname  string
	CreatedAt time.Time
	LastUsed  time.Time // zero if never
}

// A Vault keeps passkeys. Implementations are safe for concurrent use. What
// Save, Use and Delete have acknowledged survives a crash. Every method but
// Locked returns ErrLocked while the vault is locked. The Passkeys it gives out
// are copies, keys included, and outlive the next lock.
type Vault interface {
	// Locked reports whether the passkeys can be read now.
	Locked() bool
	// Passkeys returns the passkeys for rp, or all if rp is empty, newest
	// first. It returns ErrLocked while the vault is locked.
	Passkeys(ctx context.Context, rp webauthn.RPID) ([]Passkey, error)
	// Save adds p. If p is discoverable, it replaces a discoverable passkey
	// with the same RPID and user handle (CTAP §6.1.2); it always replaces one
	// with the same ID.
	Save(ctx context.Context, p Passkey) error
	// Use counts a signature and notes the time, unless at is zero: a silent
	// assertion is no use that a person would remember. It returns the new
	// count, or ErrNoPasskey.
	Use(ctx context.Context, id webauthn.CredentialID, at time.Time) (uint32, error)
	// Delete removes a passkey. It returns ErrNoPasskey if there is none.
	Delete(ctx context.Context, id webauthn.CredentialID) error
}

// What a Vault says when it cannot.
var (
	ErrLocked    = errors.New("vault is locked")
	ErrNoPasskey = errors.New("no such passkey")
)
