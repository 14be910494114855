// Package grant keeps what a person has allowed a client to do: authorization
// codes, and the access tokens that they are redeemed for.
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
// Codes and tokens are 32 random bytes; only their SHA-256 is stored, and a
// look-up by hash needs no comparison in constant time.
//
// The package does not decide who may be granted what, and knows no HTTP.
//
// References: RFC 6749 (OAuth 2.0), RFC 7636 (PKCE), RFC 9700 (security best
// current practice), OAuth 2.1 draft 16.
package grant
