// Package vault keeps passkeys on disk, sealed under a secret that a person
// knows: a PIN, or an unlock pattern. Beside the secret a TPM or the desktop's
// keyring may hold a key to it (packages tpm and keyring below), and a vault
// that nobody uses locks itself (LockAfter).
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
//	holder's key (random; in a TPM, in a keyring) ──opens──▸ vault key
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
// The header, version 3:
//
//	16 bytes  "CARDEA-VAULT-01\n"
//	map       1 version, 2 vault ID (16 bytes), 3 kind of secret, 4 5 6 argon2id
//	          passes, memory in KiB and threads, 7 salt, 8 nonce ‖ sealed vault
//	          key ‖ length of the PIN, 9 attempts left, 10 settings, 11 their
//	          tag, 12 whether the log is to be begun anew, 13 slots, 14 nonce ‖
//	          sealed length of the PIN; canonical CBOR
//	32 bytes  SHA-256 of all before: finds damage, does not authenticate
//
// A slot, one for each holder of a key, is
//
//	map       1 name of the holder, 2 blob: what the holder wants to be shown,
//	          3 nonce ‖ sealed vault key
//
// The members 1 to 7 are the additional data of member 8, so that changing any
// of them makes the vault key unreadable; for member 1 the number 2 stands
// there, the version that first did so. The additional data of a slot are
// "cardea vault slot 1", the vault ID and the name; those of member 14 are the
// vault ID and the salt, and its key is made of the vault key. Whoever can write
// the disk can take a slot away or put an old one back, but can make none.
//
// Member 9 changes before each attempt, when no key is known yet, and cannot be
// authenticated: the count of attempts binds whoever uses this program, not
// whoever can write the disk. Against those there is only argon2id and the
// length of the secret. The settings are what an authenticator tells to anybody,
// also while it is locked; they carry an HMAC under a key made of the vault key,
// which is checked when it opens.
//
// What stands for a PIN is LEFT(SHA-256(PIN), 16), which is all that a CTAP
// client sends (CTAP §6.5.5.6). A vault of the kind "none" has no secret and
// opens by itself: so is a security key that has not been given a PIN.
//
// Version 2 had neither slots nor member 14. Open writes such a header anew as
// version 3 before anything else; a header of a later version is ErrNewer, and
// is left as it is.
//
// The log:
//
//	16 bytes  "CARDEA-LOG-0001\n", or "CARDEA-LOG-0002\n" of one written anew
//	16 bytes  log ID, random
//	records   length (4 bytes, big-endian) ‖ CRC-32C of the length ‖
//	          nonce (24) ‖ sealed record
//
// A record is a map of one member, in canonical CBOR: 1 a passkey is saved, 2
// used, 3 deleted, 4 renamed, 5 what an authenticator notes under a name, 6 a
// snapshot: an array of passkeys, 7 how many records the log began with. The
// types record and stored give the members of each. The additional data are the
// log ID and the record's place in the log, so records cannot be moved, repeated
// or left out.
//
// When the log holds many single records it is written anew, with a new ID: the
// passkeys as snapshots of some 32 KiB, the notes, member 7, and what happened
// meanwhile. In such a log anything that is missing before member 7 is damage.
// What the format does not show is a log cut short at the end of a later record,
// or the whole folder put back to an earlier state; no file can show that of
// itself.
//
// # Crashes
//
// The log is appended to and synced before a method returns; the header and the
// rewritten log are written aside, synced, renamed, and the folder is synced. A
// crash can therefore leave at most one record unfinished, at the end, and
// nobody was told that it was written. Unlock cuts it off and keeps what it cut
// in passkeys.torn. Anything else that does not fit is ErrDamaged.
//
// SaveAll is one record, a snapshot, or, if that has no room, a log written anew
// that has the passkeys before member 7: either way they come together.
//
// A log is written anew beside the work that goes on: what changes meanwhile
// goes to the old log and is synced there, and into the new one before it takes
// the old one's place. A full disk leaves everything as it was.
//
// # Attempts
//
// Each attempt is counted on disk before the secret is tried, so cutting the
// power does not win one. A right secret gives all MaxRetries back; after as
// many wrong ones the vault is blocked for good and can only be erased.
//
// # Holders of a key
//
// A holder opens the vault without a person: UnlockBy says what follows. Enroll
// asks for the secret first. A changed secret leaves the slots as they are, for
// it is the vault key that they seal; Reset and Erase destroy them with it, and
// whoever believes that a holder's key is known to others should reset the vault
// or move the passkeys to another one. A holder gives no attempts back, and
// opens no vault that is blocked.
//
// # Many passkeys
//
// A hundred thousand passkeys take some 60 MB of memory while the vault is
// unlocked. They are found by ID, by site and by account without a search, and
// are decoded when they are asked for. Reading the log is done by all processors
// at once; with argon2id at DefaultCost it is not what a person waits for.
//
// # What it does not do
//
// While a vault is unlocked its passkeys, keys included, are in memory. Lock
// overwrites them as far as Go lets it.
package vault
