package link_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"cardea/hybrid"
	"cardea/hybrid/link"
)

func inviteFor(t *testing.T, hint hybrid.Hint) *hybrid.Invitation {
	t.Helper()
	inv, err := hybrid.NewInvitation(hint)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// wallet is the configuration of a phone that answers with what it was asked.
func (w *world) wallet() link.AnswerConfig {
	cfg := w.answerConfig()
	cfg.Credentials = func(_ context.Context, request json.RawMessage) json.RawMessage {
		return json.RawMessage(`{"for":` + string(request) + `}`)
	}
	return cfg
}

func TestDigitalCredentialsPassUntouched(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), inviteFor(t, hybrid.HintPresentation)
	served := servePhone(t.Context(), scan(t, inv), w.wallet(), echo)
	c, err := link.Dial(within(t), inv, w.dialConfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{
		`{"requests":[{"protocol":"openid4vp","data":{"b":1,"a":"ä"}}]}`,
		`{"long":"` + strings.Repeat("x", 200_000) + `"}`,
	} {
		got, err := c.SendJSON(within(t), json.RawMessage(request))
		if err != nil || string(got) != `{"for":`+request+`}` {
			t.Errorf("SendJSON of %d bytes: %d bytes, %v", len(request), len(got), err)
		}
	}
	// The phone offers both.
	if got, err := c.Send(within(t), []byte{7}); err != nil || string(got) != "\x00\x07" {
		t.Errorf("Send = %x, %v", got, err)
	}
	if _, err := c.SendJSON(within(t), json.RawMessage(`{`)); err == nil {
		t.Error("what is no JSON was sent")
	}
	c.Close()
	if err := <-served; err != nil {
		t.Errorf("the phone: %v", err)
	}
}

func TestPhoneWithoutCredentialsSaysSo(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), inviteFor(t, hybrid.HintIssuance)
	served := servePhone(t.Context(), scan(t, inv), w.answerConfig(), echo)
	_, err := link.Dial(within(t), inv, w.dialConfig())
	wantLeg(t, err, link.LegPeer)
	if !errors.Is(err, link.ErrNoCredentials) {
		t.Errorf("Dial: %v, want ErrNoCredentials", err)
	}
	wantLeg(t, <-served, link.LegPeer)

	c, served := w.connect(t, echo)
	if _, err := c.SendJSON(within(t), json.RawMessage(`{}`)); !errors.Is(err, link.ErrNoCredentials) {
		t.Errorf("SendJSON: %v, want ErrNoCredentials", err)
	}
	c.Close()
	<-served
}

// A client that asks all the same does not reach the person.
func TestRequestForCredentialsEndsAPhoneThatHasNone(t *testing.T) {
	t.Parallel()
	w, inv := newWorld(t), invite(t)
	served := servePhone(t.Context(), scan(t, inv), w.answerConfig(), func(context.Context, []byte) []byte {
		t.Error("the request was handled")
		return nil
	})
	c := newScriptedClient(t, w, inv)
	c.shake()
	c.send(hybrid.MessageJSON, []byte(`{}`)...)
	wantLeg(t, <-served, link.LegHandshake)
}
