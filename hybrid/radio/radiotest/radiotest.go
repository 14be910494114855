// Package radiotest is what every radio of the hybrid transport must do: the
// contracts of hybrid.Advertiser and hybrid.Scanner as tests.
package radiotest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"cardea/hybrid"
)

// A Room is a sender, a receiver that hears it, and the switch of both.
type Room struct {
	Advertiser hybrid.Advertiser
	Scanner    hybrid.Scanner
	// Power switches the radios. It returns when the switch has been thrown.
	Power func(on bool)
}

// patience is how long a radio may take for anything. A test that needs it all
// has failed.
const patience = 20 * time.Second

// Run holds radios to their contracts. open makes a room of its own for each
// test, in which nobody else speaks.
func Run(t *testing.T, open func(t *testing.T) Room) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Room)
	}{
		{"scanner that starts later hears a running advertisement", laterScanner},
		{"scanner that waits hears an advertisement begin", waitingScanner},
		{"all bytes arrive", allBytes},
		{"several are heard side by side", several},
		{"every scanner hears", everyScanner},
		{"stopped advertisement is silent", stopped},
		{"advertisement ends with its context", endsWithContext},
		{"scan ends when the listener is done", doneOnce},
		{"scan ends with its context", scanEndsWithContext},
		{"nothing begins under an ended context", endedBefore},
		{"radio that is off says so", off},
		{"switching off ends a scan", offMeanwhile},
		{"radio works after it was off", onAgain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, open(t))
		})
	}
}

func advertise(t *testing.T, r Room, data []byte) (stop func() error) {
	t.Helper()
	stop, err := r.Advertiser.Advertise(t.Context(), data)
	if err != nil {
		t.Fatalf("advertising: %v", err)
	}
	return stop
}

// wait scans until data is heard. It reports everything else that was heard.
func wait(t *testing.T, r Room, data []byte) (others [][]byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := r.Scanner.Scan(ctx, func(got []byte) bool {
		if bytes.Equal(got, data) {
			return true
		}
		others = append(others, bytes.Clone(got))
		return false
	})
	if err != nil {
		t.Fatalf("scanning for %x: %v; heard %x", data, err, others)
	}
	return others
}

func advert(fill byte) []byte { return bytes.Repeat([]byte{fill}, 20) }

func laterScanner(t *testing.T, r Room) {
	stop := advertise(t, r, advert(1))
	defer stop()
	wait(t, r, advert(1))
	wait(t, r, advert(1)) // and again
}

func waitingScanner(t *testing.T, r Room) {
	first := advertise(t, r, advert(1))
	defer first()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	listening := make(chan struct{}, 1)
	result := make(chan error, 1)
	go func() {
		result <- r.Scanner.Scan(ctx, func(got []byte) bool {
			select {
			case listening <- struct{}{}:
			default:
			}
			return bytes.Equal(got, advert(2))
		})
	}()
	<-listening // the scan is under way: it heard the first
	second := advertise(t, r, advert(2))
	defer second()
	if err := <-result; err != nil {
		t.Errorf("scanning: %v", err)
	}
}

func allBytes(t *testing.T, r Room) {
	data := make([]byte, 20)
	for i := range data {
		data[i] = byte(i * 0x1f) // 00 to ff, zeros and high bits
	}
	defer advertise(t, r, data)()
	wait(t, r, data)
}

func several(t *testing.T, r Room) {
	for fill := range byte(3) {
		defer advertise(t, r, advert(fill))()
	}
	for fill := range byte(3) {
		wait(t, r, advert(fill))
	}
}

func everyScanner(t *testing.T, r Room) {
	defer advertise(t, r, advert(1))()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const scanners = 3
	results := make(chan error, scanners)
	for range scanners {
		go func() {
			results <- r.Scanner.Scan(ctx, func(got []byte) bool { return bytes.Equal(got, advert(1)) })
		}()
	}
	for range scanners {
		if err := <-results; err != nil {
			t.Errorf("scanning: %v", err)
		}
	}
}

func stopped(t *testing.T, r Room) {
	stop := advertise(t, r, advert(1))
	wait(t, r, advert(1))
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
	defer advertise(t, r, advert(2))()
	wantSilenceOf(t, r, advert(1), advert(2))
}

// wantSilenceOf scans until marker has been heard a few times in a row with
// nothing of gone in between.
func wantSilenceOf(t *testing.T, r Room, gone, marker []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	inARow := 0
	err := r.Scanner.Scan(ctx, func(got []byte) bool {
		switch {
		case bytes.Equal(got, gone):
			inARow = 0 // a last one may have been under way
		case bytes.Equal(got, marker):
			inARow++
		}
		return inARow == 3
	})
	if err != nil {
		t.Errorf("%x is still on the air: %v", gone, err)
	}
}

func endsWithContext(t *testing.T, r Room) {
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := r.Advertiser.Advertise(ctx, advert(1)); err != nil {
		t.Fatal(err)
	}
	wait(t, r, advert(1))
	cancel()
	defer advertise(t, r, advert(2))()
	wantSilenceOf(t, r, advert(1), advert(2))
}

func doneOnce(t *testing.T, r Room) {
	defer advertise(t, r, advert(1))()
	defer advertise(t, r, advert(2))()
	calls := 0
	err := r.Scanner.Scan(t.Context(), func(got []byte) bool {
		calls++
		clear(got) // it is ours until we return
		return calls == 3
	})
	if err != nil || calls != 3 {
		t.Errorf("scan returned %v after %d calls, want nil after 3", err, calls)
	}
	wait(t, r, advert(1))
}

func scanEndsWithContext(t *testing.T, r Room) {
	defer advertise(t, r, advert(1))()
	ctx, cancel := context.WithCancel(t.Context())
	err := r.Scanner.Scan(ctx, func([]byte) bool {
		cancel()
		return false
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("scan returned %v, want context.Canceled", err)
	}
}

func endedBefore(t *testing.T, r Room) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Advertiser.Advertise(ctx, advert(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("advertise returned %v, want context.Canceled", err)
	}
	err := r.Scanner.Scan(ctx, func([]byte) bool { return true })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("scan returned %v, want context.Canceled", err)
	}
}

func off(t *testing.T, r Room) {
	r.Power(false)
	if _, err := r.Advertiser.Advertise(t.Context(), advert(1)); !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("advertise returned %v, want ErrRadioOff", err)
	}
	err := r.Scanner.Scan(t.Context(), func([]byte) bool { return true })
	if !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("scan returned %v, want ErrRadioOff", err)
	}
}

func offMeanwhile(t *testing.T, r Room) {
	defer advertise(t, r, advert(1))()
	thrown := false
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := r.Scanner.Scan(ctx, func([]byte) bool {
		if !thrown {
			thrown = true
			r.Power(false)
		}
		return false
	})
	if !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("scan returned %v, want ErrRadioOff", err)
	}
}

func onAgain(t *testing.T, r Room) {
	stop := advertise(t, r, advert(1))
	r.Power(false)
	r.Power(true)
	if err := stop(); err != nil {
		t.Errorf("stopping what the switch had ended: %v", err)
	}
	defer advertise(t, r, advert(2))()
	wantSilenceOf(t, r, advert(1), advert(2))
}
