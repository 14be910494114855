package webauthn_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

// The vectors of WebAuthn §16: one registration and one authentication for each
// credential.
type l3Vector struct {
	Name           string
	Registration   map[string]string
	Authentication map[string]string
}

const l3Origin, l3TopOrigin, l3RPID = "https://example.org", "https://example.com", "example.org"

func readVectors[T any](t testing.TB, name string) []T {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []T }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors in " + name)
	}
	return file.Vectors
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func l3(t testing.TB) []l3Vector { return readVectors[l3Vector](t, "webauthn_l3_vectors.json") }

func TestClientDataOfTheText(t *testing.T) {
	t.Parallel()
	built := 0
	for _, v := range l3(t) {
		for typ, half := range map[string]map[string]string{
			webauthn.TypeCreate: v.Registration, webauthn.TypeGet: v.Authentication,
		} {
			want := string(unhex(t, half["clientDataJSON"]))
			c := webauthn.ClientData{Type: typ, Challenge: unhex(t, half["challenge"]), Origin: l3Origin}
			c.CrossOrigin = strings.Contains(want, `"crossOrigin":true`)
			if strings.Contains(want, `"topOrigin"`) {
				c.TopOrigin = l3TopOrigin
			}
			got := string(c.JSON())
			if extra := half["extraData_random"]; extra != "" {
				// Clients may add members after ours (§5.8.1).
				got = strings.TrimSuffix(got, "}") + `,"extraData":"clientDataJSON may be extended with ` +
					`additional fields in the future, such as this: ` + webauthn.Bytes(unhex(t, extra)).String() + `"}`
			}
			if got != want {
				t.Errorf("%s, %s:\n got %s\nwant %s", v.Name, typ, got, want)
			}
			built++
		}
	}
	if built != 30 {
		t.Errorf("%d client data built, want 30", built)
	}
}

func TestAuthenticatorDataOfTheText(t *testing.T) {
	t.Parallel()
	for _, v := range l3(t) {
		o, err := webauthn.ParseAttestationObject(unhex(t, v.Registration["attestationObject"]))
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		d, err := webauthn.ParseAuthenticatorData(o.AuthData)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if d.RPIDHash != sha256.Sum256([]byte(l3RPID)) || d.SignCount != 0 || len(d.Extensions) != 0 {
			t.Errorf("%s: header %+v", v.Name, d)
		}
		if want := unhex(t, v.Registration["aaguid"]); !bytes.Equal(d.Attested.AAGUID[:], want) {
			t.Errorf("%s: AAGUID %v, want %x", v.Name, d.Attested.AAGUID, want)
		}
		if want := unhex(t, v.Registration["credential_id"]); !bytes.Equal(d.Attested.ID, want) {
			t.Errorf("%s: credential ID %x, want %x", v.Name, d.Attested.ID, want)
		}
		if got := d.Encode(); !bytes.Equal(got, o.AuthData) {
			t.Errorf("%s: Encode(Parse(x)) = %x, want %x", v.Name, got, o.AuthData)
		}
		if got := o.Encode(); !bytes.Equal(got, unhex(t, v.Registration["attestationObject"])) {
			t.Errorf("%s: attestation object comes back as %x", v.Name, got)
		}
		a, err := webauthn.ParseAuthenticatorData(unhex(t, v.Authentication["authenticatorData"]))
		if err != nil || a.Attested != nil {
			t.Errorf("%s: authentication: %+v, %v", v.Name, a, err)
		}
	}
}

