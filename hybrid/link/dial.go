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

// DialConfig is what a client needs beside the invitation.
type DialConfig struct {
	Scanner  hybrid.Scanner // required; a DirectScanner for a direct invitation
	Tunnel   *tunnel.Dialer // nil means services at their own domains
	Progress func(Stage)    // may be nil
	Timeouts Timeouts
}

// What a phone says that is there and has not what is wanted.
var (
	// ErrNoPasskeys: it does not offer CTAP.
	ErrNoPasskeys = errors.New("this phone offers no passkeys")
	// ErrNoCredentials: it does not offer digital credentials.
	ErrNoCredentials = errors.New("this phone offers no digital credentials")
)

// Dial does the client's half of a hybrid transaction. It listens until a phone
// that has read the code of inv is heard, joins the phone's tunnel, completes
// the handshake, and returns a Client that is ready for a command. The caller
// shows the code before and closes the Client after.
//
// inv is spent, whatever happens; a second Dial with it is
// hybrid.ErrInvitationSpent. Every other error is an *Error, but for the end of
// ctx by cancellation. Dial leaves no scan and no connection behind.
func Dial(ctx context.Context, inv *hybrid.Invitation, cfg DialConfig) (*Client, error) {
	private, err := inv.Spend()
	if err != nil {
		return nil, err
	}
	defer inv.Wipe()
	cfg.Timeouts = cfg.Timeouts.withDefaults(findClient)
	if cfg.Tunnel == nil {
		cfg.Tunnel = &tunnel.Dialer{}
	}

	key := hybrid.EIDKeyFor(inv.Secret, nil)
	defer key.Wipe()
	phone, err := cfg.find(ctx, key, slices.Contains(inv.Channels, hybrid.ChannelBLE))
	if err != nil {
		return nil, err
	}
	report(cfg.Progress, StageHeard)

	conn, err := cfg.connect(ctx, inv, phone)
	if err != nil {
		return nil, err
	}
	report(cfg.Progress, StageConnected)
	psk := hybrid.PSKFor(inv.Secret, phone.eid)
	defer psk.Wipe()
	c := &Client{service: phone.eid.Service(), wants: featureFor(inv.Hint)}
	if inv.Linking {
		c.private = private
	}
	if err := cfg.greet(ctx, c, noise.NewKN(private, psk), conn); err != nil {
		return nil, err
	}
	return c, nil
}

// hear waits for the advertisement that only a phone with our secret can make.
// The first that opens wins; later ones are not looked at.
func (cfg *DialConfig) hear(ctx context.Context, key hybrid.EIDKey) (hybrid.EID, error) {
	phone, err := cfg.find(ctx, key, false)
	return phone.eid, err
}

// find is hear with what can be known of a direct way to the phone.
func (cfg *DialConfig) find(ctx context.Context, key hybrid.EIDKey, direct bool) (heard, error) {
	scanning, cancel := context.WithTimeout(ctx, cfg.Timeouts.Find)
	defer cancel()

	report(cfg.Progress, StageWaiting)
	phone, found, err := cfg.scan(scanning, key.Open, direct)
	switch {
	case err == nil && found:
		return phone, nil
	case err == nil:
		return heard{}, fail(ctx, LegRadio, errors.New("the scan ended without a phone"))
	case scanning.Err() != nil:
		return heard{}, fail(ctx, LegAdvert, fmt.Errorf("no phone has answered: %w", scanning.Err()))
	default:
		return heard{}, fail(ctx, LegRadio, fmt.Errorf("listening for a phone: %w", err))
	}
}

func (cfg *DialConfig) connect(ctx context.Context, inv *hybrid.Invitation, phone heard) (conn, error) {
	connecting, cancel := context.WithTimeout(ctx, cfg.Timeouts.Connect)
	defer cancel()
	if c, ok := cfg.connectDirect(connecting, phone); ok {
		return c, nil
	}
	eid := phone.eid
	conn, err := cfg.Tunnel.Connect(connecting, eid.Service(), eid.RoutingID(), hybrid.TunnelIDFor(inv.Secret))
	if err == nil {
		return conn, nil
	}
	// The relay is there, and the phone is not: it has left since it was
	// heard, or somebody else has taken our place.
	if errors.Is(err, tunnel.ErrNoTunnel) {
		return nil, fail(ctx, LegPeer, err)
	}
	return nil, fail(ctx, LegRelay, err)
}

// greet does the handshake over conn, hears who the phone is, and has c ready.
// If it fails it ends conn.
func (cfg *DialConfig) greet(ctx context.Context, c *Client, hs *noise.Initiator, conn conn) (err error) {
	defer func() {
		if err != nil {
			conn.Abort()
		}
	}()
	greeting, cancel := context.WithTimeout(ctx, cfg.Timeouts.Handshake)
	defer cancel()

	session, err := initiate(greeting, hs, conn)
	if err != nil {
		return fail(ctx, legOf(err), err)
	}
	c.channel = over(conn, session)
	if err := c.introduce(greeting); err != nil {
		return fail(ctx, legOf(err), fmt.Errorf("hearing who the phone is: %w", err))
	}
	c.run()
	report(cfg.Progress, StageReady)
	return nil
}

func initiate(ctx context.Context, hs *noise.Initiator, conn conn) (*noise.Session, error) {
	message1, err := hs.Start()
	if err != nil {
		return nil, err
	}
	if err := conn.Write(ctx, message1); err != nil {
		return nil, err
	}
	message2, err := conn.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("waiting for message 2: %w", err)
	}
	session, err := hs.Finish(message2)
	if err != nil {
		return nil, &onLeg{LegHandshake, err}
	}
	return session, nil
}

// introduce reads the phone's first message.
func (c *Client) introduce(ctx context.Context) error {
	plaintext, err := c.channel.readRecord(ctx)
	if err != nil {
		return err
	}
	first, linking, err := hybrid.ParsePostHandshake(plaintext)
	if err != nil {
		return fmt.Errorf("%w: %w", errProtocol, err)
	}
	c.offers = first.Features
	if !c.Offers(c.wants) {
		return &onLeg{LegPeer, missing[c.wants]}
	}
	if c.Offers(hybrid.FeatureCTAP) {
		if err := cbor.Decode(first.Info, &c.info); err != nil {
			return fmt.Errorf("%w: getInfo: %w", errProtocol, err)
		}
		c.getInfo = append([]byte{byte(ctap.OK)}, first.Info...)
	}
	c.keepLinking(linking)
	return nil
}

var missing = map[string]error{hybrid.FeatureCTAP: ErrNoPasskeys, hybrid.FeatureDC: ErrNoCredentials}

// featureFor is what a phone must have to answer what hint announces.
func featureFor(hint hybrid.Hint) string {
	switch hint {
	case hybrid.HintPresentation, hybrid.HintIssuance:
		return hybrid.FeatureDC
	}
	return hybrid.FeatureCTAP
}
