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
package ctap
