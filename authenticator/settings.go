package authenticator

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"sync"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// settings are what a security key tells to anybody, in getInfo.
type settings struct {
	MinPIN      uint `cbor:"1,keyasint"`
	ForceChange bool `cbor:"2,keyasint,omitempty"`
	AlwaysUV    bool `cbor:"3,keyasint,omitempty"`
	Enterprise  bool `cbor:"4,keyasint,omitempty"`
	LongTouch   bool `cbor:"5,keyasint,omitempty"`
	Complexity  bool `cbor:"6,keyasint,omitempty"`
	UVMisses    uint `cbor:"7,keyasint,omitempty"` // in a row
	Fingers     uint `cbor:"8,keyasint,omitempty"` // that are enrolled
}

func (s settings) encode() []byte { return cbor.MustEncode(s) }

// settings reads the settings of a security key; of a vault that has none, they
// are those of a new one.
func (a *Authenticator) settings() settings { return decodeSettings(a.keys.Settings()) }

func decodeSettings(b []byte) settings {
	s := settings{MinPIN: pinuv.MinPIN}
	if len(b) != 0 {
		// The vault vouches for what it gives back. A map that cannot be read
		// would be of a later version: then the strictest are safe.
		if cbor.Decode(b, &s) != nil {
			s = settings{MinPIN: pinuv.MinPIN, AlwaysUV: true}
		}
	}
	return s
}

func (v *visit) save(ctx context.Context, s settings) error {
	return vaultStatus("changing settings", v.a.keys.SetSettings(ctx, s.encode()))
}

// Names of notes in the vault.
const (
	noteMinPINSites = "min-pin-sites"
	noteLargeBlobs  = "large-blobs" // of the command
	noteFingers     = "fingers"
	noteBlobs       = "large-blob" // of the extension
	noteIdentity    = "identity"
)

// identity is by whom and as what a security key lets itself be recognized:
// nobody, until a persistent token was issued.
type identity struct {
	Token      []byte `cbor:"1,keyasint,omitempty"` // the persistent pinUvAuthToken
	Identifier []byte `cbor:"2,keyasint,omitempty"`
}

const identifierSize = 16

func (a *Authenticator) identity(ctx context.Context) (identity, error) {
	return readIdentity(ctx, a.keys)
}

func readIdentity(ctx context.Context, v PINVault) (id identity, err error) {
	b, err := v.Note(ctx, noteIdentity)
	if err != nil || len(b) == 0 {
		return id, err
	}
	return id, cbor.Decode(b, &id)
}

// persistentToken returns the persistent token, made when it is first asked
// for (CTAP §6.5.5.7, permission pcmr).
func (v *visit) persistentToken(ctx context.Context) (secret.Key, error) {
	id, err := v.a.identity(ctx)
	if err != nil {
		return secret.Key{}, vaultStatus("reading the persistent token", err)
	}
	if id.Token == nil {
		id.Token = secret.Random(pinuv.TokenSize).Expose()
		if id.Identifier == nil {
			id.Identifier = secret.Random(identifierSize).Expose()
		}
		if err := v.a.keys.SetNote(ctx, noteIdentity, cbor.MustEncode(id)); err != nil {
			return secret.Key{}, vaultStatus("keeping the persistent token", err)
		}
	}
	return secret.New(id.Token), nil
}

// dropPersistentToken ends the persistent token: the PIN that it came from is
// no longer the person's.
func (v *visit) dropPersistentToken(ctx context.Context) error {
	return vaultStatus("ending the persistent token", EndPersistentToken(ctx, v.a.keys))
}

// proveReadOnly reports whether a proof is by the persistent token.
func (v *visit) proveReadOnly(ctx context.Context, p proof) bool {
	id, err := v.a.identity(ctx)
	if err != nil || id.Token == nil {
		return false
	}
	t, err := pinuv.TokenOf(pinuv.Protocol(p.protocol), secret.New(id.Token))
	return err == nil && t.Verify(p.message, p.param)
}

