package authenticator

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"cardea/ctap"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// U2F is CTAP1 (FIDO U2F Raw Message Formats 1.2), on the same passkeys: what
// one protocol has made the other can use, if it is ES256.

// u2fPrefix begins the RP ID of a passkey that was made by U2F, which tells the
// hash of a site's name and never the name. No site has such a name.
const u2fPrefix = "u2f:"

// rpIDHash is the SHA-256 of the site's RP ID.
func (p Passkey) rpIDHash() (hash [32]byte) {
	if digits, ok := strings.CutPrefix(string(p.RPID), u2fPrefix); ok {
		if n, err := hex.Decode(hash[:], []byte(digits)); err == nil && n == len(hash) {
			return hash
		}
	}
	return sha256.Sum256([]byte(p.RPID))
}

// SiteName is what people are shown of an RP ID. A program that spoke U2F for a
// site told only the hash of its name; eight digits of that tell two apart.
func SiteName(rp webauthn.RPID) string {
	const enough = 8
	if digits, ok := strings.CutPrefix(string(rp), u2fPrefix); ok && len(digits) == 2*sha256.Size {
		return "a site that gave no name (" + digits[:enough] + ")"
	}
	return string(rp)
}

// Instructions and control bytes of U2F §3 and §5.
const (
	u2fRegister     = 0x01
	u2fAuthenticate = 0x02
	u2fVersion      = 0x03

	u2fEnforce    = 0x03
	u2fCheckOnly  = 0x07
	u2fDontTouch  = 0x08
	u2fParameters = 32 // challenge and application, each
)

// u2fStatus is a status word of U2F §3.3.
type u2fStatus uint16

const (
	u2fOK               u2fStatus = 0x9000
	u2fWrongLength      u2fStatus = 0x6700
	u2fConditions       u2fStatus = 0x6985 // touch it, or: it is here
	u2fNotAllowed       u2fStatus = 0x6986
	u2fWrongData        u2fStatus = 0x6a80 // not one of ours
	u2fWrongInstruction u2fStatus = 0x6d00
	u2fWrongClass       u2fStatus = 0x6e00
	u2fOther            u2fStatus = 0x6f00
)

// Error makes a u2fStatus an error.
func (s u2fStatus) Error() string { return fmt.Sprintf("U2F status %04x", uint16(s)) }

// HandleU2F answers one U2F message, an ISO 7816-4 APDU, with another, and waits
// for the person where they have to touch. It takes turns with Handle. Without
// Config.U2F every message is answered that its instruction is not known. A wire
// whose clients expect an answer at once has a U2F instead.
func (a *Authenticator) HandleU2F(ctx context.Context, caller Caller, apdu []byte) []byte {
	c, err := parseAPDU(apdu)
	return a.answerU2F(ctx, caller, apdu, c, err, func(v *visit) ([]byte, error) {
		if c.wantsTouch() {
			if err := v.askU2F(ctx, c); err != nil {
				return nil, err
			}
		}
		return v.actU2F(ctx, c)
	})
}

// answerU2F takes a turn for act, unless something is wrong already, and gives
// what came of it its status word.
func (a *Authenticator) answerU2F(ctx context.Context, caller Caller, message []byte, c apdu, err error, act func(*visit) ([]byte, error)) []byte {
	var data []byte
	if err == nil {
		data, err = a.turnU2F(ctx, &visit{a: a, caller: caller}, c, act)
	}
	status := u2fStatusOf(err)
	a.recordU2F(ctx, caller, message, status, err)
	if err != nil {
		data = nil
	}
	return binary.BigEndian.AppendUint16(data, uint16(status))
}

func u2fStatusOf(err error) u2fStatus {
	var status u2fStatus
	switch {
	case err == nil:
		return u2fOK
	case errors.As(err, &status):
		return status
	case errors.Is(err, ctap.OperationDenied):
		return u2fNotAllowed // to ask again would be to ask the person again
	case errors.Is(err, ctap.KeepaliveCancel), errors.Is(err, ctap.UserActionTimeout):
		return u2fConditions
	}
	return u2fOther
}

func (a *Authenticator) turnU2F(ctx context.Context, v *visit, c apdu, act func(*visit) ([]byte, error)) ([]byte, error) {
	if err := a.takeTurn(ctx); err != nil {
		if !c.wantsTouch() {
			return nil, u2fOther // 6985 would say that a key handle is ours
		}
		return nil, err
	}
	defer a.endTurn()
	a.forgetSeries()
	switch {
	case !a.u2f:
		return nil, u2fWrongInstruction
	case a.settings().AlwaysUV: // CTAP §7.2.4
		return nil, u2fNotAllowed
	}
	return act(v)
}

