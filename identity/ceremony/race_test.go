package ceremony_test

import (
	"errors"
	"sync"
	"testing"

	"cardea/identity/ceremony"
	"cardea/identity/directory"
)

const racers = 50

// race runs try that many times at once and returns how often it succeeded and
// how often it was refused for each reason.
func race(t *testing.T, try func() error) (won int, lost map[ceremony.Reason]int) {
	t.Helper()
	errs := make([]error, racers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = try()
		})
	}
	close(start)
	wg.Wait()
	lost = map[ceremony.Reason]int{}
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			lost[reason(t, err)]++
		}
	}
	return won, lost
}

func TestOneOfManyFinishesOfASignInWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("b")
	begun := h.begin(b)
	response := maia.key.get(begun.Options)
	won, lost := race(t, func() error {
		_, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, response)
		return err
	})
	if won != 1 || lost[ceremony.ReasonChallengeSpent] != racers-1 {
		t.Errorf("%d won, lost %v; want 1 and the rest for a spent challenge", won, lost)
	}
}

func TestOneOfManyFinishesOfARegistrationWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	b := browser("b")
	begun, err := h.ceremony.BeginRegistration(t.Context(), b, maia.ID, maia.in.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	response := newSoft(t).create(begun.Options)
	won, lost := race(t, func() error {
		_, err := h.ceremony.FinishRegistration(t.Context(), b, begun.Sealed, response, "")
		return err
	})
	if won != 1 || lost[ceremony.ReasonChallengeSpent] != racers-1 {
		t.Errorf("%d won, lost %v; want 1 and the rest for a spent challenge", won, lost)
	}
}

func TestOneOfManyRedemptionsWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	_, code := h.newcomer(maia, "theo")
	won, lost := race(t, func() error { return h.redeem("theo", code) })
	if won != 1 || lost[ceremony.ReasonPassSpent] != racers-1 {
		t.Errorf("%d won, lost %v; want 1 and the rest for a spent pass", won, lost)
	}
}

func TestGuessersInOneNetworkHaveTenTriesTogether(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	h.newcomer(maia, "theo")
	_, lost := race(t, func() error { return h.redeem("theo", "00000-00000") })
	if lost[ceremony.ReasonPassWrong] != directory.MaxPassTries {
		t.Errorf("lost %v, want %d wrong and the rest locked", lost, directory.MaxPassTries)
	}
}

func TestOneOfManySetupsWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, _, err := h.directory.FirstAdministratorCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	won, lost := race(t, func() error {
		b := browser("b")
		begun, err := h.ceremony.BeginSetup(t.Context(), b, code, firstPerson)
		if err != nil {
			return err
		}
		_, err = h.ceremony.FinishSetup(t.Context(), b, begun.Sealed, newSoft(t).create(begun.Options), "")
		return err
	})
	if won != 1 || lost[ceremony.ReasonSetUp] != racers-1 {
		t.Errorf("%d won, lost %v; want 1 and the rest because it is set up", won, lost)
	}
}

func TestTwoDeletesLeaveOneWayIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	maia := h.setUp(newSoft(t))
	if _, err := h.register(browser("b"), maia, newSoft(t)); err != nil {
		t.Fatal(err)
	}
	keys, err := h.directory.Passkeys(t.Context(), maia.ID)
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, len(keys))
	var wg sync.WaitGroup
	for i, k := range keys {
		wg.Go(func() { errs[i] = h.directory.DeletePasskey(t.Context(), maia.ID, k.ID, "") })
	}
	wg.Wait()
	if errs[0] != nil == (errs[1] != nil) || !errors.Is(errors.Join(errs...), directory.ErrLastWayIn) {
		t.Errorf("deleting both at once = %v, want one %v", errs, directory.ErrLastWayIn)
	}
	if keys, err = h.directory.Passkeys(t.Context(), maia.ID); err != nil || len(keys) != 1 {
		t.Errorf("%d passkeys left (%v), want 1", len(keys), err)
	}
}

// Sign-ins with one passkey at the same moment are all good, and the highest
// count is kept.
func TestManySignInsWithOnePasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key := newSoft(t)
	key.flags, key.count = deviceBound, 1
	maia := h.setUp(key)
	var responses []func() error
	for i := range 10 {
		b := browser("b")
		begun := h.begin(b)
		key.count = uint32(2 + i)
		response := key.get(begun.Options)
		responses = append(responses, func() error {
			_, err := h.ceremony.FinishSignIn(t.Context(), b, begun.Sealed, response)
			return err
		})
	}
	var wg sync.WaitGroup
	for _, try := range responses {
		wg.Go(func() {
			if err := try(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	keys, err := h.directory.Passkeys(t.Context(), maia.ID)
	if err != nil || keys[0].SignCount != 11 {
		t.Errorf("count = %d (%v), want 11", keys[0].SignCount, err)
	}
}
