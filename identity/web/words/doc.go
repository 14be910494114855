// Package words is what the pages say, in each language that they speak.
//
// A message has a key, "area.what", and stands in the catalogue of its area:
// catalog/<area>.<language>.json, a flat object of keys. English is the language
// that they are written in; every other has every key of it, with the same
// placeholders, and a test says which is missing. A message that depends on a
// number has the plural forms that its language has (Unicode CLDR), by their
// names:
//
//	"signin.to":       "to continue to {{.App}}",
//	"security.others": {"one": "{{.Count}} other passkey", "other": "{{.Count}} other passkeys"}
//
// Messages are text, never HTML: what shows them escapes them. A sentence is one
// message. Sentences that are glued together of parts cannot be translated.
package words
