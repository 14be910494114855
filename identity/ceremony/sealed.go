package ceremony

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/internal/secret"
)

// A kind of ceremony. A state that was sealed for one kind cannot be opened
// for another: the kind is the associated data.
type kind string

const (
	signIn   kind = "sign-in"
	register kind = "register"
	setUp    kind = "set-up"
	native   kind = "native"
	goOn     kind = "go-on"
)

// state is all that must be known between begin and finish.
type state struct {
	// Browser is the hash of the binding cookie: the state does not carry the
	// cookie that protects it.
	Browser []byte    `json:"b"`
	Expires time.Time `json:"x"`
	// Library is the session of the WebAuthn library, whole: losing a part of
	// it (the offered algorithms, say) makes every finish fail or, worse, pass.
	Library json.RawMessage `json:"l"`

	// Of a registration, or of a sign-in by somebody whom the browser knows.
	User directory.UserID `json:"u,omitempty"`

	// Of a sign-in: the user name that was chosen, if any.
	Chosen string `json:"o,omitempty"`
	// Of a sign-in that was stopped: what was verified.
	Held *held `json:"h,omitempty"`

	// Of a registration.
	Session session.ID `json:"s,omitempty"`

	// Of a sign-in without a page: what the program wants kept. The program is
	// the browser.
	Keep json.RawMessage `json:"k,omitempty"`

	// Of a setup: the person who will be, and the code that allows it.
	NewUser *directory.User     `json:"n,omitempty"`
	Code    *directory.CodeHash `json:"c,omitempty"`
}

// maxSealed is the longest text that is looked at. Browsers keep cookies of up
// to 4096 bytes, name and attributes included.
const maxSealed = 3800

// A sealer seals with XChaCha20-Poly1305, whose nonces are long enough to be
// drawn at random for the life of the key.
type sealer struct{ aead cipher.AEAD }

func newSealer(key secret.Key) (*sealer, error) {
	aead, err := chacha20poly1305.NewX(key.Expose())
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	return &sealer{aead}, nil
}

func (s *sealer) seal(k kind, st state) (string, error) {
	plain, err := json.Marshal(st)
	if err != nil {
		return "", fmt.Errorf("sealing: %w", err)
	}
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	rand.Read(nonce)
	text := base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, []byte(k)))
	if len(text) > maxSealed {
		return "", fmt.Errorf("sealing: %d bytes do not fit a cookie", len(text))
	}
	return text, nil
}

var errSeal = errors.New("not sealed by us for this")

func (s *sealer) open(k kind, text string) (state, error) {
	if len(text) > maxSealed {
		return state{}, errSeal
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < s.aead.NonceSize() {
		return state{}, errSeal
	}
	n := s.aead.NonceSize()
	plain, err := s.aead.Open(nil, b[:n], b[n:], []byte(k))
	if err != nil {
		return state{}, errSeal
	}
	var st state
	if err := json.Unmarshal(plain, &st); err != nil {
		return state{}, fmt.Errorf("sealed state: %w", err)
	}
	return st, nil
}

// bindingHash is what the state keeps of the browser's cookie.
func bindingHash(binding string) []byte {
	h := sha256.Sum256([]byte("binding\x00" + binding))
	return h[:]
}
