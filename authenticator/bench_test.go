package authenticator_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault"
	"cardea/ctap"
	"cardea/webauthn"
)

// What a command costs beside the one operation that cannot be spared. The
// vault is in memory and the person quick.

func BenchmarkBareSign(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	for b.Loop() {
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMakeCredential(b *testing.B) {
	a, _, _ := authtest.New()
	d := a.Device(authtest.Local)
	for b.Loop() {
		if _, err := ctap.MakeCredential(b.Context(), d, makeRequest()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetAssertion(b *testing.B) {
	for _, n := range []int{1, 1000} {
		a, _, _ := authtest.New()
		d := a.Device(authtest.Local)
		var last ctap.MakeCredentialResponse
		for i := range n {
			request := makeRequest()
			request.User.ID = []byte(fmt.Sprint("user", i))
			var err error
			if last, err = ctap.MakeCredential(b.Context(), d, request); err != nil {
				b.Fatal(err)
			}
		}
		data, err := webauthn.ParseAuthenticatorData(last.AuthData)
		if err != nil {
			b.Fatal(err)
		}
		allowed := getRequest()
		allowed.AllowList = []ctap.CredentialDescriptor{descriptor(data.Attested.ID)}
		for name, request := range map[string]ctap.GetAssertionRequest{"chosen": getRequest(), "allowed": allowed} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := ctap.GetAssertion(b.Context(), d, request); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// A security key over the vault on disk: what is beyond BareSign and the bare
// vault is ours.
func BenchmarkKeyGetAssertion(b *testing.B) {
	for _, n := range []int{1, 1000} {
		v, err := vault.Create(filepath.Join(b.TempDir(), "vault"), "", vault.WithKind(vault.NoPIN), vault.WithCost(vault.TestCost))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { v.Close() })
		a := authenticator.New(authenticator.Config{Profile: authenticator.SecurityKey, Vault: v, Person: authtest.NewPerson()})
		d := a.Device(authtest.Local)
		make := makeRequest()
		make.Options = nil
		var last ctap.MakeCredentialResponse
		for range n {
			if last, err = ctap.MakeCredential(b.Context(), d, make); err != nil {
				b.Fatal(err)
			}
		}
		data, err := webauthn.ParseAuthenticatorData(last.AuthData)
		if err != nil {
			b.Fatal(err)
		}
		request := getRequest()
		request.Options, request.AllowList = nil, []ctap.CredentialDescriptor{descriptor(data.Attested.ID)}
		b.Run(fmt.Sprintf("core/%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := ctap.GetAssertion(b.Context(), d, request); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("vault alone/%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := v.Use(b.Context(), data.Attested.ID, time.Now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkKeyMakeCredential(b *testing.B) {
	a, _, _ := authtest.NewKey(nil)
	d := a.Device(authtest.Local)
	request := makeRequest()
	request.Options = map[string]bool{"rk": true}
	for b.Loop() {
		if _, err := ctap.MakeCredential(b.Context(), d, request); err != nil {
			b.Fatal(err)
		}
	}
}
