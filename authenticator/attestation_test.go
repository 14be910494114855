package authenticator_test

import (
	"context"
	"crypto/x509"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

func attestedKey(t *testing.T) (keyRig, *x509.Certificate) {
	t.Helper()
	attestation, root, err := authtest.NewAttestation(authenticator.AAGUIDComputer)
	if err != nil {
		t.Fatal(err)
	}
	return uvKey(t, func(c *authenticator.Config) { c.Attestation = attestation }), root
}

// Another implementation checks the certificate, what is in it and the signature.
func TestASiteAcceptsAnAttestedKeyOfEachAlgorithm(t *testing.T) {
	t.Parallel()
	for _, alg := range []webauthn.COSEAlgorithm{webauthn.ES256, webauthn.EdDSA, webauthn.ES384, webauthn.RS256} {
		attested, _ := attestedKey(t)
		for want, r := range map[string]keyRig{"basic_full": attested, "basic_surrogate": uvKey(t, nil)} {
			s := newSite(t)
			s.alg = alg
			credential := s.register(r.device())
			if credential.AttestationFormat != "packed" || credential.AttestationType != want {
				t.Errorf("%d: %s by %s, want packed by %s", alg, credential.AttestationFormat, credential.AttestationType, want)
			}
			if _, err := s.signIn(r.device(), func(*ctap.GetAssertionResponse) {}); err != nil {
				t.Errorf("%d: %v", alg, err)
			}
			if _, err := s.signIn(r.device(), func(g *ctap.GetAssertionResponse) { g.AuthData[32] ^= 0x40 }); err == nil {
				t.Errorf("%d: a spoiled one was accepted", alg)
			}
		}
	}
}

func TestAttestationIsByItsKeyAndChain(t *testing.T) {
	t.Parallel()
	r, root := attestedKey(t)
	for name, tt := range map[string]struct {
		formats []string
		want    string
	}{
		"no preference": {nil, "packed"}, "packed": {[]string{"tpm", "packed", "none"}, "packed"}, "none": {[]string{"none"}, "none"},
	} {
		made, err := r.make(func(m *ctap.MakeCredentialRequest) { m.AttestationFormats = tt.formats })
		r.must(err)
		if made.Format != tt.want {
			t.Errorf("%s: %s", name, made.Format)
		}
		if tt.want == "none" {
			continue
		}
		var s statement
		r.must(cbor.Decode(made.Statement, &s))
		leaf, err := x509.ParseCertificate(s.Chain[0])
		r.must(err)
		roots := x509.NewCertPool()
		roots.AddCert(root)
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots}); err != nil || leaf.IsCA || leaf.Version != 3 || made.EpAtt {
			t.Errorf("%s: %v, CA %v, version %d, epAtt %v", name, err, leaf.IsCA, leaf.Version, made.EpAtt)
		}
	}
}

func TestAnAttestationNeedsACertificate(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New did not panic")
		}
	}()
	uvKey(t, func(c *authenticator.Config) { c.Attestation = new(authenticator.Attestation) })
}

// asking puts enterprise attestation into each makeCredential.
type asking struct{ keyRig }

func (d asking) Send(ctx context.Context, request []byte) ([]byte, error) {
	parsed, err := ctap.ParseRequest(request)
	d.must(err)
	if r, ok := parsed.(ctap.MakeCredentialRequest); ok {
		r.Enterprise = 2
		request = message(ctap.CmdMakeCredential, r)
	}
	return d.device().Send(ctx, request)
}

func TestASiteAcceptsEnterpriseAttestation(t *testing.T) {
	t.Parallel()
	attestation, _, err := authtest.NewAttestation(authenticator.AAGUIDComputer)
	if err != nil {
		t.Fatal(err)
	}
	r := uvKey(t, func(c *authenticator.Config) {
		c.Enterprise = &authenticator.Enterprise{Signer: attestation.Signer, Chain: attestation.Chain}
	})
	token, err := r.uvToken(ctap.PermitConfig, "")
	r.must(err)
	r.must(r.configure(&token, ctap.ConfigEnterprise, nil))
	// Also for whoever would rather have none: it was asked for.
	for _, formats := range [][]string{nil, {"none"}} {
		if got := newSite(t).register(asking{r}, formats...); got.AttestationType != "basic_full" {
			t.Errorf("%v: %s by %s", formats, got.AttestationFormat, got.AttestationType)
		}
	}
}