// recognizable returns encIdentifier and encCredStoreState (CTAP §6.4), or
// nothing if the vault is locked or nobody has the token to read them with.
func (a *Authenticator) recognizable() (identifier, storeState []byte) {
	ctx := context.Background()
	id, err := a.identity(ctx)
	if err != nil || id.Token == nil {
		return nil, nil
	}
	state, err := a.states.of(a.vault, id, func() ([]byte, error) { return a.storeState(ctx, id) })
	if err != nil {
		return nil, nil
	}
	return sealIdentity(id.Token, "encIdentifier", id.Identifier), sealIdentity(id.Token, "encCredStoreState", state)
}

// storeStates remembers a storeState: getInfo is asked for all the time, and the
// state takes a look at every passkey.
type storeStates struct {
	mu       sync.Mutex
	revision uint64 // of the vault; zero is none
	by       []byte // the identifier
	state    []byte
}

// of returns the state as of now, if the vault can say that it has not changed,
// and what make makes otherwise.
func (s *storeStates) of(v Vault, id identity, make func() ([]byte, error)) ([]byte, error) {
	counting, ok := v.(interface{ Revision() uint64 })
	if !ok {
		return make()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Before the look: what is saved meanwhile makes another look due.
	now := counting.Revision()
	if now != 0 && now == s.revision && bytes.Equal(s.by, id.Identifier) {
		return s.state, nil
	}
	state, err := make()
	if err != nil {
		return nil, err
	}
	s.revision, s.by, s.state = now, bytes.Clone(id.Identifier), state
	return state, nil
}

// storeState is a fingerprint of what a listing of the discoverable passkeys
// would show.
func (a *Authenticator) storeState(ctx context.Context, id identity) ([]byte, error) {
	passkeys, err := a.vault.Passkeys(ctx, "")
	if err != nil {
		return nil, err
	}
	m := hmac.New(sha256.New, id.Identifier)
	for _, p := range passkeys {
		if p.Discoverable {
			m.Write(cbor.MustEncode([]any{[]byte(p.ID), string(p.RPID), []byte(p.Account.Handle), p.Account.Name, p.Account.DisplayName}))
		}
	}
	return m.Sum(nil)[:identifierSize], nil
}

// sealIdentity is IV ‖ AES-128-CBC of one block (CTAP §6.4, members 0x19 and
// 0x1E).
func sealIdentity(token []byte, info string, block []byte) []byte {
	key, err := hkdf.Key(sha256.New, token, make([]byte, sha256.Size), info, aes.BlockSize)
	if err != nil {
		panic("authenticator: internal error: " + err.Error())
	}
	defer clear(key)
	c, err := aes.NewCipher(key)
	if err != nil {
		panic("authenticator: internal error: " + err.Error())
	}
	iv := secret.Random(aes.BlockSize).Expose()
	out := make([]byte, aes.BlockSize)
	cipher.NewCBCEncrypter(c, iv).CryptBlocks(out, block)
	return append(iv, out...)
}

// tellsMinPIN reports whether a site may know the PIN's policy.
func (a *Authenticator) tellsMinPIN(ctx context.Context, rp webauthn.RPID) (bool, error) {
	b, err := a.keys.Note(ctx, noteMinPINSites)
	if err != nil || len(b) == 0 {
		return false, err
	}
	var sites []webauthn.RPID
	if err := cbor.Decode(b, &sites); err != nil {
		return false, err
	}
	for _, s := range sites {
		if s == rp {
			return true, nil
		}
	}
	return false, nil
}

// protected reports whether a client has to prove that it knows the person
// (CTAP §6: "protected by some form of user verification").
func (v *visit) protected() bool { return v.a.keys.PINSet() || v.a.uvReady() }

// configCommands are the subcommands of authenticatorConfig here.
func (a *Authenticator) configCommands() []uint {
	c := []uint{ctap.ConfigAlwaysUV, ctap.ConfigMinPINLength, ctap.ConfigLongTouch}
	if a.enterprise != nil {
		c = append([]uint{ctap.ConfigEnterprise}, c...)
	}
	return c
}
