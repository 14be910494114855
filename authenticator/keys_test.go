package authenticator_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

func certificateOf(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "key 7"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// verified has another implementation check a signature by a COSE_Key.
func verified(t *testing.T, key cbor.Raw, signature []byte, parts ...[]byte) bool {
	t.Helper()
	parsed, err := webauthncose.ParsePublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	ok, err := webauthncose.VerifySignature(parsed, bytes.Join(parts, nil), signature)
	return err == nil && ok
}

type statement struct {
	Alg   webauthn.COSEAlgorithm `cbor:"alg"`
	Sig   []byte                 `cbor:"sig"`
	Chain [][]byte               `cbor:"x5c,omitempty"`
}

func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	for _, alg := range []webauthn.COSEAlgorithm{webauthn.ES256, webauthn.EdDSA, webauthn.ES384, webauthn.RS256} {
		r := newKeyRig(t)
		made, err := r.make(func(m *ctap.MakeCredentialRequest) {
			m.Options = map[string]bool{"rk": true}
			// The first that we have counts, whatever comes after it.
			m.PubKeyCredParams = []ctap.CredentialParameters{
				{Alg: -999, Type: "public-key"}, {Alg: webauthn.ES256, Type: "future"},
				{Alg: alg, Type: "public-key"}, {Alg: webauthn.ES256, Type: "public-key"},
			}
		})
		r.must(err)
		key := authData(t, made.AuthData).Attested.PublicKey
		if got, err := webauthn.Algorithm(key); err != nil || got != alg {
			t.Errorf("algorithm %d, %v, want %d", got, err, alg)
		}
		var s statement
		r.must(cbor.Decode(made.Statement, &s))
		hash := makeRequest().ClientDataHash
		if s.Alg != alg || !verified(t, key, s.Sig, made.AuthData, hash) {
			t.Errorf("%d: the attestation does not verify", alg)
		}
		got, err := r.get(touched(nil))
		r.must(err)
		hash = getRequest().ClientDataHash
		if !verified(t, key, got.Signature, got.AuthData, hash) || verified(t, key, got.Signature, hash, got.AuthData) {
			t.Errorf("%d: the assertion does not verify, or anything does", alg)
		}
	}
}

func TestEnterpriseAttestation(t *testing.T) {
	t.Parallel()
	off := enterpriseKey(t)
	on := enterpriseKey(t)
	on.must(on.configure(nil, ctap.ConfigEnterprise, nil))
	for _, tt := range []struct {
		name string
		r    keyRig
		rp   webauthn.RPID
		ask  uint
		want ctap.Status
		ep   bool
	}{
		{"turned off", off, rpID, 1, ctap.InvalidParameter, false},
		{"not asked for", on, rpID, 0, ctap.OK, false},
		{"by a site of the list", on, rpID, 1, ctap.OK, true},
		{"by another site", on, "other.example", 1, ctap.OK, false},
		{"by another site whose client may", on, "other.example", 2, ctap.OK, true},
		{"in a way that there is not", on, rpID, 3, ctap.InvalidOption, false},
	} {
		made, err := tt.r.make(func(m *ctap.MakeCredentialRequest) { m.Options, m.RP.ID, m.Enterprise = nil, tt.rp, tt.ask })
		if tt.want != ctap.OK {
			wantStatus(t, err, tt.want)
			continue
		}
		tt.r.must(err)
		var s statement
		tt.r.must(cbor.Decode(made.Statement, &s))
		if made.EpAtt != tt.ep || (len(s.Chain) == 1) != tt.ep {
			t.Errorf("%s: epAtt %v, %d certificates", tt.name, made.EpAtt, len(s.Chain))
		}
		if tt.ep {
			c, err := x509.ParseCertificate(s.Chain[0])
			tt.r.must(err)
			tt.r.must(c.CheckSignature(x509.ECDSAWithSHA256, append(bytes.Clone(made.AuthData), makeRequest().ClientDataHash...), s.Sig))
		}
	}
}

// provingDevice is a client that proves the PIN whenever it is to verify.
type provingDevice struct{ r keyRig }

func (d provingDevice) Send(ctx context.Context, request []byte) ([]byte, error) {
	parsed, err := ctap.ParseRequest(request)
	d.r.must(err)
	switch p := parsed.(type) {
	case ctap.MakeCredentialRequest:
		proveMake(d.r.token(pinuv.One, ctap.PermitMakeCredential, p.RP.ID), pinuv.One)(&p)
		request = message(ctap.CmdMakeCredential, p)
	case ctap.GetAssertionRequest:
		proveGet(d.r.token(pinuv.Two, ctap.PermitGetAssertion, p.RPID), pinuv.Two)(&p)
		request = message(ctap.CmdGetAssertion, p)
	}
	return d.r.device().Send(ctx, request)
}

func TestASiteAcceptsASecurityKey(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	s := newSite(t)
	credential := s.register(provingDevice{r})
	if f := credential.Flags; !f.UserPresent || !f.UserVerified {
		t.Errorf("flags %+v", f)
	}
	for want := uint32(1); want <= 2; want++ {
		credential, err := s.signIn(provingDevice{r}, func(*ctap.GetAssertionResponse) {})
		r.must(err)
		if credential.Authenticator.SignCount != want {
			t.Errorf("count %d, want %d", credential.Authenticator.SignCount, want)
		}
	}
	if _, err := s.signIn(provingDevice{r}, func(g *ctap.GetAssertionResponse) { g.AuthData[33]++ }); err == nil {
		t.Error("a spoiled one was accepted")
	}
}

func TestASecurityKeyNeedsAPINVault(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New did not panic")
		}
	}()
	authenticator.New(authenticator.Config{
		Profile: authenticator.SecurityKey, Vault: brokenVault{}, Person: authtest.NewPerson(),
	})
}
