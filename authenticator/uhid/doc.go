// Package uhid plugs the authenticator into this Linux computer as a USB
// security key: every browser, ssh and pam module that speaks to FIDO keys can
// use it, without knowing what it is.
//
// The kernel's /dev/uhid makes a HID device of a program. Each read and write
// is one event: a type and a packed struct.
//
//	Open ──CREATE2 name, descriptor──▶ kernel ──▶ /dev/hidrawN
//	     ◀─OUTPUT 64 bytes───────────        ◀─── a client writes a report
//	     ──INPUT2 64 bytes───────────▶       ───▶ a client reads a report
//	Close ─DESTROY───────────────────▶
//
// A [Device] is that, as an io.ReadWriteCloser of reports; [Serve] joins it
// with package ctaphid and an authenticator. Opening /dev/uhid takes root or a
// udev rule; nothing else here does. Whoever may open it can be any HID device,
// a keyboard too: docs/decisions/0022.
//
// Reference: Documentation/hid/uhid.rst and include/uapi/linux/uhid.h of the
// kernel.
package uhid
