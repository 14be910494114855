package ceremony

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// minBinding is the shortest binding value, in characters. Shorter is a fault
// of the caller's.
const minBinding = 16

// mayBegin checks what a Browser must bring.
func (v *Service) mayBegin(b Browser) error {
	if len(b.Binding) < minBinding {
		return errors.New("browser has no binding")
	}
	if !slices.Contains(v.origins, b.Origin) {
		return refuse(ReasonPageOrigin, fmt.Errorf("origin %q", b.Origin))
	}
	return nil
}

// begun seals st, with all that is common to the kinds, for b.
func (v *Service) begun(k kind, b Browser, options, lib json.RawMessage, st state) (Begun, error) {
	now := v.now()
	st.Browser = bindingHash(b.Binding)
	st.Library = lib
	st.Expires = now.Add(Lifetime + grace)
	sealed, err := v.sealer.seal(k, st)
	if err != nil {
		return Begun{}, err
	}
	var id [8]byte
	rand.Read(id[:])
	return Begun{ID: hex.EncodeToString(id[:]), Sealed: sealed, Options: options, Expires: st.Expires}, nil
}

// resumed opens what was sealed. A refusal comes with the challenge to spend,
// which is nil only if nothing could be opened.
func (v *Service) resumed(k kind, b Browser, sealed string, refuse refuser) (state, *Challenge, *Refusal) {
	st, err := v.sealer.open(k, sealed)
	if err != nil {
		return state{}, nil, refuse(ReasonNoCeremony, err)
	}
	now := v.now()
	c, err := st.challenge(now)
	if err != nil {
		return state{}, nil, refuse(ReasonNoCeremony, err)
	}
	if subtle.ConstantTimeCompare(st.Browser, bindingHash(b.Binding)) != 1 {
		return st, c, refuse(ReasonOtherBrowser, nil)
	}
	if !now.Before(st.Expires) {
		return st, c, refuse(ReasonChallengeExpired, nil)
	}
	return st, c, nil
}

// challenge returns what is remembered of the challenge once it is spent.
func (s state) challenge(now time.Time) (*Challenge, error) {
	var lib struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(s.Library, &lib); err != nil {
		return nil, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(lib.Challenge)
	if err != nil || len(raw) < minChallenge {
		return nil, errors.New("sealed state has no challenge")
	}
	return &Challenge{Hash: sha256.Sum256(raw), Until: s.Expires.Add(remember), Now: now}, nil
}

// remember is how much longer than its ceremony a spent challenge is kept: a
// finish that looked at the clock in time may write a little later, and must
// still find it.
const remember = 10 * time.Minute

// minChallenge in bytes (WebAuthn §13.4.3). The library makes 32.
const minChallenge = 16
