// Package doctests checks that what the documents say of tests is so: each test
// that a table names is there, in the package that is named with it. It reads
// the files itself, as package layers does.
package doctests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are those with tables of tests. In a line the package stands in
// backquotes before its tests; elsewhere they are of the document's own package.
// A package may be named by the end of its path.
var documents = []struct{ file, own string }{
	{"CTAP.md", "authenticator"},
	{"FAILURES.md", ""},
	{"HYBRID.md", "hybrid"},
}

var root = filepath.Join("..", "..")

// word is a test or a package that a document names. A semicolon or the edge of
// a cell ends what a package was named for.
var word = regexp.MustCompile("`([a-z][a-z0-9/-]*)`|\\b(Test[A-Z0-9]\\w*)|[;|]")

// A mention is one test that a document names.
type mention struct {
	line      int
	pkg, test string
}

// mentions returns the tests that text names. packages is what may be named.
func mentions(text, own string, packages func(name string) bool) (all []mention) {
	for i, line := range strings.Split(text, "\n") {
		pkg := own
		for _, m := range word.FindAllStringSubmatch(line, -1) {
			switch {
			case m[2] != "":
				all = append(all, mention{i + 1, pkg, m[2]})
			case m[1] == "":
				pkg = own
			case packages(m[1]):
				pkg = m[1]
			}
		}
	}
	return all
}

// A tree is the tests that there are, by the path of their package.
type tree map[string][]string

// named returns the packages of that name, which may be the end of a path.
func (t tree) named(name string) (all []string) {
	for pkg := range t {
		if pkg == name || strings.HasSuffix(pkg, "/"+name) {
			all = append(all, pkg)
		}
	}
	return all
}

// check returns what is wrong with m.
func (t tree) check(m mention) error {
	for _, pkg := range t.named(m.pkg) {
		if slices.Contains(t[pkg], m.test) {
			return nil
		}
	}
	var elsewhere []string
	for pkg, tests := range t {
		if slices.Contains(tests, m.test) {
			elsewhere = append(elsewhere, pkg)
		}
	}
	return fmt.Errorf("line %d: %s is not in package %q; it is in %q", m.line, m.test, m.pkg, elsewhere)
}

func readTests(t *testing.T) tree {
	t.Helper()
	all := tree{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "build"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				pkg := filepath.ToSlash(pkg)
				all[pkg] = append(all[pkg], fn.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryTestThatADocumentNamesIsThere(t *testing.T) {
	t.Parallel()
	all := readTests(t)
	known := func(name string) bool { return len(all.named(name)) > 0 }
	for _, d := range documents {
		found := mentions(readDocument(t, d.file), d.own, known)
		if len(found) < 30 {
			t.Errorf("%s names %d tests, want the whole table read", d.file, len(found))
		}
		for _, m := range found {
			if err := all.check(m); err != nil {
				t.Errorf("%s: %v", d.file, err)
			}
		}
	}
}

// row is the first cell of a row of docs/FAILURES.md: a failure or a complaint.
var row = regexp.MustCompile(`(?m)^\| ([FC][0-9]+) \|(.*)\|$`)

// Every failure and every complaint has its row, in order, with all its cells,
// and a test. What cannot happen here says why not.
func TestEveryFailureHasItsRow(t *testing.T) {
	t.Parallel()
	var got []string
	for _, m := range row.FindAllStringSubmatch(readDocument(t, "FAILURES.md"), -1) {
		got = append(got, m[1])
		cells := strings.Split(m[2], "|")
		want := 5
		if m[1][0] == 'C' {
			want = 3
		}
		if len(cells) != want {
			t.Errorf("%s has %d cells, want %d", m[1], len(cells), want)
		}
		for i, c := range cells {
			if strings.TrimSpace(c) == "" {
				t.Errorf("%s: cell %d is empty", m[1], i+1)
			}
		}
		if !strings.Contains(cells[len(cells)-1], "Test") {
			t.Errorf("%s names no test", m[1])
		}
	}
	var want []string
	for i := range 32 {
		want = append(want, fmt.Sprint("F", i+1))
	}
	for i := range 11 {
		want = append(want, fmt.Sprint("C", i+1))
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows = %v, want %v", got, want)
	}
}

// The checker sees what is wrong.
func TestMentionsAreRead(t *testing.T) {
	t.Parallel()
	all := tree{"hybrid": {"TestA"}, "hybrid/link": {"TestB"}, "relay": {"TestB", "TestC"}}
	known := func(name string) bool { return len(all.named(name)) > 0 }
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{"| x | TestA |", true},
		{"| x | `link` TestB, and TestA |", false},
		{"| x | `link` TestB; TestA; `relay` TestB, TestC |", true},
		{"| `link` is | TestB |", false},
		{"| `fido.cable` of `cable` | TestA |", true},
		{"| x | TestD |", false},
		{"| x | `link` TestC |", false},
		{"| x | `hybrid/link` TestB |", true},
	} {
		ok := true
		for _, m := range mentions(tt.text, "hybrid", known) {
			ok = ok && all.check(m) == nil
		}
		if ok != tt.ok {
			t.Errorf("%q is right: %t, want %t", tt.text, ok, tt.ok)
		}
	}
}
