// Package ceremony holds the ceremonies of WebAuthn on the server's side:
// sign-in, registration, and the two doors for people who have no passkey yet,
// the access pass and the setup of the first administrator.
//
//	Begin   makes a challenge and seals all that Finish must know into a text
//	        that the browser carries (Begun.Sealed). Nothing is written.
//	Finish  opens the text, verifies the response, and makes the change:
//
//	  1. sealed by us, for this kind of ceremony      no_ceremony
//	  2. begun in this browser                        other_browser
//	  3. not older than five minutes                  challenge_expired
//	  4. the checks of WebAuthn §7.1 or §7.2, in
//	     their order                                  see Reason
//	  5. policy                                       disabled, passkey_kind, ...
//	     and, in a sign-in, the account that was
//	     chosen                                       wrong_account
//	  6. one transaction: spend the challenge, change
//	     the passkey, begin the session, write the
//	     event                                        challenge_spent
//
// The cryptography happens before the transaction; inside it there is only what
// two requests could do to each other. A challenge is spent by the first Finish
// that brings it, also by one that fails: then the transaction holds the spent
// challenge and the event of the refusal. Only spent challenges are remembered,
// and only until they would have expired.
//
// A challenge that is signed but not tied to a browser can be replayed by
// whoever gets hold of the answer. Here the sealed text holds the hash of a
// cookie that only this browser has, and a text seen in another browser is
// spent on the spot.
//
// The checks are made twice. Ours walk through the text of WebAuthn Level 3 step
// by step and give each failure its own Reason; the library behind them
// (go-webauthn, which nobody outside of this package sees) then verifies
// everything again, signatures and attestation statements included. Where the
// two disagree the answer is no.
//
// To the page all failed sign-ins look alike, but for two codes. unknown_passkey
// says that no record has that credential ID, so that the page can tell the
// person's passkey manager (§5.1.10). Credential IDs carry at least 100 random
// bits; who holds one learns nothing else. kind_refused says that the passkey is
// good and of a kind that is no longer taken: only its holder hears that.
//
// # Whom the person said they are
//
// A sign-in asks for any passkey, and a user name that was typed is not looked
// up: no stranger learns which accounts there are. Only a browser that somebody
// has signed in with before, and that can show it, is given the list of that
// person's passkeys (BeginSignInAs).
//
// Either way the account that was chosen is sealed into the ceremony. When the
// passkey turns out to be somebody else's, nobody is signed in: the person is
// told whose it is, and may go on as that one (OtherAccount, GoOn).
//
// # Without a page
//
// BeginNative and FinishNative are the sign-in of a program of ours, which is the
// WebAuthn client itself (docs/decisions/0019). The steps are the same, with the
// client in the browser's place (other_client instead of other_browser) and an
// origin that no browser can state. The two kinds of sign-in do not meet: text
// that was sealed for one cannot be opened for the other, and what was signed for
// one is refused by the other for its origin.
//
// # Coming in by an access pass
//
// RedeemAccessPass begins a session that may only register a passkey. When that
// is done, Finish begins a session with acr phr in its place and ends the old
// one. It does not ask for the new passkey first: who can finish the
// registration can also sign in with the new passkey a moment later, and its
// key and its person have just been verified. Asking twice would keep nobody
// out.
package ceremony
