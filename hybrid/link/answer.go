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
// it, and wipes qr when it no longer needs it.
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
	if len(qr.Channels) != 0 && !slices.Contains(qr.Channels, hybrid.ChannelTunnel) {
		return nil, &Error{Leg: LegRelay, Err: errors.New("the other device wants no relay at all")}
	}

	conn, routing, err := cfg.open(ctx, qr)
	if err != nil {
		return nil, err
	}
	report(cfg.Progress, StageConnected)

	eid := hybrid.NewEID(routing, cfg.Service)
	key := hybrid.EIDKeyFor(qr.Secret, nil)
	defer key.Wipe()
	psk := hybrid.PSKFor(qr.Secret, eid)
	defer psk.Wipe()
	m := meeting{advert: key.Seal(eid), handshake: noise.AnswerKN(qr.PublicKey, psk)}
	if qr.Linking {
		m.linkTo = qr.PublicKey
	}
	p, err := cfg.meet(ctx, m, conn)
	if err != nil {
		conn.Abort()
		return nil, err
	}
	report(cfg.Progress, StageReady)
	return p, nil
}

// A meeting is what a phone brings to a client that it waits for.
type meeting struct {
	// advert is exactly 20 bytes: most clients take no more, and a suffix would
	// only name a channel that this phone does not have.
	advert    [hybrid.AdvertSize]byte
	handshake *noise.Responder
	linkTo    *ecdh.PublicKey // a client that asks to be linked; nil if not
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

// meet is found by a client and makes friends with it.
func (cfg *AnswerConfig) meet(ctx context.Context, m meeting, conn *tunnel.Conn) (*Phone, error) {
	message1, err := cfg.beFound(ctx, m, conn)
	if err != nil {
		return nil, err
	}
	report(cfg.Progress, StageJoined)

	greeting, cancel := context.WithTimeout(ctx, cfg.Timeouts.Handshake)
	defer cancel()
	// One handshake for each tunnel: the relay can send message 1 again, and
	// after this it is read as a record, which it is not.
	message2, session, err := m.handshake.Respond(message1)
	if err != nil {
		return nil, fail(ctx, LegHandshake, err)
	}
	if err := conn.Write(greeting, message2); err != nil {
		return nil, fail(ctx, legOf(err), err)
	}
	p := &Phone{
		channel: &channel{conn: conn, session: session}, command: cfg.Timeouts.Command,
		progress: cfg.Progress, credentials: cfg.Credentials,
	}
	if err := cfg.introduce(greeting, m.linkTo, p.channel); err != nil {
		return nil, fail(ctx, legOf(err), fmt.Errorf("saying what this phone is: %w", err))
	}
	return p, nil
}

// beFound advertises until message 1 arrives. It does not return before the
// advertisement has ended, whatever happens.
func (cfg *AnswerConfig) beFound(ctx context.Context, m meeting, conn *tunnel.Conn) (message1 []byte, err error) {
	finding, cancel := context.WithTimeout(ctx, cfg.Timeouts.Find)
	defer cancel()

	stop, err := cfg.Advertiser.Advertise(finding, m.advert[:])
	if err != nil {
		return nil, fail(ctx, LegRadio, fmt.Errorf("advertising: %w", err))
	}
	// A radio that cannot stop has been switched off or taken away meanwhile,
	// and is silent. It is no reason to turn away a client that has come.
	defer stop()

	report(cfg.Progress, StageWaiting)
	message1, err = conn.Read(finding)
	if err != nil {
		leg := legOf(err)
		if leg == LegTimeout {
			leg = LegAdvert // nobody has heard us
		}
		return nil, fail(ctx, leg, fmt.Errorf("waiting for the other device: %w", err))
	}
	return message1, nil
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
