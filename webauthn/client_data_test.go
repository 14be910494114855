package webauthn_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"cardea/webauthn"
)

func TestClientDataEscapesWhatTheTextSaysAndNoMore(t *testing.T) {
	t.Parallel()
	// §5.8.1.1: encoding/json would escape <, >, & and U+2028, and write a new
	// line short.
	c := webauthn.ClientData{Type: "a\"b\\c\n\x00\x1f</&\u2028é\U0001F511", Origin: "https://example.org"}
	want := `{"type":"a\"b\\c\u000a\u0000\u001f</&` + "\u2028é\U0001F511" + `","challenge":"","origin":"https://example.org","crossOrigin":false}`
	if got := string(c.JSON()); got != want {
		t.Errorf("JSON =\n %s, want\n %s", got, want)
	}
	if c.Hash() != sha256.Sum256([]byte(want)) {
		t.Error("Hash is not that of the JSON")
	}
}

func TestTopOriginOnlyInAForeignFrame(t *testing.T) {
	t.Parallel()
	c := webauthn.ClientData{Type: webauthn.TypeGet, Origin: "https://a.example", TopOrigin: "https://b.example"}
	if bytes.Contains(c.JSON(), []byte("topOrigin")) {
		t.Errorf("JSON = %s, want no topOrigin", c.JSON())
	}
	c.CrossOrigin = true
	if !bytes.HasSuffix(c.JSON(), []byte(`"crossOrigin":true,"topOrigin":"https://b.example"}`)) {
		t.Errorf("JSON = %s, want topOrigin at the end", c.JSON())
	}
}

// limitedVerification is §5.8.1.2: how a relying party without a JSON parser
// checks client data.
func limitedVerification(got []byte, c webauthn.ClientData) bool {
	expect := func(s string) bool {
		rest, ok := bytes.CutPrefix(got, []byte(s))
		got = rest
		return ok
	}
	quote := func(s string) string {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(s)
		return string(bytes.TrimSpace(b.Bytes()))
	}
	cross := `,"crossOrigin":false`
	if c.CrossOrigin {
		cross = `,"crossOrigin":true`
	}
	if !expect(`{"type":`+quote(c.Type)) || !expect(`,"challenge":`+quote(c.Challenge.String())) ||
		!expect(`,"origin":`+quote(string(c.Origin))) || !expect(cross) {
		return false
	}
	if c.CrossOrigin && c.TopOrigin != "" && !expect(`,"topOrigin":`+quote(string(c.TopOrigin))) {
		return false
	}
	return expect("}") && len(got) == 0
}

func FuzzClientDataJSON(f *testing.F) {
	f.Add([]byte{1, 2, 3}, "https://example.org", "https://example.com", true)
	f.Add([]byte{}, "http://login.cardea.localhost:8480", "", false)
	f.Fuzz(func(t *testing.T, challenge []byte, origin, top string, cross bool) {
		c := webauthn.ClientData{
			Type: webauthn.TypeGet, Challenge: challenge, Origin: webauthn.Origin(origin),
			CrossOrigin: cross, TopOrigin: webauthn.Origin(top),
		}
		got := c.JSON()
		var back struct {
			Type, Origin, TopOrigin string
			Challenge               webauthn.Bytes
			CrossOrigin             bool
		}
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if !utf8.ValidString(origin) || !utf8.ValidString(top) {
			return // no origin is such; JSON has no way to say it
		}
		if back.Origin != origin || back.CrossOrigin != cross || !bytes.Equal(back.Challenge, challenge) || cross && back.TopOrigin != top {
			t.Fatalf("%s reads as %+v", got, back)
		}
		for _, r := range origin + top {
			if r < 0x20 || r == 0x2028 || r == 0x2029 {
				return // here encoding/json writes otherwise; see the test above
			}
		}
		if !limitedVerification(got, c) {
			t.Fatalf("%s fails the limited verification", got)
		}
	})
}
