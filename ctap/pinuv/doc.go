// Package pinuv holds the two PIN/UV auth protocols, both ends of them: what a
// client uses to send a PIN to an authenticator and to prove that it holds a
// token, and what the authenticator uses to receive and check it (CTAP 2.3
// Proposed Standard of February 2026; sections are cited as "CTAP §n").
//
//	client                                         authenticator
//	                 <- its public key --          NewKeyAgreement
//	Encapsulate      -- its public key ->          Decapsulate
//	   both now have the same Shared
//	HashPIN, PadPIN
//	Shared.Encrypt   -- a PIN, or its hash ->      Shared.Decrypt, UnpadPIN
//	Shared.Decrypt   <- token, encrypted --        NewToken, Shared.Encrypt
//	Token.Authenticate -- pinUvAuthParam ->        Token.Verify
//
// Protocol one has no separate keys for encryption and authentication, a fixed
// IV and a short tag; protocol two mends all three. Neither authenticates the
// authenticator: whoever stands in the middle of the key agreement gets the
// hash of the PIN. That is the protocol's, not ours to mend.
//
// The package counts nothing and keeps nothing. Retries, permissions and the
// life of a token are the authenticator's.
package pinuv
