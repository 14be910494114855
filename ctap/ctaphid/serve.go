package ctaphid

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"
)

// Times of the device's end.
const (
	// keepAliveEvery must be less than 100 ms, after which hosts give up
	// (CTAP §11.2.9.1.7).
	keepAliveEvery = 80 * time.Millisecond
	// packetWithin is how long the next packet of a message may take
	// (CTAP §11.2.5.2).
	packetWithin = 500 * time.Millisecond
	// maxLock is how many seconds a client may lock the device for
	// (CTAP §11.2.9.2.2).
	maxLock = 10
)

// A Waiting is what a device waits for while it works on a command.
type Waiting byte

// The states a KEEPALIVE tells.
const (
	Processing Waiting = 1
	UserNeeded Waiting = 2
)

// A capability is a bit of the answer to INIT.
const (
	capWink = 0x01
	capCBOR = 0x04
	capNMSG = 0x08 // MSG is not spoken
)

const protocolVersion = 2

// DeviceConfig is what a device does with what it is asked.
type DeviceConfig struct {
	// Handle answers one CTAP request, which came on ChannelOf(ctx). When ctx
	// ends the client has lost interest, and Handle should return soon.
	Handle func(ctx context.Context, request []byte) (response []byte)
	// Message answers one U2F message (MSG), at once: U2F has no KEEPALIVE and
	// no cancellation, its clients ask again instead. Nil if U2F is not spoken,
	// which clients are told.
	Message func(ctx context.Context, request []byte) (response []byte)
	// WaitsFor says what a client should be told while request is handled. Nil
	// means Processing.
	WaitsFor func(request []byte) Waiting
	// Wink makes the device show itself. Nil if it cannot.
	Wink func()
	// Version is major, minor and build.
	Version [3]byte
}

// Serve is the device's end: it answers what is read from rw until reading or
// writing fails or ctx ends. It closes rw, and returns when no handler runs any
// more. The error is that of ctx, or nil if the host hung up in between two
// reports.
func Serve(ctx context.Context, rw io.ReadWriteCloser, cfg DeviceConfig) error {
	d := &device{cfg: cfg, link: newLink(rw), timeout: time.NewTimer(0), unlock: time.NewTimer(0)}
	d.timeout.Stop()
	d.unlock.Stop()
	var base [4]byte
	rand.Read(base[:2])
	// A client that kept a channel from an earlier life should not meet
	// another's by accident.
	d.first = Channel(binary.BigEndian.Uint32(base[:]))&^(1<<31) + 1
	d.last = d.first - 1
	err := d.run(ctx)
	d.abort()
	d.link.close()
	d.handlers.Wait()
	return err
}

// A device is served by one goroutine, which owns all of this. Handlers run in
// goroutines of their own and share only their transaction's channel.
type device struct {
	cfg         DeviceConfig
	link        *link
	first, last Channel // channels that were given out

	partial *assembly   // a message of which packets are missing
	timeout *time.Timer // of partial

	locked Channel     // whose the device is alone; Reserved if nobody's
	unlock *time.Timer // of locked

	busy     *transaction // a CBOR or MSG command under way
	handlers sync.WaitGroup
}

func (d *device) run(ctx context.Context) error {
	for {
		var response <-chan []byte
		var keepAlive <-chan time.Time
		if d.busy != nil {
			response, keepAlive = d.busy.response, d.busy.keepAlive.C
		}
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.link.failed:
			if errors.Is(d.link.err, io.EOF) {
				return nil
			}
			return d.link.err
		case r := <-d.link.reports:
			err = d.take(ctx, &r)
		case <-d.link.deserted:
			d.abort()
			d.release()
		case <-d.unlock.C:
			d.release()
		case <-d.timeout.C:
			channel := d.partial.message.Channel
			d.partial = nil // the channel is free again
			err = d.fail(channel, MessageTimeout)
		case b := <-response:
			err = d.finish(b)
		case <-keepAlive:
			err = d.link.send(Message{d.busy.channel, KeepAlive, []byte{byte(d.busy.waiting)}})
		}
		if err != nil {
			return err
		}
	}
}

// take acts on one packet. An error is of the link only.
func (d *device) take(ctx context.Context, r *Report) error {
	c := r.channel()
	switch {
	case c == Reserved, c == Broadcast && r.isInit() && r.command() != Init, c != Broadcast && !d.known(c):
		return d.fail(c, InvalidChannel)
	case r.isInit():
		return d.takeInit(ctx, r)
	case d.partial == nil || d.partial.message.Channel != c:
		return nil // CTAP §11.2.5.4: a spurious continuation is ignored
	}
	if err := d.partial.add(r); err != nil {
		d.dropPartial()
		return d.fail(c, asError(err))
	}
	return d.advance(ctx)
}

