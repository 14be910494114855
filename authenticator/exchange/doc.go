// Package exchange takes passkeys out of a vault and brings passkeys in: as a
// sealed backup of our own, and in FIDO's Credential Exchange Format (CXF 1.0,
// Proposed Standard of August 2025; cited as "CXF").
//
// # Backup
//
// A backup is one file under a passphrase that a person chose. Whoever has the
// file may guess as long as they like, and no count of attempts stops them: so
// the passphrase is longer than a PIN (CheckPassphrase) and a guess costs more.
//
//	passphrase ──argon2id(salt, cost)──▸ file key ──seals──▸ chunks
//
// The file, version 1; numbers are big-endian:
//
//	16 bytes  "CARDEA-BACKUP-1\n"
//	2 bytes   length of the head
//	head      map: 1 version, 2 3 4 argon2id passes, memory in KiB and threads,
//	          5 salt (16 bytes); canonical CBOR
//	16 bytes  tag of all before, under the file key: shows a wrong passphrase
//	chunks    each 64 KiB of content, sealed (16 bytes more); the last one is
//	          what is left, at least one byte
//
// All sealing is XChaCha20-Poly1305. The key is of this file alone, so a nonce
// is a counter: 15 zeros, the number of the chunk (8 bytes), and 1 for the last
// chunk, 0 for the others. A chunk that is moved, repeated or left out does not
// open, and a file that is cut short, even between two chunks, has no last
// chunk. The additional data are the first 34 bytes of the file and its head.
//
// The content is a list of records, each its length (4 bytes) and a canonical
// CBOR map. The first says how many passkeys follow and when the backup was
// made; each other one is a passkey (record.go has the members).
//
// What a backup has not: the PIN, settings, and the large-blob array of a
// security key. The size tells about how many passkeys there are.
//
// # Merging
//
// What is read is brought into a vault by Merge, which never takes the older for
// the newer. Of the same passkey the higher count and the later use win, so that
// a site does not take a restored one for a copy. All that come in are in the
// vault together, or none of them is: a restore that failed, or was cut short,
// has changed nothing and is done again.
//
// # CXF
//
// The document is plain JSON: the private keys lie open in it. CXF is made for
// passkeys that live in several places. Ours are bound to one vault, which
// their sites were told (the flag BE is not set) and may hold them to, and they
// count signatures. So WriteCXF leaves out what has been used, as CXF says,
// unless it is told otherwise; docs/decisions/0018 weighs it.
//
// # What it does not do
//
// It knows no vault and no terminal; package manage and the commands do. It
// does not speak the Credential Exchange Protocol, which encrypts a document
// for one receiver.
package exchange
