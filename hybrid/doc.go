// Package hybrid holds what the two devices of a hybrid transaction say to each
// other: a phone that has passkeys, and a client, which is the device in front
// of a person who wants to sign in there. (CTAP 2.3 §11.5; older texts call it
// caBLE v2.)
//
// A few words are needed:
//
//   - a QR is what the client shows: a key for this one occasion and a secret;
//   - a Service is a number that stands for a tunnel service, a relay that both
//     devices can reach, and a TunnelID names one tunnel there;
//   - an EID is what the phone advertises over Bluetooth, sealed: it tells who
//     holds the QR's secret where the tunnel is, and that the phone is near;
//   - a Message is what passes through the tunnel after the handshake.
//
// In order:
//
//	client                     relay                      phone
//	Invitation ─ ─ ─ ─ ─ ─ ─ QR on a screen ─ ─ ─ ─ ─ ─ ─▶ ParseQR
//	  Scanner                    │ ◀── TunnelIDFor ────────  │
//	     │                       │ ──── RoutingID ────────▶  │
//	     │ ◀ ─ ─ ─ ─ ─ ─ ─ ─ EIDKey.Seal ─ ─ ─ ─ ─ ─ ─ ─ Advertiser
//	 EIDKey.Open                 │                           │
//	     │ ─── EID.Service ────▶ │                           │
//	     │ ──────────── handshake under PSKFor(EID) ───────▶ │   package noise
//	     │ ◀─────────────── PostHandshake ────────────────── │
//	     │ ◀─────────────── Update ───────────────────────── │
//	     │ ──────────────── Message: CTAP request ─────────▶ │
//	     │ ◀─────────────── Message: CTAP response ───────── │
//	     │ ──────────────── Message: shutdown ─────────────▶ │
//
// Everything a client needs to trust comes from the first picture: the phone
// has read the code, and the client has heard the phone. The relay sees sizes
// and times only, and whoever photographs the code from afar does not hear the
// advertisement.
//
// This package turns those things into bytes and back, strictly, and declares
// the radio (Advertiser, Scanner). It opens no connection and has no opinion:
// package tunnel dials, package noise encrypts, package link does it all in
// order, and packages radio/air and radio/bluez are the radios.
package hybrid
