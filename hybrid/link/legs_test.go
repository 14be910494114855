package link_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/noise"
)

func TestRadioIsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.air.SetPower(false)
	_, err := link.Dial(within(t), invite(t), w.dialConfig())
	wantLeg(t, err, link.LegRadio)
	if !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("Dial: %v, want ErrRadioOff", err)
	}
	_, err = link.Answer(within(t), scan(t, invite(t)), w.answerConfig())
	wantLeg(t, err, link.LegRadio)
	if !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("Answer: %v, want ErrRadioOff", err)
	}
}

func TestRadioIsSwitchedOffMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.dialConfig()
	cfg.Progress = func(link.Stage) { go w.air.SetPower(false) }
	_, err := link.Dial(within(t), invite(t), cfg)
	wantLeg(t, err, link.LegRadio)
}

func TestNobodyIsThere(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		_, err := link.Dial(t.Context(), invite(t), w.dialConfig())
		wantLeg(t, err, link.LegAdvert)
		_, err = link.Answer(t.Context(), scan(t, invite(t)), w.answerConfig())
		wantLeg(t, err, link.LegAdvert)
		w.wantSilence(t)

		// The caller's own deadline means the same.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = link.Dial(ctx, invite(t), w.dialConfig())
		wantLeg(t, err, link.LegAdvert)
	})
}

func TestCancellingIsNoFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, run := range map[string]func(ctx context.Context, progress func(link.Stage)) error{
		"Dial": func(ctx context.Context, progress func(link.Stage)) error {
			cfg := w.dialConfig()
			cfg.Progress = progress
			_, err := link.Dial(ctx, invite(t), cfg)
			return err
		},
		"Answer": func(ctx context.Context, progress func(link.Stage)) error {
			cfg := w.answerConfig()
			cfg.Progress = progress
			_, err := link.Answer(ctx, scan(t, invite(t)), cfg)
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := run(ctx, func(s link.Stage) {
			if s == link.StageWaiting {
				cancel()
			}
		})
		if _, isLeg := errors.AsType[*link.Error](err); isLeg || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled and no leg", name, err)
		}
	}
	w.wantSilence(t)
}

func TestPhoneCannotReachTheRelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.answerConfig()
	cfg.Tunnel = nowhere
	_, err := link.Answer(within(t), scan(t, invite(t)), cfg)
	wantLeg(t, err, link.LegRelay)
	w.wantSilence(t)
}

func TestClientCannotReachTheRelay(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	ctx, cancel := context.WithCancel(t.Context())
	phone := servePhone(ctx, scan(t, inv), w.answerConfig(), echo)
	cfg := w.dialConfig()
	cfg.Tunnel = nowhere
	_, err := link.Dial(within(t), inv, cfg)
	wantLeg(t, err, link.LegRelay)
	cancel()
	if err := <-phone; !errors.Is(err, context.Canceled) {
		t.Errorf("the phone: %v", err)
	}
	w.wantSilence(t)
}

func TestClientDoesNotKnowTheService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg, qr := w.answerConfig(), scan(t, invite(t))
	cfg.Service, qr.KnownDomains = hybrid.ServiceApple, 1
	_, err := link.Answer(within(t), qr, cfg)
	wantLeg(t, err, link.LegRelay)
	if !errors.Is(err, link.ErrServiceUnknown) {
		t.Errorf("Answer: %v, want ErrServiceUnknown", err)
	}
	qr = scan(t, invite(t))
	qr.Channels = []hybrid.Channel{hybrid.ChannelBLE}
	cfg = w.answerConfig()
	cfg.Advertiser = struct{ hybrid.Advertiser }{w.air} // a radio without direct connections
	_, err = link.Answer(within(t), qr, cfg)
	wantLeg(t, err, link.LegRelay)
}

// The phone was heard, but its tunnel is gone.
func TestPhoneHasLeftTheTunnel(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	eid := hybrid.NewEID(hybrid.RoutingID{}, hybrid.DevelopmentService)
	sealed := hybrid.EIDKeyFor(inv.Secret, nil).Seal(eid)
	stop, err := w.air.Advertise(t.Context(), sealed[:])
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	_, err = link.Dial(within(t), inv, w.dialConfig())
	wantLeg(t, err, link.LegPeer)
}

