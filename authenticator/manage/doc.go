// Package manage is what a person's own commands do to a vault: look at the
// passkeys, rename and delete them, change the PIN, take all of them out and
// bring others in, lock it, erase it.
//
// A vault is open in one program at a time. While the app runs that is the app,
// and a command asks it through the agent's socket; while it does not, the
// command opens the vault itself. Both are a Manager:
//
//	command ──┬── Held: the vault's files, opened by the command
//	          └── agent.Remote ── socket ── agent ── Held: the app's open vault
//
// # Proof
//
// Whoever can reach the socket is this user, and may still be a program that
// they would not trust with their passkeys. So every method but Status and Lock
// takes the secret and proves it, each time, also while the vault is unlocked;
// wrong ones are counted as anywhere else. What such a program is left with is
// to spend the attempts, which blocks the vault and reveals nothing.
//
// A vault that was locked is locked again when the method returns, except by
// Unlock.
//
// # What it does not do
//
// It writes no files: sealing a backup and writing CXF is package exchange, in
// the command's process, so that a passphrase does not cross the socket.
package manage
