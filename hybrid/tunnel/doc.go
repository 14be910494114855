// Package tunnel opens WebSockets to tunnel services and carries messages
// through them (CTAP 2.3 §11.5).
//
// A tunnel has two places. The phone takes the first with New, and the service
// answers with a routing ID; the client, which learns that ID from the phone's
// advertisement, takes the second with Connect. A client that has a link to
// the phone asks the service to wake it, with Contact. From then on, what one
// side writes the other reads, message by message:
//
//	phone                     service                     client
//	New      GET /cable/new/T ───▶ │
//	         ◀─ X-caBLE-Routing-ID │
//	                               │ ◀─ GET /cable/connect/R/T   Connect
//	Write ──────────────────────── │ ──────────────────────────▶ Read
//	Read  ◀─────────────────────── │ ────────────────────────── Write
//
// A phone that clients are linked with is woken through a Contact: it keeps a
// WebSocket open at its relay, and is given each Call. To accept one is to join
// the tunnel in which the client waits.
//
//	phone                     service                     client
//	Listen   GET /cable/register ▶ │
//	                               │ ◀─ GET /cable/contact/C     Contact
//	Called  ◀────────────── a call │
//	Accept ──────────────▶ coming  │ ───────────────────▶ 101
//	         GET /cable/connect ─▶ │
//
// The package knows addresses, headers and limits. It does not encrypt: the
// service reads everything that is written here, which is why package noise
// comes before it. It keeps the ID of a tunnel out of its errors.
package tunnel
