// Package grant keeps what a person has allowed a client to do: authorization
// codes, the access tokens that they are redeemed for, and the refresh tokens
// that keep a program signed in.
//
// A code lives for one minute and is good for one exchange:
//
//	issued --Redeem: bound, alive--> spent --Redeem again--> its tokens end
//	   |
//	   +--one minute--> expired
//
// Redeem makes every check that could refuse the exchange before it spends the
// code. Who presents a code that is another client's, or without the verifier
// of the request that it answers, changes nothing: a code that was seen on the
// way must not be enough to spoil the sign-in it belongs to. When a spent code
// comes back with everything else right, somebody has a copy of all of it, and
// the access token that it was redeemed for ends (OAuth 2.1 §4.1.3, §7.5.2).
//
// The one step that two requests could take at the same time, spending, is one
// statement in the Store; of any number of exchanges one wins.
//
// A spent code is kept for an hour as a tombstone, so that a copy is known for
// what it is for as long as the token could live.
//
// A refresh token belongs to a family that began with one code and stands on
// one session. Each use replaces it by the next:
//
//	t0 --Refresh--> t1 --Refresh--> t2 ...
//	 \--Refresh again, t1 unused, within 30 s--> the same t1
//	 \--Refresh again otherwise--> the family ends
//
// Who brings a replaced token may be a client that did not get the answer, or a
// thief, or the person after a thief. The next token is made of the one before
// under a key of ours, so the first gets the very token that it missed and the
// family never has two branches. After that the two cannot be told apart, and
// all tokens of the family end (RFC 9700 §4.14.2).
//
// Codes and tokens have 256 random bits; only their SHA-256 is stored, and a
// look-up by hash needs no comparison in constant time.
//
// The package does not decide who may be granted what, and knows no HTTP.
//
// References: RFC 6749 (OAuth 2.0), RFC 7636 (PKCE), RFC 9700 (security best
// current practice), OAuth 2.1 draft 16.
package grant
