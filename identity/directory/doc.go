// Package directory knows who there is: people, their passkeys, the access
// passes that let a person without a passkey in once, and the clients that
// people sign in to.
//
// A person (User) is known by three names that never stand in for each other.
// The UserID is ours and never changes; the Username is what they type and
// what an administrator sees; the Handle is 64 random bytes that a passkey
// carries, so that a passkey found on a phone says nothing about its person
// (WebAuthn Level 3 §14.6.1).
//
//	administrator --AddUser--------> User
//	administrator --IssueAccessPass-> code, told to the person once
//	person        --(ceremony)-----> Passkey, up to MaxPasskeys of them
//	person        --RenamePasskey, DeletePasskey; never the last one
//
// Before there is anybody, FirstAdministratorCode makes the setup code that
// the first administrator comes in by.
//
// The Directory holds the rules that must hold whatever the caller does: names
// that can be shown, lifetimes in range, one live pass for a person, one way in
// left. Who may do what is decided by package policy and asked for by the
// caller. The rules that two requests could break together (the last way in,
// the limit on passkeys, the last administrator) are kept by the Store in the
// transaction that makes the change. Every change is written together with its
// record (Change); neither exists without the other.
//
// Passes, setup codes and tokens are stored as hashes only.
package directory
