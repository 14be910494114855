// Package noise does the handshake of a hybrid transaction and encrypts what
// comes after it.
//
// The handshake is one of two patterns of the Noise Protocol Framework
// (revision 34, cited as "Noise §n") on P-256, AES-256-GCM and SHA-256. In
// both, the client is the initiator and speaks first, and both ends need the
// same pre-shared key, which only someone near enough to hear the phone's
// advertisement can have.
//
//	KNpsk0: the phone has read the client's     NKpsk0: the client keeps the
//	key from a QR code                          phone's key from a link
//
//	  -> s                                        <- s
//	  ...                                         ...
//	  -> psk, e                                   -> psk, e, es
//	  <- e, ee, se                                <- e, ee
//
// Both messages are 81 bytes: an uncompressed point and the tag of an empty
// payload. The client calls Start and then Finish, the phone calls Respond,
// and both have a Session: one key for each direction, and a hash of all that
// was said, which names this handshake and no other.
//
//	client                                   phone
//	KN(…).Start ───── message 1 ─────────▶ Respond
//	Finish      ◀──── message 2 ───────────── │
//	  │                                        │
//	Session.Send ──── records ───────────▶ Session.Receive
//	Session.Receive ◀─ records ─────────── Session.Send
//
// Every object here is used once. A relay can send message 1 again, and a
// phone that answered it twice would use one key for two conversations; so a
// second call is an error, never a second handshake.
//
// Two things differ from plain Noise, and both are the hybrid transport's own.
// The known static key goes into the hash in the uncompressed form although a
// QR code carries it compressed. And records count in the last four bytes of
// the nonce, big-endian, and are padded to a multiple of 32 bytes, so that an
// onlooker learns little from their length.
//
// The package knows nothing of CTAP, QR codes or sockets. It uses the standard
// library only.
package noise
