package ceremony

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// Lifetime is how long a person has for a ceremony (WebAuthn §15.1 recommends
// five to ten minutes); grace is what the way to us and back may take on top.
const (
	Lifetime = 5 * time.Minute
	grace    = 30 * time.Second
)

// A Browser is who is on the other side, as the HTTP surface sees it.
type Browser struct {
	// Binding is the random value of a cookie that this browser alone has; at
	// least 16 characters. A ceremony finishes in the browser it began in.
	Binding string
	// Origin is the origin of the page that asks. It is one of Config.Origins.
	Origin webauthn.Origin
	// Token is the session token the browser presented, if any. A sign-in
	// replaces that session: it is ended in the same transaction.
	Token string
	// Keep names the people who said in this browser that they always want to
	// stay signed in.
	Keep []directory.UserID

	UserAgent string
	Address   string
	Reference string // of the request, see audit.Event
}

func (b Browser) from() directory.From {
	return directory.From{UserAgent: clip(b.UserAgent, audit.MaxUserAgent), Address: clip(b.Address, audit.MaxAddress)}
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// Begun is a ceremony that has begun. Nothing of it is stored here.
type Begun struct {
	// ID names the ceremony, to name the cookie that holds Sealed. Two tabs
	// have two.
	ID string
	// Sealed is the state to be given back to Finish, as text for a cookie. It
	// can be read by nobody but this server.
	Sealed string
	// Options is the publicKey member for navigator.credentials.
	Options json.RawMessage
	// Expires is when Finish begins to refuse it.
	Expires time.Time
}

// SignedIn is a person in a new session.
type SignedIn struct {
	Session session.Session
	// Token is for the browser's cookie and nowhere else.
	Token string
	User  directory.User
	// Again reports that the same person was signed in in this browser, and
	// only showed once more that it is them. What follows is of sign-ins only.
	Again   bool
	Passkey directory.Passkey
	// Attachment is the browser's word on where the passkey is: "platform",
	// "cross-platform" or empty.
	Attachment string
}

// Registered is a new passkey.
type Registered struct {
	directory.Passkey
	// SignedIn is set if the person came in by an access pass: the new session
	// that takes the place of the pass's, which has ended. The browser must be
	// given its token.
	SignedIn *SignedIn
}

// A Hint is what a page suggests to the browser (WebAuthn §5.8.7): empty,
// "client-device", "hybrid" or "security-key". Others are dropped.
type Hint string

// A Store keeps what ceremonies change. Each method is one transaction with
// all that belongs together; if it returns an error, nothing was changed,
// unless it says otherwise.
type Store interface {
	// Credential returns the passkey of that credential ID and its person, or
	// directory.ErrNoPasskey.
	Credential(ctx context.Context, id webauthn.CredentialID) (directory.Passkey, directory.User, error)
	// SignIn returns ErrSpent, ErrPasskeyChanged, directory.ErrNoPasskey or
	// ErrDisabled.
	SignIn(ctx context.Context, s SignIn) error
	// Register returns ErrSpent, session.ErrNone, ErrDisabled,
	// directory.ErrPasskeyExists or directory.ErrTooManyPasskeys.
	Register(ctx context.Context, r Registration) error
	// SetUp returns ErrSpent, directory.ErrSetUp, directory.ErrSetupCode or
	// directory.ErrPasskeyExists.
	SetUp(ctx context.Context, s SetUp) error
	// Redeem tries a code. Whatever comes of it is counted, and written as
	// Redemption says.
	Redeem(ctx context.Context, r Redemption) (PassResult, error)
	// Refuse spends a challenge that came to nothing and records it. A
	// challenge that is spent already is no error.
	Refuse(ctx context.Context, c Challenge, e audit.Event) error
}

// What a Store finds when two requests meet.
var (
	// ErrSpent: the challenge was spent before.
	ErrSpent = errors.New("challenge is spent")
	// ErrPasskeyChanged: the passkey is not what it was when it was read; read
	// it again.
	ErrPasskeyChanged = errors.New("passkey was changed meanwhile")
	// ErrDisabled: the person has been shut out meanwhile.
	ErrDisabled = errors.New("person was disabled meanwhile")
)

// A Challenge is what is remembered of a challenge once it is spent.
type Challenge struct {
	Hash [32]byte
	// Until is when it may be forgotten: its ceremony is over by then.
	Until time.Time
	Now   time.Time
}

// A SignIn is what a verified assertion changes.
type SignIn struct {
	Challenge Challenge
	// Was is the passkey as it was verified against; the change is made only
	// if its count and flags are still those.
	Was       directory.Passkey
	SignCount uint32
	Flags     webauthn.Flags
	From      directory.From
	Session   session.Session
	Token     session.TokenHash
	Ends      session.TokenHash // the session to end, zero if none
	Events    []audit.Event
}

// A Registration is what a verified attestation changes.
type Registration struct {
	Challenge Challenge
	Passkey   directory.Passkey
	// Most is how many passkeys the person may then have.
	Most int
	// In is the session that the registration began in and that must be alive
	// still.
	In session.ID
	// Session replaces In, if the person came in by an access pass; Token is
	// its token's hash. Otherwise nil.
	Session *session.Session
	Token   session.TokenHash
	Event   audit.Event
}

// A SetUp is the first administrator: person, passkey and session at once.
type SetUp struct {
	Challenge Challenge
	Code      directory.CodeHash
	User      directory.User
	Passkey   directory.Passkey
	Session   session.Session
	Token     session.TokenHash
	Event     audit.Event
}

// A Redemption is one try of an access pass.
type Redemption struct {
	Now time.Time
	// User is empty if there is no such person. The try counts all the same.
	User directory.UserID
	// Guesser and Name are where wrong codes are counted: those for this user
	// name from this network, and from everywhere.
	Guesser directory.CodeHash
	Name    directory.CodeHash
	// Tries and NameTries are how many of either end the guessing.
	Tries     int
	NameTries int
	Code      directory.CodeHash
	Session   session.Session
	Token     session.TokenHash
	Ends      session.TokenHash
	// Event is written with its Outcome and Reason filled in. While guessing is
	// over, only the first try has one: nobody can fill the record.
	Event audit.Event
}

// A PassResult is what came of a try.
type PassResult string

// The results of a try.
const (
	PassAccepted PassResult = ""
	PassWrong               = PassResult(ReasonPassWrong)
	PassExpired             = PassResult(ReasonPassExpired)
	PassSpent               = PassResult(ReasonPassSpent)
	PassLocked              = PassResult(ReasonPassLocked)
	PassDisabled            = PassResult(ReasonDisabled)
)

// Config is what a Service needs.
type Config struct {
	RPID webauthn.RPID
	// RPName is what browsers and phones call us.
	RPName string
	// Origins are the pages that may hold ceremonies, exactly.
	Origins []webauthn.Origin
	// Login is the origin of the login page, which the origins that programs
	// state are made of (webauthn.NativeOrigin). Empty: no program signs in.
	Login webauthn.Origin
	// SealKey seals what browsers keep between begin and finish: 32 bytes that
	// are not kept with the Store. If it changes, ceremonies under way have to
	// begin again.
	SealKey   secret.Key
	Store     Store
	Directory *directory.Directory
	Sessions  *session.Service
	// Passkeys is the house's rule. The zero value takes any.
	Passkeys policy.Passkeys
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// A Service holds ceremonies. It is safe for concurrent use.
type Service struct {
	store     Store
	directory *directory.Directory
	sessions  *session.Service
	rule      policy.Passkeys
	now       func() time.Time
	origins   []webauthn.Origin
	login     webauthn.Origin
	verifier  *verifier
	sealer    *sealer
}

// New returns a Service. The error names the part of cfg that will not do.
func New(cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	v, err := newVerifier(cfg)
	if err != nil {
		return nil, err
	}
	sealer, err := newSealer(cfg.SealKey)
	if err != nil {
		return nil, err
	}
	return &Service{
		store: cfg.Store, directory: cfg.Directory, sessions: cfg.Sessions, rule: cfg.Passkeys, now: cfg.Now,
		origins: cfg.Origins, login: cfg.Login, verifier: v, sealer: sealer,
	}, nil
}
