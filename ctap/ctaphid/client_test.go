package ctaphid

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/ctap"
)

// connect joins a client to a device of ours.
func connect(t testing.TB, cfg DeviceConfig) *Client {
	t.Helper()
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() {
		Serve(ctx, theirs, cfg)
		close(served)
	}()
	c, err := Open(context.Background(), ours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		cancel()
		<-served
	})
	return c
}

func echo(_ context.Context, request []byte) []byte { return append([]byte{0}, request...) }

func TestBothEndsMeet(t *testing.T) {
	t.Parallel()
	winks := 0
	c := connect(t, DeviceConfig{Handle: echo, Wink: func() { winks++ }, Version: [3]byte{4, 5, 6}})
	if c.Version() != [3]byte{4, 5, 6} || !c.CanWink() {
		t.Errorf("version %v, can wink %v", c.Version(), c.CanWink())
	}
	for _, n := range []int{1, 57, 58, 2000, MaxMessage - 1} {
		request := bytes.Repeat([]byte{9}, n)
		got, err := c.Send(t.Context(), request)
		if err != nil || !bytes.Equal(got, append([]byte{0}, request...)) {
			t.Errorf("request of %d bytes: %d bytes, %v", n, len(got), err)
		}
	}
	if got, err := c.Ping(t.Context(), []byte("hello")); err != nil || string(got) != "hello" {
		t.Errorf("ping = %q, %v", got, err)
	}
	if err := c.Wink(t.Context()); err != nil || winks != 1 {
		t.Errorf("wink: %v, %d times", err, winks)
	}
	if _, err := c.Send(t.Context(), make([]byte, MaxMessage+1)); err == nil {
		t.Error("a request that is too long was sent")
	}
	if _, err := c.Send(t.Context(), nil); !errors.Is(err, InvalidLength) {
		t.Errorf("empty request: %v, want INVALID_LEN", err)
	}
}

