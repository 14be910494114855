package web

import "cardea/identity/web/capability"

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
