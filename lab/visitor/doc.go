// Command visitor is the person of the lab's sign-in by phone. Before a
// Chromium as Debian ships it, without our extension, it becomes the first
// administrator of a Cardea with a passkey on a phone of ours, signs out, and
// signs in again; before one with our extension it signs in.
//
// Pages it reads and clicks by their words. Chromium's own dialog it can only
// look at: it takes pictures of the screen and has the phone look for the code
// in them, with "cardea authenticator scan", and clicks where the dialog has
// its choices as long as there is no code. The phone it answers on the phone's
// pages.
//
// Everything else is started by lab/crown.sh, in the guest.
package main
