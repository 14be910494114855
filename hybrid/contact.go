package hybrid

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"cardea/internal/secret"
)

// A ContactID names a phone to its relay, in the links that the phone gives to
// clients (Linking.ContactID). The specification leaves open what is in it and
// how a phone tells its relay that it can be reached. This is what our phone
// and our relay have agreed on: the ID is the hash of a key that only the phone
// has. Whoever shows the key to the relay takes the calls for the ID; clients,
// which know the ID, cannot. The relay need keep nothing, and a new one knows
// the phone at once.
type ContactID [16]byte

// contactKeySize is the length of a contact key in bytes.
const contactKeySize = 32

// NewContactKey returns a random key. A phone needs one for each relay that it
// registers with, since the relay sees it, and keeps it for as long as it has
// links that name its ID.
func NewContactKey() secret.Key { return secret.Random(contactKeySize) }

// ContactIDOf returns the ID that belongs to a key.
func ContactIDOf(key secret.Key) (ContactID, error) {
	if key.Len() != contactKeySize {
		return ContactID{}, fmt.Errorf("contact key of %d bytes, want %d", key.Len(), contactKeySize)
	}
	sum := sha256.Sum256(append([]byte("Cardea contact ID\x00"), key.Expose()...))
	return ContactID(sum[:16]), nil
}

// String returns the ID as it stands in addresses.
func (c ContactID) String() string { return base64.RawURLEncoding.EncodeToString(c[:]) }
