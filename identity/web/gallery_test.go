package web

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/ceremony"
	"cardea/identity/web/words"
)

var update = flag.Bool("update", false, "write the golden files anew")

// versioned is what changes in a page when only an asset has changed.
var versioned = regexp.MustCompile(AssetPrefix + `[0-9a-f]{16}/`)

func TestEveryPageIsAsItWas(t *testing.T) {
	t.Parallel()
	pages, err := Gallery()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range pages {
		if seen[p.Name] {
			t.Errorf("two pages are called %s", p.Name)
		}
		seen[p.Name] = true
		got := versioned.ReplaceAllString(string(p.HTML), AssetPrefix+"version/")
		file := filepath.Join("testdata", p.Name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got; -update accepts it):\n%s", p.Name, diff)
		}
	}
}

func TestEveryPageTypeIsInTheGallery(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, e := range exhibits(time.Now()) {
		name, _ := e.page.template()
		shown[name] = true
	}
	for _, p := range pages {
		if name, _ := p.template(); !shown[name] {
			t.Errorf("%T is not in the gallery", p)
		}
	}
}

// The whole of a page, with all that it loads, is small.
func TestPagesAreLight(t *testing.T) {
	t.Parallel()
	const most = 50 << 10
	ui := New(Site{Name: "Alder"}, nil)
	for _, e := range exhibits(time.Now()) {
		html, err := ui.HTML(e.page)
		if err != nil {
			t.Fatal(err)
		}
		size, asks := len(html), false
		for _, name := range assetNames() {
			if bytes.Contains(html, []byte(AssetURL(name))) {
				size += len(asset(t, name))
				asks = asks || bytes.Contains(asset(t, name), []byte("'./passkey.js'"))
			}
		}
		if asks {
			size += len(asset(t, "passkey.js"))
		}
		if size > most {
			t.Errorf("%s: %d bytes with all it loads, want at most %d", e.name, size, most)
		}
	}
}

func asset(t *testing.T, name string) []byte {
	t.Helper()
	b, err := readAsset(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var inline = regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|javascript:|<script(?:\s[^>]*)?>[^<]`)

func TestNothingIsInline(t *testing.T) {
	t.Parallel()
	ui := New(Site{Name: "Alder"}, nil)
	for _, e := range exhibits(time.Now()) {
		html, err := ui.HTML(e.page)
		if err != nil {
			t.Fatal(err)
		}
		if m := inline.Find(html); m != nil {
			t.Errorf("%s: %q would need an exception in the policy", e.name, m)
		}
	}
}

// What people write of themselves is text wherever it appears.
func TestTemplatesEscape(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror='alert(1)'>`
	ui := New(Site{Name: evil, LoginURL: "https://login.example", HelpURL: "javascript:alert(1)"}, nil)
	me := Me{DisplayName: evil, Username: evil, Admin: true, Signals: &Signals{Name: evil, DisplayName: evil}}
	key := PasskeyRow{ID: evil, Name: evil, Provider: words.Plain(evil), Icon: "key", Kind: evil, UsedFrom: words.Plain(evil)}
	said := words.Plain(evil)
	event := EventRow{Who: evil, Result: said, Tone: evil, Icon: "info", What: said, How: said, Agent: said, Address: evil, Why: said, Reference: evil}
	person := PersonRow{ID: evil, DisplayName: evil, Username: evil}
	attempt := Attempt{Continue: evil, Reference: evil, Failing: NotSignedIn}
	failure := Failure{Words: Words{evil, evil, evil, evil}, Reference: evil}
	for _, p := range []Page{
		SignIn{Attempt: attempt, App: evil, Username: evil, Notice: &DeviceNotice{"iphone", evil, evil}},
		SignInOptions{Attempt: attempt}, SignInPasskey{Attempt: attempt, Username: evil},
		AccessPass{Continue: evil, Username: evil, Refused: &failure}, Onward{To: "javascript:alert(1)"},
		Stopped{Failure: failure, Primary: Link{words.Plain(evil), "javascript:alert(1)"}}, Setup{Attempt: attempt}, SignedOut{Again: evil},
		Home{Me: me, FirstName: evil, Lately: []EventRow{event}}, Security{Me: me, Passkeys: []PasskeyRow{key, key}, Added: evil},
		RenamePasskey{Passkey: key, Value: evil, Wrong: evil, Action: evil, Cancel: evil}, DeletePasskey{Passkey: key},
		AddPasskey{Cancel: evil}, AddPasskeyOn{Attempt: attempt, Way: evil, Name: evil, Undo: evil, Back: evil, Cancel: evil},
		Sessions{Me: me, Sessions: []SessionRow{{ID: evil, Agent: said, Icon: "laptop", Address: evil, With: said}}},
		History{Me: me, Events: []EventRow{event}}, People{Me: me, People: []PersonRow{person}},
		AddPerson{Me: me, Username: evil, DisplayName: evil, WrongUsername: evil, WrongDisplay: evil},
		Person{Me: me, Person: person, Passkeys: []PasskeyRow{key}, Events: []EventRow{event}},
		PassIssued{Me: me, Person: person, Code: evil, SignIn: evil}, Events{Me: me, Events: []EventRow{event}},
	} {
		html, err := ui.HTML(p)
		if err != nil {
			t.Errorf("%T: %v", p, err)
			continue
		}
		if s := string(html); strings.Contains(s, "<script>") || strings.Contains(s, "<img") || strings.Contains(s, `href="javascript:`) {
			t.Errorf("%T lets through what it was given: %s", p, html)
		}
	}
}

// Every reason that a ceremony can refuse for has words in the history.
func TestEveryRefusalHasWords(t *testing.T) {
	t.Parallel()
	for _, reason := range reasons(t) {
		if !words.Has("event.why."+reason) && reason != string(ceremony.ReasonRefused) {
			t.Errorf("%s has no words", reason)
		}
	}
}

// reasons reads the constants of type Reason from the source.
func reasons(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "ceremony", "refusal.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "Reason") {
			return true
		}
		if lit, ok := v.Values[0].(*ast.BasicLit); ok {
			s, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("read %d reasons, want all", len(all))
	}
	return all
}

// The words that the scripts choose from are those that the pages have.
func TestScriptsNameOnlyWordsThatExist(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	for _, reason := range scriptFailures {
		have[reason] = true
	}
	named := regexp.MustCompile(`(?:Error: |reason: |\|\| )'([a-z_]+)'`)
	n := 0
	for _, name := range assetNames() {
		for _, m := range named.FindAllStringSubmatch(string(asset(t, name)), -1) {
			n++
			if !have[m[1]] {
				t.Errorf("%s: no words for %q", name, m[1])
			}
		}
	}
	if n < 12 {
		t.Errorf("found %d reasons in the scripts, want all of them", n)
	}
}

func TestAssetsAreKeptForEverAndOnlyByTheirVersion(t *testing.T) {
	t.Parallel()
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	for _, name := range assetNames() {
		w := get(AssetURL(name))
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	for _, path := range []string{"/assets/", "/assets/0000000000000000/base.css", AssetURL("base.css") + "x", AssetPrefix + assetVersion + "/../doc.go"} {
		if w := get(path); w.Code != http.StatusNotFound || strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v, want 404", path, w.Code, w.Header())
		}
	}
}
