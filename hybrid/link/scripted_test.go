package link_test

import (
	"testing"

	"cardea/hybrid"
	"cardea/hybrid/noise"
	"cardea/hybrid/tunnel"
)

// A scriptedPhone does a phone's part by hand up to where a test wants to
// depart from it.
type scriptedPhone struct {
	t    *testing.T
	qr   hybrid.QR
	eid  hybrid.EID
	conn *tunnel.Conn
	stop func() error
	s    *noise.Session
}

// newScriptedPhone opens a tunnel and advertises it.
func newScriptedPhone(t *testing.T, w *world, inv *hybrid.Invitation) *scriptedPhone {
	t.Helper()
	p := &scriptedPhone{t: t, qr: scan(t, inv)}
	conn, routing, err := w.tunnel.New(within(t), hybrid.DevelopmentService, hybrid.TunnelIDFor(p.qr.Secret))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Abort)
	p.conn, p.eid = conn, hybrid.NewEID(routing, hybrid.DevelopmentService)
	sealed := hybrid.EIDKeyFor(p.qr.Secret, nil).Seal(p.eid)
	if p.stop, err = w.air.Advertise(t.Context(), sealed[:]); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *scriptedPhone) read() []byte {
	b, err := p.conn.Read(within(p.t))
	if err != nil {
		p.t.Errorf("the scripted phone: %v", err)
	}
	return b
}

func (p *scriptedPhone) write(b []byte) {
	if err := p.conn.Write(within(p.t), b); err != nil {
		p.t.Errorf("the scripted phone: %v", err)
	}
}

// shake answers message 1 under the PSK of e.
func (p *scriptedPhone) shake(e hybrid.EID) {
	message2, s, err := noise.AnswerKN(p.qr.PublicKey, hybrid.PSKFor(p.qr.Secret, e)).Respond(p.read())
	if err != nil {
		p.t.Errorf("the scripted phone: %v", err)
		return
	}
	p.s = s
	p.write(message2)
}

func (p *scriptedPhone) seal(plaintext []byte) []byte {
	sealed, err := p.s.Send.Seal(plaintext)
	if err != nil {
		p.t.Errorf("the scripted phone: %v", err)
	}
	return sealed
}

// first is the map of a phone that can do CTAP.
var first = hybrid.PostHandshake{Info: []byte{0xa2, 0x01, 0x80, 0x03, 0x40}, Features: []string{"ctap"}}.Encode()

// A scriptedClient does a client's part by hand.
type scriptedClient struct {
	t    *testing.T
	conn *tunnel.Conn
	hs   *noise.Initiator
	s    *noise.Session
}

// newScriptedClient hears the phone and joins its tunnel.
func newScriptedClient(t *testing.T, w *world, inv *hybrid.Invitation) *scriptedClient {
	t.Helper()
	private, err := inv.Spend()
	if err != nil {
		t.Fatal(err)
	}
	key := hybrid.EIDKeyFor(inv.Secret, nil)
	var eid hybrid.EID
	err = w.air.Scan(within(t), func(data []byte) (ok bool) {
		eid, _, ok = key.Open(data)
		if ok && len(data) != hybrid.AdvertSize {
			t.Errorf("service data of %d bytes; old clients take %d only", len(data), hybrid.AdvertSize)
		}
		return ok
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := w.tunnel.Connect(within(t), eid.Service(), eid.RoutingID(), hybrid.TunnelIDFor(inv.Secret))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Abort)
	return &scriptedClient{t: t, conn: conn, hs: noise.NewKN(private, hybrid.PSKFor(inv.Secret, eid))}
}

func (c *scriptedClient) message1() []byte {
	b, err := c.hs.Start()
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

func (c *scriptedClient) read() []byte {
	b, err := c.conn.Read(within(c.t))
	if err != nil {
		c.t.Errorf("the scripted client: %v", err)
	}
	return b
}

func (c *scriptedClient) write(b []byte) {
	if err := c.conn.Write(within(c.t), b); err != nil {
		c.t.Errorf("the scripted client: %v", err)
	}
}

func (c *scriptedClient) open() []byte {
	b, err := c.s.Receive.Open(c.read())
	if err != nil {
		c.t.Errorf("the scripted client: %v", err)
	}
	return b
}

func (c *scriptedClient) send(m hybrid.MessageType, body ...byte) {
	sealed, err := c.s.Send.Seal(hybrid.Message{Type: m, Body: body}.Encode())
	if err != nil {
		c.t.Errorf("the scripted client: %v", err)
	}
	c.write(sealed)
}

// shake does the handshake and takes the phone's two messages.
func (c *scriptedClient) shake() {
	c.write(c.message1())
	s, err := c.hs.Finish(c.read())
	if err != nil {
		c.t.Fatal(err)
	}
	c.s = s
	if _, _, err := hybrid.ParsePostHandshake(c.open()); err != nil {
		c.t.Error(err)
	}
	record := c.read()
	if len(record) != 512+16 {
		c.t.Errorf("update in a record of %d bytes, want 528 whatever it holds", len(record))
	}
	update, err := c.s.Receive.Open(record)
	if err != nil || len(update) == 0 || update[0] != byte(hybrid.MessageUpdate) {
		c.t.Errorf("second message %x, %v, want an update", update, err)
	}
}
