// Package signin is the application that signs its person in from a terminal:
// an OAuth client of an identity provider, the tokens it gets, and where it
// keeps them.
//
//	Discover -> Client --Native---> Tokens   a passkey, without a page
//	                   --Browser--> Tokens   a page, and back to a port of this machine
//	            Account.Current     the kept tokens, refreshed when they are old
//	            Client.Revoke       gives them back
//
// Native is draft-ietf-oauth-first-party-apps: the client asks the provider for
// WebAuthn options, hands them to whoever speaks to authenticators here (a
// Getter; package platform has one), and exchanges the assertion for a code. The
// origin of the client data is webauthn.NativeOrigin, worked out from the issuer
// that the person named and never from what the provider answers.
//
// Browser is the authorization code flow with PKCE to a loopback address (RFC
// 8252): the passkey is used on the provider's own page, where the browser sees
// to it that it is that page.
//
// # What is kept
//
// One set of tokens for each issuer: in the desktop's keyring, or in a file of
// mode 0600. Refresh tokens are good for one use, so processes that refresh at
// the same time (kubectl starts one for each command) take turns by a lock, and
// read again what another has got meanwhile.
//
// # Helpers for other programs
//
// Git and kubectl ask a helper for credentials. What they send and what they
// want is here too (GitRequest, ExecCredential); a helper hands tokens only to
// the hosts that its person has named.
//
// The package imports nothing of the identity provider: the two meet on the wire.
package signin
