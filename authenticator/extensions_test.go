package authenticator_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

func exts(pairs map[string]any) map[string]cbor.Raw {
	out := map[string]cbor.Raw{}
	for name, v := range pairs {
		out[name] = cbor.MustEncode(v)
	}
	return out
}

// outputs decodes the signed extension outputs of authenticator data.
func outputs(t *testing.T, data []byte) map[string]any {
	t.Helper()
	d := authData(t, data)
	if len(d.Extensions) == 0 {
		return nil
	}
	var out map[string]any
	if err := cbor.Decode(d.Extensions, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSignedOutputsOfMaking(t *testing.T) {
	t.Parallel()
	long := make([]byte, 65)
	for _, tt := range []struct {
		name string
		rk   bool
		in   map[string]any
		want map[string]any
	}{
		{"nothing asked", true, nil, nil},
		{"credProtect 1", true, map[string]any{"credProtect": 1}, map[string]any{"credProtect": int64(1)}},
		{"credProtect 3", false, map[string]any{"credProtect": 3}, map[string]any{"credProtect": int64(3)}},
		{"hmac-secret", false, map[string]any{"hmac-secret": true}, map[string]any{"hmac-secret": true}},
		{"hmac-secret false", false, map[string]any{"hmac-secret": false}, nil},
		{"credBlob", true, map[string]any{"credBlob": []byte("x")}, map[string]any{"credBlob": true}},
		{"credBlob too long", true, map[string]any{"credBlob": long}, map[string]any{"credBlob": false}},
		{"credBlob of the longest", true, map[string]any{"credBlob": long[:64]}, map[string]any{"credBlob": true}},
		{"credBlob not discoverable", false, map[string]any{"credBlob": []byte("x")}, map[string]any{"credBlob": false}},
		{"minPinLength for a site not listed", true, map[string]any{"minPinLength": true, "pinComplexityPolicy": true}, nil},
		{"largeBlobKey is never signed", true, map[string]any{"largeBlobKey": true}, nil},
		{"thirdPartyPayment", true, map[string]any{"thirdPartyPayment": true}, nil},
		{"unknown", true, map[string]any{"future": 1, "prf": map[string]any{}}, nil},
	} {
		r := newKeyRig(t)
		made, err := r.make(func(m *ctap.MakeCredentialRequest) {
			m.Options = map[string]bool{"rk": tt.rk}
			m.Extensions = exts(tt.in)
		})
		r.must(err)
		if d := cmp.Diff(tt.want, outputs(t, made.AuthData)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
		if made.UnsignedExtension != nil {
			t.Errorf("%s: unsigned outputs %v", tt.name, made.UnsignedExtension)
		}
	}
}

func TestExtensionInputsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		rk   bool
		in   map[string]any
		want ctap.Status
	}{
		{"credProtect 0", true, map[string]any{"credProtect": 0}, ctap.InvalidOption},
		{"credProtect 4", true, map[string]any{"credProtect": 4}, ctap.InvalidOption},
		{"credProtect as text", true, map[string]any{"credProtect": "1"}, ctap.CBORUnexpectedType},
		{"hmac-secret 1", true, map[string]any{"hmac-secret": 1}, ctap.CBORUnexpectedType},
		{"credBlob true", true, map[string]any{"credBlob": true}, ctap.CBORUnexpectedType},
		{"credBlob a list", true, map[string]any{"credBlob": []int{1}}, ctap.CBORUnexpectedType},
		{"largeBlobKey false", true, map[string]any{"largeBlobKey": false}, ctap.InvalidOption},
		{"largeBlobKey without rk", false, map[string]any{"largeBlobKey": true}, ctap.InvalidOption},
		{"minPinLength as text", true, map[string]any{"minPinLength": "x"}, ctap.CBORUnexpectedType},
		{"hmac-secret-mc alone", true, map[string]any{"hmac-secret-mc": map[int]any{1: map[int]any{}, 2: []byte{1}, 3: []byte{1}}}, ctap.MissingParameter},
		{"hmac-secret-mc empty", true, map[string]any{"hmac-secret": true, "hmac-secret-mc": map[int]any{}}, ctap.MissingParameter},
	} {
		r := newKeyRig(t)
		_, err := r.make(func(m *ctap.MakeCredentialRequest) {
			m.Options = map[string]bool{"rk": tt.rk}
			m.Extensions = exts(tt.in)
		})
		if wantStatus(t, err, tt.want); t.Failed() {
			t.Fatal(tt.name)
		}
		if len(r.stored()) != 0 || len(r.person.Asked()) != 0 {
			t.Errorf("%s: kept, or asked", tt.name)
		}
	}
}

// One passkey of each level, and every way to ask.
func TestCredProtect(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	ids := map[int]webauthn.CredentialID{}
	for level := 1; level <= 3; level++ {
		made, err := r.makeWithPIN(func(m *ctap.MakeCredentialRequest) {
			m.User.ID, m.Extensions = []byte{byte(level)}, exts(map[string]any{"credProtect": level})
		})
		r.must(err)
		ids[level] = authData(t, made.AuthData).Attested.ID
	}
	verified, err := r.getWithPIN(nil)
	r.must(err)
	open, err := r.get(touched(nil))
	r.must(err)
	if verified.NumberOfCredentials != 3 || open.NumberOfCredentials != 0 || string(open.Credential.ID) != string(ids[1]) {
		t.Errorf("%d verified, %d unverified", verified.NumberOfCredentials, open.NumberOfCredentials)
	}
	for level, id := range ids {
		list := []ctap.CredentialDescriptor{descriptor(id)}
		_, err := r.get(touched(func(g *ctap.GetAssertionRequest) { g.AllowList = list }))
		if (err == nil) != (level < 3) {
			t.Errorf("level %d, named, unverified: %v", level, err)
		}
		_, err = r.getWithPIN(func(g *ctap.GetAssertionRequest) { g.AllowList = list })
		if err != nil {
			t.Errorf("level %d, named, verified: %v", level, err)
		}
		_, err = r.make(func(m *ctap.MakeCredentialRequest) { m.Options, m.ExcludeList = nil, list })
		if excluded := err != nil; excluded != (level < 3) {
			t.Errorf("level %d, excluded, unverified: %v", level, err)
		}
		_, err = r.makeWithPIN(func(m *ctap.MakeCredentialRequest) { m.ExcludeList = list })
		wantStatus(t, err, ctap.CredentialExcluded)
	}
}

// hmacInput is the client's half of hmac-secret.
func hmacInput(r keyRig, p pinuv.Protocol, salt []byte) (map[int]any, pinuv.Shared) {
	r.Helper()
	shared, key, err := pinuv.Agree(r.Context(), r.device(), p)
	r.must(err)
	sealed, err := shared.Encrypt(salt)
	r.must(err)
	in := map[int]any{1: key, 2: sealed, 3: shared.Authenticate(sealed)}
	if p == pinuv.Two {
		in[4] = 2 // protocol one is what an absent member means
	}
	return in, shared
}

func TestHMACSecret(t *testing.T) {
	t.Parallel()
	one := bytes.Repeat([]byte{1}, 32)
	two := append(bytes.Clone(one), bytes.Repeat([]byte{2}, 32)...)
	for _, p := range []pinuv.Protocol{pinuv.One, pinuv.Two} {
		r := withPIN(t)
		in, shared := hmacInput(r, p, one)
		made, err := r.makeWithPIN(func(m *ctap.MakeCredentialRequest) {
			m.Extensions = exts(map[string]any{"hmac-secret": true, "hmac-secret-mc": in})
		})
		r.must(err)
		secrets := r.stored()[0].HMACSecrets.Expose()
		want := func(verified bool, salt []byte) (out []byte) {
			key := secrets[32:]
			if verified {
				key = secrets[:32]
			}
			for ; len(salt) != 0; salt = salt[32:] {
				m := hmac.New(sha256.New, key)
				m.Write(salt[:32])
				out = m.Sum(out)
			}
			return out
		}
		atMaking, err := shared.Decrypt(outputs(t, made.AuthData)["hmac-secret-mc"].([]byte))
		r.must(err)
		if !bytes.Equal(atMaking, want(true, one)) {
			t.Error("hmac-secret-mc gave another secret")
		}
		for _, verified := range []bool{true, false} {
			for _, salt := range [][]byte{one, two} {
				in, shared := hmacInput(r, p, salt)
				ask := func(g *ctap.GetAssertionRequest) { g.Extensions = exts(map[string]any{"hmac-secret": in}) }
				get := r.getWithPIN
				if !verified {
					get = func(c func(*ctap.GetAssertionRequest)) (ctap.GetAssertionResponse, error) { return r.get(touched(c)) }
				}
				got, err := get(ask)
				r.must(err)
				out, err := shared.Decrypt(outputs(t, got.AuthData)["hmac-secret"].([]byte))
				r.must(err)
				if !bytes.Equal(out, want(verified, salt)) {
					t.Errorf("protocol %d, verified %v, %d bytes of salt: another secret", p, verified, len(salt))
				}
			}
		}
		if bytes.Equal(want(true, one), want(false, one)) {
			t.Error("one secret for both")
		}
	}
}

func TestHMACSecretRefusals(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	_, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Options = map[string]bool{"rk": true} })
	r.must(err)
	good, _ := hmacInput(r, pinuv.Two, make([]byte, 32))
	odd, _ := hmacInput(r, pinuv.Two, make([]byte, 48))
	with := func(key int, v any) map[int]any {
		m := map[int]any{1: good[1], 2: good[2], 3: good[3], 4: good[4]}
		m[key] = v
		return m
	}
	for _, tt := range []struct {
		name string
		in   any
		up   bool
		want ctap.Status
	}{
		{"wrong tag", with(3, make([]byte, 32)), true, ctap.PINAuthInvalid},
		{"salt of 48 bytes", odd, true, ctap.InvalidLength},
		{"protocol 3", with(4, 3), true, ctap.InvalidParameter},
		{"no key", map[int]any{2: good[2], 3: good[3]}, true, ctap.MissingParameter},
		{"without a touch", good, false, ctap.UnsupportedOption},
		{"true", true, true, ctap.CBORUnexpectedType},
	} {
		_, err := r.get(touched(func(g *ctap.GetAssertionRequest) {
			g.Options, g.Extensions = map[string]bool{"up": tt.up}, exts(map[string]any{"hmac-secret": tt.in})
		}))
		if wantStatus(t, err, tt.want); t.Failed() {
			t.Fatal(tt.name)
		}
	}
}

