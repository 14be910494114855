// Package web is what the pages of the identity provider have in common: the
// frame, the templates with their typed pages, the style sheets and scripts,
// and the few things that every request of a person needs.
//
// There are three surfaces, each a package below this one:
//
//	signin   on the login host: sign-in, access pass, first set-up, sign-out
//	account  on the account host: passkeys, sessions, history of one person
//	admin    on the account host, below /admin: people and access passes
//
// A surface decides what a page says and hands over a value of one of the page
// types here; UI.Render turns it into HTML. One page type has one template and
// one frame: "gate" is the card of the sign-in pages, "account" and "console"
// are the two with navigation. Templates get no maps and no functions beyond
// those of funcs, so that a page can say only what its type holds.
//
// The pages are whole without a script. The one thing that only a script can do
// is to call the browser for a passkey, and that is all the scripts do: the
// words that they may have to show are already in the page, rendered here, as
// hidden parts and <template> elements. Styles and scripts are files of the
// page's own origin, below an address that changes with their content, so that
// httpd.PageCSP can forbid everything else.
//
// Every page and every state of it is in Gallery, which the tests compare with
// golden files and a command can take pictures of.
package web
