package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"
	"unicode"
)

// written is what a template says by itself: what stands between its tags, and
// in the attributes that people read or hear. Actions leave nothing behind.
func written(source string) []string {
	var found []string
	for _, m := range spoken.FindAllStringSubmatch(source, -1) {
		found = append(found, m[1])
	}
	found = append(found, tag.Split(source, -1)...)
	return slices.DeleteFunc(found, func(s string) bool { return !strings.ContainsFunc(s, unicode.IsLetter) })
}

var (
	tag    = regexp.MustCompile(`(?s)<!--.*?-->|<[!/a-zA-Z][^>]*>`)
	spoken = regexp.MustCompile(`\s(?:aria-label|aria-description|alt|title|placeholder|label|data-l|data-said)="([^"]*)"`)
)

// textOf puts together the text nodes of a template, of both sides of each
// branch. What an action writes is left out.
func textOf(n parse.Node) string {
	var b strings.Builder
	var walk func(parse.Node)
	list := func(l *parse.ListNode) {
		if l != nil {
			walk(l)
		}
	}
	walk = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			for _, c := range n.Nodes {
				walk(c)
			}
		case *parse.TextNode:
			b.Write(n.Text)
		case *parse.IfNode:
			list(n.List)
			list(n.ElseList)
		case *parse.RangeNode:
			list(n.List)
			list(n.ElseList)
		case *parse.WithNode:
			list(n.List)
			list(n.ElseList)
		}
	}
	walk(n)
	return b.String()
}

// Every word of a page stands in the catalogues, for all languages.
func TestTemplatesHaveNoWordsOfTheirOwn(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil || len(files) < 20 {
		t.Fatalf("templates: %q, %v", files, err)
	}
	for _, f := range files {
		source, err := fs.ReadFile(templateFiles, f)
		if err != nil {
			t.Fatal(err)
		}
		trees, err := parse.Parse(f, string(source), "", "", new(press).funcs(), builtins)
		if err != nil {
			t.Fatal(err)
		}
		for name, tree := range trees {
			if name == "robots" { // for machines
				continue
			}
			for _, words := range written(textOf(tree.Root)) {
				t.Errorf("%s, %q: %q is in no catalogue", f, name, strings.TrimSpace(words))
			}
		}
	}
}

var builtins = map[string]any{
	"and": true, "or": true, "not": true, "len": true, "index": true, "print": true, "printf": true,
	"eq": true, "ne": true, "lt": true, "le": true, "gt": true, "ge": true,
}

func TestCheckOfTemplatesSeesWords(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		`<p class="a">{{.}}</p>`:                                             0,
		`<p{{if .}} hidden{{end}}>· {{.}}, {{.}}</p><!-- why -->`:            0,
		`<p>Hello, {{.}}</p>`:                                                1,
		`{{if .}}<p>{{.}} one</p>{{else}}<p>two</p>{{end}}`:                  2,
		`{{with .}}{{range .}}<li>{{.}} places</li>{{end}}{{end}}`:           1,
		`<nav aria-label="Account"><img alt="" src="x"></nav>`:               1,
		`<td data-l="Name"><a title="{{.}}" href="/name">{{.}}</a></td>`:     1,
		`<noscript><p class="small">Scripts are off</p></noscript>`:          1,
		`<input placeholder="Ваше имя" value="{{.}}"> <b>ab</b> {{. | len}}`: 2,
	} {
		trees, err := parse.Parse("x", source, "", "", builtins)
		if err != nil {
			t.Fatal(err)
		}
		if got := written(textOf(trees["x"].Root)); len(got) != want {
			t.Errorf("%s: found %q, want %d", source, got, want)
		}
	}
}

// sentenceLike is how text for people begins: a capital, and another word.
// Errors, patterns and keys don't.
var sentenceLike = regexp.MustCompile(`^[A-Z][a-z'’]+,? [a-z]`)

// Code says nothing to people either: it names messages.
func TestCodeHasNoSentences(t *testing.T) {
	t.Parallel()
	n := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		// The gallery shows what people who do not exist have written.
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "gallery") {
			return err
		}
		n++
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(node ast.Node) bool {
			if lit, ok := node.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err != nil || sentenceLike.MatchString(s) && s != terminal {
					t.Errorf("%s: %s is in no catalogue", files.Position(lit.Pos()), lit.Value)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || n < 20 {
		t.Fatalf("read %d files: %v", n, err)
	}
	if !sentenceLike.MatchString("That didn't work") || sentenceLike.MatchString("listing people: %w") {
		t.Error("the check does not know a sentence")
	}
}

// Nor do scripts: their words are in the page.
func TestScriptsHaveNoSentences(t *testing.T) {
	t.Parallel()
	text := regexp.MustCompile("['\"`]([A-Z][a-z]+(?: [a-z]+)*\\.?)['\"`]")
	for _, name := range assetNames() {
		if !strings.HasSuffix(name, ".js") {
			continue
		}
		for _, m := range text.FindAllStringSubmatch(string(asset(t, name)), -1) {
			if !slices.Contains(notForPeople, m[1]) {
				t.Errorf("%s: %q is in no catalogue", name, m[1])
			}
		}
	}
	if text.FindString("x = 'Copied'") == "" {
		t.Error("the check does not know a word")
	}
}

// notForPeople are names of things that scripts compare with.
var notForPeople = []string{"Windows"}
