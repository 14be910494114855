package exchange

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"cardea/authenticator"
	"cardea/internal/secret"
	"cardea/webauthn"
)

const (
	// maxCXF is a document of several hundred thousand passkeys.
	maxCXF = 256 << 20
	// Limits of what a passkey may have (WebAuthn §5.4.3 and RFC 1035).
	maxHandle = 64
	maxRPID   = 253
	maxName   = 1 << 10 // bytes
	maxBlob   = 1 << 10
)

// ErrNotCXF says that a document is something else.
var ErrNotCXF = errors.New("not an unencrypted CXF document of version 1")

// An Import is what a CXF document holds for us.
type Import struct {
	Exporter string // as people know it; may be empty
	Passkeys []authenticator.Passkey
	// Other counts credentials that are no passkeys, by their CXF type.
	Other map[string]int
	// Left are passkeys that cannot be taken, and Dropped what those that
	// were taken lost.
	Left    []Left
	Dropped []Left
	// Duplicates is how often a passkey was there once more.
	Duplicates int
}

// ReadCXF reads a CXF document. It passes over what it does not know, and says
// what it leaves behind; it returns ErrNotCXF if it makes nothing of the whole.
//
// CXF has no signature counter, and is for passkeys that live in several places:
// what is read is Shared and its count is zero, unless the document is our own
// export.
func ReadCXF(r io.Reader) (Import, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxCXF+1))
	defer clear(b)
	switch {
	case err != nil:
		return Import{}, fmt.Errorf("reading CXF: %w", err)
	case len(b) > maxCXF:
		return Import{}, fmt.Errorf("%w: larger than %d MiB", ErrNotCXF, maxCXF>>20)
	}
	var doc cxfDocument
	if err := json.Unmarshal(b, &doc); err != nil {
		return Import{}, fmt.Errorf("%w: %w", ErrNotCXF, where(err))
	}
	if doc.Version.Major != cxfMajor {
		return Import{}, fmt.Errorf("%w: its version is %d.%d", ErrNotCXF, doc.Version.Major, doc.Version.Minor)
	}
	in := &importing{seen: map[string]bool{}}
	in.Exporter, in.Other = doc.ExporterDisplayName, map[string]int{}
	for _, a := range doc.Accounts {
		for _, raw := range a.Items {
			in.item(raw)
		}
	}
	return in.Import, nil
}

// where says where a document is no JSON, or not the JSON we want. The errors
// of others might quote a key.
func where(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("member %q is not as it should be", kind.Field)
	}
	return errors.New("a member is not as it should be")
}

type importing struct {
	Import
	seen map[string]bool // credential IDs
}

func (in *importing) item(raw json.RawMessage) {
	var item cxfItem
	if err := json.Unmarshal(raw, &item); err != nil {
		in.Left = append(in.Left, Left{Why: "an item: " + where(err).Error()})
		return
	}
	for _, raw := range item.Credentials {
		var kind struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(raw, &kind); err != nil || kind.Type == "" {
			kind.Type = "unknown"
		}
		if kind.Type != cxfPasskeyType {
			in.Other[clip(kind.Type)]++
			continue
		}
		in.passkey(item, raw)
	}
}

func (in *importing) passkey(item cxfItem, raw json.RawMessage) {
	var c cxfPasskey
	if err := json.Unmarshal(raw, &c); err != nil {
		in.Left = append(in.Left, Left{Account: clip(item.Title), Why: where(err).Error()})
		return
	}
	about := Left{Site: webauthn.RPID(clip(c.RPID)), Account: clip(c.Username)}
	p, err := passkeyOf(c)
	if err != nil {
		about.Why = err.Error()
		in.Left = append(in.Left, about)
		return
	}
	if in.seen[string(p.ID)] {
		in.Duplicates++
		return
	}
	in.seen[string(p.ID)] = true
	if item.CreationAt > 0 {
		p.CreatedAt = time.Unix(item.CreationAt, 0).UTC()
	}
	if item.Title != c.RPID {
		p.RPName = clip(item.Title)
	}
	for _, e := range item.Extensions {
		remember(&p, e)
	}
	if about.Why = extend(&p, c.Extensions); about.Why != "" {
		in.Dropped = append(in.Dropped, about)
	}
	in.Passkeys = append(in.Passkeys, p)
}

