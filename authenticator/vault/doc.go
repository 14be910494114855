// Package vault keeps passkeys on disk, sealed under a secret that a person
// knows: a PIN, or an unlock pattern.
//
// # Keys
//
//	secret ──argon2id(salt, cost)──▸ wrapping key      (of a PIN: its hash)
//	                                     │ opens
//	                                     ▾
//	                                vault key (random, for the vault's life)
//	                                     │ HKDF-SHA-256
//	                                     ▾
//	                                record key ──seals──▸ each record
//
// Changing the secret wraps the vault key anew and leaves the records alone.
// All sealing is XChaCha20-Poly1305, whose nonces are long enough to be random.
//
// # Files
//
// A vault is a folder of mode 0700 with files of mode 0600:
//
//	header     who may open it; replaced whole
//	passkeys   a log of sealed records; appended to
//	lock       held by the one program that has the vault open
//	*.tmp      a replacement that was not finished; removed by Open
//	*.torn     the end of a log that a crash cut short; see below
//
// The header, version 2:
//
//	16 bytes  "CARDEA-VAULT-01\n"
//	map       1 version, 2 vault ID (16 bytes), 3 kind of secret, 4 5 6 argon2id
//	          passes, memory in KiB and threads, 7 salt, 8 nonce ‖ sealed vault
//	          key ‖ length of the PIN, 9 attempts left, 10 settings, 11 their
//	          tag, 12 whether the log is to be begun anew; canonical CBOR
//	32 bytes  SHA-256 of all before: finds damage, does not authenticate
//
// The members 1 to 7 are the additional data of member 8, so that changing any
// of them makes the vault key unreadable. Member 9 changes before each attempt,
// when no key is known yet, and cannot be authenticated: the count of attempts
// binds whoever uses this program, not whoever can write the disk. Against
// those there is only argon2id and the length of the secret. The settings are
// what an authenticator tells to anybody, also while it is locked; they carry
// an HMAC under a key made of the vault key, which is checked when it opens.
//
// What stands for a PIN is LEFT(SHA-256(PIN), 16), which is all that a CTAP
// client sends (CTAP §6.5.5.6). A vault of the kind "none" has no secret and
// opens by itself: so is a security key that has not been given a PIN.
//
// The log, version 1:
//
//	16 bytes  "CARDEA-LOG-0001\n"
//	16 bytes  log ID, random
//	records   length (4 bytes, big-endian) ‖ CRC-32C of the length ‖
//	          nonce (24) ‖ sealed record
//
// A record says that a passkey is saved, used, renamed or deleted, or what an
// authenticator notes under a name. Its
// additional data are the log ID and its place in the log, so records cannot be
// moved, repeated or left out. When the log holds many more records than
// passkeys it is written anew, with a new ID. What the format does not show is
// a log cut short at a record's end, or the whole folder put back to an earlier
// state; no file can show that of itself.
//
// # Crashes
//
// The log is appended to and synced before a method returns; the header and the
// rewritten log are written aside, synced, renamed, and the folder is synced. A
// crash can therefore leave at most one record unfinished, at the end, and
// nobody was told that it was written. Unlock cuts it off and keeps what it cut
// in passkeys.torn. Anything else that does not fit is ErrDamaged.
//
// # Attempts
//
// Each attempt is counted on disk before the secret is tried, so cutting the
// power does not win one. A right secret gives all MaxRetries back; after as
// many wrong ones the vault is blocked for good and can only be erased.
//
// # What it does not do
//
// While a vault is unlocked its passkeys, keys included, are in memory. Lock
// overwrites them as far as Go lets it.
package vault