// CTAP §12.5: a passkey has its secrets also where they were not asked for when
// it was made; libfido2's own test wants it so. What is older, or was made by
// U2F, has none, and the rest of the answer is as ever.
func TestHMACSecretOfAPasskeyMadeWithoutIt(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	made, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Options = map[string]bool{"rk": true} })
	r.must(err)
	if out := outputs(t, made.AuthData); out != nil {
		t.Errorf("made: %v, want no outputs", out)
	}
	get := func() map[string]any {
		in, _ := hmacInput(r, pinuv.Two, make([]byte, 32))
		got, err := r.get(touched(func(g *ctap.GetAssertionRequest) { g.Extensions = exts(map[string]any{"hmac-secret": in}) }))
		r.must(err)
		return outputs(t, got.AuthData)
	}
	if out, _ := get()["hmac-secret"].([]byte); len(out) != 48 {
		t.Errorf("output of %d bytes, want 48", len(out))
	}
	p := r.stored()[0]
	p.HMACSecrets = secret.Key{}
	r.must(r.vault.Save(t.Context(), p))
	if out := get(); out != nil {
		t.Errorf("a passkey that has no secret gave %v", out)
	}
}

// A disk that a touch opened opens again after the vault was locked.
func TestHMACSecretAfterUnlocking(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	_, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Options = map[string]bool{"rk": true} })
	r.must(err)
	get := func() []byte {
		in, shared := hmacInput(r, pinuv.Two, make([]byte, 32))
		got, err := r.get(touched(func(g *ctap.GetAssertionRequest) { g.Extensions = exts(map[string]any{"hmac-secret": in}) }))
		r.must(err)
		if authData(t, got.AuthData).Flags.Has(webauthn.FlagUserVerified) {
			t.Error("verified, which nobody asked for")
		}
		secret, _ := outputs(t, got.AuthData)["hmac-secret"].([]byte)
		out, err := shared.Decrypt(secret)
		r.must(err)
		return out
	}
	before := get()
	r.vault.Lock()
	r.person.Script(authtest.UnlockWith(1, func(int) error { r.vault.Unlock(); return nil }), authtest.Tap)
	if !bytes.Equal(get(), before) {
		t.Error("another secret")
	}
}

