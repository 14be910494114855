package link

import (
	"context"
	"crypto/ecdh"
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

// ErrNoPasskeys says that the phone is there and has nothing to sign in with:
// it does not offer CTAP.
var ErrNoPasskeys = errors.New("this phone offers no passkeys")

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

	phone, err := cfg.hear(ctx, inv)
	if err != nil {
		return nil, err
	}
	report(cfg.Progress, StageHeard)

	conn, err := cfg.connect(ctx, inv, phone)
	if err != nil {
		return nil, err
	}
	report(cfg.Progress, StageConnected)

	c, err := cfg.greet(ctx, inv, private, phone.eid, conn)
	if err != nil {
		conn.Abort()
		return nil, err
	}
	report(cfg.Progress, StageReady)
	return c, nil
}

// hear waits for the advertisement that only a phone with our code can make.
// The first that opens wins; later ones are not looked at.
func (cfg *DialConfig) hear(ctx context.Context, inv *hybrid.Invitation) (heard, error) {
	key := hybrid.EIDKeyFor(inv.Secret, nil)
	defer key.Wipe()
	scanning, cancel := context.WithTimeout(ctx, cfg.Timeouts.Find)
	defer cancel()

	report(cfg.Progress, StageWaiting)
	phone, ok, err := cfg.scan(scanning, inv, key.Open)
	switch {
	case err == nil && ok:
		return phone, nil
	case err == nil:
		return heard{}, fail(ctx, LegRadio, errors.New("the scan ended without a phone"))
	case scanning.Err() != nil:
		return heard{}, fail(ctx, LegAdvert, fmt.Errorf("no phone has answered the QR code: %w", scanning.Err()))
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

// greet does the handshake and hears who the phone is.
func (cfg *DialConfig) greet(ctx context.Context, inv *hybrid.Invitation, private *ecdh.PrivateKey, eid hybrid.EID, conn conn) (*Client, error) {
	greeting, cancel := context.WithTimeout(ctx, cfg.Timeouts.Handshake)
	defer cancel()

	session, err := initiate(greeting, inv, private, eid, conn)
	if err != nil {
		return nil, fail(ctx, legOf(err), err)
	}
	c := &Client{channel: over(conn, session)}
	if inv.Linking {
		c.private = private
	}
	if err := c.introduce(greeting); err != nil {
		return nil, fail(ctx, legOf(err), fmt.Errorf("hearing who the phone is: %w", err))
	}
	c.run()
	return c, nil
}

func initiate(ctx context.Context, inv *hybrid.Invitation, private *ecdh.PrivateKey, eid hybrid.EID, conn conn) (*noise.Session, error) {
	psk := hybrid.PSKFor(inv.Secret, eid)
	defer psk.Wipe()
	hs := noise.NewKN(private, psk)
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
	if !slices.Contains(first.Features, hybrid.FeatureCTAP) {
		return &onLeg{LegPeer, ErrNoPasskeys}
	}
	if err := cbor.Decode(first.Info, &c.info); err != nil {
		return fmt.Errorf("%w: getInfo: %w", errProtocol, err)
	}
	c.getInfo = append([]byte{byte(ctap.OK)}, first.Info...)
	c.keepLinking(linking)
	return nil
}
