package browser

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/platform"
)

var update = flag.Bool("update", false, "write the golden files")

// views returns each view of the gallery by name, with what changes left out.
func views(t *testing.T) map[string]view {
	t.Helper()
	all := map[string]view{}
	for _, s := range galleryStates() {
		v := viewOf(s.request, s.form, s.screen)
		if v.Code != nil {
			v.Code.Path = ""
		}
		v.Until = 0
		if _, twice := all[s.name]; twice {
			t.Errorf("two states are called %s", s.name)
		}
		all[s.name] = v
	}
	return all
}

func TestWordsOfEveryScreen(t *testing.T) {
	t.Parallel()
	got, err := json.MarshalIndent(views(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const golden = "testdata/views.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("views (-want +got)\n%s", diff)
	}
}

// No screen leaves a person without a way out, and none talks like a machine.
func TestEveryScreenHasAWayOutAndPlainWords(t *testing.T) {
	t.Parallel()
	machine := regexp.MustCompile(`(?i)\b(credential|token|fido|login|user|invalid|error|authenticator|failed to)\b`)
	for name, v := range views(t) {
		if v.Title == "" || v.Site == "" || v.Passkey == "" || v.Key == "" {
			t.Errorf("%s: title %q, site %q, passkey %q, key %q", name, v.Title, v.Site, v.Passkey, v.Key)
		}
		if len(v.Buttons) == 0 || name != "consent" && v.Buttons[0].Action.Do != string(platform.DoCancel) {
			t.Errorf("%s: buttons %+v, want Cancel first", name, v.Buttons)
		}
		primary := 0
		for _, b := range v.Buttons {
			if b.Style == "primary" {
				primary++
			}
		}
		if primary > 1 {
			t.Errorf("%s: %d primary buttons", name, primary)
		}
		words := []string{v.Title, v.Text, v.Note, strings.Join(v.Todo, " ")}
		for _, o := range v.Options {
			words = append(words, o.Title, o.Detail)
			if o.Off && o.Detail == "" {
				t.Errorf("%s: %s cannot be taken and does not say why", name, o.Title)
			}
		}
		text := strings.ReplaceAll(strings.Join(words, " "), "Cardea Authenticator", "")
		text = strings.ReplaceAll(text, "login.alder.example", "")
		if m := machine.FindString(text); m != "" || strings.Contains(text, "!") {
			t.Errorf("%s: %q in %q", name, m, text)
		}
	}
}

func TestWindowGoesNowhereButToThisDevice(t *testing.T) {
	t.Parallel()
	for u, want := range map[string]bool{
		"http://127.0.0.1:8482/prompt":      true,
		"http://[::1]:8482/prompt":          true,
		"http://localhost:8482/prompt":      true,
		"http://phone.cardea.localhost:848": true,
		"":                                  false,
		"https://evil.example/prompt":       false,
		"http://evil.example":               false,
		"http://127.0.0.1.evil.example":     false,
		"http://localhost@evil.example":     false,
		"http://10.0.0.1/":                  false,
		"javascript:alert(1)":               false,
		"file:///etc/passwd":                false,
		"data:text/html,hello":              false,
	} {
		if got := pageURL(u); (got == u && u != "") != want {
			t.Errorf("pageURL(%q) = %q, want allowed: %t", u, got, want)
		}
	}
}

func TestCodeIsDrawnModuleByModule(t *testing.T) {
	t.Parallel()
	got := drawCode(platform.Matrix{{true, true, false, true}, {false, false, false, false}, {false, true, true, true}})
	if want := "M0 0h2v1h-2zM3 0h1v1h-1zM1 2h3v1h-3z"; got.Path != want || got.Size != 3 {
		t.Errorf("drawCode() = %+v, want %s", got, want)
	}
}
