// Package ctaphid carries CTAP messages over USB HID: packets, channels,
// keep-alives and cancellation, at both ends (CTAP 2.3 §11.2).
//
// Everything travels in reports of 64 bytes. A message is one initialization
// packet and as many continuation packets as it needs:
//
//	initialization  channel(4) 0x80|command(1) length(2) data(57)
//	continuation    channel(4) sequence(1)               data(59)
//
// so a message holds 57 + 128·59 = 7609 bytes at most. A client asks for a
// channel of its own by INIT on the broadcast channel, with a nonce by which it
// knows the answer among those of others. Then one command is under way at a
// time, on the whole device:
//
//	client                            device
//	CBOR, request               ───▶  handler(ctx, request)
//	      KEEPALIVE processing  ◀───  every 80 ms until it returns
//	CANCEL                      ───▶  ctx ends
//	      CBOR, response        ◀───  KEEPALIVE_CANCEL
//
// [Serve] is the device's end and [Open] the client's. Both work over an
// io.ReadWriteCloser that reads and writes one report at a time: a hidraw file,
// /dev/uhid behind package authenticator/uhid, or a socket pair.
//
// A client may have the device to itself for up to ten seconds (LOCK). When the
// last client has closed the device, as the kernel can tell, the command under
// way is given up: a killed program leaves no question on the person's screen.
//
// U2F messages (MSG) go to a handler of their own, which answers at once: where
// a person has to touch first, the client asks again and again. A device without
// that handler says so in its capabilities and answers INVALID_CMD.
package ctaphid
