package hybrid

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"

	"cardea/internal/secret"
)

// A purpose separates the keys that come from one secret.
type purpose uint32

const (
	purposeEIDKey   purpose = 1
	purposeTunnelID purpose = 2
	purposePSK      purpose = 3
	// What follows only the phone derives.
	purposeLink     purpose = 4
	purposeIdentity purpose = 5
	purposeContact  purpose = 6
)

// derive is HKDF-SHA-256 with the purpose as information.
func derive(k secret.Key, salt []byte, p purpose, n int) []byte {
	info := binary.LittleEndian.AppendUint32(nil, uint32(p))
	out, err := hkdf.Key(sha256.New, k.Expose(), salt, string(info), n)
	if err != nil {
		panic("hybrid: internal error: deriving a key: " + err.Error())
	}
	return out
}

// TunnelID is the name of a tunnel at its service. Whoever knows it can take a
// place in the tunnel, but can do nothing there without the QR code.
type TunnelID [16]byte

// RoutingID tells a service's front door where a tunnel lives. It is no secret.
type RoutingID [3]byte

// TunnelIDFor derives the name of the tunnel from the secret of a QR code.
func TunnelIDFor(qrSecret secret.Key) TunnelID {
	return TunnelID(derive(qrSecret, nil, purposeTunnelID, len(TunnelID{})))
}

// EIDKeyFor derives the key that seals an advertisement. The salt is nil for a
// secret that came by QR code, and the client's nonce for that of a link.
func EIDKeyFor(s secret.Key, salt []byte) EIDKey {
	b := derive(s, salt, purposeEIDKey, eidKeySize)
	defer clear(b)
	return EIDKey{k: secret.New(b)}
}

// PSKFor derives the pre-shared key of the handshake. It depends on the
// advertisement, so that only who was near enough to receive it can finish the
// handshake.
func PSKFor(s secret.Key, e EID) secret.Key {
	b := derive(s, e[:], purposePSK, 32)
	defer clear(b)
	return secret.New(b)
}
