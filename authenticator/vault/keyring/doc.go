// Package keyring lets the desktop's keyring hold the key of a vault, so that
// the vault opens in a session whose keyring is open: usually from log-in on.
//
// It speaks the Secret Service (org.freedesktop.secrets) of GNOME Keyring,
// KWallet and KeePassXC over the session bus, itself and not through a library:
// a locked keyring asks the person, and that must be awaited with a context,
// called off with it, and told from a keyring that is not there.
//
// The key is an item of the default collection with the attributes
//
//	application  cardea
//	vault        the vault ID, in hexadecimal digits
//	slot         16 random bytes, in hexadecimal digits: the blob
//
// and its secret is the key in base64, so that keyrings that think of secrets
// as text keep it whole. It passes over the bus in the "plain" session: the bus
// is a socket of this person's own programs, each of which could ask the
// keyring as well. The encrypted kind, with its group of 1024 bits, would only
// look safer.
//
// # What it does not do
//
// It verifies nobody. Any program of the session can have the key while the
// keyring is open. What is kept out is a copy of the files, as long as the
// keyring's own password is good. vault.Vault.UnlockBy says what follows.
package keyring