// The secret that came with the passkey comes again, though the vault was locked
// the first time.
func TestHMACSecretAtMakingInALockedVault(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	in, shared := hmacInput(r, pinuv.Two, make([]byte, 32))
	r.vault.Lock()
	r.person.Script(authtest.UnlockWith(1, func(int) error { r.vault.Unlock(); return nil }), authtest.Tap)
	made, err := r.make(func(m *ctap.MakeCredentialRequest) {
		m.Options, m.Extensions = map[string]bool{"rk": true}, exts(map[string]any{"hmac-secret": true, "hmac-secret-mc": in})
	})
	r.must(err)
	if authData(t, made.AuthData).Flags.Has(webauthn.FlagUserVerified) {
		t.Error("verified, which nobody asked for")
	}
	got, err := shared.Decrypt(outputs(t, made.AuthData)["hmac-secret-mc"].([]byte))
	r.must(err)
	m := hmac.New(sha256.New, r.stored()[0].HMACSecrets.Expose()[32:])
	m.Write(make([]byte, 32))
	if !bytes.Equal(got, m.Sum(nil)) {
		t.Error("the secret of a verified person")
	}
}

func TestWhatAPasskeyCarries(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	made, err := r.make(func(m *ctap.MakeCredentialRequest) {
		m.Options = map[string]bool{"rk": true}
		m.Extensions = exts(map[string]any{"credBlob": []byte("blob"), "largeBlobKey": true, "thirdPartyPayment": true})
	})
	r.must(err)
	if len(made.LargeBlobKey) != 32 {
		t.Fatalf("large blob key of %d bytes", len(made.LargeBlobKey))
	}
	ask := exts(map[string]any{"credBlob": true, "largeBlobKey": true, "thirdPartyPayment": true})
	got, err := r.get(touched(func(g *ctap.GetAssertionRequest) { g.Extensions = ask }))
	r.must(err)
	want := map[string]any{"credBlob": []byte("blob"), "thirdPartyPayment": true}
	if d := cmp.Diff(want, outputs(t, got.AuthData)); d != "" || !bytes.Equal(got.LargeBlobKey, made.LargeBlobKey) {
		t.Errorf("%s; large blob key %x", d, got.LargeBlobKey)
	}
	got, err = r.get(touched(nil))
	r.must(err)
	if got.LargeBlobKey != nil || outputs(t, got.AuthData) != nil {
		t.Error("told without being asked")
	}
	_, err = r.get(touched(func(g *ctap.GetAssertionRequest) { g.Extensions = exts(map[string]any{"largeBlobKey": false}) }))
	wantStatus(t, err, ctap.InvalidOption)
	for _, p := range r.person.Asked() {
		for _, k := range p.Passkeys {
			if k.CredBlob.Len()+k.HMACSecrets.Len()+k.LargeBlobKey.Len() != 0 {
				t.Error("the prompt has secrets in it")
			}
		}
	}
	// Of one that carries nothing, the blob is empty and there is no key.
	_, err = r.make(func(m *ctap.MakeCredentialRequest) { m.Options = map[string]bool{"rk": true} })
	r.must(err)
	got, err = r.get(touched(func(g *ctap.GetAssertionRequest) { g.Extensions = ask }))
	r.must(err)
	want = map[string]any{"credBlob": []byte{}, "thirdPartyPayment": false}
	if d := cmp.Diff(want, outputs(t, got.AuthData)); d != "" || got.LargeBlobKey != nil {
		t.Errorf("%s; large blob key %x", d, got.LargeBlobKey)
	}
}

