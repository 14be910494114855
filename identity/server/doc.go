// Package server puts the rooms of the identity provider together and runs
// them: a Config goes in, and out comes a value that serves one listener until
// it is told to stop.
//
// Three hosts share the listener. A request for any other is answered with 421,
// so that nothing here can be reached under a name that we did not choose:
//
//	login host     sign-in pages, OpenID Connect endpoints
//	account host   My Account, and administration below /admin
//	RP ID          the documents that browsers look for at the name that the
//	               passkeys are for; everything else leads to My Account
//
// The RP ID may be the login host itself; then that host has its documents.
// /healthz is answered under every name, for who looks after the machine.
//
// # Files
//
// Everything is in the database, but for one key: it lies in the key file beside
// it (Database with ".key" behind, mode 0600, made on the first start). The
// signing keys of the provider are sealed under it, and the keys that seal
// cookies and hash access passes are derived from it. A copy of the database
// alone cannot sign ID tokens, nor make a cookie for a session that stands in
// it, nor try out codes. If the key file is lost, the next start makes another
// and with it a new signing key; clients fetch it by themselves, access passes
// that are out have to be issued anew, and nobody has to register anything
// again.
//
// My Account is an OpenID Connect client of the provider, registered here at
// each start. Its back channel goes to the server's own listener as long as the
// login host is served without TLS; otherwise it goes where LoginURL points.
package server
