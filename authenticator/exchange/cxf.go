package exchange

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// What CXF calls things. Members that CXF has and we have no use for are not
// here; the reader passes over them.
type (
	cxfDocument struct {
		Version             cxfVersion   `json:"version"`
		ExporterRPID        string       `json:"exporterRpId"`
		ExporterDisplayName string       `json:"exporterDisplayName"`
		Timestamp           int64        `json:"timestamp"` // Unix seconds
		Accounts            []cxfAccount `json:"accounts"`
	}
	cxfVersion struct {
		Major int `json:"major"`
		Minor int `json:"minor"`
	}
	cxfAccount struct {
		ID          b64             `json:"id"`
		Username    string          `json:"username"`
		Email       string          `json:"email"`
		Collections json.RawMessage `json:"collections"`
		// Items are read one by one, so that a strange one spoils itself alone.
		Items []json.RawMessage `json:"items"`
	}
	cxfItem struct {
		ID          b64               `json:"id"`
		CreationAt  int64             `json:"creationAt,omitempty"` // Unix seconds
		ModifiedAt  int64             `json:"modifiedAt,omitempty"`
		Title       string            `json:"title"`
		Scope       *cxfScope         `json:"scope,omitempty"`
		Credentials []json.RawMessage `json:"credentials"`
		Extensions  []json.RawMessage `json:"extensions,omitempty"`
	}
	cxfScope struct {
		URLs        []string `json:"urls"`
		AndroidApps []any    `json:"androidApps"`
	}
	cxfPasskey struct {
		Type            string         `json:"type"`
		CredentialID    b64            `json:"credentialId"`
		RPID            string         `json:"rpId"`
		Username        string         `json:"username"`
		UserDisplayName string         `json:"userDisplayName"`
		UserHandle      b64            `json:"userHandle"`
		Key             b64            `json:"key"` // PKCS #8, DER
		Extensions      *cxfExtensions `json:"fido2Extensions,omitempty"`
	}
	cxfExtensions struct {
		HMAC      *cxfHMAC        `json:"hmacCredentials,omitempty"`
		CredBlob  b64             `json:"credBlob,omitempty"`
		LargeBlob json.RawMessage `json:"largeBlob,omitempty"`
		Payments  bool            `json:"payments,omitempty"`
	}
	cxfHMAC struct {
		Algorithm string `json:"algorithm"`
		WithUV    b64    `json:"credWithUV"`
		WithoutUV b64    `json:"credWithoutUV"`
	}
	// cxfOurs is our own extension of an item: what CXF has no member for and
	// would be lost on the way from one vault of ours to another.
	cxfOurs struct {
		Name        string `json:"name"`
		SignCount   uint32 `json:"signCount,omitempty"`
		Shared      bool   `json:"shared,omitempty"`
		RPName      string `json:"rpName,omitempty"`
		Nickname    string `json:"nickname,omitempty"`
		CredProtect uint8  `json:"credProtect,omitempty"`
		LastUsedAt  int64  `json:"lastUsedAt,omitempty"` // Unix milliseconds, as the next
		CreatedAt   int64  `json:"createdAt,omitempty"`
	}
)

const (
	cxfMajor       = 1
	cxfPasskeyType = "passkey"
	cxfHMACSHA256  = "hmac-sha256"
	cxfOursName    = "cardea-passkey"
)

// b64 is bytes in base64url without padding (CXF §1.4); padding is read too.
type b64 []byte

func (b b64) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(b)), nil
}

func (b *b64) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(string(text), "="))
	return err
}
