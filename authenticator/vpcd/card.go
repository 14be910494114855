package vpcd

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"cardea/authenticator"
	"cardea/ctap"
)

// fido is the application of a FIDO key (CTAP §11.3.3).
var fido = []byte{0xa0, 0x00, 0x00, 0x06, 0x47, 0x2f, 0x00, 0x01}

// Instructions.
const (
	insSelect          = 0xa4
	insGetResponse     = 0xc0
	insCTAP            = 0x10
	insCTAPGetResponse = 0x11
	insCTAPControl     = 0x12
	insU2FVersion      = 0x03 // the last of three from 1

	supportsGetResponse = 0x80 // P1 of insCTAP
	giveUp              = 0x11 // P1 of insCTAPGetResponse
)

// Classes, without the chained bit.
const (
	classISO  = 0x00
	classCTAP = 0x80
)

// patience is how long the card thinks before it says that it still works. A
// client asks again at once, so this also sets how often.
const patience = 100 * time.Millisecond

// What CTAP §11.3.7.1.3 calls the status while the card works.
const (
	processing = 1
	userNeeded = 2
)

// A card answers APDUs, one at a time. Reset it to make it stop.
type card struct {
	a      *authenticator.Authenticator
	caller authenticator.Caller
	u2f    *authenticator.U2F

	selected bool
	chain    *command // of which the last part is missing
	rest     []byte   // of an answer, for GET RESPONSE
	room     int      // of the command that is being answered
	busy     *work
}

// A work is a CTAP2 command under way.
type work struct {
	cancel context.CancelFunc
	status byte
	done   chan []byte
}

func newCard(a *authenticator.Authenticator) *card {
	caller := authenticator.Caller{Via: ViaCard}
	return &card{a: a, caller: caller, u2f: a.U2F(caller)}
}

// ViaCard is authenticator.Caller.Via of what comes through a reader.
const ViaCard = "card"

// reset makes the card as after power-up, and waits until it does nothing.
func (c *card) reset() {
	c.abort()
	c.u2f.Withdraw()
	c.selected, c.chain, c.rest = false, nil, nil
}

func (c *card) abort() {
	if c.busy != nil {
		c.busy.cancel()
		<-c.busy.done
		c.busy = nil
	}
}

// answer answers one APDU with another. What it begins ends with ctx.
func (c *card) answer(ctx context.Context, apdu []byte) []byte {
	cmd, err := parseCommand(apdu)
	if err == nil {
		cmd, err = c.join(cmd)
	}
	var data []byte
	if err == nil {
		c.room = cmd.room
		data, err = c.act(ctx, cmd)
	}
	var s status
	switch {
	case err == nil:
		return c.portion(data)
	case errors.As(err, &s):
		return reply(data, s)
	}
	return reply(nil, conditions)
}

// errMore is not an error: this was not the last part of a command.
var errMore = ok

// join puts the parts of a command together.
func (c *card) join(cmd command) (command, error) {
	if c.chain != nil && !cmd.follows(*c.chain) {
		c.chain = nil // a new command takes the place of what was begun
	}
	if c.chain != nil {
		if len(c.chain.data)+len(cmd.data) > maxData {
			c.chain = nil
			return cmd, wrongLength
		}
		cmd.data = append(c.chain.data, cmd.data...)
	}
	if cmd.class&chained == 0 {
		c.chain = nil
		return cmd, nil
	}
	cmd.class &^= chained
	cmd.data = bytes.Clone(cmd.data)
	c.chain = &cmd
	return cmd, errMore
}

// portion is as much of an answer as the client has room for, and the rest is
// kept (ISO 7816-4 §5.3.4).
func (c *card) portion(data []byte) []byte {
	if len(data) <= c.room {
		c.rest = nil
		return reply(bytes.Clone(data), ok)
	}
	c.rest = data[c.room:]
	left := status(len(c.rest))
	if left > 0xff {
		left = 0 // 256 or more
	}
	return reply(bytes.Clone(data[:c.room]), more|left)
}

// act does what a whole command says.
func (c *card) act(ctx context.Context, cmd command) ([]byte, error) {
	if cmd.instruction == insGetResponse && c.rest != nil {
		return c.rest, nil
	}
	c.rest = nil
	switch {
	case cmd.class == classISO && cmd.instruction == insSelect:
		return c.choose(cmd)
	case cmd.class != classISO && cmd.class != classCTAP:
		return nil, wrongClass
	case !c.selected:
		return nil, wrongInstruction
	case cmd.class == classCTAP:
		return c.ctap(ctx, cmd)
	case 0 < cmd.instruction && cmd.instruction <= insU2FVersion:
		return c.message(ctx, cmd)
	}
	return nil, wrongInstruction
}

// choose is SELECT (CTAP §11.3.4).
func (c *card) choose(cmd command) ([]byte, error) {
	const byName = 0x04
	c.abort()
	if c.selected = cmd.p1 == byName && bytes.Equal(cmd.data, fido); !c.selected {
		return nil, fileNotFound
	}
	const u2f = "U2F_V2"
	if slices.Contains(c.a.Info().Versions, u2f) {
		return []byte(u2f), nil
	}
	return []byte("FIDO_2_0"), nil
}

// message is a U2F message as it is. The answer has its own status word.
func (c *card) message(ctx context.Context, cmd command) ([]byte, error) {
	c.abort()
	out := c.u2f.Handle(ctx, cmd.raw())
	data, s := out[:len(out)-2], status(out[len(out)-2])<<8|status(out[len(out)-1])
	if s != ok {
		return nil, s
	}
	return data, nil
}

// ctap is what the class of CTAP2 has.
func (c *card) ctap(ctx context.Context, cmd command) ([]byte, error) {
	switch cmd.instruction {
	case insCTAP:
		return c.request(ctx, cmd)
	case insCTAPGetResponse:
		switch {
		case c.busy == nil:
			return nil, conditions
		case cmd.p1 == giveUp:
			c.busy.cancel()
			return c.result(nil)
		case cmd.p1 != 0:
			return nil, wrongParameters
		}
		return c.poll()
	case insCTAPControl:
		if cmd.p1 != 1 {
			return nil, wrongParameters
		}
		c.abort()
		c.u2f.Withdraw()
		c.selected = false
		return nil, nil
	}
	return nil, wrongInstruction
}

// request begins a CTAP2 command.
func (c *card) request(ctx context.Context, cmd command) ([]byte, error) {
	if len(cmd.data) == 0 {
		return nil, wrongLength
	}
	c.abort()
	request := bytes.Clone(cmd.data)
	if ctap.Command(request[0]) != ctap.CmdGetInfo {
		c.u2f.Withdraw()
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &work{cancel: cancel, status: processing, done: make(chan []byte, 1)}
	switch ctap.Command(request[0]) {
	case ctap.CmdMakeCredential, ctap.CmdGetAssertion, ctap.CmdSelection:
		w.status = userNeeded
	}
	go func() {
		defer close(w.done)
		defer cancel()
		w.done <- c.a.Handle(ctx, c.caller, request)
	}()
	c.busy = w
	if cmd.p1&supportsGetResponse == 0 {
		return c.result(nil)
	}
	return c.poll()
}

// poll waits a moment for the result.
func (c *card) poll() ([]byte, error) {
	moment := time.NewTimer(patience)
	defer moment.Stop()
	return c.result(moment.C)
}

// result waits for the result until the moment is over.
func (c *card) result(moment <-chan time.Time) ([]byte, error) {
	select {
	case response := <-c.busy.done:
		c.busy = nil
		return response, nil
	case <-moment:
		return []byte{c.busy.status}, working
	}
}
