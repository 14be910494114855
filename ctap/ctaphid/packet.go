package ctaphid

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ReportSize is the length of every report in bytes, without a report number.
const ReportSize = 64

// Room for data in the two kinds of packet, and what follows from it.
const (
	initData = ReportSize - 7
	contData = ReportSize - 5

	// MaxMessage is the longest message in bytes: sequence numbers end at 127.
	MaxMessage = initData + 128*contData
)

// A Report is one packet as it travels.
type Report [ReportSize]byte

// A Channel is how a device tells its clients apart.
type Channel uint32

// Channels that are nobody's own.
const (
	Reserved  Channel = 0
	Broadcast Channel = 0xffffffff
)

// A Command is what a message is for (CTAP §11.2.9).
type Command byte

// The commands, without the bit that marks an initialization packet.
const (
	Ping      Command = 0x01
	Msg       Command = 0x03
	Lock      Command = 0x04
	Init      Command = 0x06
	Wink      Command = 0x08
	CBOR      Command = 0x10
	Cancel    Command = 0x11
	KeepAlive Command = 0x3b
	ErrorCmd  Command = 0x3f
)

// initBit marks an initialization packet.
const initBit = 0x80

var commandNames = map[Command]string{
	Ping: "PING", Msg: "MSG", Lock: "LOCK", Init: "INIT", Wink: "WINK", CBOR: "CBOR",
	Cancel: "CANCEL", KeepAlive: "KEEPALIVE", ErrorCmd: "ERROR",
}

// String returns the name in CTAP §11.2.9 without its prefix.
func (c Command) String() string {
	if n, ok := commandNames[c]; ok {
		return n
	}
	return fmt.Sprintf("command %#02x", byte(c))
}

// An Error is why a device did not do what a client asked (CTAP §11.2.9.1.6).
// It is about the transport; a ctap.Status is about the command carried.
type Error byte

// The errors.
const (
	InvalidCommand   Error = 0x01
	InvalidParameter Error = 0x02
	InvalidLength    Error = 0x03
	InvalidSequence  Error = 0x04
	MessageTimeout   Error = 0x05
	ChannelBusy      Error = 0x06
	LockRequired     Error = 0x0a
	InvalidChannel   Error = 0x0b
	Other            Error = 0x7f
)

var errorNames = map[Error]string{
	InvalidCommand: "INVALID_CMD", InvalidParameter: "INVALID_PAR", InvalidLength: "INVALID_LEN",
	InvalidSequence: "INVALID_SEQ", MessageTimeout: "MSG_TIMEOUT", ChannelBusy: "CHANNEL_BUSY",
	LockRequired: "LOCK_REQUIRED", InvalidChannel: "INVALID_CHANNEL", Other: "OTHER",
}

// Error returns the name in CTAP §11.2.9.1.6 without its prefix.
func (e Error) Error() string {
	if n, ok := errorNames[e]; ok {
		return "device answered " + n
	}
	return fmt.Sprintf("device answered error %#02x", byte(e))
}

// A Message is one command with its data.
type Message struct {
	Channel Channel
	Command Command
	Payload []byte
}

var errTooLong = fmt.Errorf("message is longer than %d bytes", MaxMessage)

// Reports cuts m into packets.
func (m Message) Reports() ([]Report, error) {
	if len(m.Payload) > MaxMessage {
		return nil, errTooLong
	}
	var first Report
	binary.BigEndian.PutUint32(first[:], uint32(m.Channel))
	first[4] = initBit | byte(m.Command)
	binary.BigEndian.PutUint16(first[5:], uint16(len(m.Payload)))
	rest := m.Payload[copy(first[7:], m.Payload):]
	reports := []Report{first}
	for seq := byte(0); len(rest) > 0; seq++ {
		var next Report
		copy(next[:4], first[:4])
		next[4] = seq
		rest = rest[copy(next[5:], rest):]
		reports = append(reports, next)
	}
	return reports, nil
}

// The parts of a report.

func (r *Report) channel() Channel { return Channel(binary.BigEndian.Uint32(r[:])) }
func (r *Report) isInit() bool     { return r[4]&initBit != 0 }
func (r *Report) command() Command { return Command(r[4] &^ initBit) }
func (r *Report) length() int      { return int(binary.BigEndian.Uint16(r[5:])) }
func (r *Report) sequence() byte   { return r[4] }

// An assembly is a message of which packets are missing.
type assembly struct {
	message Message
	want    int
	next    byte // sequence number
}

// begin starts a message with its initialization packet. The error is an
// Error.
func begin(r *Report) (*assembly, error) {
	if r.length() > MaxMessage {
		return nil, InvalidLength
	}
	a := &assembly{Message{Channel: r.channel(), Command: r.command()}, r.length(), 0}
	a.message.Payload = append(make([]byte, 0, a.want), r[7:7+min(initData, a.want)]...)
	return a, nil
}

// add appends a continuation packet. The error is an Error.
func (a *assembly) add(r *Report) error {
	if r.isInit() || r.sequence() != a.next {
		return InvalidSequence
	}
	a.next++
	left := a.want - len(a.message.Payload)
	a.message.Payload = append(a.message.Payload, r[5:5+min(contData, left)]...)
	return nil
}

func (a *assembly) complete() bool { return len(a.message.Payload) == a.want }

// asError returns the Error in err's chain, or Other.
func asError(err error) Error {
	var e Error
	if errors.As(err, &e) {
		return e
	}
	return Other
}
