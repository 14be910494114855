// Package authtest helps to test with an authenticator: a Person who follows a
// script, and an Authenticator over a vault in memory: a phone (New) or a
// security key (NewKey).
package authtest
