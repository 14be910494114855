package ctaphid

import (
	"context"
	"time"

	"cardea/ctap"
)

// A transaction is a command under way.
type transaction struct {
	channel   Channel
	command   Command
	waiting   Waiting
	cancel    context.CancelFunc
	cancelled bool
	response  chan []byte
	keepAlive *time.Ticker // stopped for MSG
}

// start hands a request to its handler.
func (d *device) start(ctx context.Context, m Message) {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, channelKey{}, m.Channel))
	t := &transaction{
		channel: m.Channel, command: m.Command, waiting: Processing, cancel: cancel,
		response:  make(chan []byte, 1), // nobody may be waiting any more
		keepAlive: time.NewTicker(keepAliveEvery),
	}
	handle := d.cfg.Handle
	switch {
	case m.Command == Msg:
		handle = d.cfg.Message
		t.keepAlive.Stop()
	case d.cfg.WaitsFor != nil:
		t.waiting = d.cfg.WaitsFor(m.Payload)
	}
	d.busy = t
	d.handlers.Go(func() { t.response <- handle(ctx, m.Payload) })
}

type channelKey struct{}

// ChannelOf returns on which channel the command came that a handler was called
// for with ctx; Reserved if there is none. What a device keeps between two
// commands is for one channel.
func ChannelOf(ctx context.Context) Channel {
	c, _ := ctx.Value(channelKey{}).(Channel)
	return c
}

// finish sends the handler's response.
func (d *device) finish(response []byte) error {
	t := d.busy
	d.abort()
	cannotTravel := len(response) == 0 || len(response) > MaxMessage
	switch {
	case cannotTravel && t.command == Msg:
		return d.fail(t.channel, Other)
	case cannotTravel:
		response = []byte{byte(ctap.Other)}
	case t.cancelled && ctap.Status(response[0]) != ctap.OK:
		response = []byte{byte(ctap.KeepaliveCancel)}
	}
	return d.link.send(Message{t.channel, t.command, response})
}

// abort forgets what is under way. Its handler is told to stop, and whatever
// it still answers is dropped.
func (d *device) abort() {
	d.dropPartial()
	if d.busy != nil {
		d.busy.cancel()
		d.busy.keepAlive.Stop()
		d.busy = nil
	}
}
