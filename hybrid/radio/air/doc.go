// Package air is a radio without hardware: what one advertises, all who scan
// hear. It stands in for Bluetooth in tests, and in a demonstration where phone
// and browser are programs of one computer.
//
// An Air is the room. It is both hybrid.Advertiser and hybrid.Scanner for
// everybody in the same process. [Serve] lends it to other processes over a
// Unix socket, and a [Remote] is how they use it:
//
//	phone process                         browser's process
//	air := New(); go Serve(ctx, l, air)   far := Dial("…/air.sock")
//	air.Advertise(ctx, data)         ~~~▶ far.Scan(ctx, heard)
//
// As on a real radio, an advertisement is sent again and again while it runs,
// so whoever starts to scan later hears it too, and it ends with the process
// that sends it. What is missing is distance: everybody is close by. Proof of
// being in the same room, which the hybrid transport takes from Bluetooth, is
// therefore reduced to being a program that may open the socket.
package air
