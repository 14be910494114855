package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"cardea/identity/directory"
)

// An ID names a session: the sid of ID tokens. It is not a secret.
type ID string

// A TokenHash is what is stored of a session's token.
type TokenHash [sha256.Size]byte

// HashToken returns what is stored of a token. 256 random bits need no key.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte("session\x00" + token)) }

// How a person proved who they are, as the acr value of OpenID Connect.
const (
	// ACRPasskey is "phishing-resistant" (EAP ACR Values 1.0 §2): a passkey,
	// with its person verified. Not phrh: nothing here proves hardware.
	ACRPasskey = "phr"
	// ACRPass is an access pass: something that can be read over a shoulder.
	// It satisfies no request for phr.
	ACRPass = "urn:cardea:acr:access-pass"
	// ACRNative is a passkey, with its person verified, used by a program of
	// ours without a page. That program, and no browser, said where the answer
	// goes, so it is not phr; see docs/decisions/0019.
	ACRNative = "urn:cardea:acr:native"
)

// AMRPasskey and AMRPass return the methods behind the two acr values (RFC 8176
// §2). "pop" because we cannot know whether the key sits in hardware; "mfa"
// because the passkey is had and its person was verified; never "pin" or "face",
// because WebAuthn does not say which.
func AMRPasskey() []string { return []string{"pop", "user", "mfa"} }

// AMRPass returns the methods behind ACRPass.
func AMRPass() []string { return []string{"otp"} }

// Lifetimes of sessions.
const (
	// Idle is how long a session lives without being seen.
	Idle = 8 * time.Hour
	// Absolute is how long a session lives at most.
	Absolute = 7 * 24 * time.Hour
	// KeptIdle and KeptAbsolute are the same for a session whose person said
	// that they want to stay signed in (docs/decisions/0025).
	KeptIdle     = 7 * 24 * time.Hour
	KeptAbsolute = 30 * 24 * time.Hour
	// AskKept is how long after a sign-in its person may still say so. Later,
	// whoever is at the browser may be somebody else.
	AskKept = 10 * time.Minute
	// PassLifetime is how long a person who came in by an access pass has to
	// register a passkey.
	PassLifetime = 30 * time.Minute
	// touchEvery is how coarse LastSeen is: one write in a minute for a busy
	// session, not one for each request.
	touchEvery = time.Minute
)

// A Session is one browser that is signed in.
type Session struct {
	ID     ID
	UserID directory.UserID
	// Created is when the session began, AuthTime when the person last proved
	// who they are; here they are the same moment.
	Created  time.Time
	AuthTime time.Time
	LastSeen time.Time
	Expires  time.Time
	AMR      []string
	ACR      string
	// PasskeyID is the passkey it began with; empty for an access pass.
	PasskeyID directory.PasskeyID
	// Kept reports that the person wants to stay signed in: the browser may be
	// closed meanwhile, and it lives for longer.
	Kept      bool
	UserAgent string
	Address   string
}

// Native reports whether the session began in a program, without a page. Nobody
// has its token: it is what the program's grant stands on.
func (s Session) Native() bool { return s.ACR == ACRNative }

// ByPass reports whether the person came in by an access pass.
func (s Session) ByPass() bool { return s.ACR == ACRPass }

// Alive reports whether the session is neither idle nor expired. One of a
// program is never idle: nobody walks away from it and leaves it open, and who
// used it on Friday would have to sign in anew on Monday.
func (s Session) Alive(now time.Time) bool {
	idle := Idle
	if s.Kept {
		idle = KeptIdle
	}
	return now.Before(s.Expires) && (s.Native() || now.Before(s.LastSeen.Add(idle)))
}

// MayKeep reports whether the person of s, which has just begun, may be asked
// whether to stay signed in. Who came in by an access pass is to register a
// passkey, and a program has no browser that could be closed.
func (s Session) MayKeep(now time.Time) bool {
	return !s.Kept && !s.ByPass() && !s.Native() && s.Alive(now) && now.Before(s.AuthTime.Add(AskKept))
}

// Keep makes s one whose person stays signed in.
func (s *Session) Keep() {
	s.Kept, s.Expires = true, s.Created.Add(KeptAbsolute)
}

// ErrNone is returned when there is no such session, or not any more.
var ErrNone = errors.New("no such session")

// Begin returns a session that begins now, and its token. It is not stored.
// passkey is empty for a person who came in by an access pass.
func Begin(now time.Time, user directory.UserID, passkey directory.PasskeyID, from directory.From) (s Session, token string) {
	s = Session{
		ID: ID(random(16)), UserID: user, PasskeyID: passkey,
		Created: now, AuthTime: now, LastSeen: now,
		Expires: now.Add(Absolute), AMR: AMRPasskey(), ACR: ACRPasskey,
		UserAgent: from.UserAgent, Address: from.Address,
	}
	if passkey == "" {
		s.Expires, s.AMR, s.ACR = now.Add(PassLifetime), AMRPass(), ACRPass
	}
	return s, random(32)
}

// BeginNative returns a session for a program that signed in without a page.
// Its token is thrown away: it must never open a page.
func BeginNative(now time.Time, user directory.UserID, passkey directory.PasskeyID, from directory.From) (Session, TokenHash) {
	s, token := Begin(now, user, passkey, from)
	s.ACR = ACRNative
	return s, HashToken(token)
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
