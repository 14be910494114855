package exchange

import (
	"errors"
	"fmt"
	"time"

	"cardea/authenticator"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// maxRecord is more than any passkey needs: its longest parts are a key of
// some kilobytes and names that CTAP bounds.
const maxRecord = 64 << 10

// record is a passkey in a backup and between our programs. Times are Unix
// milliseconds; zero is never.
type record struct {
	ID           []byte                 `cbor:"1,keyasint"`
	RPID         webauthn.RPID          `cbor:"2,keyasint"`
	RPName       string                 `cbor:"3,keyasint,omitempty"`
	Handle       []byte                 `cbor:"4,keyasint"`
	Name         string                 `cbor:"5,keyasint,omitempty"`
	DisplayName  string                 `cbor:"6,keyasint,omitempty"`
	Algorithm    webauthn.COSEAlgorithm `cbor:"7,keyasint"`
	PrivateKey   []byte                 `cbor:"8,keyasint,omitempty"`
	SignCount    uint32                 `cbor:"9,keyasint,omitempty"`
	Discoverable bool                   `cbor:"10,keyasint,omitempty"`
	Nickname     string                 `cbor:"11,keyasint,omitempty"`
	CreatedAt    int64                  `cbor:"12,keyasint,omitempty"`
	LastUsed     int64                  `cbor:"13,keyasint,omitempty"`
	CredProtect  uint8                  `cbor:"14,keyasint,omitempty"`
	HMACSecrets  []byte                 `cbor:"15,keyasint,omitempty"`
	CredBlob     []byte                 `cbor:"16,keyasint,omitempty"`
	LargeBlobKey []byte                 `cbor:"17,keyasint,omitempty"`
	Payment      bool                   `cbor:"18,keyasint,omitempty"`
	Shared       bool                   `cbor:"19,keyasint,omitempty"`
}

// EncodePasskey writes a passkey down as it stands in a backup, keys included
// and not sealed. The caller clears what it got when it is done.
func EncodePasskey(p authenticator.Passkey) ([]byte, error) {
	b, err := cbor.Encode(record{
		ID: append([]byte{}, p.ID...), RPID: p.RPID, RPName: p.RPName,
		Handle: append([]byte{}, p.Account.Handle...), Name: p.Account.Name, DisplayName: p.Account.DisplayName,
		Algorithm: p.Algorithm, PrivateKey: p.PrivateKey.Expose(), SignCount: p.SignCount,
		Discoverable: p.Discoverable, Nickname: p.Nickname,
		CreatedAt: millis(p.CreatedAt), LastUsed: millis(p.LastUsed),
		CredProtect: p.CredProtect, HMACSecrets: p.HMACSecrets.Expose(), CredBlob: p.CredBlob.Expose(),
		LargeBlobKey: p.LargeBlobKey.Expose(), Payment: p.ThirdPartyPayment, Shared: p.Shared,
	})
	if err == nil && len(b) > maxRecord {
		err = fmt.Errorf("passkey of %d bytes, want at most %d", len(b), maxRecord)
	}
	return b, err
}

// DecodePasskey reads what EncodePasskey wrote.
func DecodePasskey(b []byte) (authenticator.Passkey, error) {
	var r record
	if len(b) > maxRecord {
		return authenticator.Passkey{}, fmt.Errorf("passkey of %d bytes, want at most %d", len(b), maxRecord)
	}
	if err := cbor.Decode(b, &r); err != nil {
		return authenticator.Passkey{}, err
	}
	if len(r.ID) == 0 || len(r.ID) > webauthn.MaxCredentialID || r.RPID == "" {
		return authenticator.Passkey{}, errors.New("passkey without a credential ID or a site")
	}
	return authenticator.Passkey{
		ID: r.ID, RPID: r.RPID, RPName: r.RPName,
		Account:   authenticator.Account{Handle: r.Handle, Name: r.Name, DisplayName: r.DisplayName},
		Algorithm: r.Algorithm, PrivateKey: keyOf(r.PrivateKey), SignCount: r.SignCount,
		Discoverable: r.Discoverable, Nickname: r.Nickname,
		CreatedAt: fromMillis(r.CreatedAt), LastUsed: fromMillis(r.LastUsed),
		CredProtect: r.CredProtect, HMACSecrets: keyOf(r.HMACSecrets), CredBlob: keyOf(r.CredBlob),
		LargeBlobKey: keyOf(r.LargeBlobKey), ThirdPartyPayment: r.Payment, Shared: r.Shared,
	}, nil
}

// keyOf moves b into a Key; what is not there stays absent.
func keyOf(b []byte) secret.Key {
	if len(b) == 0 {
		return secret.Key{}
	}
	defer clear(b)
	return secret.New(b)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
