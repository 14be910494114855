package link

import (
	"context"
	"crypto/ecdh"
	"encoding/json"
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

	// Credentials answers requests for digital credentials; nil means that
	// this phone has none, and says so. Requests and responses are JSON as the
	// Digital Credentials API has it, and are not looked into here.
	Credentials func(ctx context.Context, request json.RawMessage) (response json.RawMessage)

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
	conn, routing, err := cfg.open(ctx, qr)
	if err != nil && place == nil {
		return nil, err
	}
	if err == nil {
		report(cfg.Progress, StageConnected)
	}

	eid := hybrid.NewEID(routing, cfg.Service)
	key := hybrid.EIDKeyFor(qr.Secret, nil)
	defer key.Wipe()
	psk := hybrid.PSKFor(qr.Secret, eid)
	defer psk.Wipe()
	m := meeting{advert: key.Seal(eid), place: place,
		handshake: func() *noise.Responder { return noise.AnswerKN(qr.PublicKey, psk) }}
	if qr.Linking {
		m.linkTo = qr.PublicKey
	}
	p, err := cfg.meet(ctx, m, conn)
	if err != nil {
		if conn != nil {
			conn.Abort()
		}
		return nil, err
	}
	report(cfg.Progress, StageReady)
	return p, nil
}

// A meeting is what a phone brings to a client that it waits for.
type meeting struct {
	advert    [hybrid.AdvertSize]byte
	handshake func() *noise.Responder // one for each connection
	linkTo    *ecdh.PublicKey         // a client that asks to be linked; nil if not
	place     hybrid.DirectListener   // where a client may come directly; nil for nowhere
}

func (cfg *AnswerConfig) open(ctx context.Context, qr hybrid.QR) (*tunnel.Conn, hybrid.RoutingID, error) {
	if len(qr.Channels) != 0 && !slices.Contains(qr.Channels, hybrid.ChannelTunnel) {
		return nil, hybrid.RoutingID{}, &Error{Leg: LegRelay, Err: errors.New("the other device wants no relay at all")}
	}
	connecting, cancel := context.WithTimeout(ctx, cfg.Timeouts.Connect)
	defer cancel()
	conn, routing, err := cfg.Tunnel.New(connecting, cfg.Service, hybrid.TunnelIDFor(qr.Secret))
	if err != nil {
		return nil, routing, fail(ctx, LegRelay, err)
	}
	return conn, routing, nil
}

// meet is found by a client and makes friends with it. It comes by the tunnel,
// if there is one, or directly.
func (cfg *AnswerConfig) meet(ctx context.Context, m meeting, tunneled *tunnel.Conn) (*Phone, error) {
	who, err := cfg.beFound(ctx, m, tunneled)
	if err != nil {
		return nil, err
	}
	report(cfg.Progress, StageJoined)

	greeting, cancel := context.WithTimeout(ctx, cfg.Timeouts.Handshake)
	defer cancel()
	p, err := cfg.greet(greeting, m, who)
	if err != nil {
		who.conn.Abort()
		return nil, fail(ctx, legOf(err), err)
	}
	return p, nil
}

func (cfg *AnswerConfig) greet(ctx context.Context, m meeting, who *met) (*Phone, error) {
	if err := who.conn.Write(ctx, who.message2); err != nil {
		return nil, err
	}
	p := &Phone{
		channel: over(who.conn, who.session), command: cfg.Timeouts.Command,
		progress: cfg.Progress, credentials: cfg.Credentials,
	}
	if err := cfg.introduce(ctx, m.linkTo, p.channel); err != nil {
		return nil, fmt.Errorf("saying what this phone is: %w", err)
	}
	return p, nil
}

// A met is a client that knows the secret.
type met struct {
	conn     conn
	message2 []byte
	session  *noise.Session
}

// beFound advertises until message 1 arrives. It does not return before the
// advertisement has ended, whatever happens.
func (cfg *AnswerConfig) beFound(ctx context.Context, m meeting, tunneled *tunnel.Conn) (*met, error) {
	finding, cancel := context.WithTimeout(ctx, cfg.Timeouts.Find)
	defer cancel()

	stop, err := cfg.advertise(finding, m)
	if err != nil {
		return nil, fail(ctx, LegRadio, fmt.Errorf("advertising: %w", err))
	}
	// A radio that cannot stop has been switched off or taken away meanwhile,
	// and is silent. It is no reason to turn away a client that has come.
	defer stop()

	report(cfg.Progress, StageWaiting)
	who, err := either(finding, tunneled, m.place, m.respond)
	if err != nil {
		leg := legOf(err)
		if leg == LegTimeout {
			leg = LegAdvert // nobody has heard us
		}
		return nil, fail(ctx, leg, fmt.Errorf("waiting for the other device: %w", err))
	}
	return who, nil
}

// respond does this phone's half of the handshake. There is one for each
// connection: the relay can send message 1 again, and after this it is read as a
// record, which it is not.
func (m meeting) respond(c conn, message1 []byte) (*met, error) {
	message2, session, err := m.handshake().Respond(message1)
	if err != nil {
		return nil, &onLeg{LegHandshake, err}
	}
	return &met{c, message2, session}, nil
}

func (cfg *AnswerConfig) advertise(ctx context.Context, m meeting) (stop func() error, err error) {
	if m.place != nil {
		return m.place.Advertise(ctx, append(m.advert[:], hybrid.Suffix(m.place.PSM())...))
	}
	// Exactly 20 bytes: most clients take no more, and a suffix would only
	// name a channel that this phone does not have.
	return cfg.Advertiser.Advertise(ctx, m.advert[:])
}

// introduce sends the two messages that every phone sends unasked.
func (cfg *AnswerConfig) introduce(ctx context.Context, linkTo *ecdh.PublicKey, c *channel) error {
	info, err := cbor.Encode(cfg.Info)
	if err != nil {
		return fmt.Errorf("getInfo: %w", err)
	}
	first := hybrid.PostHandshake{Info: info, Features: []string{hybrid.FeatureCTAP}}
	if cfg.Credentials != nil {
		first.Features = append(first.Features, hybrid.FeatureDC)
	}
	if err := c.writeRecord(ctx, first.Encode()); err != nil {
		return err
	}

	var update hybrid.Update
	if cfg.Link != nil && linkTo != nil {
		linking, err := cfg.Link.Sign(linkTo, c.session.Hash())
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
