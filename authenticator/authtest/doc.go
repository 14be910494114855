// Package authtest is a virtual authenticator in one line, for the tests of any
// program in Go, with the person's answers scripted:
//
//	browser, person := authtest.NewBrowser("https://example.org")
//
// is a page in a browser on a phone, whose person approves everything; what a
// site under test sends to its page goes to Create and Get, and what they return
// goes back to the site. A script says what else the person does:
//
//	person.Script(authtest.Decline, authtest.Leave)
//
// Below that, New is the phone's authenticator and NewKey a security key, both
// the real ones over a vault in memory, to which a test can speak CTAP2; Person
// is who they ask. Programs that are not in Go have `cardea authenticator serve`.
package authtest
