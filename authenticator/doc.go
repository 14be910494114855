// Package authenticator is the CTAP2 core of the passkey app: it makes
// passkeys, signs with them, and asks its person before either (CTAP 2.3
// Proposed Standard of February 2026; sections are cited as "CTAP §n").
//
//	one CTAP message -> Handle -> parse -> act -> one CTAP message
//	                                       │
//	                          Person ◂─────┴─────▸ Vault
//	                     (is asked, verifies)   (keeps passkeys)
//
// # What it is to a client
//
// The profile of a phone: user verification is done here, by the Person, and
// never by a PIN that a client types. So getInfo offers rk and uv, no clientPin
// and no PIN/UV protocol. Passkeys are ES256 and bound to this vault: the flags
// BE and BS are never set, and each passkey has its own signature counter.
//
// # What the flags mean
//
// UP is set if the person answered in this request, UV if they were verified in
// this request: while answering, or by unlocking the vault on the way. Nothing
// else sets them. Making a passkey always verifies the person, asked for or
// not; this takes the place of the refusal that CTAP §6.1.2 has for a request
// without user verification.
//
// # Which passkey
//
// A Person has a screen, so an assertion without an allow list is put to them
// as a choice, and there is one answer, marked userSelected. Only a silent
// request (up false, uv false), which must not ask, can leave several
// assertions; the rest are fetched by getNextAssertion. After any other
// request getNextAssertion answers NOT_ALLOWED.
//
// A passkey made with rk false is kept in the vault like any other but is found
// only by its ID.
//
// # A registration that comes to nothing
//
// A new passkey is saved, and usable, before its answer leaves. If the site
// then does not take it, whoever learns so removes it with Vault.Delete by the
// credential ID in the answer; that is safe to repeat.
//
// # What it does not do
//
// No client PIN, no credential management, no extensions, no reset: those
// commands answer INVALID_COMMAND, and unknown extensions are ignored.
package authenticator