type prfResult struct {
	Enabled bool `cbor:"enabled,omitempty"`
	Results *struct {
		First  []byte `cbor:"first"`
		Second []byte `cbor:"second,omitempty"`
	} `cbor:"results,omitempty"`
}

func prfOf(t *testing.T, unsigned map[string]cbor.Raw) (out prfResult) {
	t.Helper()
	if err := cbor.Decode(unsigned["prf"], &out); err != nil {
		t.Fatalf("%v in %v", err, unsigned)
	}
	return out
}

func TestPRFOfAPhone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first, second := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	made, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Extensions = exts(map[string]any{"prf": map[string]any{}}) })
	if err != nil {
		t.Fatal(err)
	}
	if out := prfOf(t, made.UnsignedExtension); !out.Enabled || out.Results != nil {
		t.Errorf("made: %+v", out)
	}
	if outputs(t, made.AuthData) != nil {
		t.Error("signed outputs, want unsigned ones")
	}
	get := func(in any) ctap.GetAssertionResponse {
		t.Helper()
		got, err := r.get(func(g *ctap.GetAssertionRequest) { g.Extensions = exts(map[string]any{"prf": in}) })
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	both := prfOf(t, get(map[string]any{"eval": map[string]any{"first": first, "second": second}}).UnsignedExtension)
	m := hmac.New(sha256.New, r.stored()[0].HMACSecrets.Expose()[:32])
	m.Write(first)
	if !bytes.Equal(both.Results.First, m.Sum(nil)) || len(both.Results.Second) != 32 || both.Enabled {
		t.Errorf("results %+v", both.Results)
	}
	r.made("ben", true) // without prf
	if out := prfOf(t, get(map[string]any{"eval": map[string]any{"first": first}}).UnsignedExtension); out.Results == nil || len(out.Results.First) != 32 {
		t.Errorf("a passkey made without prf: %+v", out)
	}
	for _, tt := range []struct {
		in   any
		want ctap.Status
	}{
		{true, ctap.CBORUnexpectedType},
		{map[string]any{"eval": map[string]any{"first": first[1:]}}, ctap.InvalidLength},
		{map[string]any{"eval": map[string]any{"first": first, "second": []byte{}}}, ctap.InvalidLength},
		{map[string]any{"eval": map[string]any{}}, ctap.MissingParameter},
		{map[string]any{"eval": 1}, ctap.CBORUnexpectedType},
	} {
		_, err := r.get(func(g *ctap.GetAssertionRequest) { g.Extensions = exts(map[string]any{"prf": tt.in}) })
		if wantStatus(t, err, tt.want); t.Failed() {
			t.Fatalf("%v", tt.in)
		}
	}
	if kinds := r.person.Kinds(); kinds[0] != authenticator.MakePasskey {
		t.Errorf("asked %v", kinds)
	}
}

