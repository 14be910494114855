package words

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed catalog/*.json
var catalogs embed.FS

// bundle is every catalogue. It is read once: a mistake in it is a mistake in
// the program.
var bundle = sync.OnceValue(func() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	b.RegisterUnmarshalFunc("json", json.Unmarshal)
	files, err := fs.Glob(catalogs, "catalog/*.json")
	if err != nil {
		panic("words: internal error: " + err.Error())
	}
	for _, f := range files {
		if _, err := b.LoadMessageFileFS(catalogs, f); err != nil {
			panic("words: internal error: " + f + ": " + err.Error())
		}
	}
	return b
})

// A Printer says messages in one language. It is safe for concurrent use.
type Printer struct {
	language  Language
	localizer *i18n.Localizer
}

var printers = sync.OnceValue(func() map[Language]*Printer {
	all := map[Language]*Printer{}
	for _, l := range languages {
		all[l] = &Printer{l, i18n.NewLocalizer(bundle(), string(l))}
	}
	return all
})

// For returns the Printer of l, and the English one if l is not Known.
func For(l Language) *Printer {
	if p, ok := printers()[l]; ok {
		return p
	}
	return printers()[English]
}

// Language returns the language that p speaks.
func (p *Printer) Language() Language { return p.language }

// T returns the message key. args are names of placeholders, each with its value
// behind it; Count, an int, also chooses the plural form. A value that is a Text
// is said in the same language. There is an error if there is no such message.
func (p *Printer) T(key string, args ...any) (string, error) {
	if len(args)%2 != 0 {
		return "", fmt.Errorf("message %s: want names and values in pairs", key)
	}
	cfg := &i18n.LocalizeConfig{MessageID: key}
	if len(args) > 0 {
		data := make(map[string]any, len(args)/2)
		for i := 0; i < len(args); i += 2 {
			name, ok := args[i].(string)
			if !ok {
				return "", fmt.Errorf("message %s: want a name, not a %T", key, args[i])
			}
			value := args[i+1]
			if t, ok := value.(Text); ok {
				said, err := p.Say(t)
				if err != nil {
					return "", err
				}
				value = said
			}
			if name == "Count" {
				cfg.PluralCount = value
			}
			data[name] = value
		}
		cfg.TemplateData = data
	}
	said, err := p.localizer.Localize(cfg)
	// A message that only English has is said in English: better than none.
	var missing *i18n.MessageNotFoundErr
	if err != nil && !(errors.As(err, &missing) && said != "") {
		return "", fmt.Errorf("message %s in %s: %w", key, p.language, err)
	}
	return said, nil
}

// A Text is a message that is yet to be said: what code chooses before it knows
// who reads it.
type Text struct {
	key  string
	args []any
	// plain is said as it is, in every language: a name, an address.
	plain string
}

// Say returns the Text of the message key; see Printer.T for args.
func Say(key string, args ...any) Text { return Text{key: key, args: args} }

// Plain returns a Text that is the same in all languages, such as a name.
func Plain(s string) Text { return Text{plain: s} }

// IsZero reports whether there is nothing to say.
func (t Text) IsZero() bool { return t.key == "" && t.plain == "" }

// Key returns the message's key, empty if the Text is Plain.
func (t Text) Key() string { return t.key }

// Say returns t in the Printer's language; nothing if t is zero.
func (p *Printer) Say(t Text) (string, error) {
	if t.key == "" {
		return t.plain, nil
	}
	return p.T(t.key, t.args...)
}

// Has reports whether English has the message key.
func Has(key string) bool {
	_, err := For(English).localizer.Localize(&i18n.LocalizeConfig{MessageID: key, PluralCount: 2})
	var missing *i18n.MessageNotFoundErr
	return !errors.As(err, &missing)
}

// Keys returns the keys of English that begin with prefix, in order.
func Keys(prefix string) []string {
	all := keys()
	from, _ := slices.BinarySearch(all, prefix)
	to := from
	for to < len(all) && strings.HasPrefix(all[to], prefix) {
		to++
	}
	return all[from:to:to]
}

// keys are those of English, in order.
var keys = sync.OnceValue(func() []string {
	var all []string
	files, err := fs.Glob(catalogs, "catalog/*."+string(English)+".json")
	if err != nil {
		panic("words: internal error: " + err.Error())
	}
	for _, f := range files {
		b, err := catalogs.ReadFile(f)
		if err != nil {
			panic("words: internal error: " + err.Error())
		}
		var messages map[string]json.RawMessage
		if err := json.Unmarshal(b, &messages); err != nil {
			panic("words: internal error: " + f + ": " + err.Error())
		}
		all = slices.AppendSeq(all, maps.Keys(messages))
	}
	slices.Sort(all)
	return all
})
