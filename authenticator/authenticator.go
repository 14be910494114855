package authenticator

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"cardea/ctap"
	"cardea/webauthn"
)

// The models of authenticator that Cardea has. An AAGUID tells a site which
// kind of app holds a passkey; it is the same for all installations.
var (
	AAGUIDIOS      = webauthn.MustParseAAGUID("3fd0e7a2-5c1b-4b0e-9d57-0c4f5a2e17a1")
	AAGUIDAndroid  = webauthn.MustParseAAGUID("8c61b9d4-02f7-4e53-8a9e-6b1d4e7c3f52")
	AAGUIDComputer = webauthn.MustParseAAGUID("b5a2c9e0-7d34-4f68-91c2-2f8e0d6a4b93")
)

// DefaultPromptTimeout is how long a person may take over one question: enough
// to find the phone and type a PIN, less than the five minutes a site waits.
const DefaultPromptTimeout = 2 * time.Minute

// A Profile is what kind of authenticator it is to clients.
type Profile string

// The profiles.
const (
	// Phone verifies its person itself and knows no client PIN.
	Phone Profile = ""
	// SecurityKey takes a PIN from the client, and touches from its person.
	SecurityKey Profile = "security-key"
)

// Config is what an Authenticator is made of. Vault and Person are required.
type Config struct {
	AAGUID webauthn.AAGUID
	// Profile is Phone unless it is set. A SecurityKey needs a PINVault.
	Profile Profile
	Vault   Vault
	Person  Person
	// BuiltInUV says that the Person of a SecurityKey can be verified here, on a
	// screen or by a sensor, and not only by a PIN that the client sends. See
	// Verifier for one who sometimes cannot.
	BuiltInUV bool
	// UVModality says how, as UVFingerprint and its like; zero is UVPasscode.
	UVModality uint
	// Sensor is the fingerprint sensor of a SecurityKey; nil if it has none. A
	// finger that is enrolled verifies the person as BuiltInUV does.
	Sensor Sensor
	// PINManagesOnly reserves making and using passkeys to those who are
	// verified here (CTAP §6.4, noMcGaPermissionsWithClientPin). It needs
	// BuiltInUV.
	PINManagesOnly bool
	// LargeBlobExtension gives a SecurityKey the extension largeBlob of CTAP 2.3
	// in place of largeBlobKey and the command largeBlobs, which exclude it.
	LargeBlobExtension bool
	// Attestation vouches for new passkeys; with nil they attest themselves.
	Attestation *Attestation
	// Enterprise lets a SecurityKey name itself to some sites; nil for none.
	Enterprise *Enterprise
	// U2F says that whatever carries messages brings those of U2F to HandleU2F.
	// Only then is U2F_V2 among a SecurityKey's versions.
	U2F bool
	// Transports are the values of getInfo member 9. Nil means internal and
	// hybrid, the ways to a phone, or usb for a SecurityKey.
	Transports []string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// PromptTimeout bounds each question; zero means DefaultPromptTimeout.
	PromptTimeout time.Duration
	// Log receives one record per request but getInfo: command, caller, status
	// and, if there was one, the cause. Nil discards it.
	Log *slog.Logger
}

// An Authenticator answers CTAP2 messages. It is safe for concurrent use and
// takes requests one after the other, so that its Person never has two
// questions on the screen.
type Authenticator struct {
	aaguid        webauthn.AAGUID
	vault         Vault
	person        Person
	transports    []string
	now           func() time.Time
	promptTimeout time.Duration
	log           *slog.Logger

	// turn holds one token, taken for the length of a request. A channel, not
	// a mutex: a caller who waits may give up.
	turn chan struct{}
	// What follows belongs to whoever holds the turn.
	next    *remaining
	enroll  *enrollment
	listing *listing
	upload  *upload
	pin     pinState
	powered time.Time

	// forgiven says that the person has given their PIN elsewhere since the
	// last wrong one. It belongs to no turn: they may be answering a question.
	forgiven atomic.Bool
	// renewed says that the secret is another since the last turn.
	renewed atomic.Bool

	// keys is vault if this is a security key, else nil.
	keys       PINVault
	states     storeStates
	enterprise *Enterprise
	u2f        bool

	sensor         Sensor
	personUV       bool // the Person can be verified
	builtInUV      bool // or a finger can
	uvModality     uint
	pinManagesOnly bool
	attestation    *Attestation

	largeBlobExtension bool
}

