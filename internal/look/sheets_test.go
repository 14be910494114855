package look

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// physical are properties and values that know only one direction of writing.
// A media query has no logical width, so what stands in parentheses is free.
var physical = regexp.MustCompile(`[{;\s](?:margin|padding|border|inset|scroll-margin|scroll-padding)-(?:left|right|top|bottom)\b|[{;\s](?:left|right|top|bottom|width|height|min-width|max-width|min-height|max-height)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right)`)

var (
	comments = regexp.MustCompile(`(?s)/\*.*?\*/`)
	queries  = regexp.MustCompile(`@(?:media|container)[^{]*`)
)

func physicals(css string) []string {
	return physical.FindAllString(queries.ReplaceAllString(comments.ReplaceAllString(css, ""), ""), -1)
}

// One sheet serves both directions of writing, without exceptions for one.
func TestSheetsKnowNoLeftAndRight(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"a{left:0}", "a{margin-left:1px}", "a{color:red;width:1px}", "a{text-align: right}", "@media (min-width:1px){a{padding-top:0}}"} {
		if len(physicals(bad)) != 1 {
			t.Errorf("%s passes", bad)
		}
	}
	if found := physicals("a{inline-size:1px;margin-inline-start:0}/* left: */@media (max-width:40rem){a{border-start-start-radius:0;outline-width:1px}}"); len(found) != 0 {
		t.Errorf("logical properties do not pass: %q", found)
	}
	n := 0
	for _, pattern := range []string{"*.css", "../../identity/web/assets/*.css", "../../authenticator/app/assets/*.css", "../../platform/browser/extension/*.css"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			n++
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range physicals(string(b)) {
				t.Errorf("%s: %q", f, p)
			}
		}
	}
	if n < 6 {
		t.Errorf("read %d sheets, want all", n)
	}
}
