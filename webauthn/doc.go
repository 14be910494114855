// Package webauthn holds the words that a WebAuthn client, an authenticator and
// a relying party share: client data, authenticator data, COSE keys, and the
// options and responses as JSON (Web Authentication Level 3, the text of July
// 2026; sections are cited as "WebAuthn §n").
//
//	relying party  --CreationOptions/RequestOptions-->  client
//	client         --hash of ClientData (over CTAP)-->  authenticator
//	authenticator  --AuthenticatorData, signature-->    client
//	client         --RegistrationResponse/
//	                 AuthenticationResponse-->          relying party
//
// The package only encodes and decodes. It decides nothing: origin and RP ID
// rules are the client's (package platform), verification is the relying
// party's (package identity/ceremony).
package webauthn
