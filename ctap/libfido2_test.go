package ctap_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"cardea/internal/cbor"
	"cardea/webauthn"
)

// libfido2's regression data: what a client has to read, and two that it must
// refuse because their keys repeat or are out of order.
func TestAuthenticatorDataOfLibfido2(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/libfido2_authdata.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []map[string]json.RawMessage }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for name, value := range file.Vectors[0] {
		if !strings.HasPrefix(name, "authdata") {
			continue
		}
		seen++
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			t.Fatal(err)
		}
		var data []byte
		if err := cbor.Decode(unhex(t, text), &data); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err := webauthn.ParseAuthenticatorData(data)
		if bad := name == "authdata_dupkeys" || name == "authdata_unsorted_keys"; (err != nil) != bad {
			t.Errorf("%s: %v", name, err)
		}
	}
	if seen != 5 {
		t.Errorf("%d samples, want 5", seen)
	}
}