func passkeyOf(c cxfPasskey) (authenticator.Passkey, error) {
	switch {
	case len(c.CredentialID) == 0 || len(c.CredentialID) > webauthn.MaxCredentialID:
		return authenticator.Passkey{}, fmt.Errorf("its ID has %d bytes", len(c.CredentialID))
	case c.RPID == "" || len(c.RPID) > maxRPID:
		return authenticator.Passkey{}, errors.New("it names no site")
	case len(c.UserHandle) == 0 || len(c.UserHandle) > maxHandle:
		return authenticator.Passkey{}, fmt.Errorf("its user handle has %d bytes, want 1 to %d", len(c.UserHandle), maxHandle)
	}
	alg, err := algorithmOf(c.Key)
	if err != nil {
		return authenticator.Passkey{}, err
	}
	return authenticator.Passkey{
		ID: webauthn.CredentialID(c.CredentialID), RPID: webauthn.RPID(c.RPID),
		Account: authenticator.Account{
			Handle: webauthn.UserHandle(c.UserHandle), Name: clip(c.Username), DisplayName: clip(c.UserDisplayName),
		},
		Algorithm: alg, PrivateKey: secret.New(c.Key), Discoverable: true, Shared: true,
	}, nil
}

// algorithmOf returns what a key signs by. That of an RSA key is not told; what
// sites register is RS256.
func algorithmOf(key []byte) (webauthn.COSEAlgorithm, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return 0, errors.New("its key is of a kind that we do not have, or damaged") // the cause might quote it
	}
	switch k := parsed.(type) {
	case *ecdsa.PrivateKey:
		switch k.Curve {
		case elliptic.P256():
			return webauthn.ES256, nil
		case elliptic.P384():
			return webauthn.ES384, nil
		}
		return 0, fmt.Errorf("its key is on the curve %s, which we do not have", k.Curve.Params().Name)
	case ed25519.PrivateKey:
		return webauthn.EdDSA, nil
	case *rsa.PrivateKey:
		if bits := k.N.BitLen(); bits < 2048 || bits > 8192 {
			return 0, fmt.Errorf("its RSA key has %d bits", bits)
		}
		return webauthn.RS256, nil
	}
	return 0, errors.New("its key is of a kind that we do not have")
}

// extend gives p what a document has of extensions, and returns what it cannot.
func extend(p *authenticator.Passkey, e *cxfExtensions) (lost string) {
	if e == nil {
		return ""
	}
	p.ThirdPartyPayment = e.Payments
	if e.HMAC != nil {
		if e.HMAC.Algorithm == cxfHMACSHA256 && len(e.HMAC.WithUV) == hmacSecretSize && len(e.HMAC.WithoutUV) == hmacSecretSize {
			p.HMACSecrets = secret.New(append(bytes.Clone(e.HMAC.WithUV), e.HMAC.WithoutUV...))
		} else {
			lost = "the secrets for prf are of another algorithm or length"
		}
	}
	if len(e.CredBlob) > maxBlob {
		lost = "its credBlob is too large"
	} else if len(e.CredBlob) > 0 {
		p.CredBlob = secret.New(e.CredBlob)
	}
	if len(e.LargeBlob) > 0 && string(e.LargeBlob) != "null" {
		lost = "its large blob, for which there is no room here"
	}
	return lost
}

// remember takes what our own export says beyond CXF.
func remember(p *authenticator.Passkey, raw json.RawMessage) {
	var o cxfOurs
	if json.Unmarshal(raw, &o) != nil || o.Name != cxfOursName || o.CredProtect > 3 {
		return
	}
	p.Shared, p.SignCount, p.RPName, p.Nickname, p.CredProtect = o.Shared, o.SignCount, clip(o.RPName), clip(o.Nickname), o.CredProtect
	p.LastUsed = fromMillis(o.LastUsedAt)
	if o.CreatedAt != 0 {
		p.CreatedAt = fromMillis(o.CreatedAt)
	}
}

// clip shortens a text to what people read of it, without splitting a
// character.
func clip(s string) string {
	if len(s) <= maxName {
		return s
	}
	for n := range s {
		if n > maxName-4 {
			return s[:n]
		}
	}
	return s
}
