package hybrid

import (
	"bytes"
	"crypto/ecdh"
	"crypto/elliptic"
	"errors"
	"fmt"
	"strings"
	"time"

	"cardea/internal/cbor"
	"cardea/internal/secret"
)

// A Hint tells the phone what it will be asked for, so that it can say so
// before the tunnel stands. It decides nothing: the request that comes later
// does.
type Hint string

// The hints of key 5.
const (
	HintGetAssertion   Hint = "ga"
	HintMakeCredential Hint = "mc"
	HintPresentation   Hint = "dcp" // digital credential, shown
	HintIssuance       Hint = "dci" // digital credential, issued
)

// A Channel is a way for data that a client offers beside the radio.
type Channel uint

// The channels of key 6.
const (
	ChannelTunnel Channel = 0 // WebSocket through a tunnel service
	ChannelBLE    Channel = 1 // L2CAP, straight to the phone
)

// A QR is what a client says in its QR code, as the phone reads it. Its text
// is a bearer secret for as long as the client waits: it must not be logged.
type QR struct {
	PublicKey    *ecdh.PublicKey // the client's key for this one ceremony, P-256
	Secret       secret.Key      // 16 bytes, from which every other key comes
	KnownDomains uint            // how many assigned services the client knows
	Time         time.Time       // when the code was made; zero when it does not say
	Linking      bool            // the client would keep a link to this phone
	Hint         Hint            // what the client will ask for
	Channels     []Channel       // never empty after ParseQR
}

// Prefix begins the text of every code. In capitals it stays within the
// alphabet that a QR symbol packs two letters at a time.
const Prefix = "FIDO:/"

const (
	publicKeySize = 33 // compressed point
	qrSecretSize  = 16

	// maxText bounds the text that is read: more than twice the longest code
	// seen, less than a QR symbol of the largest size holds.
	maxText = 1024
)

// ErrNotHybrid is the error for a text that is no hybrid code at all: some
// other QR code has come before the camera.
var ErrNotHybrid = errors.New("not a sign-in code")

// qrMap is the CBOR map of a code. Keys that are not here are ignored, as
// clients add some at random to see to it that nobody refuses them.
type qrMap struct {
	PublicKey    []byte   `cbor:"0,keyasint"`
	Secret       []byte   `cbor:"1,keyasint"`
	KnownDomains *uint    `cbor:"2,keyasint,omitempty"`
	Time         cbor.Raw `cbor:"3,keyasint,omitempty"`
	Linking      *bool    `cbor:"4,keyasint,omitempty"`
	Hint         *string  `cbor:"5,keyasint,omitempty"`
	Channels     cbor.Raw `cbor:"6,keyasint,omitempty"`
}

// Text returns what the QR symbol holds: "FIDO:/" and digits. q needs a
// public key and a secret of 16 bytes.
func (q QR) Text() string {
	linking, hint, known := q.Linking, string(q.Hint), q.KnownDomains
	m := qrMap{
		PublicKey:    compress(q.PublicKey),
		Secret:       q.Secret.Expose(),
		KnownDomains: &known,
		// Always said, even when false: an old Android phone takes its absence
		// for a client of an older protocol.
		Linking: &linking,
		Hint:    &hint,
	}
	if !q.Time.IsZero() {
		m.Time = cbor.MustEncode(max(q.Time.Unix(), 0))
	}
	if len(q.Channels) != 0 {
		m.Channels = cbor.MustEncode(q.Channels)
	}
	return Prefix + encodeDigits(cbor.MustEncode(m))
}

// Wipe overwrites the secret, in every copy of q.
func (q QR) Wipe() { q.Secret.Wipe() }

// ParseQR reads the text of a QR symbol. The error is ErrNotHybrid, perhaps
// wrapped, when the text does not begin as ours do; any other means that it
// does, and is broken. No error repeats a part of the text.
func ParseQR(text string) (QR, error) {
	if len(text) < len(Prefix) || !strings.EqualFold(text[:len(Prefix)], Prefix) {
		return QR{}, ErrNotHybrid
	}
	if len(text) > maxText {
		return QR{}, fmt.Errorf("sign-in code: longer than %d characters", maxText)
	}
	data, err := decodeDigits(text[len(Prefix):])
	if err != nil {
		return QR{}, fmt.Errorf("sign-in code: %w", err)
	}
	q, err := parseMap(data)
	if err != nil {
		return QR{}, fmt.Errorf("sign-in code: %w", err)
	}
	return q, nil
}

func parseMap(data []byte) (QR, error) {
	var m qrMap
	if err := cbor.Decode(data, &m); err != nil {
		return QR{}, err
	}
	key, err := decompress(m.PublicKey)
	if err != nil {
		return QR{}, fmt.Errorf("public key: %w", err)
	}
	if len(m.Secret) != qrSecretSize {
		return QR{}, fmt.Errorf("secret of %d bytes, want %d", len(m.Secret), qrSecretSize)
	}
	q := QR{
		PublicKey: key,
		Secret:    secret.New(m.Secret),
		Hint:      parseHint(m.Hint),
		Channels:  parseChannels(m.Channels),
	}
	if m.KnownDomains != nil {
		q.KnownDomains = *m.KnownDomains
	}
	q.Time = parseTime(m.Time)
	q.Linking = m.Linking != nil && *m.Linking
	return q, nil
}

// parseHint takes a hint it does not know for the commonest one, as Chromium
// does: a new hint must not keep an old phone from signing in.
func parseHint(s *string) Hint {
	if s == nil {
		return HintGetAssertion
	}
	switch h := Hint(*s); h {
	case HintMakeCredential, HintPresentation, HintIssuance:
		return h
	default:
		return HintGetAssertion
	}
}

// parseTime reads key 3. Nobody refuses a code for its time, so one that cannot
// be read is no time.
func parseTime(raw cbor.Raw) time.Time {
	var seconds uint32
	if len(raw) == 0 || cbor.Decode(raw, &seconds) != nil {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// parseChannels reads key 6. Before CTAP 2.2 it was a boolean with another
// meaning, so anything that is not a list of numbers says nothing.
func parseChannels(raw cbor.Raw) []Channel {
	var list []Channel
	if len(raw) == 0 || cbor.Decode(raw, &list) != nil || len(list) == 0 {
		return []Channel{ChannelTunnel}
	}
	return list
}

// compress writes a point as the sign of Y and X (SEC 1 §2.3.3).
func compress(k *ecdh.PublicKey) []byte {
	point := k.Bytes() // 04 ‖ X ‖ Y
	return append([]byte{2 | point[64]&1}, point[1:33]...)
}

// decompress refuses what is not a point of the curve.
func decompress(b []byte) (*ecdh.PublicKey, error) {
	if len(b) != publicKeySize {
		return nil, fmt.Errorf("%d bytes, want %d", len(b), publicKeySize)
	}
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), b)
	if x == nil {
		return nil, errors.New("not a point of the curve")
	}
	point := bytes.Join([][]byte{{4}, x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))}, nil)
	return ecdh.P256().NewPublicKey(point)
}
