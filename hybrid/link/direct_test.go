package link_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"cardea/hybrid"
	"cardea/hybrid/link"
)

func inviteDirect(t testing.TB) *hybrid.Invitation {
	t.Helper()
	inv, err := hybrid.NewDirectInvitation(hybrid.HintGetAssertion, false)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// connectOnly is a client's radio whose connections are made by connect.
type connectOnly struct {
	hybrid.DirectScanner
	connect func(ctx context.Context, to hybrid.Peer, psm hybrid.PSM) (hybrid.Pipe, error)
}

func (c connectOnly) Connect(ctx context.Context, to hybrid.Peer, psm hybrid.PSM) (hybrid.Pipe, error) {
	return c.connect(ctx, to, psm)
}

// exchange signs in once over what dial and answer describe.
func exchange(t *testing.T, inv *hybrid.Invitation, dial link.DialConfig, answer link.AnswerConfig) {
	t.Helper()
	served := servePhone(t.Context(), scan(t, inv), answer, echo)
	c, err := link.Dial(within(t), inv, dial)
	if err != nil {
		t.Fatal(err)
	}
	// Longer than a packet, and all that ends a message on the way.
	request := append([]byte{2}, bytes.Repeat([]byte("\r\n"), 3000)...)
	response, err := c.Send(within(t), request)
	if err != nil || !bytes.Equal(response, append([]byte{0}, request...)) {
		t.Errorf("Send = %d bytes, %v; want the request of %d back", len(response), err, len(request))
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("the phone: %v", err)
	}
}

func TestDirectConnectionNeedsNoRelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dial, answer := w.dialConfig(), w.answerConfig()
	dial.Tunnel = nowhere
	exchange(t, inviteDirect(t), dial, answer) // the phone keeps a tunnel ready
	answer.Tunnel = nowhere
	exchange(t, inviteDirect(t), dial, answer) // it has none
	w.wantSilence(t)
}

func TestWithoutDirectConnectionTheTunnelIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dial := w.dialConfig()
	tried := false
	dial.Scanner = connectOnly{w.air, func(context.Context, hybrid.Peer, hybrid.PSM) (hybrid.Pipe, error) {
		tried = true
		return nil, errors.New("out of reach")
	}}
	exchange(t, inviteDirect(t), dial, w.answerConfig())
	if !tried {
		t.Error("the direct way was not tried")
	}
	answer := w.answerConfig()
	answer.Advertiser = struct{ hybrid.Advertiser }{w.air} // a phone without it
	exchange(t, inviteDirect(t), w.dialConfig(), answer)
}

func TestNeighborThatDoesNotKnowTheCodeIsSentAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dial, answer := w.dialConfig(), w.answerConfig()
	dial.Tunnel, answer.Tunnel = nowhere, nowhere
	dial.Scanner = connectOnly{w.air, func(ctx context.Context, to hybrid.Peer, psm hybrid.PSM) (hybrid.Pipe, error) {
		for _, said := range [][]byte{append(make([]byte, 81), '\r', '\n'), nil} {
			stranger, err := w.air.Connect(ctx, to, psm)
			if err != nil {
				return nil, err
			}
			if said == nil {
				stranger.Close()
			} else if err := stranger.WritePacket(ctx, said); err != nil {
				return nil, err
			}
		}
		return w.air.Connect(ctx, to, psm)
	}}
	exchange(t, inviteDirect(t), dial, answer)
}

// Most clients take service data of 20 bytes only: a phone says no more to one
// that offers no direct connection.
func TestSuffixIsOnlyForThoseWhoAsk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		inv  *hybrid.Invitation
		more bool
	}{{invite(t), false}, {inviteDirect(t), true}} {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		served := servePhone(ctx, scan(t, tt.inv), w.answerConfig(), echo)
		err := w.air.Scan(within(t), func(data []byte) bool {
			psm, named := hybrid.ParseSuffix(data[hybrid.AdvertSize:])
			if more := len(data) > hybrid.AdvertSize; more != tt.more || named != tt.more || more && psm < 0x80 {
				t.Errorf("channels %v: service data of %d bytes, PSM %#x", tt.inv.Channels, len(data), psm)
			}
			return true
		})
		if err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Errorf("the phone: %v", err)
		}
	}
}
