// Package socket carries CTAPHID reports over sockets of this machine, in place
// of USB, so that a client can be tested where there is no HID device.
//
//	udp:127.0.0.1:PORT   one report of 64 bytes a datagram
//	tcp:127.0.0.1:PORT   reports of 64 bytes, one after the other
//
// A [Socket] is what a USB port is to a key: it stays while devices are plugged
// in and pulled out ([Socket.Plug]), and any number of clients share the device
// that is there. On a USB bus every client sees every answer. Here each sees
// only its own: an answer goes to whoever sent on its channel last, and the
// answer to INIT, which all clients get on the broadcast channel, to whoever
// sent its nonce.
//
// While nothing is plugged in, datagrams are dropped and connections are
// closed at once. A datagram that is not a report is dropped too.
//
// Nothing here is encrypted and nobody is asked who they are, so only loopback
// addresses are taken. Every program of the machine can still come in.
package socket
