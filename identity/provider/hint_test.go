package provider

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"cardea/internal/secret"
)

// drawer is a KeyStore without a database.
type drawer struct{ keys []StoredKey }

func (d *drawer) SigningKeys(context.Context) ([]StoredKey, error) { return d.keys, nil }

func (d *drawer) AddSigningKey(_ context.Context, k StoredKey) error {
	d.keys = append([]StoredKey{k}, d.keys...)
	return nil
}

func TestHintMustBeAnIDTokenOfThisProvider(t *testing.T) {
	t.Parallel()
	keys, err := OpenKeys(t.Context(), &drawer{}, secret.Random(32), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	others, err := OpenKeys(t.Context(), &drawer{}, secret.Random(32), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{cfg: Config{Issuer: "https://login.example", Keys: keys}}
	sign := func(k *Keys, claims any) string {
		token, err := k.sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := sign(keys, idToken{Issuer: "https://login.example", Subject: "maia", Expires: 1})
	if sub, err := p.hinted(good); err != nil || sub != "maia" {
		t.Errorf("hinted() = %q, %v; want maia: an expired token is a good hint", sub, err)
	}
	dot := strings.LastIndex(good, ".")
	for name, hint := range map[string]string{
		"another issuer's":    sign(keys, idToken{Issuer: "https://other.example", Subject: "maia"}),
		"about nobody":        sign(keys, idToken{Issuer: "https://login.example"}),
		"another key's":       sign(others, idToken{Issuer: "https://login.example", Subject: "maia"}),
		"unsigned":            "eyJhbGciOiJub25lIn0" + good[strings.Index(good, "."):dot] + ".",
		"with no signature":   good[:dot+1],
		"cut short":           good[:len(good)-1],
		"empty":               "",
		"longer than we read": good + strings.Repeat("A", maxToken),
	} {
		if sub, err := p.hinted(hint); err == nil {
			t.Errorf("hint %s: hinted() = %q, want an error", name, sub)
		}
	}
}

func TestKeyThatCannotBeKeptIsNotUsed(t *testing.T) {
	t.Parallel()
	if k, err := OpenKeys(t.Context(), full{}, secret.Random(32), time.Now()); !errors.Is(err, errFull) {
		t.Errorf("OpenKeys() = %v, %v; want errFull", k, err)
	}
}

var errFull = errors.New("disk full")

// full is a KeyStore that keeps nothing.
type full struct{ drawer }

func (full) SigningKeys(context.Context) ([]StoredKey, error) { return nil, nil }
func (full) AddSigningKey(context.Context, StoredKey) error   { return errFull }

func FuzzHint(f *testing.F) {
	keys, err := OpenKeys(f.Context(), &drawer{}, secret.Random(32), time.Now())
	if err != nil {
		f.Fatal(err)
	}
	p := &Provider{cfg: Config{Issuer: "https://login.example", Keys: keys}}
	good, err := keys.sign(idToken{Issuer: "https://login.example", Subject: "maia"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("")
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, hint string) {
		// An ECDSA signature has a twin that verifies as well; the claims under
		// it are the same.
		if sub, err := p.hinted(hint); err == nil && sub != "maia" {
			t.Errorf("hinted(%q) = %q", hint, sub)
		}
	})
}

func BenchmarkIDToken(b *testing.B) {
	keys, err := OpenKeys(b.Context(), &drawer{}, secret.Random(32), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := keys.sign(idToken{Issuer: "https://login.example", Subject: "maia"}); err != nil {
			b.Fatal(err)
		}
	}
}
