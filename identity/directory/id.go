package directory

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// A UserID names a person inside Cardea, for as long as the account exists. It
// is random and also serves as the subject of ID tokens.
type UserID string

// A PasskeyID names a passkey inside Cardea. It is not the credential ID: that
// one is chosen by the authenticator and is nobody else's business.
type PasskeyID string

// A ClientID names an OpenID Connect client.
type ClientID string

const idBytes = 15 // 24 characters, no padding

var idText = base32.HexEncoding.WithPadding(base32.NoPadding)

// randomID returns 120 random bits as text that needs no escaping anywhere.
func randomID() string {
	b := make([]byte, idBytes)
	rand.Read(b)
	return strings.ToLower(idText.EncodeToString(b))
}

// NewUserID returns an ID that nobody has.
func NewUserID() UserID { return UserID(randomID()) }

// NewPasskeyID returns an ID that no passkey has.
func NewPasskeyID() PasskeyID { return PasskeyID(randomID()) }
