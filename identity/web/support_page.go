package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"text/template"

	"cardea/identity/web/capability"
)

// Support is the public page on what devices can do, with a check of the one in
// front of it.
type Support struct{}

func (Support) template() (string, string) { return "support", "plain" }

// Rows is the table.
func (Support) Rows() []capability.Row { return capability.Rows }

// Legs are its columns.
func (Support) Legs() []capability.Leg { return capability.Legs }

// Leg returns the column of cell i.
func (Support) Leg(i int) capability.Leg { return capability.Legs[i] }

// Checks are the legs that the page's script looks at, and Bluetooth, which is
// none by itself.
func (Support) Checks() []capability.Leg { return append(Support{}.Legs(), "bluetooth") }

// Questions are those that people come to a help desk with.
func (Support) Questions() []string {
	return []string{"qr", "profile", "stale", "ios", "android", "lock", "biometric", "mac", "embedded"}
}

//go:embed words/catalog/support.*.json
var supportCatalog embed.FS

// supportWords is the English of the catalogue.
var supportWords = func() map[string]string {
	b, err := supportCatalog.ReadFile("words/catalog/support.en.json")
	if err != nil {
		panic("web: internal error: " + err.Error())
	}
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		panic("web: internal error: " + err.Error())
	}
	return m
}()

// say returns the words of key, with the names and values that follow put in.
// A key without words is a fault of a template and panics.
func say(key string, pairs ...any) string {
	text, ok := supportWords[key]
	if !ok {
		panic("web: internal error: no words for " + key)
	}
	values := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i].(string)] = pairs[i+1]
	}
	var b bytes.Buffer
	if err := template.Must(template.New(key).Parse(text)).Execute(&b, values); err != nil {
		panic("web: internal error: " + err.Error())
	}
	return b.String()
}
