package air

import (
	"bytes"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFramesRoundTripAndPrefixesFail(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{{}, {1}, bytes.Repeat([]byte{0xff}, maxServiceData)} {
		var b bytes.Buffer
		if err := writeFrame(&b, frameHeard, data); err != nil {
			t.Fatal(err)
		}
		whole := b.Bytes()
		for n := range len(whole) {
			if _, _, err := readFrame(bytes.NewReader(whole[:n])); err == nil {
				t.Errorf("%d of %d bytes were taken for a frame", n, len(whole))
			}
		}
		kind, got, err := readFrame(&b)
		if err != nil || kind != frameHeard || !cmp.Equal(data, got) {
			t.Errorf("read %q %x %v, want what was written", kind, got, err)
		}
	}
	if err := writeFrame(&bytes.Buffer{}, frameHeard, make([]byte, maxServiceData+1)); err == nil {
		t.Error("a frame that is too long was written")
	}
}

// Whatever a caller sends, the call ends when the caller hangs up and leaves
// nothing on the air.
func FuzzCall(f *testing.F) {
	f.Add([]byte{'A', 1, 7})
	f.Add([]byte{'S', 0})
	f.Add([]byte{'A', 0})
	f.Add([]byte{'Z', 2, 1, 1, 'A', 1, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		a := New()
		ours, theirs := net.Pipe()
		ended := make(chan struct{})
		go func() {
			serveCall(t.Context(), theirs, a)
			close(ended)
		}()
		go ours.Read(make([]byte, 16))
		ours.Write(in)
		ours.Close()
		<-ended
		if adverts, _, _ := a.onAir(); len(adverts) != 0 {
			t.Errorf("%d advertisements are left", len(adverts))
		}
	})
}
