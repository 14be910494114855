package air

import (
	"bytes"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"cardea/hybrid"
)

// An impostor serves the socket with bytes of its own choosing.
type impostor struct {
	l   net.Listener
	far *Remote
}

func newImpostor(f *testing.F) impostor {
	f.Helper()
	path := filepath.Join(f.TempDir(), "air.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	return impostor{l, Dial(path)}
}

// says answers the next call with in, and goes.
func (i impostor) says(t *testing.T, in []byte) (gone <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := i.l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		if _, _, err := readFrame(nc); err != nil {
			t.Errorf("the call: %v", err)
		}
		nc.Write(in) // the caller may have heard enough
	}()
	return done
}

// seedAnswers adds what an air says, and what none does.
func seedAnswers(f *testing.F) {
	for _, s := range []string{"", "Y", "Y\x00", "X\x00", "H\x02ab", "H\x00X\x00", "H\x01aH\x02bcX\x00", "H\x01aY\x00",
		"H\x05abc", "Z\x00", "Y\x01aH\x00", "H\xff" + string(bytes.Repeat([]byte{1}, 255))} {
		f.Add([]byte(s))
	}
}

// Whatever the other end of the socket sends to who listens, only whole
// advertisements are heard, in order, and the end is an error that says which:
// an air that is off or gone is a radio that is off, nonsense is not.
func FuzzScan(f *testing.F) {
	seedAnswers(f)
	i := newImpostor(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		var want [][]byte
		off := true
		for rest := in; len(rest) >= 2 && len(rest) >= 2+int(rest[1]); {
			kind, data := frameKind(rest[0]), rest[2:2+int(rest[1])]
			if kind != frameHeard {
				off = kind == frameOff
				break
			}
			want, rest = append(want, data), rest[2+int(rest[1]):]
		}
		gone := i.says(t, in)
		var got [][]byte
		err := i.far.Scan(t.Context(), func(data []byte) bool {
			got = append(got, data)
			return false
		})
		<-gone
		if err == nil || errors.Is(err, hybrid.ErrRadioOff) != off {
			t.Errorf("Scan = %v, want ErrRadioOff: %v", err, off)
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("heard %q, want %q", got, want)
		}
	})
}

// Whatever the other end of the socket sends to who speaks, nobody believes to
// be on the air who was not told so, and to stop ends.
func FuzzAdvertise(f *testing.F) {
	seedAnswers(f)
	i := newImpostor(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		whole := len(in) >= 2 && len(in) >= 2+int(in[1])
		started := whole && frameKind(in[0]) == frameStarted
		off := !whole || frameKind(in[0]) == frameOff
		gone := i.says(t, in)
		stop, err := i.far.Advertise(t.Context(), []byte{7})
		if (err == nil) != started || errors.Is(err, hybrid.ErrRadioOff) != off {
			t.Errorf("Advertise = %v, want success: %v, ErrRadioOff: %v", err, started, off)
		}
		if err == nil {
			if err := stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
		<-gone
	})
}
