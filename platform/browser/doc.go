// Package browser puts a platform.Client behind the pages of Chromium and
// Chrome: an extension, the program it talks to, and the window in which the
// person is asked.
//
//	page            navigator.credentials.create() / get()
//	  │
//	Chromium        chrome.webAuthenticationProxy
//	  │
//	extension       worker.js   passes requests on, opens and closes the window
//	  │             dialog.js   draws what it is told, says what was pressed
//	  │ native messaging: length and JSON on stdin and stdout
//	Host            platform.Client with its routes; view.go has every word
//
// The extension decides nothing and knows no words of its own. It draws a view,
// a description of one screen, and reports the name of the button.
//
// # Messages
//
//	to Host     {"type":"create"|"get","id":n,"details":"…"}   requestDetailsJson as it came
//	            {"type":"cancel","id":n}                       the page has withdrawn
//	            {"type":"act","id":n,"action":{…}}             a button was pressed
//	            {"type":"closed","id":n}                       the window was closed
//	            {"type":"status"}                              asks for ready
//	from Host   {"type":"ready","version":1,"uvpaa":bool}
//	            {"type":"show","id":n,"view":{…}}              opens the window if there is none
//	            {"type":"done","id":n,"response":"…"}          the answer as JSON text
//	            {"type":"done","id":n,"error":{"name","message"}}
//
// A message to the Host may have 64 MiB and one from it 1 MiB; those are the
// browser's limits. The browser starts the Host and ends it by closing stdin.
//
// # What the browser does not do
//
// Chromium checks origin, RP ID and permissions before it hands a request over,
// and then almost nothing: it keeps no time, strips no attestation, and does
// not say when a page was reloaded or left. The Client does all of that again,
// and the extension watches what replaces the document of a tab (permission
// webNavigation; it keeps nothing of it). Should that miss anything, a new
// request of an origin ends the one before.
//
// When a passkey was made the page must have the focus, or Chromium throws the
// answer away after the passkey exists; so the extension brings the page's tab
// and window to the front and waits until they are there.
//
// The browser may end the extension's worker at any time. The next one finds
// which requests it has left (permission storage: a number and a window, in
// memory), and answers them with an error.
//
// While the extension cannot reach the Host it detaches, and pages get the
// browser's own dialog.
package browser
