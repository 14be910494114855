package words

import (
	"encoding/json"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// catalog returns the messages of one file: each with all its forms in one.
func catalog(t *testing.T, name string) map[string]string {
	t.Helper()
	b, err := catalogs.ReadFile(name)
	if err != nil {
		t.Error(err)
		return nil
	}
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	all := map[string]string{}
	for key, v := range raw {
		switch v := v.(type) {
		case string:
			all[key] = v
		case map[string]any:
			for _, form := range v {
				all[key] += form.(string) + "\n"
			}
			if v["other"] == nil {
				t.Errorf("%s: %s has no form for other", name, key)
			}
		default:
			t.Errorf("%s: %s is a %T", name, key, v)
		}
	}
	return all
}

var placeholder = regexp.MustCompile(`\{\{\s*\.(\w+)\s*\}\}`)

func placeholders(message string) []string {
	var all []string
	for _, m := range placeholder.FindAllStringSubmatch(message, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestEveryLanguageHasEveryMessage(t *testing.T) {
	t.Parallel()
	english, err := fs.Glob(catalogs, "catalog/*.en.json")
	if err != nil || len(english) < 2 {
		t.Fatalf("English catalogues: %q, %v", english, err)
	}
	for _, file := range english {
		area := strings.TrimSuffix(path.Base(file), ".en.json")
		want := catalog(t, file)
		for key, message := range want {
			if !strings.HasPrefix(key, area+".") {
				t.Errorf("%s: %s belongs to another area", file, key)
			}
			if strings.ContainsAny(message, "<>") {
				t.Errorf("%s: %s is not plain text", file, key)
			}
		}
		for _, l := range languages[1:] {
			name := "catalog/" + area + "." + string(l) + ".json"
			have := catalog(t, name)
			for key, message := range want {
				got, ok := have[key]
				switch {
				case !ok || strings.TrimSpace(got) == "":
					t.Errorf("%s: %s is missing", name, key)
				case !slices.Equal(placeholders(got), placeholders(message)):
					t.Errorf("%s: %s has the placeholders %q, want %q", name, key, placeholders(got), placeholders(message))
				}
			}
			for key := range have {
				if _, ok := want[key]; !ok {
					t.Errorf("%s: %s is not in English", name, key)
				}
			}
		}
	}
}

// How a language is written here: one way to address people, one name for a
// thing, one kind of quotation mark, and spaces where its readers expect them.
var slips = map[Language]*regexp.Regexp{
	English: regexp.MustCompile(`(?i)\b(credential|token|FIDO|login|invalid|simply|oops)|!|’`),
	German:  regexp.MustCompile(`(?i)\b(du|dein\w*|dich|dir|Support|Zugangscode)\b|["'!]|”`),
	French:  regexp.MustCompile(`(?i)\b(tu|ton|toi|support|apps?)\b|["']| [:;!?»]|« |[^\x{a0}\x{202f}][;!?»]|passkey`),
	Spanish: regexp.MustCompile(`(?i)\b(usted|inicie|elija|abra|pida|inténtelo|clave de acceso|passkey)\b|["'“”]`),
	Japanese: regexp.MustCompile(`[？！：（）]|電話か|スキャン|コンピューター` +
		`|[a-zA-Z][ぁ-んァ-ヶ一-龠]|[ぁ-んァ-ヶ一-龠][a-zA-Z]`),
	Arabic: regexp.MustCompile(`[?;"'“”]|\p{Arabic},|الرقم السري|إلغاء القفل|لدي |\x{2068}[^\x{2069}]*$`),
}

func TestEveryLanguageIsWrittenOneWay(t *testing.T) {
	t.Parallel()
	for _, l := range languages {
		files, err := fs.Glob(catalogs, "catalog/*."+string(l)+".json")
		if err != nil || len(files) < 2 || slips[l] == nil {
			t.Fatalf("%s: %q, %v", l, files, err)
		}
		for _, file := range files {
			for key, message := range catalog(t, file) {
				if m := slips[l].FindString(placeholder.ReplaceAllString(message, " {} ")); m != "" {
					t.Errorf("%s: %s says %q: %s", file, key, m, message)
				}
			}
		}
	}
}

// What people wrote themselves keeps its own direction between Arabic words.
func TestArabicKeepsNamesApart(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(catalogs, "catalog/*.ar.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("%q, %v", files, err)
	}
	name := regexp.MustCompile(`.?\{\{\.(Name|Owner|Chosen|Username|Address|Reference|Who|By)\}\}.?`)
	for _, file := range files {
		for key, message := range catalog(t, file) {
			for _, m := range name.FindAllString(message, -1) {
				if !strings.HasPrefix(m, "\u2068") || !strings.HasSuffix(m, "\u2069") {
					t.Errorf("%s: %s has %q outside of U+2068 and U+2069", file, key, m)
				}
			}
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lists []string
		want  Language
	}{
		{nil, English},
		{[]string{"", "de-AT,de;q=0.9,en;q=0.8"}, German},
		{[]string{"fr-CA ja", "de"}, French},
		{[]string{"ja", "de"}, Japanese},
		{[]string{"ar-EG"}, Arabic},
		{[]string{"es-419, en;q=0.5"}, Spanish},
		{[]string{"pt", "de"}, German},
		{[]string{"pt"}, English},
		{[]string{"!!", "es"}, Spanish},
		{[]string{strings.Repeat("de,", 1000), "fr"}, French},
		{[]string{"pt de"}, German},
	} {
		if got := Match(tt.lists...); got != tt.want {
			t.Errorf("Match(%.40q) = %s, want %s", tt.lists, got, tt.want)
		}
	}
}

func TestPrinterSays(t *testing.T) {
	t.Parallel()
	de := For(German)
	got, err := de.T("time.day_clock", "Day", 3, "Month", Say("time.month.3"), "Clock", "14:02")
	if err != nil || got != "3. März, 14:02" {
		t.Errorf("T = %q, %v", got, err)
	}
	if got, err := de.T("nobody.says_this"); err == nil {
		t.Errorf("a message that there is not: %q", got)
	}
	if got, err := de.T("time.day_clock", "Day"); err == nil {
		t.Errorf("a name without a value: %q", got)
	}
	if Has("nobody.says_this") || !Has("time.month.3") {
		t.Error("Has is wrong")
	}
	if got := For("tlh").Language(); got != English {
		t.Errorf("For(tlh) speaks %s", got)
	}
	if got, err := de.Say(Plain("Maia")); err != nil || got != "Maia" {
		t.Errorf("Say(Plain) = %q, %v", got, err)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("de-AT,de;q=0.9,en;q=0.8")
	f.Add("fr-CA ja")
	f.Fuzz(func(t *testing.T, list string) {
		if l := Match(list); !l.Known() {
			t.Errorf("Match(%q) = %s", list, l)
		}
	})
}
