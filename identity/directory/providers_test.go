package directory_test

import (
	"slices"
	"testing"

	"cardea/identity/directory"
	"cardea/webauthn"
)

func TestProviderIsKnownByItsAAGUID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]directory.Provider{
		"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": {Name: "Google Password Manager", Kind: directory.ProviderManager},
		"2fc0579f-8113-47ea-b116-bb5a8db9202a": {Name: "YubiKey 5", Kind: directory.ProviderKey},
		"08987058-cadc-4b81-b6e1-30de50dcbe96": {Name: "Windows Hello", Kind: directory.ProviderComputer},
		"8c61b9d4-02f7-4e53-8a9e-6b1d4e7c3f52": {Name: "Cardea Authenticator on Android", Kind: directory.ProviderPhone},
	} {
		if got, ok := directory.ProviderOf(webauthn.MustParseAAGUID(id)); !ok || got != want {
			t.Errorf("ProviderOf(%s) = %+v, %t, want %+v", id, got, ok, want)
		}
	}
	for _, id := range []string{"00000000-0000-0000-0000-000000000000", "ffffffff-0000-0000-0000-000000000000"} {
		if got, ok := directory.ProviderOf(webauthn.MustParseAAGUID(id)); ok {
			t.Errorf("ProviderOf(%s) = %+v, want none", id, got)
		}
	}
}

func TestNameThatWouldRepeatIsNumbered(t *testing.T) {
	t.Parallel()
	var mine []directory.Passkey
	for _, want := range []string{"YubiKey 5", "YubiKey 5 (2)", "YubiKey 5 (3)"} {
		got := directory.NumberName("YubiKey 5", mine)
		if got != want {
			t.Errorf("NumberName with %d of them = %q, want %q", len(mine), got, want)
		}
		mine = append(mine, directory.Passkey{Name: got})
	}
	mine = slices.Delete(mine, 1, 2)
	if got := directory.NumberName("yubikey 5", mine); got != "yubikey 5 (2)" {
		t.Errorf("NumberName with the second deleted = %q, want the gap filled", got)
	}
}
