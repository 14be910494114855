// Package relay is the tunnel service of the hybrid transport (CTAP 2.3
// §11.5): it pairs two WebSockets and copies messages between them. What
// passes is encrypted between the two devices; the relay reads none of it and
// keeps nothing but the tunnels that are open now.
//
// A tunnel has two ends. The phone opens it and gets a routing ID, which it
// tells the other device in its Bluetooth advertisement, so only a device in
// the same room can ask for that tunnel:
//
//	phone   GET /cable/new/<tunnel ID>                   101, X-caBLE-Routing-ID
//	client  GET /cable/connect/<routing ID>/<tunnel ID>  101
//	client  GET /cable/contact/<contact ID>              410, see below
//
// The tunnel ID is 16 bytes and the routing ID 3, both in hex of either case.
// The routing ID names this node and is no secret; the tunnel ID is known only
// to those who have seen the QR code, and is never logged in full.
//
//	opened ──join──▶ joined ──either end closes, a limit is met──▶ ended
//	   └───────waited too long, the phone left, shutdown───────────▶
//
// Messages are copied one to one: binary only, never split, joined or
// reordered. Messages that come before the other end are queued, within
// limits. When one end leaves, the other is told: 1000 after an orderly close,
// 1001 otherwise. An end that breaks a rule is told which: 1002 for a frame
// that RFC 6455 forbids, 1003 for text, 1008 for too many messages or too much
// time, 1009 for a message that is too big. All limits stand in [Limits].
//
// Linked phones, which a client wakes through /cable/contact, need a way to
// push to the phone that this relay does not have. It therefore never gives
// out a contact ID, and tells whoever comes with one that it is dead.
//
// The relay speaks HTTP/1.1: a TLS listener in front of it must not offer h2.
// It sets no cookie and reads none, so the Origin header, which protects
// cookies, is not looked at.
//
// The pages followed are CTAP 2.3 and RFC 6455 (WebSocket).
package relay