func TestCommandsTakeTurns(t *testing.T) {
	t.Parallel()
	c := connect(t, DeviceConfig{Handle: echo})
	results := make(chan error)
	for i := range byte(10) {
		go func() {
			got, err := c.Send(t.Context(), []byte{i})
			if err == nil && !bytes.Equal(got, []byte{0, i}) {
				err = errors.New("another's answer")
			}
			results <- err
		}()
	}
	for range 10 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestEndOfContextCancels(t *testing.T) {
	t.Parallel()
	p := newPatient()
	c := connect(t, DeviceConfig{Handle: p.handle, WaitsFor: func([]byte) Waiting { return UserNeeded }})
	ctx, cancel := context.WithCancel(t.Context())
	var waits []Waiting
	c.OnKeepAlive = func(w Waiting) {
		waits = append(waits, w)
		cancel()
	}
	if _, err := c.Send(ctx, []byte{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("send returned %v, want context.Canceled", err)
	}
	<-p.ended
	if d := cmp.Diff([]Waiting{UserNeeded}, waits[:1]); d != "" {
		t.Error(d)
	}
	go func() { p.answer <- []byte{0, 5} }()
	if got, err := c.Send(t.Context(), []byte{1}); err != nil || !bytes.Equal(got, []byte{0, 5}) {
		t.Errorf("the next command got %x, %v", got, err)
	}
}

func TestSendUnderAnEndedContextDoesNotWaitItsTurn(t *testing.T) {
	t.Parallel()
	p := newPatient()
	c := connect(t, DeviceConfig{Handle: p.handle})
	first := make(chan error)
	go func() {
		_, err := c.Send(t.Context(), []byte{1})
		first <- err
	}()
	<-p.began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Send(ctx, []byte{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("send returned %v, want context.Canceled", err)
	}
	p.answer <- []byte{0}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestCloseEndsACommand(t *testing.T) {
	t.Parallel()
	p := newPatient()
	c := connect(t, DeviceConfig{Handle: p.handle})
	result := make(chan error)
	go func() {
		_, err := c.Send(t.Context(), []byte{1})
		result <- err
	}()
	<-p.began
	c.Close()
	if err := <-result; err == nil {
		t.Error("a command on a closed device succeeded")
	}
	if err := c.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// scripted connects a client to a device written by hand: after INIT, script
// answers what the client sends.
func scripted(t testing.TB, capabilities byte, script func(h *host, c Channel)) (*Client, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	h := &host{t, theirs, make(chan Report, 1024)}
	go func() {
		defer close(h.reports)
		for {
			var r Report
			if _, err := theirs.Read(r[:]); err != nil {
				return
			}
			h.reports <- r
		}
	}()
	go func() {
		r, ok := <-h.reports
		if !ok {
			return
		}
		const channel = 0x00220002
		// Somebody else asks at the same time, and is refused something.
		h.send(Broadcast, Init, append(bytes.Clone(nonce), 0, 0, 0, 9, 2, 1, 1, 1, 4))
		h.send(Broadcast, ErrorCmd, []byte{byte(InvalidLength)})
		h.send(9, CBOR, []byte{0x2e})
		h.send(Broadcast, Init, append(bytes.Clone(r[7:15]), 0x00, 0x22, 0x00, 0x02, 2, 5, 7, 1, capabilities))
		if script != nil {
			script(h, channel)
		}
	}()
	t.Cleanup(func() { theirs.Close() })
	c, err := Open(context.Background(), ours)
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// The recorded answer of a security key, with what others get in between.
func TestRecordedGetInfoIsUnderstood(t *testing.T) {
	t.Parallel()
	rec := recording{}.find(t, "WIREDATA_CTAP_CBOR_INFO")
	c, err := scripted(t, 0x05, func(h *host, c Channel) {
		h.want(c, CBOR, []byte{byte(ctap.CmdGetInfo)})
		h.send(c, KeepAlive, []byte{byte(Processing)})
		for _, r := range rec.wire(t) {
			h.write(contPacket(7, 0), initPacket(7, Ping, 0)) // others, in between
			h.write(r)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := ctap.GetInfo(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"U2F_V2", "FIDO_2_0", "FIDO_2_1_PRE", "FIDO_2_1", "FIDO_2_3"}; !cmp.Equal(info.Versions, want) {
		t.Errorf("versions = %q, want %q", info.Versions, want)
	}
	if want := []string{"nfc", "usb", "smart-card"}; !cmp.Equal(info.Transports, want) {
		t.Errorf("transports = %q, want %q", info.Transports, want)
	}
}

func TestDeviceThatBreaksTheProtocol(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(h *host, c Channel)
	}{
		{"another command", func(h *host, c Channel) { h.send(c, Ping, nil) }},
		{"wrong sequence", func(h *host, c Channel) { h.write(initPacket(c, CBOR, 100), contPacket(c, 1)) }},
		{"too long", func(h *host, c Channel) { h.write(initPacket(c, CBOR, MaxMessage+1)) }},
		{"empty response", func(h *host, c Channel) { h.send(c, CBOR, nil) }},
		{"message inside a message", func(h *host, c Channel) { h.write(initPacket(c, CBOR, 100), initPacket(c, Wink, 0)) }},
		{"unplugged", func(h *host, c Channel) { h.nc.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := scripted(t, capCBOR, func(h *host, c Channel) {
				h.next()
				tt.answer(h, c)
			})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Send(t.Context(), []byte{4}); err == nil {
				t.Errorf("send returned %x", got)
			}
		})
	}
}

func TestDevicesErrorIsTold(t *testing.T) {
	t.Parallel()
	c, err := scripted(t, capCBOR, func(h *host, c Channel) {
		h.next()
		h.send(c, ErrorCmd, []byte{byte(ChannelBusy)})
		h.next()
		h.send(c, CBOR, []byte{0})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), []byte{4}); !errors.Is(err, ChannelBusy) {
		t.Errorf("send returned %v, want CHANNEL_BUSY", err)
	}
	if _, err := c.Send(t.Context(), []byte{4}); err != nil {
		t.Errorf("the next command: %v", err)
	}
}

func TestU2FKeyIsToldApart(t *testing.T) {
	t.Parallel()
	if _, err := scripted(t, capWink, nil); !errors.Is(err, ErrNoCTAP2) {
		t.Errorf("open returned %v, want ErrNoCTAP2", err)
	}
}

func TestSilentDeviceIsGivenUp(t *testing.T) {
	t.Parallel()
	t.Run("when it is opened", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go func() {
				for {
					if _, err := theirs.Read(make([]byte, ReportSize)); err != nil {
						return
					}
				}
			}()
			began := time.Now()
			if _, err := Open(t.Context(), ours); !errors.Is(err, errSilent) {
				t.Errorf("open returned %v, want errSilent", err)
			}
			if got := time.Since(began); got != answerWithin {
				t.Errorf("it took %v, want %v", got, answerWithin)
			}
		})
	})
	t.Run("while it works, and is cleared before the next command", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, err := scripted(t, capCBOR, func(h *host, c Channel) {
				h.next()
				for range 50 { // it lives for five seconds
					h.send(c, KeepAlive, []byte{1})
					time.Sleep(100 * time.Millisecond) // of the bubble's clock
				}
				m := h.next()
				if m.Command != Init || m.Channel != c {
					t.Errorf("the next was %v, want INIT", m.Command)
				}
				h.send(c, CBOR, []byte{0x2e}) // too late
				h.send(c, Init, append(m.Payload, 0x00, 0x22, 0x00, 0x02, 2, 5, 7, 1, 4))
				h.next()
				h.send(c, CBOR, []byte{0})
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Send(t.Context(), []byte{4}); !errors.Is(err, errSilent) {
				t.Errorf("send returned %v, want errSilent", err)
			}
			if got, err := c.Send(t.Context(), []byte{4}); err != nil || !bytes.Equal(got, []byte{0}) {
				t.Errorf("the next command got %x, %v", got, err)
			}
			c.Close()
		})
	})
}

func TestDeviceThatIgnoresCancelIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := scripted(t, capCBOR, func(h *host, c Channel) {
			h.next()
			h.want(c, Cancel, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := c.Send(ctx, []byte{1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("send returned %v, want the deadline", err)
		}
		if got := time.Since(began); got != time.Second+cancelWithin {
			t.Errorf("it took %v, want %v", got, time.Second+cancelWithin)
		}
		c.Close()
	})
}
