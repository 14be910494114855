// Package link joins the stages of a hybrid transaction: a phone that has
// passkeys signs in to a device that has none (CTAP 2.3 §11.5, QR-initiated).
//
// Each device has one call. The device in front of the person makes an
// Invitation, shows it as a QR code and calls Dial; the phone reads the code
// and calls Answer. When both return, there is an encrypted link between them
// that carries CTAP requests one way and responses the other.
//
//	Dial                                 Answer
//	idle                                 idle
//	 │                                    │ tunnel.New             LegRelay
//	 │                                   connected
//	 │ Scanner.Scan          LegRadio     │ Advertiser.Advertise   LegRadio
//	waiting ◀ ─ ─ ─ ─ advertisement ─ ─ waiting
//	 │ an EID opens          LegAdvert    │
//	heard                                 │
//	 │ tunnel.Connect        LegRelay     │
//	connected ──────── message 1 ──────▶ joined, the radio falls silent
//	 │ ◀────────────── message 2 ─────────│                        LegHandshake
//	 │ ◀──────── getInfo, update ─────────│
//	ready                                ready
//	 │ Client.Send ───── request ───────▶ │ Phone.Serve
//	 │ ◀──────────────── response ────────│                        LegPeer
//	 │ Client.Close ──── shutdown ──────▶ │
//	closed                               closed
//
// "Something went wrong" is what people complain of most, so every failure is
// an Error that names its Leg: what this device's owner can do is different
// when Bluetooth is off, when the relay cannot be reached, and when the phone
// has declined. There is no cancelling and no keep-alive in the protocol: to
// cancel is to close, and each side notices at once when the other has gone.
//
// Where both radios can be connected to (hybrid.DirectAdvertiser, DirectScanner)
// and the invitation offers it, the phone names a place for direct connections
// in its advertisement, and the client goes there; the tunnel is left for when
// nobody answers. The messages are the same.
//
// An Invitation serves one Dial. After any failure the client shows a new
// code. A phone does one handshake for each tunnel, and refuses a second.
//
// Whoever writes a client begins with the examples of Dial and Call, whoever
// writes a phone with those of Answer and Call, which has a phone that lets
// itself be remembered; a relay is package relay. Package platform/phone has one
// with passkeys: a browser's part and a phone's. They run without Bluetooth and
// without a network; radio/bluez is the radio to put in for radio/air.
//
// The package does not ask the person, does not know what a passkey is, and
// does not draw the code: see packages authenticator, ctap and hybrid/qrimage.
package link
