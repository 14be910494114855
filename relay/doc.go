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
//	phone   GET /cable/register/<contact ID>             101, see below
//	client  GET /cable/contact/<contact ID>              101, 410, 503, see below
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
// A phone that is linked with clients registers, and keeps that WebSocket open.
// Its contact ID is the hash of a key that it shows (hybrid.ContactID): clients
// know the ID, and cannot take the phone's calls. A client's call comes to the
// phone with the client's payload, and waits for its word:
//
//	relay  01 tunnel ID, routing ID, payload   a call
//	phone  02 tunnel ID                        coming: 101, and /cable/connect
//	phone  03 tunnel ID                        that link has ended: 410
//	phone  04 tunnel ID                        not now: 409
//	phone  05                                  retire the contact: 410 for all
//
// A call survives the phone's reconnecting. A phone that is not there is 503;
// 410, which makes a client forget its link, is said only on the phone's word,
// and for an ID that is none of ours.
//
// Of several nodes, the routing ID names the one that has the tunnel, and the
// contact ID the one where the phone registers; a node passes on what is for
// another of its peers.
//
// An idle connection costs a goroutine, or, with Epoll, a few hundred bytes and
// its socket. Both modes share everything but the waiting: parser and stream
// take what arrives, in pieces of any size; tunnel and phone are told of whole
// messages; blocking and polled are the two ways to wait. docs/RELAY.md has
// what each costs, and docs/THREATS.md what a relay could do.
//
// The relay speaks HTTP/1.1: a TLS listener in front of it must not offer h2.
// It sets no cookie and reads none, so the Origin header, which protects
// cookies, is not looked at.
//
// The pages followed are CTAP 2.3 and RFC 6455 (WebSocket).
package relay
