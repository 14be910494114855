package uhid

import (
	"encoding/binary"
	"fmt"

	"cardea/ctap/ctaphid"
)

// An eventType is the first word of an event.
type eventType uint32

// The events that matter here; uhid.h has more.
const (
	destroy        eventType = 1
	start          eventType = 2
	stop           eventType = 3
	opened         eventType = 4
	closed         eventType = 5
	output         eventType = 6
	getReport      eventType = 9
	getReportReply eventType = 10
	create2        eventType = 11
	input2         eventType = 12
	setReport      eventType = 13
	setReportReply eventType = 14
)

// Sizes of the packed structs, in bytes. The kernel is of the machine's byte
// order; every machine we build for is little-endian.
const (
	typeSize   = 4
	nameSize   = 128
	physSize   = 64
	uniqSize   = 64
	dataMax    = 4096
	outputSize = typeSize + dataMax + 2 + 1
	eventSize  = typeSize + nameSize + physSize + uniqSize + 2 + 2 + 4*4 + dataMax // of CREATE2, the longest
)

var order = binary.LittleEndian

// busUSB is what a FIDO key's bus is expected to be.
const busUSB = 3

// eio is the kernel's number for an input/output error.
const eio = 5

// descriptor says that this is a FIDO device with reports of 64 bytes in both
// directions, without report numbers (CTAP §11.2.8.1).
var descriptor = []byte{
	0x06, 0xd0, 0xf1, // usage page: FIDO alliance
	0x09, 0x01, // usage: CTAPHID
	0xa1, 0x01, // collection: application
	0x09, 0x20, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x81, 0x02, // data in: 64 bytes
	0x09, 0x21, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x91, 0x02, // data out: 64 bytes
	0xc0, // end of collection
}

// An Identity is what the system shows of the device.
type Identity struct {
	Name   string // at most 127 bytes
	Serial string // at most 63 bytes; may be empty
	// Vendor and Product are a USB vendor ID and a product ID of that vendor.
	Vendor, Product uint32
}

// DefaultIdentity uses the numbers that pid.codes sets apart for what is not
// sold.
var DefaultIdentity = Identity{Name: "Cardea authenticator", Vendor: 0x1209, Product: 0x0001}

// create is the event that makes the device.
func (id Identity) create() ([]byte, error) {
	if id.Name == "" || len(id.Name) >= nameSize || len(id.Serial) >= uniqSize {
		return nil, fmt.Errorf("name of %d bytes or serial number of %d does not fit", len(id.Name), len(id.Serial))
	}
	b := order.AppendUint32(nil, uint32(create2))
	b = appendText(b, id.Name, nameSize)
	b = appendText(b, "cardea/uhid", physSize)
	b = appendText(b, id.Serial, uniqSize)
	b = order.AppendUint16(b, uint16(len(descriptor)))
	b = order.AppendUint16(b, busUSB)
	b = order.AppendUint32(b, id.Vendor)
	b = order.AppendUint32(b, id.Product)
	b = order.AppendUint32(b, 0) // version
	b = order.AppendUint32(b, 0) // country
	return append(b, descriptor...), nil
}

// appendText appends s, padded with zeros to n bytes.
func appendText(b []byte, s string, n int) []byte {
	field := make([]byte, n)
	copy(field, s)
	return append(b, field...)
}

// input is the event that carries a report to whoever has the device open.
func input(report []byte) []byte {
	b := order.AppendUint32(nil, uint32(input2))
	b = order.AppendUint16(b, uint16(len(report)))
	return append(b, report...)
}

// reply refuses a request for a feature report: there are none.
func reply(kind eventType, id uint32) []byte {
	b := order.AppendUint32(nil, uint32(kind))
	b = order.AppendUint32(b, id)
	b = order.AppendUint16(b, eio)
	if kind == getReportReply {
		b = order.AppendUint16(b, 0) // no data
	}
	return b
}

// An event is what the kernel says, as far as it matters.
type event struct {
	kind   eventType
	report []byte // of output
	id     uint32 // of getReport and setReport
}

// parseEvent reads an event. The report is part of b.
func parseEvent(b []byte) (event, error) {
	if len(b) < typeSize {
		return event{}, fmt.Errorf("event of %d bytes", len(b))
	}
	e := event{kind: eventType(order.Uint32(b))}
	switch e.kind {
	case output:
		if len(b) < outputSize {
			return event{}, fmt.Errorf("output event of %d bytes", len(b))
		}
		size := int(order.Uint16(b[typeSize+dataMax:]))
		switch {
		case size == ctaphid.ReportSize+1 && b[typeSize] == 0:
			// hidraw hands on the report number that its writer put in front:
			// zero, for a device that does not number them.
			e.report = b[typeSize+1 : typeSize+size]
		case size == ctaphid.ReportSize:
			e.report = b[typeSize : typeSize+size]
		default:
			return event{}, fmt.Errorf("output report of %d bytes", size)
		}
	case getReport, setReport:
		if len(b) < typeSize+4 {
			return event{}, fmt.Errorf("report request of %d bytes", len(b))
		}
		e.id = order.Uint32(b[typeSize:])
	}
	return e, nil
}
