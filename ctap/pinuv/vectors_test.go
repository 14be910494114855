package pinuv

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"cardea/internal/secret"
)

func readVectors[T any](t *testing.T, name string) []T {
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

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type pinVector struct {
	Protocol             Protocol
	Step                 string
	PlatformPrivate      string `json:"platform_private"`
	PlatformPublicX      string `json:"platform_public_x"`
	PlatformPublicY      string `json:"platform_public_y"`
	AuthenticatorPublicX string `json:"authenticator_public_x"`
	AuthenticatorPublicY string `json:"authenticator_public_y"`
	SharedSecret         string `json:"shared_secret"`
	Z                    string
	Pin                  string
	OldPin               string `json:"old_pin"`
	NewPin               string `json:"new_pin"`
	PinHashEnc           string `json:"pin_hash_enc"`
	PinTokenEnc          string `json:"pin_token_enc"`
	PinToken             string `json:"pin_token"`
	NewPinEnc            string `json:"new_pin_enc"`
	PinUvAuthParam       string `json:"pin_uv_auth_param"`
	Token                string
	Message              string
	Signature            string
	MustFail             []struct{ Message, Signature string } `json:"must_fail"`
}

func TestPINVectors(t *testing.T) {
	t.Parallel()
	checks := map[string]func(*testing.T, pinVector){
		"ECDH shared secret":              checkAgreement,
		"getPinToken":                     checkGetToken,
		"setPIN":                          checkSetPIN,
		"changePIN":                       checkChangePIN,
		"kdf":                             checkKDF,
		"authenticate with shared secret": checkSharedTag,
		"verify with pinUvAuthToken":      checkTokenTag,
	}
	seen := map[string]bool{}
	for _, v := range readVectors[pinVector](t, "pin_protocol.json") {
		check := checks[v.Step]
		if check == nil {
			t.Fatalf("no check for step %q", v.Step)
		}
		seen[v.Step] = true
		t.Run(v.Step, func(t *testing.T) { check(t, v) })
	}
	if len(seen) != len(checks) {
		t.Errorf("steps seen: %v, want all %d", seen, len(checks))
	}
}

func privateKey(t *testing.T, s string) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.P256().NewPrivateKey(unhex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicKey(t *testing.T, x, y string) *ecdh.PublicKey {
	t.Helper()
	k, err := ecdh.P256().NewPublicKey(unhex(t, "04"+x+y))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func wantHex(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if hex.EncodeToString(got) != want {
		t.Errorf("%s = %x, want %s", what, got, want)
	}
}

// sharedOf is the Shared that a vector gives by its bytes.
func sharedOf(t *testing.T, v pinVector) Shared {
	t.Helper()
	return Shared{v.Protocol, secret.New(unhex(t, v.SharedSecret))}
}

func checkAgreement(t *testing.T, v pinVector) {
	ours := privateKey(t, v.PlatformPrivate)
	if !ours.PublicKey().Equal(publicKey(t, v.PlatformPublicX, v.PlatformPublicY)) {
		t.Error("public key does not belong to the private one")
	}
	s, err := agree(v.Protocol, ours, publicKey(t, v.AuthenticatorPublicX, v.AuthenticatorPublicY))
	if err != nil {
		t.Fatal(err)
	}
	wantHex(t, "shared secret", s.key.Expose(), v.SharedSecret)
}

func encrypted(t *testing.T, s Shared, plain []byte) []byte {
	t.Helper()
	b, err := s.Encrypt(plain)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkGetToken(t *testing.T, v pinVector) {
	s := sharedOf(t, v)
	wantHex(t, "pinHashEnc", encrypted(t, s, HashPIN(v.Pin)), v.PinHashEnc)
	token, err := s.Decrypt(unhex(t, v.PinTokenEnc))
	if err != nil {
		t.Fatal(err)
	}
	wantHex(t, "pinUvAuthToken", token, v.PinToken)
	if _, err := TokenOf(v.Protocol, secret.New(token)); err != nil {
		t.Error(err) // of 16 bytes, as protocol one may
	}
}

func checkSetPIN(t *testing.T, v pinVector) {
	s := sharedOf(t, v)
	padded, err := PadPIN(v.NewPin, 0)
	if err != nil {
		t.Fatal(err)
	}
	enc := encrypted(t, s, padded)
	wantHex(t, "newPinEnc", enc, v.NewPinEnc)
	wantHex(t, "pinUvAuthParam", s.Authenticate(enc), v.PinUvAuthParam)
	plain, err := s.Decrypt(enc)
	if err != nil {
		t.Fatal(err)
	}
	if pin, err := UnpadPIN(plain, 0); err != nil || pin != v.NewPin {
		t.Errorf("UnpadPIN = %q, %v, want %q", pin, err, v.NewPin)
	}
}

func checkChangePIN(t *testing.T, v pinVector) {
	s := sharedOf(t, v)
	padded, err := PadPIN(v.NewPin, 0)
	if err != nil {
		t.Fatal(err)
	}
	newEnc, hashEnc := encrypted(t, s, padded), encrypted(t, s, HashPIN(v.OldPin))
	wantHex(t, "newPinEnc", newEnc, v.NewPinEnc)
	wantHex(t, "pinHashEnc", hashEnc, v.PinHashEnc)
	wantHex(t, "pinUvAuthParam", s.Authenticate(append(newEnc, hashEnc...)), v.PinUvAuthParam)
}

func checkKDF(t *testing.T, v pinVector) {
	s, err := kdf(v.Protocol, unhex(t, v.Z))
	if err != nil {
		t.Fatal(err)
	}
	wantHex(t, "shared secret", s.key.Expose(), v.SharedSecret)
}

func checkSharedTag(t *testing.T, v pinVector) {
	s, err := kdf(v.Protocol, unhex(t, v.Z))
	if err != nil {
		t.Fatal(err)
	}
	checkTag(t, v, s)
}

func checkTokenTag(t *testing.T, v pinVector) {
	token, err := TokenOf(v.Protocol, secret.New(unhex(t, v.Token)))
	if err != nil {
		t.Fatal(err)
	}
	checkTag(t, v, token)
}

func checkTag(t *testing.T, v pinVector, key interface {
	Authenticate(message []byte) []byte
	Verify(message, tag []byte) bool
}) {
	t.Helper()
	message, tag := unhex(t, v.Message), unhex(t, v.Signature)
	wantHex(t, "tag", key.Authenticate(message), v.Signature)
	if !key.Verify(message, tag) {
		t.Error("the tag does not verify")
	}
	for _, bad := range v.MustFail {
		m, s := message, tag
		if bad.Message != "" {
			m = unhex(t, bad.Message)
		}
		if bad.Signature != "" {
			s = unhex(t, bad.Signature)
		}
		if key.Verify(m, s) {
			t.Errorf("Verify(%x, %x) = true, want false", m, s)
		}
	}
	for n := range tag {
		if key.Verify(message, tag[:n]) {
			t.Errorf("%d bytes of the tag verify", n)
		}
	}
}

type hmacVector struct {
	Protocol      Protocol `json:"pin_uv_auth_protocol"`
	PlatformKey   string   `json:"platform_key_agreement_private_key"`
	CredRandom    string   `json:"authenticator_cred_random"`
	X             string   `json:"authenticator_key_agreement_x"`
	Y             string   `json:"authenticator_key_agreement_y"`
	SharedSecret  string   `json:"shared_secret"`
	EvalFirst     string   `json:"prf_eval_first"`
	Salt1, Salt2  string
	SaltEnc       string `json:"salt_enc"`
	Output1       string
	Output2       string
	OutputEnc     string `json:"output_enc"`
	ResultsFirst  string `json:"prf_results_first"`
	ResultsSecond string `json:"prf_results_second"`
}

// The salts of hmac-secret travel encrypted with the shared secret; these are
// the only vectors of protocol two with ciphertext in them.
func TestHMACSecretVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[hmacVector](t, "hmac_secret.json") {
		s, err := agree(v.Protocol, privateKey(t, v.PlatformKey), publicKey(t, v.X, v.Y))
		if err != nil {
			t.Fatal(err)
		}
		wantHex(t, "shared secret", s.key.Expose(), v.SharedSecret)
		salt := sha256.Sum256(append([]byte("WebAuthn PRF\x00"), unhex(t, v.EvalFirst)...))
		wantHex(t, "salt1", salt[:], v.Salt1)
		for _, pair := range [][2]string{{v.SaltEnc, v.Salt1 + v.Salt2}, {v.OutputEnc, v.Output1 + v.Output2}} {
			sealed := unhex(t, pair[0])
			plain, err := s.Decrypt(sealed)
			if err != nil {
				t.Fatal(err)
			}
			wantHex(t, "plain", plain, pair[1])
			iv, rest := make([]byte, blockSize), sealed
			if v.Protocol == Two {
				iv, rest = sealed[:blockSize], sealed[blockSize:]
			}
			again, err := s.encrypt(iv, plain)
			if err != nil || !bytes.Equal(again, rest) {
				t.Errorf("encrypt = %x, %v, want %x", again, err, rest)
			}
		}
		mac := hmac.New(sha256.New, unhex(t, v.CredRandom))
		mac.Write(unhex(t, v.Salt1))
		wantHex(t, "output1", mac.Sum(nil), v.Output1)
		if v.ResultsFirst != v.Output1 || v.ResultsSecond != v.Output2 {
			t.Error("the results of prf are not the outputs")
		}
	}
}
