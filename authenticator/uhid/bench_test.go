package uhid

import (
	"context"
	"crypto/sha256"
	"io"
	"net"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/ctaphid"
	"cardea/webauthn"
)

// both runs a benchmark on the core alone, and through CTAPHID over a pipe.
func both(b *testing.B, run func(b *testing.B, d ctap.Device)) {
	key := func() *authenticator.Authenticator {
		a, _, _ := authtest.NewKey(nil)
		return a
	}
	b.Run("core", func(b *testing.B) { run(b, key().Device(authtest.Local)) })
	b.Run("ctaphid", func(b *testing.B) {
		device, host := net.Pipe()
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- Serve(ctx, device, key()) }()
		c, err := ctaphid.Open(b.Context(), whole{host})
		if err != nil {
			b.Fatal(err)
		}
		run(b, c)
		c.Close()
		cancel()
		<-served
	})
}

// A whole reads one report at a time, as hidraw does.
type whole struct{ net.Conn }

func (w whole) Read(p []byte) (int, error) { return io.ReadFull(w.Conn, p[:ctaphid.ReportSize]) }

func benchMake(b *testing.B, d ctap.Device, user byte) {
	hash := sha256.Sum256([]byte("client data"))
	if _, err := ctap.MakeCredential(b.Context(), d, ctap.MakeCredentialRequest{
		ClientDataHash: hash[:], RP: ctap.RPEntity{ID: "example.org"},
		User:             ctap.UserEntity{ID: []byte{user}, Name: "ana"},
		PubKeyCredParams: []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: webauthn.PublicKeyType}},
		Options:          map[string]bool{"rk": true},
	}); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkMakeCredential(b *testing.B) {
	both(b, func(b *testing.B, d ctap.Device) {
		for b.Loop() {
			benchMake(b, d, 1) // the same account: the store does not grow
		}
	})
}

func BenchmarkGetAssertion(b *testing.B) {
	both(b, func(b *testing.B, d ctap.Device) {
		benchMake(b, d, 1)
		hash := sha256.Sum256([]byte("client data"))
		for b.Loop() {
			if _, err := ctap.GetAssertion(b.Context(), d, ctap.GetAssertionRequest{RPID: "example.org", ClientDataHash: hash[:]}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
