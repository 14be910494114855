package authenticator_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/internal/cbor"
)

// byCredential is prf as Chromium sends it through a hybrid tunnel: IDs as byte
// strings, five levels in all.
func byCredential(eval []byte, by map[cbor.ByteString]any) map[string]cbor.Raw {
	prf := map[string]any{"evalByCredential": by}
	if eval != nil {
		prf["eval"] = map[string]any{"first": eval}
	}
	return exts(map[string]any{"prf": prf})
}

func TestPRFByCredential(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := map[string][]byte{}
	for _, user := range []string{"ana", "ben"} {
		made, err := r.make(func(m *ctap.MakeCredentialRequest) {
			m.User.ID, m.Extensions = []byte(user), exts(map[string]any{"prf": map[string]any{}})
		})
		if err != nil {
			t.Fatal(err)
		}
		id[user] = authData(t, made.AuthData).Attested.ID
	}
	common, special := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	by := map[cbor.ByteString]any{
		cbor.ByteString(id["ana"]):   map[string]any{"first": special, "second": common},
		cbor.ByteString("another's"): map[string]any{"first": common},
	}
	for _, tt := range []struct {
		user       string
		eval, want []byte
	}{
		{"ana", common, special}, {"ana", nil, special}, {"ben", common, common}, {"ben", nil, nil},
	} {
		got, err := r.get(func(g *ctap.GetAssertionRequest) {
			g.AllowList, g.Extensions = []ctap.CredentialDescriptor{descriptor(id[tt.user])}, byCredential(tt.eval, by)
		})
		if err != nil {
			t.Fatal(err)
		}
		if tt.want == nil {
			if got.UnsignedExtension != nil {
				t.Errorf("%s: %v, want no results", tt.user, got.UnsignedExtension)
			}
			continue
		}
		p, err := r.vault.Find(t.Context(), id[tt.user])
		if err != nil {
			t.Fatal(err)
		}
		m := hmac.New(sha256.New, p.HMACSecrets.Expose()[:32])
		m.Write(tt.want)
		out := prfOf(t, got.UnsignedExtension)
		if out.Results == nil || !bytes.Equal(out.Results.First, m.Sum(nil)) || (len(out.Results.Second) != 0) != (tt.user == "ana") {
			t.Errorf("%s: %+v", tt.user, out.Results)
		}
	}
}

func TestPRFByCredentialThatIsWrong(t *testing.T) {
	t.Parallel()
	short := map[cbor.ByteString]any{"x": map[string]any{"first": []byte{1}}}
	for name, tt := range map[string]struct {
		by   any
		want ctap.Status
	}{
		"short input":  {short, ctap.InvalidLength},
		"no input":     {map[cbor.ByteString]any{"x": map[string]any{}}, ctap.MissingParameter},
		"text as ID":   {map[string]any{"x": map[string]any{"first": make([]byte, 32)}}, ctap.CBORUnexpectedType},
		"not a map":    {1, ctap.CBORUnexpectedType},
		"a level more": {map[cbor.ByteString]any{"x": map[string]any{"first": []any{1}}}, ctap.InvalidCBOR},
	} {
		a, _, _ := authtest.New()
		request := getRequest()
		request.Extensions = exts(map[string]any{"prf": map[string]any{"evalByCredential": tt.by}})
		_, err := ctap.GetAssertion(t.Context(), a.Device(authtest.Local), request)
		if wantStatus(t, err, tt.want); t.Failed() {
			t.Fatal(name)
		}
	}
}