// A phone has one PRF: who asks for it is verified, wanted or not.
func TestPRFIsThatOfAVerifiedPerson(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made("ana", true)
	got, err := r.get(func(g *ctap.GetAssertionRequest) {
		g.Options = nil
		g.Extensions = exts(map[string]any{"prf": map[string]any{"eval": map[string]any{"first": make([]byte, 32)}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha256.New, r.stored()[0].HMACSecrets.Expose()[:32])
	m.Write(make([]byte, 32))
	if out := prfOf(t, got.UnsignedExtension); out.Results == nil || !bytes.Equal(out.Results.First, m.Sum(nil)) {
		t.Errorf("results %+v", out.Results)
	}
	if !authData(t, got.AuthData).Flags.Has(webauthn.FlagUserVerified) {
		t.Error("nobody was verified")
	}
}

func TestPRFWhileMaking(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := bytes.Repeat([]byte{1}, 32)
	made, err := r.make(func(m *ctap.MakeCredentialRequest) {
		m.Extensions = exts(map[string]any{"prf": map[string]any{"eval": map[string]any{"first": first}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha256.New, r.stored()[0].HMACSecrets.Expose()[:32])
	m.Write(first)
	if out := prfOf(t, made.UnsignedExtension); out.Results == nil || !bytes.Equal(out.Results.First, m.Sum(nil)) {
		t.Errorf("results %+v", out)
	}
}

// The published vectors of WebAuthn (#test-vectors-extensions-prf-ctap): a
// credential's random, one or two salts, and what comes of them.
func TestPublishedHMACSecrets(t *testing.T) {
	t.Parallel()
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const (
		credRandom = "437e065e723a98b2f08f39d8baf7c53ecb3c363c5e5104bdaaf5d5ca2e028154"
		salt1      = "527413ebb48293772df30f031c5ac4650c7de14bf9498671ae163447b6a772b3"
		salt2      = "d68ac03329a10ee5e0ec834492bb9a96a0e547baf563bf78ccbe8789b22e776b"
		output1    = "3c33e07d202c3b029cc21f1722767021bf27d595933b3d2b6a1b9d5dddc77fae"
		output2    = "a62a8773b19cda90d7ed4ef72a80a804320dbd3997e2f663805ad1fd3293d50b"
	)
	r := withPIN(t)
	_, err := r.makeWithPIN(func(m *ctap.MakeCredentialRequest) { m.Extensions = exts(map[string]any{"hmac-secret": true}) })
	r.must(err)
	p := r.stored()[0]
	p.HMACSecrets = secret.New(append(unhex(credRandom), make([]byte, 32)...))
	r.must(r.vault.Save(t.Context(), p))
	for salt, want := range map[string]string{salt1: output1, salt1 + salt2: output1 + output2} {
		in, shared := hmacInput(r, pinuv.Two, unhex(salt))
		got, err := r.getWithPIN(func(g *ctap.GetAssertionRequest) { g.Extensions = exts(map[string]any{"hmac-secret": in}) })
		r.must(err)
		out, err := shared.Decrypt(outputs(t, got.AuthData)["hmac-secret"].([]byte))
		r.must(err)
		if hex.EncodeToString(out) != want {
			t.Errorf("%x, want %s", out, want)
		}
	}
}
