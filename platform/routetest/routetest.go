// Package routetest is the suite that every platform.Route must pass. Each
// route runs it over the authenticator it can reach in a test.
package routetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"sync/atomic"
	"testing"

	"cardea/ctap"
	"cardea/platform"
	"cardea/webauthn"
)

// RP is the relying party of the suite.
const RP webauthn.RPID = "example.org"

// A World is a route and what is at its end: an authenticator with no passkey
// for RP, whose person says yes to everything.
type World struct {
	Route     platform.Route
	Transport string
	// Shown is told each step as it is shown, so that a world can do its part,
	// such as scan a code. It may be nil.
	Shown func(platform.Progress)
	// Dead returns a route to which nobody answers, so that Open waits or
	// fails.
	Dead platform.Route
}

// Run runs the suite. world makes a new world each time.
func Run(t *testing.T, world func(t *testing.T) World) {
	t.Run("a passkey is made and used", func(t *testing.T) { makeAndUse(t, world(t)) })
	t.Run("a withdrawn request ends with its cause", func(t *testing.T) { withdrawn(t, world(t)) })
	t.Run("readiness asks nobody and kind is constant", func(t *testing.T) { ready(t, world(t)) })
}

func open(t *testing.T, w World, p platform.Purpose) platform.Connection {
	t.Helper()
	var returned atomic.Bool
	t.Cleanup(func() { returned.Store(true) })
	var stages []platform.Stage
	conn, err := w.Route.Open(t.Context(), p, func(p platform.Progress) {
		if returned.Load() {
			t.Errorf("%q shown after Open had returned", p.Stage)
		}
		stages = append(stages, p.Stage)
		if w.Shown != nil {
			w.Shown(p)
		}
	})
	returned.Store(true)
	if err != nil {
		t.Fatalf("Open() = %v after %q", err, stages)
	}
	if len(stages) == 0 && w.Route.Kind() != platform.SecurityKey {
		t.Error("Open showed the person nothing")
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func makeAndUse(t *testing.T, w World) {
	conn := open(t, w, platform.MakePasskey)
	if len(conn.Info().Versions) == 0 {
		t.Errorf("Info() = %+v, want versions", conn.Info())
	}
	if conn.Transport() != w.Transport {
		t.Errorf("Transport() = %q, want %q", conn.Transport(), w.Transport)
	}
	hash := sha256.Sum256([]byte("client data"))
	made, err := ctap.MakeCredential(t.Context(), conn, ctap.MakeCredentialRequest{
		ClientDataHash:   hash[:],
		RP:               ctap.RPEntity{ID: RP, Name: "Example"},
		User:             ctap.UserEntity{ID: []byte{1}, Name: "ana", DisplayName: "Ana"},
		PubKeyCredParams: []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: webauthn.PublicKeyType}},
		Options:          map[string]bool{"rk": true, "uv": true},
	})
	if err != nil {
		t.Fatalf("MakeCredential() = %v", err)
	}
	data, err := webauthn.ParseAuthenticatorData(made.AuthData)
	if err != nil || data.Attested == nil {
		t.Fatalf("ParseAuthenticatorData() = %+v, %v", data, err)
	}
	if err := conn.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Errorf("second Close() = %v", err)
	}
	use(t, w, data)
}

func use(t *testing.T, w World, made webauthn.AuthenticatorData) {
	conn := open(t, w, platform.UsePasskey)
	hash := sha256.Sum256([]byte("other client data"))
	got, err := ctap.GetAssertion(t.Context(), conn, ctap.GetAssertionRequest{
		RPID: RP, ClientDataHash: hash[:], Options: map[string]bool{"uv": true},
	})
	if err != nil {
		t.Fatalf("GetAssertion() = %v", err)
	}
	key, err := webauthn.ParsePublicKey(made.Attested.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	signed := sha256.Sum256(append(append([]byte(nil), got.AuthData...), hash[:]...))
	if !ecdsa.VerifyASN1(key, signed[:], got.Signature) {
		t.Error("the signature is not by the passkey that was made")
	}
}

func withdrawn(t *testing.T, w World) {
	why := errors.New("the page changed its mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	conn, err := w.Dead.Open(ctx, platform.UsePasskey, func(platform.Progress) {})
	if err == nil {
		_ = conn.Close()
		t.Fatal("Open() succeeded for a request that had ended")
	}
	if !errors.Is(err, why) {
		t.Errorf("Open() = %v, want %v", err, why)
	}
}

func ready(t *testing.T, w World) {
	kind := w.Route.Kind()
	if r := w.Route.Ready(t.Context(), RP); !r.Usable || r.Holds == platform.HoldsSome {
		t.Errorf("Ready() = %+v, want usable and without a passkey", r)
	}
	if r := w.Dead.Ready(t.Context(), RP); !r.Usable && r.Why == platform.NoObstacle {
		t.Errorf("Ready() = %+v, want an obstacle", r)
	}
	if got := w.Route.Kind(); got != kind {
		t.Errorf("Kind() = %q, then %q", kind, got)
	}
}
