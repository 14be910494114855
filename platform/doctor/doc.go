// Package doctor looks at every leg that a sign-in walks on this device before
// it is walked: the radio, each relay, the passkey app, the security keys. Each
// look ends in a Finding that says what was found and, if that stands in the
// way, what a person can do.
//
// It asks nobody anything and changes nothing: it listens for a moment, knocks
// at relays with the name of a tunnel that nobody has, and says hello to the
// app.
package doctor