// askU2F asks the person for what c wants, after everything has been checked
// that could make the touch useless.
func (v *visit) askU2F(ctx context.Context, c apdu) error {
	if err := c.checkLength(); err != nil {
		return err
	}
	if err := v.unlock(ctx, ""); err != nil {
		return err
	}
	prompt := Prompt{Kind: MakePasskey, RPID: u2fSite(c.application())}
	if c.instruction == u2fAuthenticate {
		p, err := v.findU2F(ctx, c.application(), c.handle())
		if err != nil {
			return err
		}
		prompt = Prompt{Kind: UsePasskey, RPID: p.RPID, RPName: p.RPName, Passkeys: withoutKeys([]Passkey{p})}
	}
	_, err := v.ask(ctx, prompt)
	return err
}

// actU2F does what c says. If it wants a touch, v has it.
func (v *visit) actU2F(ctx context.Context, c apdu) ([]byte, error) {
	if err := c.checkLength(); err != nil {
		return nil, err
	}
	switch c.instruction {
	case u2fVersion:
		return []byte("U2F_V2"), nil
	case u2fRegister:
		return v.registerU2F(ctx, c)
	}
	return v.authenticateU2F(ctx, c)
}

func u2fSite(application []byte) webauthn.RPID {
	return webauthn.RPID(u2fPrefix + hex.EncodeToString(application))
}

// registerU2F is U2F §4. The certificate is made for this one passkey, by its
// own key: one for all would make the person recognizable.
func (v *visit) registerU2F(ctx context.Context, c apdu) ([]byte, error) {
	challenge, application := c.challenge(), c.application()
	var r ctap.MakeCredentialRequest
	r.RP.ID, r.User.ID = u2fSite(application), secret.Random(credentialIDSize).Expose()
	p, signer, err := v.a.newPasskey(r, webauthn.ES256, makeInputs{})
	if err != nil {
		return nil, err
	}
	point, err := signer.Public().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		return nil, err
	}
	certificate, err := u2fCertificate(signer)
	if err != nil {
		return nil, err
	}
	signature, err := sign(signer, []byte{0}, application, challenge, p.ID, point)
	if err != nil {
		return nil, err
	}
	if err := v.a.vault.Save(ctx, p); err != nil {
		return nil, err
	}
	out := append([]byte{5}, point...)
	out = append(append(out, byte(len(p.ID))), p.ID...)
	return append(append(out, certificate...), signature...), nil
}

func u2fCertificate(key crypto.Signer) ([]byte, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "Cardea security key"},
		// The same for all, so that it says nothing of when.
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:  time.Date(2076, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	return x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
}

// authenticateU2F is U2F §5.
func (v *visit) authenticateU2F(ctx context.Context, c apdu) ([]byte, error) {
	if v.a.vault.Locked() {
		return nil, u2fNotAllowed // nobody may be asked, and "not ours" would be a lie
	}
	p, err := v.findU2F(ctx, c.application(), c.handle())
	if err != nil {
		return nil, err
	}
	switch c.p1 {
	case u2fCheckOnly:
		return nil, u2fConditions
	case u2fEnforce, u2fDontTouch:
		return v.signU2F(ctx, p, c.challenge())
	}
	return nil, u2fWrongData
}

// findU2F finds a passkey that U2F may use. One that credProtect guards is not
// for a protocol that can verify nobody.
func (v *visit) findU2F(ctx context.Context, application, handle []byte) (Passkey, error) {
	p, err := v.a.keys.Find(ctx, handle)
	if errors.Is(err, ErrNoPasskey) {
		return p, u2fWrongData
	}
	if err != nil {
		return p, err
	}
	hash := p.rpIDHash()
	if !bytes.Equal(hash[:], application) || p.Algorithm != webauthn.ES256 || p.CredProtect > protectOptional {
		return p, u2fWrongData
	}
	return p, nil
}

func (v *visit) signU2F(ctx context.Context, p Passkey, challenge []byte) ([]byte, error) {
	key, err := parseKey(p.PrivateKey)
	if err != nil {
		return nil, err
	}
	var at time.Time
	if v.present {
		at = v.a.now()
	}
	count, err := v.a.vault.Use(ctx, p.ID, at)
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint32([]byte{byte(v.flags() & webauthn.FlagUserPresent)}, count)
	hash := p.rpIDHash()
	signature, err := sign(key, hash[:], out, challenge)
	if err != nil {
		return nil, err
	}
	return append(out, signature...), nil
}
