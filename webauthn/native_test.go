package webauthn_test

import (
	"testing"

	"cardea/webauthn"
)

func TestNativeOrigin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		site   webauthn.Origin
		client string
		want   webauthn.Origin
		host   string
	}{
		{"https://login.example.org", "cardea-cli", "cardea-native://login.example.org/cardea-cli", "login.example.org"},
		{"http://login.t.localhost:8480", "x1", "cardea-native://login.t.localhost:8480/x1", "login.t.localhost"},
		{"https://login.example.org/", "cardea-cli", "", ""},
		{"https://login.example.org/path", "cardea-cli", "", ""},
		{"https://u@login.example.org", "cardea-cli", "", ""},
		{"cardea-native://login.example.org", "cardea-cli", "", ""},
		{"null", "cardea-cli", "", ""},
		{"", "cardea-cli", "", ""},
		{"https://login.example.org", "", "", ""},
		{"https://login.example.org", "a/b", "", ""},
		{"https://login.example.org", "CLI", "", ""},
		{"https://login.example.org", "..", "", ""},
	} {
		got, ok := webauthn.NativeOrigin(tt.site, tt.client)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("NativeOrigin(%q, %q) = %q, %v, want %q", tt.site, tt.client, got, ok, tt.want)
		}
		if !ok {
			continue
		}
		if host, ok := got.NativeHost(); !ok || host != tt.host {
			t.Errorf("%q.NativeHost() = %q, %v, want %q", got, host, ok, tt.host)
		}
	}
}

func TestNativeHostKnowsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	for _, o := range []webauthn.Origin{
		"", "null", "https://login.example.org", "https://login.example.org/cardea-cli", "cardea-native://login.example.org",
		"cardea-native://login.example.org/", "cardea-native://login.example.org/a/b", "cardea-native:///cardea-cli",
		"cardea-native://u@login.example.org/cardea-cli", "cardea-native://login.example.org/cardea-cli?q", "CARDEA-native://login.example.org/cardea-cli",
		"cardea-native:login.example.org/cardea-cli", "android:apk-key-hash:AAAA",
	} {
		if host, ok := o.NativeHost(); ok {
			t.Errorf("%q.NativeHost() = %q, want none", o, host)
		}
	}
}