// The vectors with a known private key are built from nothing but their inputs.
func TestES256VectorsAreRebuilt(t *testing.T) {
	t.Parallel()
	rebuilt := 0
	for _, v := range l3(t) {
		key, ok := privateKey(t, v)
		if !ok {
			continue
		}
		public, err := webauthn.EncodePublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		object := unhex(t, v.Registration["attestationObject"])
		given, _ := webauthn.ParseAttestationObject(object)
		authData := webauthn.AuthenticatorData{
			RPIDHash: sha256.Sum256([]byte(l3RPID)), Flags: webauthn.Flags(given.AuthData[32]),
			Attested: &webauthn.AttestedCredential{
				AAGUID: webauthn.AAGUID(unhex(t, v.Registration["aaguid"])),
				ID:     unhex(t, v.Registration["credential_id"]), PublicKey: public,
			},
		}.Encode()
		o := webauthn.AttestationObject{Format: "none", Statement: cbor.Raw{0xa0}, AuthData: authData}
		switch given.Format {
		case "none":
		case "packed":
			if bytes.Contains(given.Statement, []byte("x5c")) {
				o.Format, o.Statement = given.Format, given.Statement // somebody else's signature
				break
			}
			o.Format, o.Statement = "packed", cbor.MustEncode(map[string]any{
				"alg": webauthn.ES256, "sig": signDeterministic(t, key, authData, unhex(t, v.Registration["clientDataJSON"])),
			})
		default:
			o.Format, o.Statement = given.Format, given.Statement
		}
		if got := o.Encode(); !bytes.Equal(got, object) {
			t.Errorf("%s:\n got %x\nwant %x", v.Name, got, object)
		}
		assertion := unhex(t, v.Authentication["authenticatorData"])
		wantData := webauthn.AuthenticatorData{
			RPIDHash: sha256.Sum256([]byte(l3RPID)), Flags: webauthn.Flags(assertion[32]),
		}.Encode()
		if !bytes.Equal(wantData, assertion) {
			t.Errorf("%s: authenticator data %x, want %x", v.Name, wantData, assertion)
		}
		got := signDeterministic(t, key, assertion, unhex(t, v.Authentication["clientDataJSON"]))
		if want := unhex(t, v.Authentication["signature"]); !bytes.Equal(got, want) {
			t.Errorf("%s: signature %x, want %x", v.Name, got, want)
		}
		parsed, err := webauthn.ParsePublicKey(public)
		if err != nil || !parsed.Equal(&key.PublicKey) {
			t.Errorf("%s: public key comes back as %v, %v", v.Name, parsed, err)
		}
		rebuilt++
	}
	if rebuilt < 9 {
		t.Errorf("%d vectors rebuilt, want all with a P-256 key", rebuilt)
	}
}

func privateKey(t *testing.T, v l3Vector) (*ecdsa.PrivateKey, bool) {
	t.Helper()
	given, ok := v.Registration["credential_private_key"]
	if !ok || len(given) != 64 || !strings.Contains(v.Name, "ES256") {
		return nil, false
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), unhex(t, given))
	if err != nil {
		t.Fatal(err)
	}
	return key, true
}

// signDeterministic signs as RFC 6979 says, which is what no randomness means.
func signDeterministic(t *testing.T, key *ecdsa.PrivateKey, authData, clientData []byte) []byte {
	t.Helper()
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(append(bytes.Clone(authData), hash[:]...))
	sig, err := key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func TestLibfido2AuthenticatorData(t *testing.T) {
	t.Parallel()
	vectors := readVectors[map[string]string](t, "libfido2_regress.json")
	credential, assertion := vectors[0], vectors[1]
	bytesOf := func(s string) []byte {
		var b []byte
		if err := cbor.Decode(unhex(t, s), &b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, good := range []string{"authdata", "authdata_tpm_rs256", "authdata_tpm_es256"} {
		if _, err := webauthn.ParseAuthenticatorData(bytesOf(credential[good])); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"authdata_dupkeys", "authdata_unsorted_keys"} {
		if d, err := webauthn.ParseAuthenticatorData(bytesOf(credential[bad])); err == nil {
			t.Errorf("%s: %+v, want an error", bad, d)
		}
	}
	d, err := webauthn.ParseAuthenticatorData(bytesOf(credential["authdata"]))
	if err != nil {
		t.Fatal(err)
	}
	pub, err := webauthn.ParsePublicKey(d.Attested.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if point, _ := pub.Bytes(); hex.EncodeToString(point[1:]) != credential["pubkey"] {
		t.Errorf("public key %x, want %s", point[1:], credential["pubkey"])
	}
	if d.SignCount != 4 || hex.EncodeToString(d.Attested.ID) != credential["id"] {
		t.Errorf("count %d, ID %v", d.SignCount, d.Attested.ID)
	}
	signer, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, unhex(t, assertion["es256_pk"])...))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(append(bytesOf(assertion["authdata"]), unhex(t, assertion["cdh"])...))
	if !ecdsa.VerifyASN1(signer, digest[:], unhex(t, assertion["sig"])) {
		t.Error("the assertion does not verify")
	}
}

func TestPublicKeysOfOthers(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[struct {
		Alg           int64
		Cose          string
		SignedMessage string `json:"signed_message"`
		Signature     string
	}](t, "cose_keys.json") {
		if v.Cose == "" {
			continue // derived ones
		}
		raw := cbor.Raw(unhex(t, v.Cose))
		alg, err := webauthn.Algorithm(raw)
		if err != nil || int64(alg) != v.Alg {
			t.Errorf("Algorithm(%s) = %d, %v, want %d", v.Cose, alg, err, v.Alg)
		}
		pub, err := webauthn.ParsePublicKey(raw)
		if alg != webauthn.ES256 {
			if err == nil {
				t.Errorf("ParsePublicKey took a key of algorithm %d", alg)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(unhex(t, v.SignedMessage))
		if !ecdsa.VerifyASN1(pub, digest[:], unhex(t, v.Signature)) {
			t.Error("signature does not verify")
		}
		again, err := webauthn.EncodePublicKey(pub)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("EncodePublicKey = %x, %v, want %x", again, err, raw)
		}
	}
}
