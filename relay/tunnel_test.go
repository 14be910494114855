package relay

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/gobwas/ws"
)

// A tape is a connection that keeps what is written to it.
type tape struct{ written []byte }

func (c *tape) lock()   {}
func (c *tape) unlock() {}

func (c *tape) writeLocked(frames []byte) error {
	c.written = append(c.written, frames...)
	return nil
}

func (c *tape) sendClose(code ws.StatusCode, _ string) {
	c.written = appendFrame(c.written, ws.OpClose, ws.NewCloseFrameBody(code, ""))
}

// An end that has its 101 may be a moment away from its connection. What the
// other said meanwhile is for it, also if that was goodbye.
func TestLastWordsReachAnEndThatIsOnItsWay(t *testing.T) {
	t.Parallel()
	for _, signal := range []bool{false, true} {
		r := New(Config{Log: slog.New(slog.DiscardHandler)})
		tun, err := r.makeTunnel([16]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		phone, client := &tun.ends[opener], &tun.ends[joiner]
		if err := phone.attach(&tape{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.join(tun.name); err != nil {
			t.Fatal(err)
		}
		if signal {
			client.wantSignal()
		}
		for _, m := range []string{"last", "words"} {
			if to, err := phone.message([]byte(m)); to != nil || err != nil {
				t.Fatalf("message = %v, %v, want it queued", to, err)
			}
		}
		phone.over(&farewell{ws.StatusNormalClosure})

		var got tape
		if err := client.attach(&got); !errors.Is(err, errOver) {
			t.Errorf("attach = %v, want errOver", err)
		}
		var want []byte
		if signal {
			want = appendFrame(want, ws.OpBinary, signalMessage)
		}
		want = appendFrame(appendFrame(want, ws.OpBinary, []byte("last")), ws.OpBinary, []byte("words"))
		if !bytes.Equal(got.written, want) {
			t.Errorf("signal %v: the client got % x, want % x", signal, got.written, want)
		}
		if code := client.over(errOver).code; code != ws.StatusNormalClosure {
			t.Errorf("the client is told %d, want 1000", code)
		}
		if n := r.count.joined.Load(); n != 0 {
			t.Errorf("%d tunnels were joined, want none", n)
		}
	}
}

// What waits for an end that nobody has asked for goes with the tunnel.
func TestQueueOfNobodyEndsWithItsTunnel(t *testing.T) {
	t.Parallel()
	r := New(Config{Log: slog.New(slog.DiscardHandler)})
	tun, err := r.makeTunnel([16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	phone, client := &tun.ends[opener], &tun.ends[joiner]
	if err := phone.attach(&tape{}); err != nil {
		t.Fatal(err)
	}
	if _, err := phone.message([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	phone.over(&farewell{ws.StatusNormalClosure})
	if client.queue != nil {
		t.Errorf("%q still waits", client.queue)
	}
}
