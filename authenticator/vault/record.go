package vault

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"cardea/authenticator"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// A record is one entry of the log: exactly one member is there.
type record struct {
	Save   *stored `cbor:"1,keyasint,omitempty"`
	Use    *use    `cbor:"2,keyasint,omitempty"`
	Delete []byte  `cbor:"3,keyasint,omitempty"`
	Rename *rename `cbor:"4,keyasint,omitempty"`
	Note   *note   `cbor:"5,keyasint,omitempty"`
	// Snapshots begin a log that was written anew: many passkeys in one.
	Snapshot []stored `cbor:"6,keyasint,omitempty"`
	// Whole ends what such a log began with: how many records that is, this
	// one included. They were on the disk before the log was moved into place,
	// so a crash cannot have cut them.
	Whole uint64 `cbor:"7,keyasint,omitempty"`
}

// The first bytes of the records that scan reads: a map of one member.
const (
	saveHead     = "\xa1\x01"
	snapshotHead = "\xa1\x06"
)

// An entry is a record as it was read: passkeys, or something else.
type entry struct {
	items    []item
	snapshot bool
	other    record
}

// decodeEntry reads a record. Items lie in b; of anything else nothing does,
// and b is wiped.
func decodeEntry(b []byte) (e entry, err error) {
	if saved, ok := bytes.CutPrefix(b, []byte(saveHead)); ok {
		i, err := scanItem(saved)
		return entry{items: []item{i}}, err
	}
	if saved, ok := bytes.CutPrefix(b, []byte(snapshotHead)); ok {
		items, err := scanSnapshot(saved)
		return entry{items: items, snapshot: true}, err
	}
	defer clear(b)
	e.other, err = decodeRecord(b)
	return e, err
}

// stored is a passkey as the log has it. Times are Unix milliseconds; zero is
// never.
type stored struct {
	ID           []byte                 `cbor:"1,keyasint"`
	RPID         webauthn.RPID          `cbor:"2,keyasint"`
	RPName       string                 `cbor:"3,keyasint,omitempty"`
	Handle       []byte                 `cbor:"4,keyasint"`
	Name         string                 `cbor:"5,keyasint,omitempty"`
	DisplayName  string                 `cbor:"6,keyasint,omitempty"`
	Algorithm    webauthn.COSEAlgorithm `cbor:"7,keyasint"`
	PrivateKey   []byte                 `cbor:"8,keyasint"`
	SignCount    uint32                 `cbor:"9,keyasint,omitempty"`
	Discoverable bool                   `cbor:"10,keyasint,omitempty"`
	Nickname     string                 `cbor:"11,keyasint,omitempty"`
	CreatedAt    int64                  `cbor:"12,keyasint,omitempty"`
	LastUsed     int64                  `cbor:"13,keyasint,omitempty"`

	CredProtect  uint8  `cbor:"14,keyasint,omitempty"`
	HMACSecrets  []byte `cbor:"15,keyasint,omitempty"` // with user verification ‖ without
	CredBlob     []byte `cbor:"16,keyasint,omitempty"`
	LargeBlobKey []byte `cbor:"17,keyasint,omitempty"`
	Payment      bool   `cbor:"18,keyasint,omitempty"`
	Shared       bool   `cbor:"19,keyasint,omitempty"`
}

type use struct {
	ID    []byte `cbor:"1,keyasint"`
	Count uint32 `cbor:"2,keyasint"`
	At    int64  `cbor:"3,keyasint,omitempty"`
}

type rename struct {
	ID       []byte `cbor:"1,keyasint"`
	Nickname string `cbor:"2,keyasint"`
}

// note is a text of the authenticator's own; the last one of a name counts.
type note struct {
	Name string `cbor:"1,keyasint"`
	Text []byte `cbor:"2,keyasint"`
}

func decodeRecord(b []byte) (r record, err error) {
	if err := cbor.Decode(b, &r); err != nil {
		return r, err
	}
	members := 0
	for _, there := range []bool{r.Save != nil, r.Use != nil, len(r.Delete) != 0, r.Rename != nil, r.Note != nil,
		len(r.Snapshot) != 0, r.Whole != 0} {
		if there {
			members++
		}
	}
	if members != 1 {
		return r, errors.New("want exactly one thing that happened")
	}
	return r, nil
}

// store copies p. Text that is not UTF-8 could not be read back and is mended.
func store(p authenticator.Passkey) *stored {
	return &stored{
		ID: append([]byte{}, p.ID...), RPID: p.RPID, RPName: text(p.RPName),
		Handle: append([]byte{}, p.Account.Handle...),
		Name:   text(p.Account.Name), DisplayName: text(p.Account.DisplayName),
		Algorithm: p.Algorithm, PrivateKey: append([]byte{}, p.PrivateKey.Expose()...),
		SignCount: p.SignCount, Discoverable: p.Discoverable, Nickname: text(p.Nickname),
		CreatedAt: millis(p.CreatedAt), LastUsed: millis(p.LastUsed),
		CredProtect: p.CredProtect, HMACSecrets: bytes.Clone(p.HMACSecrets.Expose()),
		CredBlob: bytes.Clone(p.CredBlob.Expose()), LargeBlobKey: bytes.Clone(p.LargeBlobKey.Expose()),
		Payment: p.ThirdPartyPayment, Shared: p.Shared,
	}
}

// keyOf copies b; what is not there stays absent.
func keyOf(b []byte) secret.Key {
	if len(b) == 0 {
		return secret.Key{}
	}
	return secret.New(b)
}

func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

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
