package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGalleryIsInTheLanguagesAskedFor(t *testing.T) {
	t.Parallel()
	c := galleryCommand{Lang: []string{"en", "ar"}, Narrow: true}
	all, err := c.halls()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range all[0].pictures {
		names = append(names, p.name)
		if rtl := strings.Contains(string(p.html), `dir="rtl"`); rtl != strings.HasSuffix(p.name, ".ar") && !strings.Contains(string(p.html), "/admin/events") {
			t.Errorf("%s is written from right to left: %t", p.name, rtl)
		}
		if p.looks[len(p.looks)-1].Width != 320 {
			t.Errorf("%s is not seen on the smallest screen", p.name)
		}
	}
	if !slices.Contains(names, "signin") || !slices.Contains(names, "signin.ar") {
		t.Errorf("pages are %q", names)
	}
	c.Lang = []string{"tlh"}
	if _, err := c.halls(); err == nil {
		t.Error("a language that nobody wrote passes")
	}
}

func TestIndexShowsEveryPicture(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "index.html")
	if err := writeIndex(file, []picture{{name: "signin", looks: pageLooks}, {name: "home.de", looks: []look{narrowLook}}}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`src="signin--phone-dark.png"`, `src="home.de--narrow.png"`, `href="#home.de"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the index has no %s", want)
		}
	}
}
