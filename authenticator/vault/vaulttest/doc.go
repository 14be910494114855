// Package vaulttest holds what every authenticator.Vault must do, as a suite
// that its package runs, and a vault in memory for tests that need one and do
// not care how it keeps things.
package vaulttest
