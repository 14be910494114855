package link

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/noise"
	"cardea/hybrid/tunnel"
	"cardea/internal/cbor"
)

// AnswerConfig is what a phone needs beside the QR code.
type AnswerConfig struct {
	Advertiser hybrid.Advertiser // required
	Tunnel     *tunnel.Dialer    // nil means services at their own domains
	Service    hybrid.Service    // where this phone opens its tunnels
	Info       ctap.Info         // what this phone is, told after the handshake
	Progress   func(Stage)       // may be nil
	Timeouts   Timeouts

	// Link is given to a client that asks to be linked; nil means none is.
	Link *hybrid.LinkOffer
}

// ErrServiceUnknown says that the client cannot find the tunnel service of this
// phone: the client is too old, or the phone's service too new.
var ErrServiceUnknown = errors.New("the other device does not know this phone's relay")

// Answer does the phone's half of a hybrid transaction. It opens a tunnel,
// advertises until a client has joined it, completes the handshake, says what
// this phone is, and returns a Phone that is ready to serve. The caller closes
// it, and wipes qr when it no longer needs it. Where the client takes a direct
// connection and the Advertiser is a hybrid.DirectAdvertiser, the client may come
// that way as well, and then there need be no tunnel.
//
// Every error is an *Error, but for the end of ctx by cancellation. Answer
// leaves no advertisement and no connection behind.
func Answer(ctx context.Context, qr hybrid.QR, cfg AnswerConfig) (*Phone, error) {
	cfg.Timeouts = cfg.Timeouts.withDefaults(findPhone)
	if cfg.Tunnel == nil {
		cfg.Tunnel = &tunnel.Dialer{}
	}
	if !cfg.Service.KnownTo(qr.KnownDomains) {
		return nil, &Error{Leg: LegRelay, Err: ErrServiceUnknown}
	}
	place := cfg.listen(ctx, qr)
	if place != nil {
		defer place.Close()
	}
	tunneled := len(qr.Channels) == 0 || slices.Contains(qr.Channels, hybrid.ChannelTunnel)
	if !tunneled && place == nil {
		return nil, &Error{Leg: LegRelay, Err: errors.New("the other device wants no relay at all")}
	}

	var conn *tunnel.Conn
	var routing hybrid.RoutingID
	if tunneled {
		var err error
		if conn, routing, err = cfg.open(ctx, qr); err != nil && place == nil {
			return nil, err
		}
	}
	if conn != nil {
		report(cfg.Progress, StageConnected)
	}

	p, err := cfg.meet(ctx, qr, conn, place, hybrid.NewEID(routing, cfg.Service))
	if err != nil {
		if conn != nil {
			conn.Abort()
		}
		return nil, err
	}
	report(cfg.Progress, StageReady)
	return p, nil
}

func (cfg *AnswerConfig) open(ctx context.Context, qr hybrid.QR) (*tunnel.Conn, hybrid.RoutingID, error) {
	connecting, cancel := context.WithTimeout(ctx, cfg.Timeouts.Connect)
	defer cancel()
	conn, routing, err := cfg.Tunnel.New(connecting, cfg.Service, hybrid.TunnelIDFor(qr.Secret))
	if err != nil {
		return nil, routing, fail(ctx, LegRelay, err)
	}
	return conn, routing, nil
}

// meet is found by a client and makes friends with it. There is a conn or a
// place, or both.
func (cfg *AnswerConfig) meet(ctx context.Context, qr hybrid.QR, conn *tunnel.Conn, place hybrid.DirectListener, eid hybrid.EID) (*Phone, error) {
	m, err := cfg.beFound(ctx, qr, conn, place, eid)
	if err != nil {
		return nil, err
	}
	report(cfg.Progress, StageJoined)

	greeting, cancel := context.WithTimeout(ctx, cfg.Timeouts.Handshake)
	defer cancel()
	p, err := cfg.greet(greeting, qr, m)
	if err != nil {
		m.conn.Abort()
		return nil, fail(ctx, legOf(err), err)
	}
	return p, nil
}

