package exchange

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/internal/secret"
	"cardea/webauthn"
)

var export = Export{Exporter: "cardea.example", DisplayName: "Cardea", At: made, Counted: true}

func document(t testing.TB, passkeys []authenticator.Passkey) []byte {
	t.Helper()
	var b bytes.Buffer
	if n, left, err := WriteCXF(&b, export, passkeys); err != nil || n != len(passkeys) {
		t.Fatalf("%d written, left %v, %v", n, left, err)
	}
	return b.Bytes()
}

func TestOurOwnCXFComesBackWhole(t *testing.T) {
	t.Parallel()
	want := full(t)
	got, err := ReadCXF(bytes.NewReader(document(t, want)))
	if err != nil || got.Exporter != "Cardea" || len(got.Other) != 0 || got.Left != nil || got.Dropped != nil {
		t.Fatalf("read: %+v, %v", got, err)
	}
	if d := cmp.Diff(want, got.Passkeys, exposeKeys); d != "" {
		t.Errorf("want to got: %s", d)
	}
}

// The names are those of the format, whatever our types are called.
func TestCXFHasTheMembersOfTheFormat(t *testing.T) {
	t.Parallel()
	p := full(t)[0]
	var doc map[string]any
	if err := json.Unmarshal(document(t, []authenticator.Passkey{p}), &doc); err != nil {
		t.Fatal(err)
	}
	at := func(path ...any) any {
		var v any = doc
		for _, step := range path {
			switch s := step.(type) {
			case string:
				v = v.(map[string]any)[s]
			case int:
				v = v.([]any)[s]
			}
		}
		return v
	}
	under := func(path []any, member string) []any { return append(slices.Clone(path), member) }
	url := base64.RawURLEncoding.EncodeToString
	item := []any{"accounts", 0, "items", 0}
	passkey := append(append([]any{}, item...), "credentials", 0)
	secrets := p.HMACSecrets.Expose()
	for _, tt := range []struct {
		path []any
		want any
	}{
		{[]any{"version"}, map[string]any{"major": 1.0, "minor": 0.0}},
		{[]any{"exporterRpId"}, "cardea.example"}, {[]any{"exporterDisplayName"}, "Cardea"},
		{[]any{"timestamp"}, float64(made.Unix())},
		{[]any{"accounts", 0, "collections"}, []any{}},
		{under(item, "creationAt"), float64(p.CreatedAt.Unix())}, {under(item, "title"), "my own"},
		{under(item, "scope"), map[string]any{"urls": []any{"https://example.org"}, "androidApps": []any{}}},
		{under(passkey, "type"), "passkey"}, {under(passkey, "credentialId"), url(p.ID)},
		{under(passkey, "rpId"), "example.org"}, {under(passkey, "username"), "ana0"},
		{under(passkey, "userDisplayName"), "Ana"}, {under(passkey, "userHandle"), url(p.Account.Handle)},
		{under(passkey, "key"), url(p.PrivateKey.Expose())},
		{under(passkey, "fido2Extensions"), map[string]any{
			"hmacCredentials": map[string]any{"algorithm": "hmac-sha256", "credWithUV": url(secrets[:32]), "credWithoutUV": url(secrets[32:])},
			"credBlob":        url([]byte("blob")), "payments": true}},
	} {
		if d := cmp.Diff(tt.want, at(tt.path...)); d != "" {
			t.Errorf("%v: want to got: %s", tt.path, d)
		}
	}
}

func TestExportLeavesOutWhatCXFSays(t *testing.T) {
	t.Parallel()
	fresh, used, hidden := passkey(t, 1), passkey(t, 2), passkey(t, 3)
	used.SignCount, hidden.Discoverable = 1, false
	e := export
	e.Counted = false
	var b bytes.Buffer
	n, left, err := WriteCXF(&b, e, []authenticator.Passkey{fresh, used, hidden})
	want := []Left{{"example.org", "ana2", whyCounted}, {"example.org", "ana3", whyHidden}}
	if d := cmp.Diff(want, left); err != nil || n != 1 || d != "" {
		t.Errorf("%d written, %v: %s", n, err, d)
	}
	got, err := ReadCXF(&b)
	if err != nil || len(got.Passkeys) != 1 || string(got.Passkeys[0].ID) != string(fresh.ID) {
		t.Errorf("read: %v, %v", got, err)
	}
}

