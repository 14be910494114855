// Package session keeps what a browser, or a program, is signed in as.
//
// A session begins with a ceremony (package ceremony writes it, in the
// transaction that spends the challenge) and is known by two names. The token
// is the secret in the browser's cookie; only its SHA-256 is stored. The ID is
// the sid of OpenID Connect: it travels in ID tokens, appears in lists and logs
// and opens nothing.
//
//	begun --seen within Idle, before Expires--> alive --+--> ended by the person,
//	                                                    |    an administrator, or
//	                                                    |    the next sign-in in
//	                                                    |    the same browser
//	                                                    +--> idle or expired
//
// Whoever says that they want to stay signed in has a session that is Kept: it
// outlives the browser's window, and both its times are longer. It can be said
// for AskKept after the sign-in; the next sign-in of the same person in the same
// browser takes it over.
//
// A session that was begun with an access pass (ACRPass) may only be used to
// register a passkey; package policy says so wherever it matters.
//
// A program that signed in without a page (ACRNative) has a session whose token
// nobody has. It opens no page; it is what the program's tokens stand on, what its
// person sees in the list, and what they end there.
//
// Sessions that are over are deleted. What they did is in the audit log.
package session
