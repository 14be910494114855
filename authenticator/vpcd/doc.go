// Package vpcd is the authenticator as a contactless smart card, in a reader
// that is a program: vsmartcard's vpcd, a driver of pcscd. Whatever speaks to
// FIDO keys through PC/SC, as to a key held to an NFC reader, can use it.
//
//	client ──PC/SC──▶ pcscd ──▶ vpcd ◀──TCP── Serve ──▶ card ──▶ authenticator
//
// vpcd listens on loopback and the card dials it. Each frame is a length of two
// bytes, big endian, and as much data: one byte of control, which only an
// answer to "ATR" follows, or a command APDU, which the card answers with one.
//
//	00 power off   01 power on   02 reset   04 ATR
//
// The card is what CTAP 2.3 §11.3 says of NFC, over ISO 7816-4:
//
//	00 A4 04 00 AID     SELECT; answers U2F_V2 or FIDO_2_0
//	80 10 80 00 data    NFCCTAP_MSG; P1 without 80: the client waits
//	80 11 00 00         NFCCTAP_GETRESPONSE, while 9100 and a status came
//	80 11 11 00         the same, and give it up
//	80 12 01 00         NFCCTAP_CONTROL: the end
//	00 01..03           U2F, while the authenticator speaks it
//	CLA + 10            more of this command follows
//	00 C0               GET RESPONSE, after 61xx
//
// in short and in extended APDUs.
package vpcd
