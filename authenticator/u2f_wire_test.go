package authenticator_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
)

// A u2fRig is a security key on a U2F wire, with a person whose hand is held.
type u2fRig struct {
	*testing.T
	a      *authenticator.Authenticator
	wire   *authenticator.U2F
	person *authtest.Person
	vault  *vaulttest.Memory
	answer chan error // what the person says next; nil is a touch

	asked, open atomic.Int32 // questions so far, and on the screen
}

func newU2FRig(t *testing.T) *u2fRig {
	a, vault, person := authtest.NewKey(nil)
	r := &u2fRig{T: t, a: a, person: person, vault: vault, wire: a.U2F(authtest.Local), answer: make(chan error, 1)}
	person.Then = func(ctx context.Context, _ authenticator.Prompt) (authenticator.Answer, error) {
		r.asked.Add(1)
		r.open.Add(1)
		defer r.open.Add(-1)
		select {
		case err := <-r.answer:
			return authenticator.Answer{}, err
		case <-ctx.Done():
			return authenticator.Answer{}, ctx.Err()
		}
	}
	return r
}

// send sends a message and wants a status.
func (r *u2fRig) send(want uint16, message []byte) []byte {
	r.Helper()
	out := r.wire.Handle(r.Context(), message)
	synctest.Wait()
	if status := binary.BigEndian.Uint16(out[len(out)-2:]); status != want {
		r.Errorf("%.8x…: %04x, want %04x", message, status, want)
	}
	return out[:len(out)-2]
}

// screen wants so many questions so far, and whether one is there now.
func (r *u2fRig) screen(asked, open int32) {
	r.Helper()
	synctest.Wait()
	if a, o := r.asked.Load(), r.open.Load(); a != asked || o != open {
		r.Errorf("%d questions and %d on the screen, want %d and %d", a, o, asked, open)
	}
}

func registration(b byte) []byte {
	return slices.Concat([]byte{0, 1, 3, 0, 0, 0, 64}, bytes.Repeat([]byte{b}, 64))
}

func u2fUse(control, b byte, application, handle []byte) []byte {
	data := slices.Concat(bytes.Repeat([]byte{b}, 32), application, []byte{byte(len(handle))}, handle)
	return slices.Concat([]byte{0, 2, control, 0, 0, 0, byte(len(data))}, data)
}

var pollEvery = 200 * time.Millisecond

func u2fTest(t *testing.T, f func(t *testing.T, r *u2fRig)) {
	synctest.Test(t, func(t *testing.T) {
		r := newU2FRig(t)
		defer r.wire.Close()
		f(t, r)
	})
}

func TestU2FClientPollsUntilTheTouch(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		for range 50 { // ten seconds, one question
			r.send(0x6985, registration(1))
			time.Sleep(pollEvery)
		}
		r.screen(1, 1)
		r.answer <- nil
		synctest.Wait()
		made := r.send(0x9000, registration(1))
		handle := made[67:][:made[66]]
		r.screen(1, 0)
		r.send(0x6985, registration(1)) // another passkey is another touch
		r.screen(2, 1)

		application := bytes.Repeat([]byte{1}, 32)
		r.send(0x6985, u2fUse(3, 1, application, handle))
		r.screen(3, 1)
		r.answer <- nil
		if out := r.send(0x9000, u2fUse(3, 1, application, handle)); out[0] != 1 {
			t.Errorf("user presence %x, want 1", out[0])
		}
	})
}

func TestU2FPersonWhoIsQuickIsNotPolledFor(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		r.answer <- nil
		r.send(0x9000, registration(1))
		r.screen(1, 0)
	})
}

func TestU2FQuestionGoesWhenPollingStops(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		r.send(0x6985, registration(1))
		r.screen(1, 1)
		time.Sleep(2 * time.Second)
		r.screen(1, 0)
		r.send(0x6985, registration(1))
		r.screen(2, 1)
		r.wire.Close()
		r.screen(2, 0)
	})
}

