package secret_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"cardea/internal/secret"
)

var plain = []byte("\x9a\x42tell nobody of this\xc3")

// holder has keys in every place that a printer may look into.
type holder struct {
	Exported secret.Key
	hidden   secret.Key
	deep     struct{ key secret.Key }
	list     []secret.Key
	byName   map[string]secret.Key
	pointer  *secret.Key
}

func newHolder() holder {
	k := secret.New(plain)
	h := holder{Exported: k, hidden: k, list: []secret.Key{k}, byName: map[string]secret.Key{"a": k}, pointer: &k}
	h.deep.key = k
	return h
}

// traces are the ways in which the bytes could show: as they are, quoted, as
// hexadecimal digits, as decimal numbers, in base64.
func traces() []string {
	var decimal []string
	for _, b := range plain {
		decimal = append(decimal, strconv.Itoa(int(b)))
	}
	js, _ := json.Marshal(plain)
	return []string{
		"tell nobody", hex.EncodeToString(plain[:8]), strings.ToUpper(hex.EncodeToString(plain[:8])),
		strings.Join(decimal[:5], " "), strings.Join(decimal[:5], ", "), strings.Join(decimal[:5], ","),
		"0x9a, 0x42", strings.Trim(string(js), `"=`)[:12],
	}
}

func wantNoTrace(t *testing.T, how, out string) {
	t.Helper()
	for _, trace := range traces() {
		if strings.Contains(out, trace) {
			t.Errorf("%s shows the key (%q): %s", how, trace, out)
		}
	}
}

func TestTracesAreFoundWhereThereAreSome(t *testing.T) {
	t.Parallel()
	// Without this, the tests below might look for the wrong thing.
	js, _ := json.Marshal(plain)
	for _, out := range []string{
		string(plain), fmt.Sprint(plain), fmt.Sprintf("%x", plain), fmt.Sprintf("%#v", plain), string(js),
	} {
		found := false
		for _, trace := range traces() {
			found = found || strings.Contains(out, trace)
		}
		if !found {
			t.Errorf("no trace found in %q", out)
		}
	}
}

func TestFmtNeverShowsTheBytes(t *testing.T) {
	t.Parallel()
	h := newHolder()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t", "%p"} {
		for name, v := range map[string]any{
			"key": h.Exported, "pointer": h.pointer, "struct": h, "pointer to struct": &h,
			"list": h.list, "map": h.byName, "in any": []any{h},
		} {
			wantNoTrace(t, verb+" of "+name, fmt.Sprintf(verb, v))
		}
	}
	wantNoTrace(t, "Println", fmt.Sprintln(h, &h))
	wantNoTrace(t, "Errorf", fmt.Errorf("key %v: %+v", h.Exported, h).Error())
}

func TestSlogNeverShowsTheBytes(t *testing.T) {
	t.Parallel()
	var text, js bytes.Buffer
	h := newHolder()
	for _, log := range []*slog.Logger{
		slog.New(slog.NewTextHandler(&text, nil)), slog.New(slog.NewJSONHandler(&js, nil)),
	} {
		log.Info("m", "key", h.Exported, "struct", h, "pointer", &h, "list", h.list, "map", h.byName)
		log.With("key", h.Exported).WithGroup("g").Info("m", slog.Any("s", h))
	}
	if text.Len() == 0 || js.Len() == 0 {
		t.Fatal("nothing was logged")
	}
	wantNoTrace(t, "text log", text.String())
	wantNoTrace(t, "JSON log", js.String())
}

func TestJSONRefusesAKey(t *testing.T) {
	t.Parallel()
	h := newHolder()
	for name, v := range map[string]any{"key": h.Exported, "struct": h, "list": h.list, "map": h.byName} {
		out, err := json.Marshal(v)
		if err == nil {
			t.Errorf("%s: Marshal = %s, want an error", name, out)
		}
		wantNoTrace(t, "error of "+name, fmt.Sprint(err))
	}
	if _, err := h.Exported.MarshalText(); err == nil {
		t.Error("MarshalText = nil, want an error")
	}
}

func TestKeysCannotBeComparedByAccident(t *testing.T) {
	t.Parallel()
	if reflect.TypeFor[secret.Key]().Comparable() {
		t.Error("Key is comparable: == would compare pointers, or leak by its timing")
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	a, b := secret.New([]byte("abc")), secret.New([]byte("abc"))
	for _, tt := range []struct {
		name string
		a, b secret.Key
		want bool
	}{
		{"same bytes", a, b, true},
		{"another byte", a, secret.New([]byte("abd")), false},
		{"a prefix", a, secret.New([]byte("ab")), false},
		{"absent and empty", secret.Key{}, secret.New(nil), true},
		{"absent and present", secret.Key{}, a, false},
	} {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%s: Equal = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestNewCopies(t *testing.T) {
	t.Parallel()
	b := []byte("abc")
	k := secret.New(b)
	clear(b)
	if string(k.Expose()) != "abc" {
		t.Errorf("Expose = %q, want abc", k.Expose())
	}
}

func TestWipeReachesEveryCopy(t *testing.T) {
	t.Parallel()
	k := secret.New([]byte("abc"))
	c := k
	k.Wipe()
	if !bytes.Equal(c.Expose(), make([]byte, 3)) {
		t.Errorf("Expose of a copy = %q, want zeros", c.Expose())
	}
	secret.Key{}.Wipe() // and does not mind an absent one
}

func TestRandom(t *testing.T) {
	t.Parallel()
	a, b := secret.Random(32), secret.Random(32)
	if a.Len() != 32 || a.Equal(b) {
		t.Errorf("Random(32): %d bytes, the same twice: %v", a.Len(), a.Equal(b))
	}
}
