// Package securitykey is the platform.Route to a FIDO security key that is
// plugged into this Linux computer: it finds the key among the kernel's hidraw
// devices, opens it and speaks CTAPHID (package ctap/ctaphid).
//
// A device is a FIDO key if its report descriptor says so: usage page F1D0,
// usage 1 (CTAP §11.2.8.1). The kernel shows the descriptor to everybody in
// /sys/class/hidraw, but the device itself only to those whom a udev rule lets
// in; systemd has had one for FIDO keys since version 244.
//
// With several keys the person shows which they mean by touching it. A key of
// before CTAP 2.1 cannot be asked for a touch by itself; if none of them can, the
// first is taken.
//
// Keys that speak only U2F are passed over. PIN entry is not this route's: the
// client sees from Info what the key wants.
package securitykey