func (cfg *AnswerConfig) greet(ctx context.Context, qr hybrid.QR, m *met) (*Phone, error) {
	if err := m.conn.Write(ctx, m.message2); err != nil {
		return nil, err
	}
	p := &Phone{channel: over(m.conn, m.session), command: cfg.Timeouts.Command, progress: cfg.Progress}
	if err := cfg.introduce(ctx, qr, p.channel); err != nil {
		return nil, fmt.Errorf("saying what this phone is: %w", err)
	}
	return p, nil
}

// A met is a client that knows the QR code.
type met struct {
	conn     conn
	message2 []byte
	session  *noise.Session
}

// beFound advertises until message 1 arrives. It does not return before the
// advertisement has ended, whatever happens.
func (cfg *AnswerConfig) beFound(ctx context.Context, qr hybrid.QR, tunneled *tunnel.Conn, place hybrid.DirectListener, eid hybrid.EID) (*met, error) {
	finding, cancel := context.WithTimeout(ctx, cfg.Timeouts.Find)
	defer cancel()
	stop, err := cfg.advertise(finding, qr, place, eid)
	if err != nil {
		return nil, fail(ctx, LegRadio, fmt.Errorf("advertising: %w", err))
	}
	// A radio that cannot stop has been switched off or taken away meanwhile,
	// and is silent. It is no reason to turn away a client that has come.
	defer stop()
	report(cfg.Progress, StageWaiting)

	psk := hybrid.PSKFor(qr.Secret, eid)
	defer psk.Wipe()
	// One handshake for each connection: the relay can send message 1 again,
	// and after this it is read as a record, which it is not.
	respond := func(c conn, message1 []byte) (*met, error) {
		message2, session, err := noise.AnswerKN(qr.PublicKey, psk).Respond(message1)
		if err != nil {
			return nil, &onLeg{LegHandshake, err}
		}
		return &met{c, message2, session}, nil
	}
	m, err := either(finding, tunneled, place, respond)
	if err != nil {
		leg := legOf(err)
		if leg == LegTimeout {
			leg = LegAdvert // nobody has heard us
		}
		return nil, fail(ctx, leg, fmt.Errorf("waiting for the other device: %w", err))
	}
	return m, nil
}

func (cfg *AnswerConfig) advertise(ctx context.Context, qr hybrid.QR, place hybrid.DirectListener, eid hybrid.EID) (stop func() error, err error) {
	key := hybrid.EIDKeyFor(qr.Secret, nil)
	defer key.Wipe()
	sealed := key.Seal(eid)
	if place != nil {
		return place.Advertise(ctx, append(sealed[:], hybrid.Suffix(place.PSM())...))
	}
	// Exactly 20 bytes: most clients take no more, and a suffix would only
	// name a channel that this phone does not have.
	return cfg.Advertiser.Advertise(ctx, sealed[:])
}

// introduce sends the two messages that every phone sends unasked.
func (cfg *AnswerConfig) introduce(ctx context.Context, qr hybrid.QR, c *channel) error {
	info, err := cbor.Encode(cfg.Info)
	if err != nil {
		return fmt.Errorf("getInfo: %w", err)
	}
	first := hybrid.PostHandshake{Info: info, Features: []string{hybrid.FeatureCTAP}}
	if err := c.writeRecord(ctx, first.Encode()); err != nil {
		return err
	}

	var update hybrid.Update
	if cfg.Link != nil && qr.Linking {
		linking, err := cfg.Link.Sign(qr.PublicKey, c.session.Hash())
		if err != nil {
			return fmt.Errorf("linking: %w", err)
		}
		update.Linking = &linking
	}
	body, err := update.Encode()
	if err != nil {
		return fmt.Errorf("linking: %w", err)
	}
	return c.write(ctx, hybrid.Message{Type: hybrid.MessageUpdate, Body: body})
}