// The document has what another password manager would put beside passkeys,
// and some that nobody should; it was written for this test.
func TestDocumentOfAnotherApp(t *testing.T) {
	t.Parallel()
	f, err := os.Open(filepath.Join("testdata", "other-app.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := ReadCXF(f)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]int{"basic-auth": 2, "totp": 1, "note": 1, "future-thing": 1, "unknown": 1}, got.Other); d != "" {
		t.Errorf("other kinds: %s", d)
	}
	var sites []webauthn.RPID
	for _, p := range got.Passkeys {
		sites = append(sites, p.RPID)
		if p.SignCount != 0 || !p.Discoverable || !p.Shared {
			t.Errorf("passkey for %s: count %d, discoverable %v; want 0, true", p.RPID, p.SignCount, p.Discoverable)
		}
	}
	if d := cmp.Diff([]webauthn.RPID{"example.com", "example.net"}, sites); d != "" || got.Duplicates != 1 {
		t.Errorf("%d duplicates, sites: %s", got.Duplicates, d)
	}
	if got.Passkeys[0].HMACSecrets.Len() != 64 || got.Passkeys[0].RPName != "Example, the shop" || got.Passkeys[0].CreatedAt.IsZero() {
		t.Errorf("the first: %+v", got.Passkeys[0])
	}
	if len(got.Dropped) != 1 || !strings.Contains(got.Dropped[0].Why, "large blob") {
		t.Errorf("dropped: %v; want the large blob", got.Dropped)
	}
	var whys []string
	for _, l := range got.Left {
		whys = append(whys, l.Why)
	}
	want := []string{
		"its key is on the curve P-521, which we do not have",
		"its key is of a kind that we do not have, or damaged",
		`its user handle has 0 bytes, want 1 to 64`,
		"a member is not as it should be",
		`an item: member "title" is not as it should be`,
	}
	if d := cmp.Diff(want, whys); d != "" {
		t.Errorf("left: %s", d)
	}
}

func TestWhatIsNotCXFIsRefused(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"nothing": "", "a list": "[]", "of a draft": `{"version":0,"accounts":[]}`, "of the future": `{"version":{"major":2,"minor":0},"accounts":[]}`,
		"a zip": "PK\x03\x04", "a backup": backupMagic, "something after it": `{"version":{"major":1,"minor":0}} {}`,
		"without a version": `{"accounts":[]}`,
	} {
		if got, err := ReadCXF(strings.NewReader(doc)); !errors.Is(err, ErrNotCXF) {
			t.Errorf("%s: %+v, %v; want ErrNotCXF", name, got, err)
		}
	}
	if _, err := ReadCXF(strings.NewReader(`{"version":{"major":1,"minor":9},"new":{},"accounts":[]}`)); err != nil {
		t.Errorf("a later minor version: %v", err)
	}
}

// The errors of a parser like to quote what they could not read.
func TestErrorsQuoteNoKey(t *testing.T) {
	t.Parallel()
	p := passkey(t, 1)
	key := base64.RawURLEncoding.EncodeToString(p.PrivateKey.Expose())
	doc := string(document(t, []authenticator.Passkey{p}))
	for _, broken := range []string{
		strings.Replace(doc, `"key":"`, `"key":7,"x":"`, 1), strings.Replace(doc, `"key":"`, `"key":"*`, 1),
		strings.Replace(doc, `"title":"Example"`, `"title":{"key":"`+key+`"}`, 1), doc[:len(doc)-3], doc + "x",
	} {
		got, err := ReadCXF(strings.NewReader(broken))
		all, _ := json.Marshal(got.Left)
		if text := string(all) + errorText(err); strings.Contains(text, key[10:20]) {
			t.Errorf("told: %s", text)
		}
		if err == nil && len(got.Left) == 0 {
			t.Errorf("nothing is wrong with %s", broken)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestCXFCutShortIsNone(t *testing.T) {
	t.Parallel()
	eachPrefix(t, document(t, full(t)), 1, func(b []byte) error { _, err := ReadCXF(bytes.NewReader(b)); return err })
}

func FuzzReadCXF(f *testing.F) {
	// Keys on the larger curves and of RSA are slow to read when coverage is
	// counted.
	all := full(f)
	f.Add(document(f, []authenticator.Passkey{all[0], all[2]}))
	f.Add([]byte(`{"version":{"major":1,"minor":3},"new":1,"accounts":[{"id":"AQ","items":[{"title":7},{"title":"t","credentials":[
		{"type":"passkey","credentialId":"AQ==","rpId":"a.example","userHandle":"AQ","key":"AQ"},{"type":"totp"}],"extensions":[{"name":"cardea-passkey","signCount":4}]}]}]}`))
	f.Add([]byte(`{"version":{"major":1,"minor":0},"accounts":[{"items":[{"credentials":[{"type":"passkey"},7,null]}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReadCXF(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		n, left, err := WriteCXF(&again, export, got.Passkeys)
		if err != nil || n != len(got.Passkeys) {
			t.Fatalf("what was read cannot be written: %d of %d, %v, %v", n, len(got.Passkeys), left, err)
		}
		twice, err := ReadCXF(&again)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(got.Passkeys, twice.Passkeys, exposeKeys); d != "" {
			t.Fatal(d)
		}
	})
}

func BenchmarkCXF(b *testing.B) {
	all := make([]authenticator.Passkey, 10_000)
	key := ecKey(b, elliptic.P256())
	for n := range all {
		all[n] = authenticator.Passkey{ID: secret.Random(32).Expose(), RPID: "example.org", Algorithm: webauthn.ES256,
			Account: authenticator.Account{Handle: secret.Random(32).Expose()}, PrivateKey: key, Discoverable: true}
	}
	for b.Loop() {
		doc := document(b, all)
		b.SetBytes(int64(len(doc)))
		if got, err := ReadCXF(bytes.NewReader(doc)); err != nil || len(got.Passkeys) != len(all) {
			b.Fatal(err)
		}
	}
}
