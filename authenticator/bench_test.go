//go:build unix

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
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/webauthn"
)

// What a command costs beside the one operation that cannot be spared. The
// vault is in memory and the person quick.

// handles measures the answer to a request, without the client's part of it.
func handles(b *testing.B, a *authenticator.Authenticator, request []byte) {
	b.Helper()
	loop(b, func() error {
		if s := ctap.Status(a.Handle(b.Context(), authtest.Local, request)[0]); s != ctap.OK {
			return s
		}
		return nil
	})
}

func BenchmarkBareSign(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	loop(b, func() error {
		_, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		return err
	})
}

// A passkey takes two operations: its key is made, and signs.
func BenchmarkBareMake(b *testing.B) {
	digest := sha256.Sum256(nil)
	loop(b, func() error {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err == nil {
			_, err = ecdsa.SignASN1(rand.Reader, key, digest[:])
		}
		return err
	})
}

func BenchmarkMakeCredential(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		a, memory, _ := authtest.New()
		others(b, memory, n-1)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			handles(b, a, message(ctap.CmdMakeCredential, makeRequest()))
		})
	}
}

// others puts n passkeys of other sites into a vault, 10 for each.
func others(b *testing.B, v authenticator.Vault, n int) {
	b.Helper()
	p := vaulttest.NewPasskey(0, "", "")
	for i := range n {
		p.ID = fmt.Appendf(nil, "passkey %d", i)
		p.RPID = webauthn.RPID(fmt.Sprintf("site-%d.example", i/10))
		p.Account.Handle = fmt.Appendf(nil, "user %d", i)
		if err := v.Save(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}

// Flat, however many there are.
func BenchmarkGetAssertion(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		a, memory, _ := authtest.New()
		d := a.Device(authtest.Local)
		others(b, memory, n-1)
		made, err := ctap.MakeCredential(b.Context(), d, makeRequest())
		if err != nil {
			b.Fatal(err)
		}
		data, err := webauthn.ParseAuthenticatorData(made.AuthData)
		if err != nil {
			b.Fatal(err)
		}
		allowed := getRequest()
		allowed.AllowList = []ctap.CredentialDescriptor{descriptor(data.Attested.ID)}
		for name, request := range map[string]ctap.GetAssertionRequest{"chosen": getRequest(), "allowed": allowed} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				handles(b, a, message(ctap.CmdGetAssertion, request))
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
			handles(b, a, message(ctap.CmdGetAssertion, request))
		})
		b.Run(fmt.Sprintf("vault alone/%d", n), func(b *testing.B) {
			loop(b, func() error {
				_, err := v.Use(b.Context(), data.Attested.ID, time.Now())
				return err
			})
		})
	}
}

func BenchmarkKeyMakeCredential(b *testing.B) {
	a, _, _ := authtest.NewKey(nil)
	request := makeRequest()
	request.Options = map[string]bool{"rk": true}
	handles(b, a, message(ctap.CmdMakeCredential, request))
}
