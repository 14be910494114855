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

	// CredProtect is the level of the extension of that name, 1 to 3; zero is
	// 1 that nobody asked for (CTAP §12.1).
	CredProtect uint8
	// HMACSecrets are the two secrets of hmac-secret and prf, 32 bytes each:
	// for a verified person, and for one who was not. Absent from what U2F made,
	// and from older passkeys whose sites did not ask for the extension.
	HMACSecrets  secret.Key
	CredBlob     secret.Key // what the site left here; may be absent
	LargeBlobKey secret.Key // 32 bytes; may be absent
	// Shared says that the passkey came from an app that keeps it in several
	// places, and told its site so: BE and BS are set when it signs, and its
	// count stays zero (WebAuthn §6.1.3, CXF).
	Shared bool
	// ThirdPartyPayment lets other sites than the passkey's ask for payments.
	ThirdPartyPayment bool
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
	// Find returns the passkey with an ID, or ErrNoPasskey, without looking at
	// the others.
	Find(ctx context.Context, id webauthn.CredentialID) (Passkey, error)
	// Save adds p. If p is discoverable, it replaces a discoverable passkey
	// with the same RPID and user handle (CTAP §6.1.2); it always replaces one
	// with the same ID.
	Save(ctx context.Context, p Passkey) error
	// Use counts a signature, unless the passkey is Shared, and notes the time, unless at is zero: a silent
	// assertion is no use that a person would remember. It returns the new
	// count, or ErrNoPasskey.
	Use(ctx context.Context, id webauthn.CredentialID, at time.Time) (uint32, error)
	// Delete removes a passkey. It returns ErrNoPasskey if there is none.
	Delete(ctx context.Context, id webauthn.CredentialID) error
}

// A PINVault is a Vault with all that a security key keeps: it is opened by
// the hash of a PIN, as clients send it, and has room for settings and notes.
// The vault is locked exactly as long as there is a PIN that nobody has given.
type PINVault interface {
	Vault
	// PINSet reports whether there is a PIN.
	PINSet() bool
	// Retries returns how many wrong PINs are left.
	Retries() int
	// UnlockHash tries LEFT(SHA-256(pin), 16). The attempt is counted, durably,
	// before it is tried; the right PIN gives all back. Its errors wrap
	// ErrWrongPIN or, with no attempt left, ErrPINBlocked.
	UnlockHash(ctx context.Context, hash []byte) error
	// SetPINHash sets or changes the PIN, of length code points, and the
	// settings with it: either both or none. The vault must be unlocked.
	SetPINHash(ctx context.Context, hash []byte, length int, settings []byte) error
	// PINLength is how many code points the PIN has; zero if there is none.
	PINLength(ctx context.Context) (int, error)
	// Settings can be read while the vault is locked; they are not secret.
	Settings() []byte
	SetSettings(ctx context.Context, settings []byte) error
	// Note and SetNote keep sealed texts by name. One that was never set is
	// empty.
	Note(ctx context.Context, name string) ([]byte, error)
	SetNote(ctx context.Context, name string, content []byte) error
	// Reset forgets everything, and the PIN; locked or not.
	Reset(ctx context.Context) error
}

// What a Vault says when it cannot.
var (
	ErrLocked     = errors.New("vault is locked")
	ErrNoPasskey  = errors.New("no such passkey")
	ErrWrongPIN   = errors.New("wrong PIN")
	ErrPINBlocked = errors.New("PIN is blocked")
)
