// Package platform is the WebAuthn client: what stands between a page that
// asks for a passkey and the authenticator that has one (Web Authentication
// Level 3, the text of July 2026; sections are cited as "WebAuthn §n").
//
//	page -> browser -> Client.Create / Client.Get
//	                     1 may this origin ask?     caller.go, rpid.go
//	                     2 what does it ask for?    options.go, extensions.go
//	                     3 which way?               choose.go, session.go <-> Dialog <-> person
//	                     4 open it                  Route -> Connection
//	                     5 one CTAP command         make.go, use.go -> authenticator
//	                     6 does the answer fit?     make.go, use.go
//	page <- browser <-   7 the answer as JSON, or a DOMException
//
// Three rules run through all of it.
//
// A page learns nothing until a person has acted. A site that could see at once
// that there is no passkey here could tell people apart; so a way that fails is
// shown in the Dialog, and the page hears of it when the person gives up.
//
// A page learns the name of a DOMException and a constant sentence. Which leg
// failed and what the authenticator said is for the person, in the Dialog, and
// for the log of this device.
//
// What an authenticator answers is checked before a page gets it: the relying
// party, the flags, the algorithm, the passkey. An authenticator that did not
// verify its person when it had to has failed.
//
// A security key that does not verify its person by itself is given its PIN,
// which the person types in the Dialog and the client forgets at once (pin.go).
//
// The example has the authenticator of this device; that of package phone has a
// phone which scans a code, and its other end.
//
// The client keeps no state between requests and holds no keys. It does not
// offer the extensions prf and largeBlob, and refuses pages in frames of another
// origin.
package platform
