// Package relayload loads a relay and says what it costs: memory for each
// connection that says nothing, processor time for each tunnel that is opened
// and each message that is passed on. It also soaks one: it opens, uses and
// breaks off tunnels at every stage for as long as one likes, checks that each
// message arrives where it belongs and unchanged, and that nothing is left.
//
// The relay runs in a process of its own, started by [Start], so that its
// memory and its time are its own. Peers are as thin as can be: a socket, and
// frames written by hand. They come from many addresses of 127.0.0.0/8, since
// one has too few ports.
//
// What the numbers mean: memory is the anonymous memory of the relay's process
// (RssAnon) after the garbage collector has given back what it can; the kernel
// needs about as much again for the sockets. Time is what the relay's process
// has used of the processors, in user mode and in the kernel; on loopback the
// kernel does the receiver's work in the sender's time, so that a write costs
// more there than on a wire.
package relayload
