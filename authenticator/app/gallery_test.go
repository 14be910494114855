package app

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func drawGallery(t *testing.T) []GalleryPage {
	t.Helper()
	pages, err := Gallery()
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func TestGalleryIsAsItWas(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range drawGallery(t) {
		if seen[p.Name] {
			t.Errorf("two pages are called %s", p.Name)
		}
		seen[p.Name] = true
		file := filepath.Join("testdata", "gallery", p.Name+".html")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, p.HTML, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(p.HTML)); diff != "" {
			t.Errorf("%s differs from its golden file (-want +got):\n%s", p.Name, diff)
		}
	}
	files, err := filepath.Glob("testdata/gallery/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[strings.TrimSuffix(filepath.Base(f), ".html")] {
			t.Errorf("%s is a page that the gallery no longer draws", f)
		}
	}
}

// What a strict policy for content refuses must not be on a page to begin
// with: it would only fail silently.
func TestPagesHaveNoInlineScriptOrStyle(t *testing.T) {
	t.Parallel()
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:>|[^>]*[^>]>[^<])|javascript:`)
	for _, p := range drawGallery(t) {
		if found := inline.Find(p.HTML); found != nil {
			t.Errorf("%s has %q", p.Name, found)
		}
	}
}

// Every control has a name that a screen reader can say, and every field a
// label.
func TestEveryControlHasAName(t *testing.T) {
	t.Parallel()
	control := regexp.MustCompile(`(?s)<(a|button)( [^>]*)>(.*?)</(?:a|button)>`)
	field := regexp.MustCompile(`<input class="input[^"]*" id="([^"]+)"`)
	tags := regexp.MustCompile(`<[^>]+>`)
	for _, p := range drawGallery(t) {
		for _, m := range control.FindAllSubmatch(p.HTML, -1) {
			text := bytes.TrimSpace(tags.ReplaceAll(m[3], nil))
			if len(text) == 0 && !bytes.Contains(m[2], []byte("aria-label=")) && !bytes.Contains(m[3], []byte("found-label")) {
				t.Errorf("%s: nameless %s", p.Name, m[0])
			}
		}
		for _, m := range field.FindAllSubmatch(p.HTML, -1) {
			if !bytes.Contains(p.HTML, []byte(`<label for="`+string(m[1])+`">`)) {
				t.Errorf("%s: field %s has no label", p.Name, m[1])
			}
		}
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllSubmatch(p.HTML, -1) {
			if ids[string(m[1])] {
				t.Errorf("%s: two elements with id %s", p.Name, m[1])
			}
			ids[string(m[1])] = true
		}
		if n := bytes.Count(p.HTML, []byte("<h1")); n == 0 {
			t.Errorf("%s has no heading", p.Name)
		}
	}
}
