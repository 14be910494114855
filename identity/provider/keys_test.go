package provider_test

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"cardea/identity/provider"
	"cardea/identity/storage"
	"cardea/internal/secret"
)

func openDB(t testing.TB) *storage.DB {
	t.Helper()
	db, err := storage.Open(t.Context(), filepath.Join(t.TempDir(), "cardea.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openKeys(t testing.TB, db *storage.DB, seal secret.Key, now time.Time) *provider.Keys {
	t.Helper()
	k, err := provider.OpenKeys(t.Context(), db, seal, now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// kids returns the IDs of the published keys, in their order.
func kids(t testing.TB, k *provider.Keys) []string {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(k.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range set.Keys {
		sum, err := key.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if want := base64.RawURLEncoding.EncodeToString(sum); key.KeyID != want {
			t.Errorf("kid = %s, want the thumbprint %s", key.KeyID, want)
		}
		ids = append(ids, key.KeyID)
	}
	return ids
}

func TestKeyIsMadeOnceAndFoundAgain(t *testing.T) {
	t.Parallel()
	db, seal, now := openDB(t), secret.Random(32), time.Unix(1_790_000_000, 0)
	first := openKeys(t, db, seal, now)
	second := openKeys(t, db, seal, now.Add(time.Hour))
	if !first.Made() || second.Made() || first.KeyID() != second.KeyID() {
		t.Errorf("keys %s (made %v), %s (made %v); want one that is made the first time",
			first.KeyID(), first.Made(), second.KeyID(), second.Made())
	}
}

func TestKeySetHasPublicMembersOnly(t *testing.T) {
	t.Parallel()
	k := openKeys(t, openDB(t), secret.Random(32), time.Now())
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(k.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 1 {
		t.Fatalf("%d keys, want 1", len(set.Keys))
	}
	got := set.Keys[0]
	for _, name := range []string{"x", "y", "kid"} {
		if got[name] == "" {
			t.Errorf("key without %s", name)
		}
		delete(got, name)
	}
	want := map[string]any{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("other members (-want +got):\n%s", diff)
	}
}

func TestLostSealMakesANewKeyAndPublishesBoth(t *testing.T) {
	t.Parallel()
	db, seal, now := openDB(t), secret.Random(32), time.Unix(1_790_000_000, 0)
	first := openKeys(t, db, seal, now)
	second := openKeys(t, db, secret.Random(32), now.Add(time.Hour))
	if first.Lost() || !second.Made() || !second.Lost() {
		t.Errorf("Lost() = %v, then %v, a key made: %v; want false, true, true", first.Lost(), second.Lost(), second.Made())
	}
	if diff := cmp.Diff([]string{second.KeyID(), first.KeyID()}, kids(t, second)); diff != "" {
		t.Errorf("published keys (-want +got):\n%s", diff)
	}
	// The file is found again: the first key signs, both are published.
	third := openKeys(t, db, seal, now.Add(2*time.Hour))
	if third.Made() || third.KeyID() != first.KeyID() {
		t.Errorf("key %s (made %v), want %s", third.KeyID(), third.Made(), first.KeyID())
	}
	if diff := cmp.Diff([]string{first.KeyID(), second.KeyID()}, kids(t, third)); diff != "" {
		t.Errorf("published keys (-want +got):\n%s", diff)
	}
}

func TestPrivateKeyIsNotInTheDatabase(t *testing.T) {
	t.Parallel()
	db := openDB(t)
	openKeys(t, db, secret.Random(32), time.Now())
	stored, err := db.SigningKeys(t.Context())
	if err != nil || len(stored) != 1 {
		t.Fatalf("SigningKeys() = %d keys, %v", len(stored), err)
	}
	for i := range stored[0].Sealed {
		if _, err := x509.ParsePKCS8PrivateKey(stored[0].Sealed[i:]); err == nil {
			t.Errorf("the private key stands in the database, %d bytes into what should be sealed", i)
		}
	}
}

func TestSealMustHaveItsSize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := provider.OpenKeys(t.Context(), openDB(t), secret.Random(n), time.Now()); err == nil {
			t.Errorf("OpenKeys() with a seal of %d bytes = nil error", n)
		}
	}
}