func (d *device) known(c Channel) bool { return d.first <= c && c <= d.last }

// takeInit begins a message, unless another is in the way.
func (d *device) takeInit(ctx context.Context, r *Report) error {
	c := r.channel()
	resync := r.command() == Init
	switch {
	case c == Broadcast:
		// Asking for a channel disturbs nobody, so a program can enumerate its
		// devices while another waits for a touch. It is one packet long.
		return d.initialize(c, r)
	case d.partial != nil && d.partial.message.Channel != c,
		d.busy != nil && d.busy.channel != c,
		d.locked != Reserved && d.locked != c:
		return d.fail(c, ChannelBusy)
	case resync:
		// CTAP §11.2.9.1.3: INIT on one's own channel ends what was there.
		d.abort()
		return d.initialize(c, r)
	case d.partial != nil:
		d.dropPartial()
		return d.fail(c, InvalidSequence)
	}
	a, err := begin(r)
	if err != nil {
		return d.fail(c, asError(err))
	}
	d.partial = a
	return d.advance(ctx)
}

// advance acts on the message if it is complete, or waits for more of it.
func (d *device) advance(ctx context.Context) error {
	if !d.partial.complete() {
		d.timeout.Reset(packetWithin)
		return nil
	}
	m := d.partial.message
	d.dropPartial()
	return d.act(ctx, m)
}

func (d *device) dropPartial() {
	d.partial = nil
	d.timeout.Stop()
}

// act does what a whole message asks.
func (d *device) act(ctx context.Context, m Message) error {
	if d.busy != nil && m.Command != Cancel {
		return d.fail(m.Channel, ChannelBusy)
	}
	switch m.Command {
	case Ping:
		return d.link.send(m)
	case Wink:
		return d.wink(m)
	case Lock:
		return d.lock(m)
	case CBOR, Msg:
		if m.Command == Msg && d.cfg.Message == nil {
			break
		}
		if len(m.Payload) == 0 {
			return d.fail(m.Channel, InvalidLength)
		}
		d.start(ctx, m)
		return nil
	case Cancel:
		// CTAP §11.2.9.1.5: no answer of its own; the command's says it.
		if d.busy != nil && d.busy.command == CBOR {
			d.busy.cancelled = true
			d.busy.cancel()
		}
		return nil
	}
	return d.fail(m.Channel, InvalidCommand)
}

func (d *device) wink(m Message) error {
	switch {
	case d.cfg.Wink == nil:
		return d.fail(m.Channel, InvalidCommand)
	case len(m.Payload) != 0:
		return d.fail(m.Channel, InvalidLength)
	}
	d.cfg.Wink()
	return d.link.send(m)
}

// lock gives a client the device alone for a while, or ends that while
// (CTAP §11.2.9.2.2).
func (d *device) lock(m Message) error {
	switch {
	case len(m.Payload) != 1:
		return d.fail(m.Channel, InvalidLength)
	case m.Payload[0] > maxLock:
		return d.fail(m.Channel, InvalidParameter)
	}
	d.release()
	if seconds := m.Payload[0]; seconds != 0 {
		d.locked = m.Channel
		d.unlock.Reset(time.Duration(seconds) * time.Second)
	}
	return d.link.send(Message{m.Channel, Lock, nil})
}

func (d *device) release() {
	d.locked = Reserved
	d.unlock.Stop()
}

// initialize answers INIT: on the broadcast channel with a new channel, on
// another with that one.
func (d *device) initialize(on Channel, r *Report) error {
	if r.length() != 8 {
		return d.fail(on, InvalidLength)
	}
	channel := on
	if on == Broadcast {
		d.last++
		channel = d.last
	}
	capabilities := byte(capCBOR)
	if d.cfg.Message == nil {
		capabilities |= capNMSG
	}
	if d.cfg.Wink != nil {
		capabilities |= capWink
	}
	answer := bytes.Clone(r[7:15])
	answer = binary.BigEndian.AppendUint32(answer, uint32(channel))
	answer = append(answer, protocolVersion)
	answer = append(answer, d.cfg.Version[:]...)
	answer = append(answer, capabilities)
	return d.link.send(Message{on, Init, answer})
}

func (d *device) fail(c Channel, e Error) error {
	return d.link.send(Message{c, ErrorCmd, []byte{byte(e)}})
}
