// Package account is My Account: the pages where a person looks after their
// passkeys and sessions and sees what happened to their account.
//
// It is a client of the identity provider like any other and knows who its
// visitor is only from an ID token (RelyingParty). What it keeps in the browser
// is a sealed cookie with the provider's session (sid) and the person. Each
// request asks whether that session still lives, so that signing out, here or by
// an administrator, holds at once.
//
//	GET a page --no cookie, or session over--> provider --> /callback --> the page
//	           --session of an access pass---> /security/add, until registered
//	           --passkeys to change, last
//	             proof over 5 minutes ago----> provider with max_age --> /callback
//
// A form that is posted by somebody who is not signed in is not kept for later:
// they are told, and sign in again.
package account
