package cbor_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"cardea/internal/cbor"
)

type vector struct {
	Hex       string `json:"hex"`
	Canonical bool   `json:"canonical"`
	Says      string `json:"says"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/cbor.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 90 {
		t.Fatalf("%d vectors, want them all", len(file.Vectors))
	}
	return file.Vectors
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		in := unhex(t, v.Hex)
		var raw cbor.Raw
		err := cbor.Decode(in, &raw)
		if !v.Canonical {
			if err == nil {
				t.Errorf("Decode(%s) = nil, want an error: %s", v.Hex, v.Says)
			}
			continue
		}
		if err != nil || !bytes.Equal(raw, in) {
			t.Errorf("Decode(%s) = %x, %v (%s)", v.Hex, raw, err, v.Says)
		}
	}
}

func TestCanonicalValuesComeBackTheSame(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		if !v.Canonical || v.Hex == "1bffffffffffffffff" || v.Hex == "3bffffffffffffffff" {
			continue // the last two are beyond the integers of CTAP
		}
		in := unhex(t, v.Hex)
		var any any
		if err := cbor.Decode(in, &any); err != nil {
			t.Errorf("Decode(%s): %v", v.Hex, err)
			continue
		}
		if out, err := cbor.Encode(any); err != nil || !bytes.Equal(out, in) {
			t.Errorf("Encode(Decode(%s)) = %x, %v", v.Hex, out, err)
		}
	}
}

func TestEveryPrefixIsRefused(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		if !v.Canonical {
			continue
		}
		in := unhex(t, v.Hex)
		for n := range in {
			var raw cbor.Raw
			if err := cbor.Decode(in[:n], &raw); err == nil {
				t.Errorf("Decode(%x) = nil, want an error: it is cut short", in[:n])
			}
		}
	}
}

func TestWhatIsNotCanonicalIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, hex string }{
		{"0 in two bytes", "1800"},
		{"23 in two bytes", "1817"},
		{"24 in three bytes", "190018"},
		{"255 in three bytes", "1900ff"},
		{"65535 in five bytes", "1a0000ffff"},
		{"2^32-1 in nine bytes", "1b00000000ffffffff"},
		{"-1 in two bytes", "3800"},
		{"byte string with a long length", "580161"},
		{"text with a long length", "780161"},
		{"array with a long length", "980100"},
		{"map with a long length", "b8010000"},
		{"reserved additional information", "1c"},
		{"keys out of order", "a202000100"},
		{"longer key first", "a26261610061620 0"},
		{"text key before a number", "a2616100 0000"},
		{"negative key before a positive one", "a220000000"},
		{"equal length, bytes out of order", "a2616200616100"},
		{"key twice", "a201000100"},
		{"five levels", "8181818180"},
		{"five levels of maps", "a100a100a100a100a0"},
		{"null", "f6"},
		{"null inside", "a101f6"},
		{"undefined", "f7"},
		{"float inside an array", "81f90000"},
		{"tag inside a map", "a101c000"},
		{"text that is not UTF-8", "61ff"},
		{"such text as a key", "a161ff00"},
		{"a surrogate in UTF-8", "63eda080"},
		{"more after the value", "0000"},
		{"nothing", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := unhex(t, string(bytes.ReplaceAll([]byte(tt.hex), []byte(" "), nil)))
			var raw cbor.Raw
			if err := cbor.Decode(in, &raw); err == nil {
				t.Errorf("Decode(%s) = nil, want an error", tt.hex)
			}
		})
	}
}

func TestKeysAreSortedAsTheTextWants(t *testing.T) {
	t.Parallel()
	// CTAP §8: major type, then length, then bytes. The names are those of
	// extensions, which real clients have got wrong.
	in := map[any]bool{
		"hmac-secret": true, "credProtect": true, "credBlob": true, "minPinLength": true,
		1: true, 24: true, -1: true,
	}
	got, err := cbor.Encode(in)
	if err != nil {
		t.Fatal(err)
	}
	want := "a7" + "01f5" + "1818f5" + "20f5" +
		"6863726564426c6f62f5" + "6b6372656450726f74656374f5" + "6b686d61632d736563726574f5" +
		"6c6d696e50696e4c656e677468f5"
	if hex.EncodeToString(got) != want {
		t.Errorf("Encode = %x, want %s", got, want)
	}
	var back map[any]bool
	if err := cbor.Decode(got, &back); err != nil || len(back) != len(in) {
		t.Errorf("Decode = %v, %v", back, err)
	}
}

func TestExtensionsInTheWrongOrderAreRefused(t *testing.T) {
	t.Parallel()
	// trussed-dev/fido-authenticator: both keys have 11 bytes, so the bytes
	// decide, and credProtect comes first.
	var m map[string]cbor.Raw
	err := cbor.Decode(unhex(t, "a26b686d61632d736563726574f56b6372656450726f7465637401"), &m)
	if !errors.Is(err, cbor.ErrNotCanonical) {
		t.Errorf("Decode = %v, want ErrNotCanonical", err)
	}
}

func TestNilIsNeverNull(t *testing.T) {
	t.Parallel()
	got := cbor.MustEncode(struct {
		B []byte         `cbor:"1,keyasint"`
		M map[string]int `cbor:"2,keyasint"`
		L []string       `cbor:"3,keyasint"`
	}{})
	if want := "a3014002a00380"; hex.EncodeToString(got) != want {
		t.Errorf("Encode = %x, want %s", got, want)
	}
}

func TestWrongTypesAreToldApart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		hex  string
		into any
	}{
		{"text for a number", "6161", new(int)},
		{"number for text", "01", new(string)},
		{"bytes for text", "4161", new(string)},
		{"number for a truth value", "01", new(bool)},
		{"array for a map", "80", new(map[string]int)},
		{"text key for a number", "a1616101", new(map[int64]int)},
		{"number too large", "1bffffffffffffffff", new(int64)},
		{"negative for unsigned", "20", new(uint)},
		{"deep inside", "a101816161", &struct {
			L []int `cbor:"1,keyasint"`
		}{}},
	} {
		if err := cbor.Decode(unhex(t, tt.hex), tt.into); !errors.Is(err, cbor.ErrType) {
			t.Errorf("%s: Decode(%s) = %v, want ErrType", tt.name, tt.hex, err)
		}
	}
	if err := cbor.Decode(unhex(t, "1800"), new(string)); errors.Is(err, cbor.ErrType) || err == nil {
		t.Errorf("Decode(1800) = %v, want an error about the form, whatever the type", err)
	}
}

func TestDecodeFirstLeavesTheRest(t *testing.T) {
	t.Parallel()
	var m map[int64]int64
	rest, err := cbor.DecodeFirst(unhex(t, "a10102ff00"), &m)
	if err != nil || m[1] != 2 || !bytes.Equal(rest, []byte{0xff, 0}) {
		t.Errorf("DecodeFirst = %v, rest %x, %v", m, rest, err)
	}
}

func TestHugeLengthsCostNothing(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"5bffffffffffffffff", "7bffffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff", "9b7fffffffffffffff00"} {
		var raw cbor.Raw
		if err := cbor.Decode(unhex(t, in), &raw); err == nil {
			t.Errorf("Decode(%s) = nil, want an error", in)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(unhex(f, v.Hex))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var v any
		if err := cbor.Decode(in, &v); err != nil {
			return
		}
		// Canonical means: there is one encoding, and it is the one that came.
		out, err := cbor.Encode(v)
		if err != nil {
			t.Fatalf("Decode(%x) = %v, which does not encode: %v", in, v, err)
		}
		if !bytes.Equal(out, in) {
			t.Fatalf("Encode(Decode(%x)) = %x", in, out)
		}
	})
}

func TestAnAllowanceIsForOneMemberAlone(t *testing.T) {
	t.Parallel()
	const unsorted, sorted = "a2627576f5627570f5", "a2627570f5627576f5"
	deep := func(member, levels string) string { return "a1" + member + levels }
	for _, tt := range []struct {
		name, hex string
		allow     cbor.Allowance
		fits      bool
	}{
		{"any order, allowed", "a105" + unsorted, cbor.Allowance{AnyOrder: 5}, true},
		{"order all the same", "a105" + sorted, cbor.Allowance{AnyOrder: 5}, true},
		{"any order, of another member", "a104" + unsorted, cbor.Allowance{AnyOrder: 5}, false},
		{"any order, one level below", "a105a104" + unsorted, cbor.Allowance{AnyOrder: 5}, false},
		{"any order, of the outermost map", "a205" + sorted + "0401", cbor.Allowance{AnyOrder: 5}, false},
		{"any order, of a member with key 0", "a100" + unsorted, cbor.Allowance{}, false},
		{"any order, in an array", "a10581" + unsorted, cbor.Allowance{AnyOrder: 5}, false},
		{"four levels", deep("04", "818180"), cbor.Allowance{}, true},
		{"five levels", deep("04", "81818180"), cbor.Allowance{}, false},
		{"five levels, allowed", deep("04", "81818180"), cbor.Allowance{Deeper: 4}, true},
		{"five levels, of another member", deep("05", "81818180"), cbor.Allowance{Deeper: 4}, false},
		{"six levels", deep("04", "8181818180"), cbor.Allowance{Deeper: 4}, false},
		{"bytes left over", "a000", cbor.Allowance{}, false},
	} {
		var v any
		if err := cbor.DecodeAllowing(unhex(t, tt.hex), &v, tt.allow); (err == nil) != tt.fits {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestDecodeAnyOrder(t *testing.T) {
	t.Parallel()
	for in, fits := range map[string]bool{
		"a2627576f5627570f5":         true,  // uv, up
		"a2627570f5627576f5":         true,  // up, uv
		"a2627570f5627570f5":         false, // up twice
		"a3627570f5627576f5627570f4": false, // up twice, not side by side
		"a2627570f5627576f500":       false,
		"bf627570f5ff":               false,
	} {
		var v map[string]bool
		if err := cbor.DecodeAnyOrder(unhex(t, in), &v); (err == nil) != fits {
			t.Errorf("DecodeAnyOrder(%s) = %v", in, err)
		}
	}
}
