package relay

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"cardea/hybrid"
)

// A tape is a connection that keeps what is written to it.
type tape struct {
	written []byte
	closing bool
	first   func() // if not nil, called before what comes first
}

func (c *tape) lock()   {}
func (c *tape) unlock() {}

func (c *tape) writeLocked(frames []byte) error {
	if c.closing {
		return net.ErrClosed
	}
	c.written = append(c.written, frames...)
	return nil
}

func (c *tape) firstLocked(frames []byte) error {
	if c.first != nil {
		c.first()
	}
	c.written = append(c.written, frames...)
	return nil
}

// sendClose marks the end only: a real one waits for the lock with its frame.
func (c *tape) sendClose(ws.StatusCode, string) { c.closing = true }

// waiting returns a tunnel that a phone has opened, and its relay.
func waiting(t *testing.T) (*Relay, *tunnel) {
	t.Helper()
	r := New(Config{Log: slog.New(slog.DiscardHandler)})
	tun, err := r.makeTunnel([16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := tun.ends[opener].attach(&tape{}); err != nil {
		t.Fatal(err)
	}
	return r, tun
}

// An end that has its 101 may be a moment away from its connection. What the
// other said meanwhile is for it, also if that was goodbye.
func TestLastWordsReachAnEndThatIsOnItsWay(t *testing.T) {
	t.Parallel()
	for _, signal := range []bool{false, true} {
		r, tun := waiting(t)
		phone, client := &tun.ends[opener], &tun.ends[joiner]
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

// The other end may leave just as this one is brought what has waited.
func TestLastWordsReachAnEndThatIsBroughtThem(t *testing.T) {
	t.Parallel()
	r, tun := waiting(t)
	phone, client := &tun.ends[opener], &tun.ends[joiner]
	if _, err := r.join(tun.name); err != nil {
		t.Fatal(err)
	}
	if _, err := phone.message([]byte("goodbye")); err != nil {
		t.Fatal(err)
	}
	got := tape{first: func() { phone.over(&farewell{ws.StatusNormalClosure}) }}
	if err := client.attach(&got); err != nil {
		t.Errorf("attach = %v", err)
	}
	if want := appendFrame(nil, ws.OpBinary, []byte("goodbye")); !bytes.Equal(got.written, want) || !got.closing {
		t.Errorf("the client got % x and a close: %v; want % x and one", got.written, got.closing, want)
	}
}

// The close frame of whoever has begun to close comes behind what was owed.
func TestWhatIsOwedComesBeforeTheCloseFrame(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := newBlocking(ours, &DefaultLimits, time.Minute)
	owed := appendFrame(nil, ws.OpBinary, []byte("owed"))
	c.lock()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		c.sendClose(ws.StatusNormalClosure, "")
	}()
	for c.closeBy.Load() == nil {
		runtime.Gosched()
	}
	if err := c.writeLocked(owed); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writeLocked = %v, want net.ErrClosed", err)
	}
	wrote := make(chan error, 1)
	go func() {
		defer c.unlock()
		wrote <- c.firstLocked(owed)
	}()
	want := append(bytes.Clone(owed), appendFrame(nil, ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))...)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the peer got % x, %v, want % x", got, err, want)
	}
	if err := <-wrote; err != nil {
		t.Errorf("firstLocked = %v", err)
	}
	<-closed
	ours.Close()
}

// What waits for an end that nobody has asked for goes with the tunnel.
func TestQueueOfNobodyEndsWithItsTunnel(t *testing.T) {
	t.Parallel()
	_, tun := waiting(t)
	phone, client := &tun.ends[opener], &tun.ends[joiner]
	if _, err := phone.message([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	phone.over(&farewell{ws.StatusNormalClosure})
	if client.queue != nil {
		t.Errorf("%q still waits", client.queue)
	}
}

// Who comes after an end that gave up has not asked for its signal.
func TestSignalIsOnlyForWhoAskedForIt(t *testing.T) {
	t.Parallel()
	r, tun := waiting(t)
	client := &tun.ends[joiner]
	if _, err := r.join(tun.name); err != nil {
		t.Fatal(err)
	}
	client.wantSignal()
	client.giveUp()
	if _, err := r.join(tun.name); err != nil {
		t.Fatal(err)
	}
	var got tape
	if err := client.attach(&got); err != nil {
		t.Fatal(err)
	}
	if len(got.written) != 0 {
		t.Errorf("it got % x, want nothing", got.written)
	}
}

// Whatever a registered phone says, a call gets one word at most, and only one
// that is for it.
func FuzzPhonesWord(f *testing.F) {
	id := [16]byte{1, 2, 3}
	for _, word := range []byte{msgCall, msgComing, msgGone, msgBusy, msgRetire} {
		f.Add(append([]byte{word}, id[:]...))
	}
	f.Add([]byte{msgRetire})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, m []byte) {
		r := New(Config{Log: slog.New(slog.DiscardHandler)})
		g, err := r.register(hybrid.ContactID{9})
		if err != nil {
			t.Fatal(err)
		}
		waiting := &call{answer: make(chan byte, 1)}
		g.phone.calls, g.phone.credit = map[name]*call{{r.node, id}: waiting}, 1
		_, err = g.message(m)
		_, again := g.message(m)
		answers := len(m) == 1+len(id) && m[0] >= msgComing && m[0] <= msgBusy
		if (err == nil) != answers || again == nil {
			t.Errorf("%x: %v and %v, want one answer taken: %v", m, err, again, answers)
		}
		var got, want byte
		switch {
		case answers && bytes.Equal(m[1:], id[:]):
			want = m[0]
		case len(m) == 1 && m[0] == msgRetire:
			want = msgGone // to all
		}
		if len(waiting.answer) == 1 {
			got = <-waiting.answer
		}
		if got != want {
			t.Errorf("%x: the call was answered %#x, want %#x", m, got, want)
		}
	})
}
