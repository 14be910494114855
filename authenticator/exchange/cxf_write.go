package exchange

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"cardea/authenticator"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// An Export says how to write a CXF document.
type Export struct {
	// Exporter is the name of this program as a host, and DisplayName as
	// people know it.
	Exporter    string
	DisplayName string
	At          time.Time
	// Counted takes passkeys along whose signatures have been counted, which
	// CXF says to leave out: the site may refuse the copy, which begins at
	// zero, or refuse ours afterwards.
	Counted bool
}

// A Left is a passkey that was left out, and why.
type Left struct {
	Site    webauthn.RPID `json:"site,omitempty"`
	Account string        `json:"account,omitempty"`
	Why     string        `json:"why"`
}

// Why passkeys are left out of an export.
const (
	whyCounted = "it has been used: the site has counted its signatures, and a copy would start over"
	whyHidden  = "it is not found without its ID (a security key's second factor), which this format has no word for"
)

// WriteCXF writes passkeys as a CXF document, unencrypted, and returns those
// that it left out. There is no line end, so that a document cut short is none.
func WriteCXF(w io.Writer, e Export, passkeys []authenticator.Passkey) (written int, left []Left, err error) {
	doc := cxfDocument{
		Version: cxfVersion{Major: cxfMajor}, ExporterRPID: e.Exporter, ExporterDisplayName: e.DisplayName,
		Timestamp: e.At.Unix(),
		Accounts:  []cxfAccount{{ID: secret.Random(16).Expose(), Collections: json.RawMessage("[]"), Items: []json.RawMessage{}}},
	}
	for _, p := range passkeys {
		why := ""
		switch {
		case !p.Discoverable:
			why = whyHidden
		case p.SignCount != 0 && !e.Counted:
			why = whyCounted
		}
		if why != "" {
			left = append(left, Left{p.RPID, p.Account.Name, why})
			continue
		}
		item, err := itemOf(p)
		if err != nil {
			return 0, nil, fmt.Errorf("writing the passkey for %s: %w", p.RPID, err)
		}
		doc.Accounts[0].Items = append(doc.Accounts[0].Items, item)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return 0, nil, errors.New("writing CXF") // the cause might quote a key
	}
	defer clear(b)
	if _, err := w.Write(b); err != nil {
		return 0, nil, fmt.Errorf("writing CXF: %w", err)
	}
	return len(doc.Accounts[0].Items), left, nil
}

func itemOf(p authenticator.Passkey) (json.RawMessage, error) {
	passkey, err := json.Marshal(cxfPasskey{
		Type: cxfPasskeyType, CredentialID: b64(p.ID), RPID: string(p.RPID),
		Username: p.Account.Name, UserDisplayName: p.Account.DisplayName,
		UserHandle: b64(p.Account.Handle), Key: p.PrivateKey.Expose(), Extensions: extensionsOf(p),
	})
	if err != nil {
		return nil, errors.New("encoding") // the cause might quote a key
	}
	ours, err := json.Marshal(cxfOurs{
		Name: cxfOursName, SignCount: p.SignCount, Shared: p.Shared, RPName: p.RPName, Nickname: p.Nickname,
		CredProtect: p.CredProtect, LastUsedAt: millis(p.LastUsed), CreatedAt: millis(p.CreatedAt),
	})
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(p.ID)
	item := cxfItem{
		ID: id[:16], Title: titleOf(p), Credentials: []json.RawMessage{passkey}, Extensions: []json.RawMessage{ours},
		Scope: &cxfScope{URLs: []string{"https://" + string(p.RPID)}, AndroidApps: []any{}},
	}
	if !p.CreatedAt.IsZero() {
		item.CreationAt = p.CreatedAt.Unix()
	}
	return json.Marshal(item)
}

func titleOf(p authenticator.Passkey) string {
	switch {
	case p.Nickname != "":
		return p.Nickname
	case p.RPName != "":
		return p.RPName
	}
	return string(p.RPID)
}

// extensionsOf returns what a passkey has of the extensions that CXF knows. A
// large-blob key is of no use without the blob, which is not the passkey's.
func extensionsOf(p authenticator.Passkey) *cxfExtensions {
	e := cxfExtensions{CredBlob: p.CredBlob.Expose(), Payments: p.ThirdPartyPayment}
	if s := p.HMACSecrets.Expose(); len(s) == 2*hmacSecretSize {
		e.HMAC = &cxfHMAC{cxfHMACSHA256, s[:hmacSecretSize], s[hmacSecretSize:]}
	}
	if e.HMAC == nil && e.CredBlob == nil && !e.Payments {
		return nil
	}
	return &e
}

// hmacSecretSize is the size of each of the two secrets of hmac-secret.
const hmacSecretSize = 32
