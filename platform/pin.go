package platform

import (
	"context"
	"errors"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/webauthn"
)

// A verifying is how an authenticator is to verify its person.
type verifying int

// The ways, of which a client takes one (CTAP §6.1, §6.2, §6.5.5.7).
const (
	notVerifying  verifying = iota
	verifyingSelf           // it does so by itself, asked by the option uv
	verifyingPIN            // the person gives us its PIN
	verifyingNew            // the same, and it has none yet
)

// verification returns how an authenticator is to verify its person, and
// whether it can do what is required.
func (w wants) verification(i ctap.Info) (how verifying, possible bool) {
	hasPIN, knowsPIN := i.Options["clientPin"]
	needed := w.userVerification == webauthn.Required || i.Options["alwaysUv"]
	wanted := needed || w.userVerification == webauthn.Preferred
	switch {
	case !wanted:
		return notVerifying, true
	case i.Options["uv"]:
		return verifyingSelf, true
	case hasPIN:
		return verifyingPIN, true
	case needed && knowsPIN:
		return verifyingNew, true
	}
	return notVerifying, !needed
}

// verificationToMake is verification for a new passkey: an authenticator that
// has a PIN makes none without it, but perhaps those that are not discoverable
// (CTAP §6.1.2 step 10; before 2.1 none at all).
func (w wants) verificationToMake(i ctap.Info, rk bool) (how verifying, possible bool) {
	how, possible = w.verification(i)
	if how != notVerifying || !i.Options["clientPin"] || i.Options["makeCredUvNotRqd"] && !rk {
		return how, possible
	}
	w.userVerification = webauthn.Required
	return w.verification(i)
}

// A proof is that the person gave an authenticator its PIN; the zero proof is
// that nobody did.
type proof struct {
	token    pinuv.Token
	protocol pinuv.Protocol
	given    bool
}

// of returns the two members of a request that prove it for one client data.
func (p proof) of(clientDataHash []byte) (param []byte, protocol uint) {
	if !p.given {
		return nil, 0
	}
	return p.token.Authenticate(clientDataHash), uint(p.protocol)
}

// prove has the person verified where that is for us to do, and returns the
// proof. It asks until the PIN is right, the authenticator allows no more
// tries, or the person has had enough.
func (s *session) prove(ctx context.Context, conn Connection, how verifying, permissions ctap.Permission, rp webauthn.RPID) (proof, error) {
	if how != verifyingPIN && how != verifyingNew {
		return proof{}, nil
	}
	i := conn.Info()
	p := protocolOf(i)
	pin, err := s.newPIN(ctx, conn, p, how, "")
	if err != nil {
		return proof{}, err
	}
	if !i.Options["pinUvAuthToken"] {
		permissions = 0 // CTAP 2.0 knows none
	}
	ask := PIN{Retries: -1}
	for changed := false; ; {
		if pin == "" {
			if pin, err = s.askPIN(ctx, ask); err != nil {
				return proof{}, err
			}
		}
		if i.ForcePINChange && !changed {
			if pin, err = s.newPIN(ctx, conn, p, verifyingNew, pin); err == nil {
				changed = true
			}
		}
		var token pinuv.Token
		if err == nil {
			token, err = pinuv.GetToken(ctx, conn, p, pin, permissions, rp)
		}
		if err == nil {
			return proof{token: token, protocol: p, given: true}, nil
		}
		if !errors.Is(err, ctap.PINInvalid) {
			return proof{}, err
		}
		ask = PIN{Wrong: true, Retries: retries(ctx, conn, p)}
		pin, err = "", nil
	}
}

// protocolOf is the PIN/UV auth protocol to speak: the first that the
// authenticator names and we know.
func protocolOf(i ctap.Info) pinuv.Protocol {
	for _, p := range i.PinUvAuthProtocols {
		if pinuv.Protocol(p).Known() {
			return pinuv.Protocol(p)
		}
	}
	return pinuv.One // CTAP 2.0 does not name it
}

// newPIN has the person choose a PIN and gives it to the authenticator, in
// place of old if there is one. If none is to be chosen it is empty.
func (s *session) newPIN(ctx context.Context, conn Connection, p pinuv.Protocol, how verifying, old string) (string, error) {
	if how != verifyingNew {
		return "", nil
	}
	least := max(int(conn.Info().MinPINLength), pinuv.MinPIN)
	ask := PIN{New: true, Least: least, Retries: -1}
	for {
		pin, err := s.askPIN(ctx, ask)
		if err != nil {
			return "", err
		}
		if old == "" {
			err = pinuv.SetPIN(ctx, conn, p, pin)
		} else {
			err = pinuv.ChangePIN(ctx, conn, p, old, pin)
		}
		if !errors.Is(err, ctap.PINPolicyViolation) {
			return pin, err
		}
		ask.Wrong = true
	}
}

// askPIN shows the question and waits for an answer that is not empty.
func (s *session) askPIN(ctx context.Context, ask PIN) (string, error) {
	for {
		a, err := s.ask(ctx, Screen{Sort: ScreenPIN, Kind: SecurityKey, PIN: &ask}, DoPIN)
		if err != nil {
			return "", err
		}
		if a.Text != "" {
			return a.Text, nil
		}
	}
}

// retries is how many tries are left, or -1 if the authenticator does not say.
func retries(ctx context.Context, conn Connection, p pinuv.Protocol) int {
	r, err := ctap.ClientPIN(ctx, conn, ctap.ClientPINRequest{Protocol: uint(p), SubCommand: ctap.PINGetRetries})
	if err != nil || r.PINRetries == nil {
		return -1
	}
	return int(*r.PINRetries)
}
