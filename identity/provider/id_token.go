package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"cardea/identity/grant"
	"cardea/identity/session"
)

// idTokenLife is how long an ID token may be looked at for the first time.
const idTokenLife = 10 * time.Minute

// idToken is the claims of Core §2. What it says of the sign-in was true when
// the person was redirected, not when the client came for it.
type idToken struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"` // one, as a string: many clients take nothing else
	Expires  int64    `json:"exp"` // Unix seconds
	Issued   int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"` // unchanged, or absent if none was sent
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	SID      string   `json:"sid"`     // Back-Channel Logout §2.1
	ATHash   string   `json:"at_hash"` // Core §3.1.3.6
}

// idToken returns the signed ID token that goes with an access token.
func (p *Provider) idToken(a grant.Authorization, access string, now time.Time) (string, error) {
	t := idToken{
		Issuer:   p.cfg.Issuer,
		Subject:  string(a.UserID),
		Audience: string(a.ClientID),
		Expires:  now.Add(idTokenLife).Unix(),
		Issued:   now.Unix(),
		AuthTime: a.AuthTime.Unix(),
		Nonce:    a.Nonce,
		ACR:      a.ACR,
		AMR:      a.AMR,
		SID:      a.SID,
		ATHash:   atHash(access),
	}
	// EAP ACR Values §2: an access pass can be read over a shoulder. It claims
	// nothing, rather than a value that somebody might take for something.
	if t.ACR == session.ACRPass {
		t.ACR = ""
	}
	signed, err := p.cfg.Keys.sign(t)
	if err != nil {
		return "", fmt.Errorf("signing id_token: %w", err)
	}
	return signed, nil
}

// atHash is the left half of the hash that the signing algorithm uses.
func atHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2])
}
