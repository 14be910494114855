// Package provider speaks OpenID Connect to clients: it tells an application
// who is signed in here, and nothing that the person's passkey has not proved.
//
//	browser                    provider                       client
//	   |  GET /oauth2/authorize   |                              |
//	   |------------------------->|  not signed in:              |
//	   |  303 /signin?continue=…  |                              |
//	   |<-------------------------|                              |
//	   |      (passkey)           |                              |
//	   |  GET /oauth2/authorize   |                              |
//	   |------------------------->|                              |
//	   |  303 redirect_uri?code=… |                              |
//	   |<-------------------------|                              |
//	   |------------------------------------------------------->|
//	   |                          |  POST /oauth2/token          |
//	   |                          |<-----------------------------|
//	   |                          |  id_token, access_token      |
//	   |                          |----------------------------->|
//
// It is the smallest provider that is proper: the authorization code flow with
// PKCE for public clients that somebody has registered, one signing algorithm,
// the claims of the scopes openid and profile. There are no consent pages (an
// administrator registers each client, for everybody), no client secrets, no logout at clients and no request objects. What is not done
// is not in the metadata and is refused by name rather than ignored, except
// where the text says to ignore.
//
// # A request has no record here
//
// An authorization request that must wait for a sign-in travels along, in the
// parameter continue of the sign-in page, and comes back as it was. So nothing
// is stored for a request that merely begins, and two tabs cannot disturb each
// other. What a client can make happen once only, a new sign-in although the
// person has just done one (prompt=login, max_age=0), is remembered by a marker
// that travels with the request: when and for which request it was asked for,
// under a key of ours. A sign-in after that moment answers it.
//
// # Who is told what
//
// A client or a redirect URI that is not as registered is shown to the person
// and never redirected to (RFC 6749 §4.1.2.1). All other errors go to the
// client. Policy decides whether a person may enter; an access pass opens no
// application but our own account pages, where its person registers a passkey.
//
// Access tokens are opaque, open the userinfo endpoint only, and die with the
// session that they came from. So do refresh tokens, which only programs of our
// own get (package grant).
//
// # Without a page
//
// A program of ours in a terminal speaks to authenticators itself. It posts its
// authorization request to the challenge endpoint, gets WebAuthn options, and
// posts the assertion for a code:
//
//	program                                      provider
//	   |  POST /oauth2/authorize-challenge          |
//	   |  client_id, scope, code_challenge          |
//	   |------------------------------------------->|
//	   |  400 insufficient_authorization            |
//	   |  auth_session, webauthn                    |
//	   |<-------------------------------------------|
//	   |  (passkey)                                 |
//	   |  POST client_id, auth_session,             |
//	   |       webauthn_response                    |
//	   |------------------------------------------->|
//	   |  200 authorization_code                    |
//	   |<-------------------------------------------|
//
// An auth_session is sealed, for one client, and good for one answer; nothing is
// stored for one that merely begins. The program states an origin that no
// browser can (webauthn.NativeOrigin), so no page's assertion is good here and
// none of these is at a page. The acr says how it was:
// docs/decisions/0019-sign-in-from-a-terminal.md.
//
// Such a program may be anybody's who runs on the same machine, so through the
// browser it never takes along a person who is signed in already: each of its
// requests asks for a new sign-in (RFC 8252 §8.6).
//
// No code and no token is ever logged.
//
// References, cited by section: RFC 6749 (OAuth 2.0), RFC 6750 (bearer tokens),
// RFC 7009 (revocation), RFC 7636 (PKCE), RFC 8252 (native apps), RFC 8414
// (metadata), RFC 9207 (iss in answers), RFC 9700 (security), OpenID Connect
// Core 1.0 and Discovery 1.0 ("Core", "Discovery"), OAuth 2.1 draft 16,
// draft-ietf-oauth-first-party-apps of February 2026.
package provider
