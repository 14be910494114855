// Package authtest helps to test with an authenticator: a Person who follows a
// script, and an Authenticator over a vault in memory.
package authtest
