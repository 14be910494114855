// Package admin is the administration pages, below /admin on the account host:
// who there is, adding a person, letting them in with an access pass, helping
// who has lost what they sign in with, and what happened.
//
// Every page asks policy.MayAdminister of the person at hand. To anybody else
// the pages do not exist: they look like an address without a page. What changes
// an account needs a fresh proof as well, and is for other people's accounts
// alone.
package admin