func TestU2FTouchIsKeptTenSecondsForItsMessageAlone(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		touch := func() {
			r.send(0x6985, registration(1))
			r.answer <- nil
			synctest.Wait()
		}
		touch()
		r.send(0x6985, registration(2))
		r.screen(2, 1)
		time.Sleep(9 * time.Second)
		r.send(0x9000, registration(1))
		touch()
		time.Sleep(11 * time.Second)
		r.screen(3, 0)
		r.send(0x6985, registration(1))
		r.screen(4, 1)
		if kept, err := r.vault.Passkeys(t.Context(), ""); err != nil || len(kept) != 1 {
			t.Errorf("%d passkeys were kept (%v), want the one that was fetched", len(kept), err)
		}
	})
}

// A client with two handles takes turns between them.
func TestU2FTouchForOneOfTwoMessages(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		r.send(0x6985, registration(1))
		r.send(0x6985, registration(2))
		r.screen(2, 1)
		r.answer <- nil
		synctest.Wait()
		r.send(0x6985, registration(1))
		r.send(0x9000, registration(2))
		r.screen(3, 0)
	})
}

func TestU2FNoEndsThePolling(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		r.send(0x6985, registration(1))
		r.answer <- authenticator.ErrDeclined
		synctest.Wait()
		for range 3 {
			r.send(0x6986, registration(1))
		}
		r.screen(1, 0)
		time.Sleep(11 * time.Second)
		r.send(0x6985, registration(1))
		r.screen(2, 1)
	})
}

func TestU2FQuestionGivesWay(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		r.send(0x6985, registration(1))
		r.screen(1, 1)
		if got := r.send(0x9000, []byte{0, 3, 0, 0}); string(got) != "U2F_V2" {
			t.Errorf("version %q", got)
		}
		r.screen(1, 0)
		r.send(0x6985, registration(1))
		r.screen(2, 1)
		r.wire.Withdraw() // for a command of CTAP2
		done := make(chan []byte, 1)
		go func() { done <- r.a.Handle(t.Context(), authtest.Local, []byte{byte(ctap.CmdSelection)}) }()
		r.screen(3, 1)
		r.send(0x6985, registration(1)) // waits its turn, which is not now
		r.screen(3, 1)
		r.answer <- nil
		if got := <-done; ctap.Status(got[0]) != ctap.OK {
			t.Errorf("selection: %v", ctap.Status(got[0]))
		}
		r.screen(4, 1)
	})
}

// 6985 to "is this yours?" means yes.
func TestU2FBusyIsNotYes(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan []byte, 1)
		go func() { done <- r.a.Handle(ctx, authtest.Local, []byte{byte(ctap.CmdSelection)}) }()
		r.screen(1, 1)
		r.send(0x6f00, u2fUse(7, 1, make([]byte, 32), []byte{1}))
		cancel()
		<-done
	})
}

func TestU2FMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		r.send(0x6a80, u2fUse(3, 1, make([]byte, 32), []byte{1}))
		r.send(0x6700, registration(1)[:20])
		r.send(0x6700, []byte{0, 1, 0, 0})
		r.send(0x6e00, []byte{0x80, 1, 0, 0})
		r.send(0x6d00, []byte{0, 9, 0, 0})
		r.screen(0, 0)
	})
}

func TestU2FVaultThatIsLockedAfterTheTouchAsksAgain(t *testing.T) {
	t.Parallel()
	u2fTest(t, func(t *testing.T, r *u2fRig) {
		r.send(0x6985, registration(1))
		r.answer <- nil
		synctest.Wait()
		r.vault.Lock()
		r.send(0x6985, registration(1))
		r.send(0x6985, registration(1))
		r.screen(2, 1)
		if kinds := r.person.Kinds(); kinds[1] != authenticator.Unlock {
			t.Errorf("the person was asked %v", kinds)
		}
	})
}
