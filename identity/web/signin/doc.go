// Package signin is the pages of the login host: where a person signs in, with
// a passkey or with an access pass, where the first administrator is made, and
// where one signs out.
//
//	/signin ----an account that the browser knows, or Next--+
//	   |                                                   v
//	   +--> /signin/options ------------------> the browser's window
//	   |        |                                          v
//	   |        |                 whose passkey? <------ finish
//	   |        |                     |                    |
//	   |        |                     +--go on as its owner+
//	   |        |                                          v
//	   |        |                        /signin/stay, if it was not answered
//	   |        |                                          v
//	   +--------+--> /signin/pass -------------> My Account, or the
//	                                             application that asked
//	/setup#code --> the browser's window --> finish --> My Account
//
// What a browser knows of accounts, it knows from a sealed cookie that is there
// only if its person wants to stay signed in (docs/decisions/0025). It alone
// makes the page name anybody, or list an account's passkeys.
//
// What an application asked for travels along as the parameter continue of each
// step. It is the path of an authorization request of this host and nothing
// else (web.ParseContinue); whatever else stands there is dropped, and the
// person goes to My Account instead.
//
// A sign-in by access pass always goes to My Account, to register a passkey: it
// is good for nothing else.
package signin