func TestPhoneFailsDuringDial(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(p *scriptedPhone)
		leg  link.Leg
	}{
		{"it leaves before message 1 is answered", func(p *scriptedPhone) { p.read(); p.conn.Close() }, link.LegPeer},
		{"it vanishes before message 1 is answered", func(p *scriptedPhone) { p.read(); p.conn.Abort() }, link.LegPeer},
		{"message 2 is nonsense", func(p *scriptedPhone) { p.read(); p.write(make([]byte, 81)) }, link.LegHandshake},
		{"message 2 is message 1", func(p *scriptedPhone) { p.write(p.read()) }, link.LegHandshake},
		{"message 2 is empty", func(p *scriptedPhone) { p.read(); p.write(nil) }, link.LegHandshake},
		{"it leaves after message 2", func(p *scriptedPhone) { p.shake(p.eid); p.conn.Close() }, link.LegPeer},
		{"it says nothing after message 2", func(p *scriptedPhone) { p.shake(p.eid) }, link.LegTimeout},
		{"it says nothing at all", func(p *scriptedPhone) { p.read() }, link.LegTimeout},
		{"its first message does not open", func(p *scriptedPhone) { p.shake(p.eid); p.write(make([]byte, 48)) }, link.LegHandshake},
		{"its first message is no map", func(p *scriptedPhone) { p.shake(p.eid); p.write(p.seal([]byte{0x80})) }, link.LegHandshake},
		{"its getInfo is no map", func(p *scriptedPhone) {
			p.shake(p.eid)
			p.write(p.seal(hybrid.PostHandshake{Info: []byte{0x80}}.Encode()))
		}, link.LegHandshake},
		{"it has no passkeys", func(p *scriptedPhone) {
			p.shake(p.eid)
			p.write(p.seal(hybrid.PostHandshake{Features: []string{"dc"}}.Encode()))
		}, link.LegPeer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				inv := invite(t)
				p := newScriptedPhone(t, w, inv)
				acted := make(chan struct{})
				go func() {
					defer close(acted)
					tt.act(p)
				}()
				cfg := w.dialConfig()
				cfg.Timeouts.Handshake = 10 * time.Second
				_, err := link.Dial(within(t), inv, cfg)
				wantLeg(t, err, tt.leg)
				<-acted
			})
		})
	}
}

// Whoever has photographed the code but did not hear the right advertisement
// holds another PSK.
func TestPhoneUnderAnotherAdvertisementCannotAnswer(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	p := newScriptedPhone(t, w, inv)
	refused := make(chan error, 1)
	go func() {
		other := hybrid.NewEID(p.eid.RoutingID(), p.eid.Service())
		_, _, err := noise.AnswerKN(p.qr.PublicKey, hybrid.PSKFor(p.qr.Secret, other)).Respond(p.read())
		refused <- err
		p.conn.Close()
	}()
	_, err := link.Dial(within(t), inv, w.dialConfig())
	wantLeg(t, err, link.LegPeer)
	if err := <-refused; err == nil {
		t.Error("message 1 was taken under another advertisement")
	}
}

func TestPhoneFailsDuringSend(t *testing.T) {
	t.Parallel()
	message := func(m hybrid.MessageType, body ...byte) []byte { return hybrid.Message{Type: m, Body: body}.Encode() }
	for _, tt := range []struct {
		name string
		act  func(p *scriptedPhone)
		leg  link.Leg
	}{
		{"it leaves", func(p *scriptedPhone) { p.conn.Close() }, link.LegPeer},
		{"it vanishes", func(p *scriptedPhone) { p.conn.Abort() }, link.LegPeer},
		{"it says goodbye, which only a client may", func(p *scriptedPhone) { p.write(p.seal(message(hybrid.MessageShutdown))) }, link.LegPeer},
		{"its record does not open", func(p *scriptedPhone) { p.write(make([]byte, 64)) }, link.LegHandshake},
		{"its message has no known type", func(p *scriptedPhone) { p.write(p.seal([]byte{9})) }, link.LegHandshake},
		{"it answers something else", func(p *scriptedPhone) { p.write(p.seal(message(hybrid.MessageJSON, '{', '}'))) }, link.LegHandshake},
		{"it says too much", func(p *scriptedPhone) { p.write(p.seal(message(hybrid.MessageCTAP, make([]byte, 70_000)...))) }, link.LegHandshake},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, inv := newWorld(t), invite(t)
			p := newScriptedPhone(t, w, inv)
			acted := make(chan struct{})
			go func() {
				defer close(acted)
				p.shake(p.eid)
				p.write(p.seal(first))
				p.read()
				tt.act(p)
			}()
			c, err := link.Dial(within(t), inv, w.dialConfig())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.Send(within(t), []byte{1})
			wantLeg(t, err, tt.leg)
			if _, err := c.Send(within(t), []byte{1}); err == nil {
				t.Error("Send on a link that has failed succeeded")
			}
			<-acted
		})
	}
}

