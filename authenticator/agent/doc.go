// Package agent offers a running authenticator to the other programs of the
// same user, over a Unix socket: to the browser's native host, above all.
//
// The authenticator stays in one program, where its vault is open and its
// person is asked. What goes over the socket are CTAP messages and a little
// about them:
//
//	program                       socket                     authenticator
//	Dial        -> hello                          -> page URL
//	Send        -> ctap, caller's name, request   -> response
//	HasPasskey  -> has, RP ID                     -> yes, no or unknown
//	Manager     -> manage, order, secret, …       -> passkeys, …
//
// Each exchange has a connection of its own: one frame there, one frame back,
// and where passkeys are handed over as many as they need (manage.go). A
// frame is its length (4 bytes, big-endian) and a canonical CBOR map. A program
// that closes the connection before the answer cancels the command; so does one
// that ends.
//
// The socket has mode 0600 in a folder of mode 0700, and where the system tells
// whose process is at the other end, that is checked too. On Linux the person
// learns which program that is, by the name of its file, beside what it calls
// itself. Nothing keeps apart two programs of one user: either can speak through
// the other, and what protects a passkey is that its person is asked.
//
// The vault can be managed only by who gives its secret, with each order; see
// package manage.
//
// Whether there is a passkey for a site is told without asking the person, so
// that a dialog need not offer a way that leads nowhere. A locked vault does
// not tell.
package agent
