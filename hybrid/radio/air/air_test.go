package air_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"

	"cardea/hybrid"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/radio/radiotest"
)

func TestInProcess(t *testing.T) {
	t.Parallel()
	radiotest.Run(t, func(t *testing.T) radiotest.Room {
		a := air.New()
		return radiotest.Room{Advertiser: a, Scanner: a, Power: a.SetPower}
	})
}

// serve lends a new Air and returns it, the path of its socket, and what ends
// it.
func serve(t *testing.T) (a *air.Air, path string, end func()) {
	t.Helper()
	a = air.New()
	path = filepath.Join(t.TempDir(), "air.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- air.Serve(ctx, l, a) }()
	end = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve returned %v, want nil", err)
		}
		ended <- nil
	}
	t.Cleanup(end)
	return a, path, end
}

func TestFromAnotherProcess(t *testing.T) {
	t.Parallel()
	radiotest.Run(t, func(t *testing.T) radiotest.Room {
		a, path, _ := serve(t)
		return radiotest.Room{Advertiser: air.Dial(path), Scanner: air.Dial(path), Power: a.SetPower}
	})
}

func TestBothKindsShareOneRoom(t *testing.T) {
	t.Parallel()
	t.Run("from outside", func(t *testing.T) {
		t.Parallel()
		radiotest.Run(t, func(t *testing.T) radiotest.Room {
			a, path, _ := serve(t)
			return radiotest.Room{Advertiser: air.Dial(path), Scanner: a, Power: a.SetPower}
		})
	})
	t.Run("from inside", func(t *testing.T) {
		t.Parallel()
		radiotest.Run(t, func(t *testing.T) radiotest.Room {
			a, path, _ := serve(t)
			return radiotest.Room{Advertiser: a, Scanner: air.Dial(path), Power: a.SetPower}
		})
	})
}

func TestNobodyServesMeansRadioOff(t *testing.T) {
	t.Parallel()
	far := air.Dial(filepath.Join(t.TempDir(), "none.sock"))
	if _, err := far.Advertise(t.Context(), []byte{1}); !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("advertise returned %v, want ErrRadioOff", err)
	}
	if err := far.Scan(t.Context(), func([]byte) bool { return true }); !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("scan returned %v, want ErrRadioOff", err)
	}
}

func TestScanEndsWhenTheAirDoes(t *testing.T) {
	t.Parallel()
	a, path, end := serve(t)
	if _, err := a.Advertise(t.Context(), []byte{1}); err != nil {
		t.Fatal(err)
	}
	first := true
	err := air.Dial(path).Scan(t.Context(), func([]byte) bool {
		if first {
			first = false
			end()
		}
		return false
	})
	if !errors.Is(err, hybrid.ErrRadioOff) {
		t.Errorf("scan returned %v, want ErrRadioOff", err)
	}
}

// A process that dies does not stop its advertisement; the socket does.
func TestLostConnectionSilencesItsAdvertisement(t *testing.T) {
	t.Parallel()
	a, path, _ := serve(t)
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte{'A', 1, 7}); err != nil {
		t.Fatal(err)
	}
	err = a.Scan(t.Context(), func(data []byte) bool { return data[0] == 7 })
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if _, err := a.Advertise(t.Context(), []byte{8}); err != nil {
		t.Fatal(err)
	}
	alone := 0
	err = a.Scan(t.Context(), func(data []byte) bool {
		if data[0] == 7 {
			alone = 0
		} else {
			alone++
		}
		return alone == 3
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestServiceDataThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	a, path, _ := serve(t)
	for _, adv := range []hybrid.Advertiser{a, air.Dial(path)} {
		for _, n := range []int{0, 256} {
			if _, err := adv.Advertise(t.Context(), make([]byte, n)); err == nil || errors.Is(err, hybrid.ErrRadioOff) {
				t.Errorf("%T: advertising %d bytes = %v, want an error of its own", adv, n, err)
			}
		}
	}
}
