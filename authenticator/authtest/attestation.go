package authtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"cardea/authenticator"
	"cardea/webauthn"
)

// aaguidExtension is id-fido-gen-ce-aaguid (WebAuthn §8.2.1).
var aaguidExtension = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}

// NewAttestation makes an attestation that nobody knows, for authenticators of
// a model: a key, its certificate as WebAuthn §8.2.1 wants it, and the root that
// signed it, for sites that are to trust it. The root's key is thrown away.
func NewAttestation(aaguid webauthn.AAGUID) (a *authenticator.Attestation, root *x509.Certificate, err error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	authority := certificate(1, "Cardea Test Root")
	authority.IsCA, authority.KeyUsage = true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, rootKey.Public(), rootKey)
	if err != nil {
		return nil, nil, fmt.Errorf("making a root: %w", err)
	}
	if root, err = x509.ParseCertificate(der); err != nil {
		return nil, nil, err
	}
	wrapped, err := asn1.Marshal(aaguid[:])
	if err != nil {
		return nil, nil, err
	}
	leaf := certificate(2, "Cardea Test Attestation")
	leaf.ExtraExtensions = []pkix.Extension{{Id: aaguidExtension, Value: wrapped}}
	if der, err = x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), rootKey); err != nil {
		return nil, nil, fmt.Errorf("making a certificate: %w", err)
	}
	return &authenticator.Attestation{Signer: key, Chain: [][]byte{der}}, root, nil
}

func certificate(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject: pkix.Name{
			Country: []string{"SE"}, Organization: []string{"Cardea"},
			OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: name,
		},
		NotBefore:             time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2076, 1, 1, 0, 0, 0, 0, time.UTC),
		BasicConstraintsValid: true, // says whether it is a CA
	}
}
