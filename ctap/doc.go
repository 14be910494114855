// Package ctap holds the commands of the Client to Authenticator Protocol,
// their responses and status codes (CTAP 2.3 Proposed Standard of February
// 2026; sections are cited as "CTAP §n").
//
// A request is one command byte and a map; a response is one status byte and,
// if the status is OK and there is something to say, a map. Both travel as one
// message over whatever carries them: CTAPHID (package ctaphid), a hybrid
// tunnel (package hybrid/link), or a call within one process.
//
//	client                      Device                     authenticator
//	MakeCredential(ctx, d, r) -> Send(01 ‖ map)         -> ParseRequest
//	           *…Response     <- 00 ‖ map, or a Status  <- EncodeResponse
//
// # How strict
//
// Both ways a message must be in the canonical form of CTAP §8, and what is not
// is refused, with two exceptions in makeCredential and getAssertion: the map of
// options may have its keys in any order, because Firefox sends it so, and what
// is in the map of extensions may be one level deeper than a message is, because
// prf is.
package ctap