// New returns an Authenticator, powered up at this moment. It panics if Vault
// or Person is missing, or if a SecurityKey has no PINVault.
func New(c Config) *Authenticator {
	if c.Vault == nil || c.Person == nil {
		panic("authenticator: internal error: Config needs a Vault and a Person")
	}
	if c.Transports == nil {
		c.Transports = []string{webauthn.TransportInternal, webauthn.TransportHybrid}
		if c.Profile == SecurityKey {
			c.Transports = []string{webauthn.TransportUSB}
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.PromptTimeout == 0 {
		c.PromptTimeout = DefaultPromptTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	a := &Authenticator{
		aaguid: c.AAGUID, vault: c.Vault, person: c.Person, transports: c.Transports,
		now: c.Now, promptTimeout: c.PromptTimeout, log: c.Log,
		turn: make(chan struct{}, 1), enterprise: c.Enterprise,
		u2f: c.U2F && c.Profile == SecurityKey,
	}
	if c.Profile == SecurityKey {
		keys, ok := c.Vault.(PINVault)
		if !ok {
			panic("authenticator: internal error: a security key needs a PINVault")
		}
		a.keys = keys
	}
	if a.attestation = c.Attestation; a.attestation != nil && len(a.attestation.Chain) == 0 {
		panic("authenticator: internal error: an Attestation needs a certificate")
	}
	a.largeBlobExtension = c.LargeBlobExtension
	if a.keys != nil {
		a.sensor, a.personUV = c.Sensor, c.BuiltInUV
		a.builtInUV = a.personUV || a.sensor != nil
	}
	a.pinManagesOnly = c.PINManagesOnly && a.builtInUV
	a.uvModality = c.UVModality
	if a.sensor != nil {
		a.uvModality |= UVFingerprint
	}
	if a.uvModality == 0 {
		a.uvModality = UVPasscode
	}
	a.powerUp()
	return a
}

// PowerCycle is what taking a security key out and putting it in again does:
// tokens and half-done series end, three wrong PINs in a row are forgiven (not
// the count of all), and reset is allowed for a while. It does not lock the
// vault.
func (a *Authenticator) PowerCycle(ctx context.Context) error {
	if err := a.takeTurn(ctx); err != nil {
		return err
	}
	defer a.endTurn()
	a.powerUp()
	return nil
}

// Forgive takes back that wrong PINs in a row have ended all tries until the
// power is cut, which is so that a program cannot spend the tries of a person who
// is not there (CTAP §6.5.5.6). Whoever has the person's right PIN from them, not
// from a client, calls it; the vault's count of all tries is not changed. It
// does not wait.
func (a *Authenticator) Forgive() { a.forgiven.Store(true) }

// SecretChanged ends the token in use and half-done series: the secret that they
// came from is another now, or the vault is. Whoever changes it other than by
// clientPIN, or puts another vault in the place of the one there was, calls it;
// EndPersistentToken is for the token that lasts. It does not wait for the
// request under way, whose token ends with it.
func (a *Authenticator) SecretChanged() { a.renewed.Store(true) }

// forgetOld forgets what came from a secret that is no longer. The caller holds
// the turn. Not the key agreements, which a client may be in the middle of: its
// right PIN would count as a wrong one.
func (a *Authenticator) forgetOld() {
	if a.renewed.Swap(false) {
		a.forgetSeries()
		a.pin.token, a.pin.misses = token{}, 0
	}
}

// pinMisses is how many wrong PINs in a row there were. The caller holds the
// turn.
func (a *Authenticator) pinMisses() int {
	if a.forgiven.Swap(false) {
		a.pin.misses = 0
	}
	return a.pin.misses
}

// forgetSeries ends what takes several commands.
func (a *Authenticator) forgetSeries() {
	a.next, a.listing, a.upload, a.enroll = nil, nil, nil, nil
}

func (a *Authenticator) powerUp() {
	a.forgetSeries()
	a.pin = pinState{}
	a.powered = a.now()
}

// Handle answers one request with one response; both are a byte and a map as
// package ctap has them. It never returns an empty response. When ctx ends, the
// question to the person is withdrawn and the answer is KEEPALIVE_CANCEL.
func (a *Authenticator) Handle(ctx context.Context, caller Caller, request []byte) (response []byte) {
	v, err := a.handle(ctx, caller, request)
	return ctap.EncodeResponse(v, err)
}

// Device returns a as caller sees it. Its Send never returns an error, and any
// number of requests may be under way; they take turns.
func (a *Authenticator) Device(caller Caller) ctap.Device { return device{a, caller} }

type device struct {
	a      *Authenticator
	caller Caller
}

func (d device) Send(ctx context.Context, request []byte) ([]byte, error) {
	return d.a.Handle(ctx, d.caller, request), nil
}

// HasPasskey reports whether there is a discoverable passkey for rp. While the
// vault is locked that is not known.
func (a *Authenticator) HasPasskey(ctx context.Context, rp webauthn.RPID) (has, known bool) {
	passkeys, err := a.vault.Passkeys(ctx, rp)
	if err != nil {
		return false, false
	}
	for _, p := range passkeys {
		if p.Discoverable {
			return true, true
		}
	}
	return false, true
}