// A phone may send updates whenever it likes, also ones that we cannot read.
func TestUpdatesNeverDisturb(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	p := newScriptedPhone(t, w, inv)
	update := func(body ...byte) {
		p.write(p.seal(hybrid.Message{Type: hybrid.MessageUpdate, Body: body}.Encode()))
	}
	acted := make(chan struct{})
	go func() {
		defer close(acted)
		p.shake(p.eid)
		p.write(p.seal(first))
		update(0xa0)
		p.read()
		update(0xa1, 0x01, 0xa0)
		update(0xff)
		p.write(p.seal(hybrid.Message{Type: hybrid.MessageCTAP, Body: []byte{0x2e}}.Encode()))
		update(0xa1, 0x07, 0x00)
		p.read() // shutdown
		update(0xa0)
		p.conn.Close()
	}()
	c, err := link.Dial(within(t), inv, w.dialConfig())
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Send(within(t), []byte{1})
	if err != nil || len(response) != 1 || response[0] != 0x2e {
		t.Errorf("Send = %x, %v", response, err)
	}
	if err := c.Linger(within(t)); err != nil {
		t.Errorf("Linger: %v", err)
	}
	<-acted
	if _, ok := c.Linking(); ok {
		t.Error("there is a link")
	}
}

func TestClientFailsThePhone(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(c *scriptedClient)
		leg  link.Leg // "" means that the phone is content
	}{
		{"it leaves before message 1", func(c *scriptedClient) { c.conn.Close() }, link.LegPeer},
		{"it vanishes before message 1", func(c *scriptedClient) { c.conn.Abort() }, link.LegPeer},
		{"message 1 is nonsense", func(c *scriptedClient) { c.write(make([]byte, 81)) }, link.LegHandshake},
		{"message 1 is damaged", func(c *scriptedClient) { b := c.message1(); b[80] ^= 1; c.write(b) }, link.LegHandshake},
		{"it leaves after message 1", func(c *scriptedClient) { c.write(c.message1()); c.conn.Close() }, link.LegPeer},
		{"it leaves without a command", func(c *scriptedClient) { c.shake(); c.conn.Close() }, link.LegPeer},
		{"it says goodbye without a command", func(c *scriptedClient) { c.shake(); c.send(hybrid.MessageShutdown) }, link.LegPeer},
		{"its record does not open", func(c *scriptedClient) { c.shake(); c.write(make([]byte, 48)) }, link.LegHandshake},
		{"it sends an update, which only a phone may", func(c *scriptedClient) { c.shake(); c.send(hybrid.MessageUpdate, 0xa0) }, link.LegHandshake},
		{"its command is too large", func(c *scriptedClient) { c.shake(); c.send(hybrid.MessageCTAP, make([]byte, 70_000)...) }, link.LegHandshake},
		{"it leaves after the answer", func(c *scriptedClient) { c.shake(); c.send(hybrid.MessageCTAP, 1); c.open(); c.conn.Close() }, ""},
		{"it vanishes after the answer", func(c *scriptedClient) { c.shake(); c.send(hybrid.MessageCTAP, 1); c.open(); c.conn.Abort() }, ""},
		{"it says goodbye after the answer", func(c *scriptedClient) {
			c.shake()
			c.send(hybrid.MessageCTAP, 1)
			c.open()
			c.send(hybrid.MessageShutdown)
		}, ""},
		{"it stays after the answer", func(c *scriptedClient) { c.shake(); c.send(hybrid.MessageCTAP, 1); c.open() }, ""},
		{"it tampers after the answer", func(c *scriptedClient) {
			c.shake()
			c.send(hybrid.MessageCTAP, 1)
			c.open()
			c.write(make([]byte, 48))
		}, link.LegHandshake},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				inv := invite(t)
				served := servePhone(t.Context(), scan(t, inv), w.answerConfig(), echo)
				tt.act(newScriptedClient(t, w, inv))
				err := <-served
				if tt.leg == "" && err != nil {
					t.Errorf("the phone: %v", err)
				}
				if tt.leg != "" {
					wantLeg(t, err, tt.leg)
				}
				w.wantSilence(t)
			})
		})
	}
}

// Commands come one at a time. A client that does not wait is turned away once
// it asks for more than the phone could still do in order.
func TestClientThatDoesNotWaitIsTurnedAway(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	served := servePhone(t.Context(), scan(t, inv), w.answerConfig(), func(ctx context.Context, _ []byte) []byte {
		<-ctx.Done()
		return nil
	})
	c := newScriptedClient(t, w, inv)
	c.shake()
	for range 3 {
		c.send(hybrid.MessageCTAP, 1)
	}
	wantLeg(t, <-served, link.LegHandshake)
}

// A relay that plays message 1 again must not get a second answer.
func TestPhoneAnswersMessage1Once(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	served := servePhone(t.Context(), scan(t, inv), w.answerConfig(), echo)
	c := newScriptedClient(t, w, inv)
	message1 := c.message1()
	c.write(message1)
	c.write(message1)
	if _, err := c.hs.Finish(c.read()); err != nil {
		t.Errorf("the first answer: %v", err)
	}
	wantLeg(t, <-served, link.LegHandshake)
	c.read() // the phone's first message
	c.read() // its update
	if b, err := c.conn.Read(within(t)); err == nil {
		t.Errorf("the phone went on: %x", b)
	}
}
