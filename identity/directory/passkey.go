package directory

import (
	"errors"
	"strings"
	"time"

	"cardea/webauthn"
)

// MaxPasskeys is how many passkeys one person may come to have by themselves:
// beyond that nobody knows any more which is which. MaxPasskeysByPass is how many
// it may be with an access pass, which must not fail for what its person has
// already and cannot use. Browsers take lists of up to 64.
const (
	MaxPasskeys       = 20
	MaxPasskeysByPass = 64
)

// A Passkey is a public key that a person signs in with, and all that was
// said about it when it was registered. Nothing of that can be asked for
// again, so all of it is kept.
type Passkey struct {
	ID           PasskeyID
	UserID       UserID
	CredentialID webauthn.CredentialID
	// Name is the person's own name for it.
	Name string
	// PublicKey is the COSE_Key.
	PublicKey []byte
	// AAGUID is a claim unless AttestationType says that it was attested.
	AAGUID webauthn.AAGUID
	// SignCount is the highest count seen.
	SignCount uint32
	// Flags is the flags byte of the last ceremony. Its BE bit never changes.
	Flags webauthn.Flags
	// Transports is what the browser said at registration, to be said back.
	Transports []string
	// Attachment is "platform", "cross-platform" or empty.
	Attachment string

	// AttestationFormat is "none", "packed", ...; AttestationType what its
	// verification found ("none", "basic_surrogate", "basic_full", ...).
	AttestationFormat string
	AttestationType   string
	// AttestationObject and ClientDataJSON are as received; ClientDataHash is
	// the SHA-256 of the latter. With them the attestation can be verified
	// again, under a policy of a later day.
	AttestationObject []byte
	ClientDataJSON    []byte
	ClientDataHash    []byte

	Created time.Time
	// LastUsed is zero until the first sign-in. LastUsedFrom says from where.
	LastUsed     time.Time
	LastUsedFrom From
}

// A WayIn reports whether a passkey is taken when somebody signs in with it. nil
// says that every one is.
type WayIn func(Passkey) bool

// Takes reports whether it is so of k.
func (w WayIn) Takes(k Passkey) bool { return w == nil || w(k) }

// From is where a request came from, as far as we can tell.
type From struct {
	UserAgent string
	Address   string
}

// Synced reports whether a copy of the passkey is kept elsewhere (BS).
func (p Passkey) Synced() bool { return p.Flags.Has(webauthn.FlagBackupState) }

// DeviceBound reports that the passkey cannot leave its device (BE not set).
func (p Passkey) DeviceBound() bool { return !p.Flags.Has(webauthn.FlagBackupEligible) }

// What a Directory says of passkeys.
var (
	ErrNoPasskey = errors.New("no such passkey")
	// ErrPasskeyExists: a passkey with that credential ID is registered, to
	// this person or another (WebAuthn §7.1 step 26).
	ErrPasskeyExists   = errors.New("passkey is registered already")
	ErrTooManyPasskeys = errors.New("too many passkeys")
	ErrPasskeyName     = errors.New("passkey name: want 1 to 64 characters that can be shown")
	// ErrLastWayIn is the refusal to delete a person's only passkey.
	ErrLastWayIn = errors.New("last way in")
)

// CleanPasskeyName returns name trimmed, or ErrPasskeyName.
func CleanPasskeyName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || !showable(name, MaxPasskeyName) {
		return "", ErrPasskeyName
	}
	return name, nil
}
