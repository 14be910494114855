package ceremony

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"cardea/internal/secret"
)

func testSealer(t testing.TB) *sealer {
	t.Helper()
	s, err := newSealer(secret.Random(32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var testState = state{Browser: bindingHash("b"), Expires: time.Unix(1_790_000_000, 0).UTC(), Library: []byte(`{"challenge":"x"}`)}

func TestEveryBitOfASealedTextCounts(t *testing.T) {
	t.Parallel()
	s := testSealer(t)
	text, err := s.seal(signIn, testState)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] ^= 1
		if _, err := s.open(signIn, base64.RawURLEncoding.EncodeToString(raw)); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
		raw[i] ^= 1
	}
	for n := range text {
		if _, err := s.open(signIn, text[:n]); err == nil {
			t.Errorf("opened the first %d of %d characters", n, len(text))
		}
	}
	for _, k := range []kind{register, setUp, ""} {
		if _, err := s.open(k, text); err == nil {
			t.Errorf("opened as %q", k)
		}
	}
	if _, err := testSealer(t).open(signIn, text); err == nil {
		t.Error("opened with another key")
	}
	got, err := s.open(signIn, text)
	if err != nil || !bytes.Equal(got.Library, testState.Library) || !got.Expires.Equal(testState.Expires) {
		t.Errorf("open() = %+v, %v", got, err)
	}
}

func TestSealedTextShowsNothing(t *testing.T) {
	t.Parallel()
	s := testSealer(t)
	a, err := s.seal(signIn, testState)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.seal(signIn, testState)
	if err != nil {
		t.Fatal(err)
	}
	if a == b {
		t.Error("the same state is sealed to the same text twice")
	}
	if raw, _ := base64.RawURLEncoding.DecodeString(a); bytes.Contains(raw, []byte("challenge")) {
		t.Error("sealed text can be read")
	}
}

func TestStateThatDoesNotFitACookieIsAnError(t *testing.T) {
	t.Parallel()
	st := testState
	st.Library = []byte(`"` + strings.Repeat("x", 4000) + `"`)
	if _, err := testSealer(t).seal(signIn, st); err == nil {
		t.Error("sealed 4000 bytes for a cookie")
	}
}

func TestStateWithoutAProperChallengeIsNoCeremony(t *testing.T) {
	t.Parallel()
	for _, lib := range []string{`{}`, `{"challenge":""}`, `{"challenge":"c2hvcnQ"}`, `{"challenge":"%%%"}`, `[]`} {
		st := testState
		st.Library = []byte(lib)
		if c, err := st.challenge(time.Time{}); err == nil {
			t.Errorf("challenge of %s = %v, want an error", lib, c)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := testSealer(f)
	text, err := s.seal(register, testState)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("")
	f.Add("A")
	f.Add(strings.Repeat("A", maxSealed+1))
	f.Fuzz(func(t *testing.T, other string) {
		if _, err := s.open(register, other); err == nil && other != text {
			t.Errorf("opened %q, which was never sealed", other)
		}
	})
}

// Responses come from anybody. Reading one never panics, and what can be read
// names its passkey.
func FuzzClaimed(f *testing.F) {
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"","signature":""}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		if id, parsed, err := claimed(response); err == nil && (len(id) == 0 || parsed == nil) {
			t.Errorf("claimed() = %x, %v without an error", id, parsed)
		}
	})
}

func FuzzReadCreation(f *testing.F) {
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		if s, parsed, err := readCreation([]byte(`{"challenge":"x"}`), response); err == nil && (s == nil || parsed == nil) {
			t.Error("readCreation() gave nothing without an error")
		}
	})
}
