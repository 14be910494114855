package ctaphid

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"cardea/ctap"
)

// A host is the other end of a device, report by report.
type host struct {
	t       testing.TB
	nc      net.Conn
	reports chan Report
}

// plug serves cfg and returns its host and what Serve returned.
func plug(t testing.TB, cfg DeviceConfig) (*host, <-chan error) {
	t.Helper()
	if cfg.Handle == nil {
		cfg.Handle = func(_ context.Context, request []byte) []byte { return append([]byte{0}, request...) }
	}
	ours, theirs := net.Pipe()
	h := &host{t, ours, make(chan Report, 1024)}
	go func() {
		defer close(h.reports)
		for {
			var r Report
			if _, err := io.ReadFull(ours, r[:]); err != nil {
				return
			}
			h.reports <- r
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, theirs, cfg) }()
	t.Cleanup(func() {
		cancel()
		ours.Close()
	})
	return h, served
}

func (h *host) write(reports ...Report) {
	h.t.Helper()
	for i := range reports {
		if _, err := h.nc.Write(reports[i][:]); err != nil {
			h.t.Errorf("writing: %v", err)
			return
		}
	}
}

func (h *host) send(c Channel, cmd Command, payload []byte) {
	h.t.Helper()
	reports, err := Message{c, cmd, payload}.Reports()
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(reports...)
}

// next returns the next message from the device, KEEPALIVE and all.
func (h *host) next() Message {
	h.t.Helper()
	r, ok := <-h.reports
	if !ok {
		h.t.Fatal("the device is gone")
	}
	a, err := begin(&r)
	for err == nil && !a.complete() {
		r = <-h.reports
		err = a.add(&r)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return a.message
}

func (h *host) want(c Channel, cmd Command, payload []byte) {
	h.t.Helper()
	m := h.next()
	for cmd != KeepAlive && m.Command == KeepAlive {
		m = h.next()
	}
	if m.Channel != c || m.Command != cmd || !bytes.Equal(m.Payload, payload) {
		h.t.Errorf("device sent %08x %v %.40x, want %08x %v %.40x", uint32(m.Channel), m.Command, m.Payload, uint32(c), cmd, payload)
	}
}

func (h *host) wantError(c Channel, e Error) {
	h.t.Helper()
	h.want(c, ErrorCmd, []byte{byte(e)})
}

var nonce = []byte{1, 2, 3, 4, 5, 6, 7, 8}

// channel asks for a channel.
func (h *host) channel() Channel {
	h.t.Helper()
	h.send(Broadcast, Init, nonce)
	m := h.next()
	for m.Command != Init {
		m = h.next()
	}
	if m.Channel != Broadcast || len(m.Payload) != 17 || !bytes.Equal(m.Payload[:8], nonce) {
		h.t.Fatalf("answer to INIT = %+v", m)
	}
	return Channel(binary.BigEndian.Uint32(m.Payload[8:]))
}

func TestEveryClientGetsAChannel(t *testing.T) {
	t.Parallel()
	h, _ := plug(t, DeviceConfig{Version: [3]byte{1, 2, 3}, Wink: func() {}})
	a, b := h.channel(), h.channel()
	if a == b || a == Reserved || b == Broadcast {
		t.Errorf("channels %08x and %08x", uint32(a), uint32(b))
	}
	h.send(Broadcast, Init, nonce)
	p := h.next().Payload
	// protocol 2, version, WINK | CBOR | NMSG
	if want := []byte{2, 1, 2, 3, 0x0d}; !bytes.Equal(p[12:], want) {
		t.Errorf("end of the answer = %x, want %x", p[12:], want)
	}
}

func TestPingComesBack(t *testing.T) {
	t.Parallel()
	h, _ := plug(t, DeviceConfig{})
	c := h.channel()
	for _, n := range []int{0, 1, 57, 58, MaxMessage} {
		data := bytes.Repeat([]byte{byte(n)}, n)
		h.send(c, Ping, data)
		h.want(c, Ping, data)
	}
}

func TestRequestIsAnswered(t *testing.T) {
	t.Parallel()
	h, _ := plug(t, DeviceConfig{})
	c := h.channel()
	request := bytes.Repeat([]byte{4}, 500)
	h.send(c, CBOR, request)
	h.want(c, CBOR, append([]byte{0}, request...))
}

// initPacket is a lone initialization packet.
func initPacket(c Channel, cmd Command, length int) (r Report) {
	binary.BigEndian.PutUint32(r[:], uint32(c))
	r[4] = initBit | byte(cmd)
	binary.BigEndian.PutUint16(r[5:], uint16(length))
	return r
}

// short is a message of one packet.
func short(c Channel, cmd Command, data ...byte) Report {
	r := initPacket(c, cmd, len(data))
	copy(r[7:], data)
	return r
}

func contPacket(c Channel, seq byte) (r Report) {
	binary.BigEndian.PutUint32(r[:], uint32(c))
	r[4] = seq
	return r
}

func TestHandlerIsToldTheChannel(t *testing.T) {
	t.Parallel()
	h, _ := plug(t, DeviceConfig{Handle: func(ctx context.Context, _ []byte) []byte {
		return binary.BigEndian.AppendUint32([]byte{0}, uint32(ChannelOf(ctx)))
	}})
	for range 2 {
		c := h.channel()
		h.send(c, CBOR, []byte{4})
		h.want(c, CBOR, binary.BigEndian.AppendUint32([]byte{0}, uint32(c)))
	}
	if c := ChannelOf(t.Context()); c != Reserved {
		t.Errorf("without a command the channel is %x", c)
	}
}

func TestWhatADeviceRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		send func(c Channel) []Report
		on   func(c Channel) Channel // nil: c
		want Error
	}{
		{"channel zero", func(Channel) []Report { return []Report{initPacket(0, Ping, 0)} }, func(Channel) Channel { return 0 }, InvalidChannel},
		{"channel zero for INIT", func(Channel) []Report { return []Report{initPacket(0, Init, 8)} }, func(Channel) Channel { return 0 }, InvalidChannel},
		{"channel nobody has", func(c Channel) []Report { return []Report{initPacket(c+1, Ping, 0)} }, func(c Channel) Channel { return c + 1 }, InvalidChannel},
		{"ping on the broadcast channel", func(Channel) []Report { return []Report{initPacket(Broadcast, Ping, 0)} }, func(Channel) Channel { return Broadcast }, InvalidChannel},
		{"INIT with seven bytes", func(Channel) []Report { return []Report{initPacket(Broadcast, Init, 7)} }, func(Channel) Channel { return Broadcast }, InvalidLength},
		{"length over the most", func(c Channel) []Report { return []Report{initPacket(c, Ping, MaxMessage+1)} }, nil, InvalidLength},
		{"empty CBOR", func(c Channel) []Report { return []Report{initPacket(c, CBOR, 0)} }, nil, InvalidLength},
		{"U2F message", func(c Channel) []Report { return []Report{initPacket(c, Msg, 3)} }, nil, InvalidCommand},
		{"lock without a time", func(c Channel) []Report { return []Report{initPacket(c, Lock, 0)} }, nil, InvalidLength},
		{"lock for too long", func(c Channel) []Report { return []Report{short(c, Lock, 11)} }, nil, InvalidParameter},
		{"wink without a light", func(c Channel) []Report { return []Report{initPacket(c, Wink, 0)} }, nil, InvalidCommand},
		{"a device's own command", func(c Channel) []Report { return []Report{initPacket(c, KeepAlive, 1)} }, nil, InvalidCommand},
		{"unknown command", func(c Channel) []Report { return []Report{initPacket(c, 0x7e, 0)} }, nil, InvalidCommand},
		{"first sequence number not zero", func(c Channel) []Report { return []Report{initPacket(c, Ping, 100), contPacket(c, 1)} }, nil, InvalidSequence},
		{"sequence number repeated", func(c Channel) []Report {
			return []Report{initPacket(c, Ping, 200), contPacket(c, 0), contPacket(c, 0)}
		}, nil, InvalidSequence},
		{"new message inside a message", func(c Channel) []Report { return []Report{initPacket(c, Ping, 100), initPacket(c, Ping, 0)} }, nil, InvalidSequence},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, _ := plug(t, DeviceConfig{})
			c := h.channel()
			h.write(tt.send(c)...)
			on := c
			if tt.on != nil {
				on = tt.on(c)
			}
			h.wantError(on, tt.want)
			h.send(c, Ping, []byte("well?")) // and goes on
			h.want(c, Ping, []byte("well?"))
		})
	}
}

func TestSpuriousContinuationIsIgnored(t *testing.T) {
	t.Parallel()
	h, _ := plug(t, DeviceConfig{})
	a, b := h.channel(), h.channel()
	h.write(contPacket(a, 0))
	ping, _ := Message{a, Ping, make([]byte, 100)}.Reports()
	h.write(ping[0], contPacket(b, 0), ping[1])
	h.want(a, Ping, make([]byte, 100))
}

func TestOtherChannelsWaitWhileOneIsHeard(t *testing.T) {
	t.Parallel()
	h, _ := plug(t, DeviceConfig{})
	a, b := h.channel(), h.channel()
	ping, _ := Message{a, Ping, make([]byte, 100)}.Reports()
	h.write(ping[0])
	h.send(b, Ping, nil)
	h.wantError(b, ChannelBusy)
	h.send(b, Init, nonce)
	h.wantError(b, ChannelBusy)
	c := h.channel() // a new client is not in the way
	h.write(ping[1])
	h.want(a, Ping, make([]byte, 100))
	h.send(c, Ping, nil)
	h.want(c, Ping, nil)
}

// A patient handler answers when its context ends or it is told to.
type patient struct {
	began, ended chan struct{}
	answer       chan []byte
}

func newPatient() *patient {
	return &patient{make(chan struct{}, 8), make(chan struct{}, 8), make(chan []byte)}
}

func (p *patient) handle(ctx context.Context, _ []byte) []byte {
	p.began <- struct{}{}
	defer func() { p.ended <- struct{}{} }()
	select {
	case b := <-p.answer:
		return b
	case <-ctx.Done():
		return []byte{byte(ctap.OperationDenied)}
	}
}

func TestDeviceIsBusyWithOneCommand(t *testing.T) {
	t.Parallel()
	p := newPatient()
	h, _ := plug(t, DeviceConfig{Handle: p.handle})
	a, b := h.channel(), h.channel()
	h.send(a, CBOR, []byte{1})
	<-p.began
	h.send(b, CBOR, []byte{1})
	h.wantError(b, ChannelBusy)
	h.send(b, Cancel, nil) // somebody else's cancel
	h.wantError(b, ChannelBusy)
	h.send(a, Ping, nil)
	h.wantError(a, ChannelBusy)
	c := h.channel()
	p.answer <- []byte{0, 7}
	h.want(a, CBOR, []byte{0, 7})
	h.send(c, Ping, nil)
	h.want(c, Ping, nil)
}

func TestCancelEndsTheCommand(t *testing.T) {
	t.Parallel()
	p := newPatient()
	h, _ := plug(t, DeviceConfig{Handle: p.handle})
	c := h.channel()
	h.send(c, Cancel, nil) // of nothing: ignored
	h.send(c, CBOR, []byte{1})
	<-p.began
	h.send(c, Cancel, nil)
	h.want(c, CBOR, []byte{byte(ctap.KeepaliveCancel)})
	h.send(c, Ping, nil)
	h.want(c, Ping, nil)
}

// U2F has no word for "wait", and no KEEPALIVE: the answer is all that comes.
func TestU2FMessagesHaveAHandlerOfTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		h, _ := plug(t, DeviceConfig{Message: p.handle})
		h.send(Broadcast, Init, nonce)
		m := h.next()
		if capabilities := m.Payload[16]; capabilities != capCBOR {
			t.Errorf("capabilities %#x, want CBOR and not NMSG", capabilities)
		}
		c, other := Channel(binary.BigEndian.Uint32(m.Payload[8:])), h.channel()
		h.send(c, Msg, nil)
		h.wantError(c, InvalidLength)
		h.send(c, Msg, []byte{0, 3, 0, 0})
		<-p.began
		time.Sleep(time.Second) // of the bubble's clock
		synctest.Wait()
		if len(h.reports) != 0 {
			t.Errorf("%d reports before the answer, want silence", len(h.reports))
		}
		h.send(other, Ping, nil)
		h.wantError(other, ChannelBusy)
		h.send(c, Cancel, nil) // is for CBOR
		p.answer <- []byte{0x90, 0}
		h.want(c, Msg, []byte{0x90, 0})
		h.send(c, Msg, bytes.Repeat([]byte{7}, 300))
		p.answer <- bytes.Repeat([]byte{8}, 900)
		h.want(c, Msg, bytes.Repeat([]byte{8}, 900))
		for _, response := range [][]byte{nil, make([]byte, MaxMessage+1)} {
			h.send(c, Msg, []byte{1})
			p.answer <- response
			h.wantError(c, Other)
		}
	})
}

func TestCancelThatComesTooLateChangesNothing(t *testing.T) {
	t.Parallel()
	h, _ := plug(t, DeviceConfig{Handle: func(ctx context.Context, _ []byte) []byte {
		<-ctx.Done()
		return []byte{0, 1} // it was done already
	}})
	c := h.channel()
	h.send(c, CBOR, []byte{1})
	h.send(c, Cancel, nil)
	h.want(c, CBOR, []byte{0, 1})
}

func TestInitOnABusyChannelClearsIt(t *testing.T) {
	t.Parallel()
	p := newPatient()
	h, _ := plug(t, DeviceConfig{Handle: p.handle})
	c := h.channel()
	cleared := func() {
		t.Helper()
		h.send(c, Init, nonce)
		want := binary.BigEndian.AppendUint32(bytes.Clone(nonce), uint32(c))
		h.want(c, Init, append(want, 2, 0, 0, 0, 0x0c))
	}
	h.send(c, CBOR, []byte{1})
	<-p.began
	cleared()
	<-p.ended
	// In the middle of a message.
	h.write(initPacket(c, Ping, 100))
	cleared()
	h.send(c, CBOR, []byte{1})
	<-p.began
	p.answer <- []byte{0, 2}
	h.want(c, CBOR, []byte{0, 2}) // and not what the first had to say
}

func TestLockKeepsOthersOutUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := plug(t, DeviceConfig{})
		a, b := h.channel(), h.channel()
		ping := []byte("ping")
		h.send(a, Lock, []byte{10})
		h.want(a, Lock, nil)
		h.send(b, Ping, ping)
		h.wantError(b, ChannelBusy)
		h.send(b, Lock, []byte{1})
		h.wantError(b, ChannelBusy)
		h.send(a, Ping, ping)
		h.want(a, Ping, ping)
		if c := h.channel(); c == a || c == b { // asking for one disturbs nobody
			t.Errorf("channel %08x was given out twice", uint32(c))
		}
		h.send(a, Lock, []byte{0})
		h.want(a, Lock, nil)
		h.send(b, Ping, ping)
		h.want(b, Ping, ping)

		h.send(a, Lock, []byte{2})
		h.want(a, Lock, nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.send(b, Ping, ping)
		h.want(b, Ping, ping)
	})
}

// A forgetful reads what its device hears, and ErrDeserted where it is told.
type forgetful struct {
	io.ReadWriteCloser
	deserted chan struct{}
	heard    chan Report
}

func (f forgetful) Read(p []byte) (int, error) {
	select {
	case <-f.deserted:
		return 0, ErrDeserted
	case r, ok := <-f.heard:
		if !ok {
			return 0, io.EOF
		}
		return copy(p, r[:]), nil
	}
}

func TestDesertedDeviceGivesUpWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	f := forgetful{theirs, make(chan struct{}), make(chan Report)}
	begun, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	served := make(chan error, 1)
	go func() {
		served <- Serve(t.Context(), f, DeviceConfig{Handle: func(ctx context.Context, _ []byte) []byte {
			begun <- struct{}{}
			<-ctx.Done()
			ended <- struct{}{}
			return []byte{0}
		}})
	}()
	h := &host{t, ours, make(chan Report, 1024)}
	go func() {
		for {
			var r Report
			if _, err := io.ReadFull(ours, r[:]); err != nil {
				return
			}
			h.reports <- r
		}
	}()
	f.heard <- short(Broadcast, Init, nonce...)
	c := Channel(binary.BigEndian.Uint32(h.next().Payload[8:]))
	f.heard <- short(c, Lock, 10)
	h.want(c, Lock, nil)
	f.heard <- short(c, CBOR, 4)
	<-begun
	f.deserted <- struct{}{}
	<-ended
	f.heard <- short(Broadcast, Init, nonce...)
	for {
		m := h.next() // KEEPALIVE of before, perhaps, but no answer to CBOR
		if m.Command == Init {
			c = Channel(binary.BigEndian.Uint32(m.Payload[8:]))
			break
		}
		if m.Command != KeepAlive {
			t.Errorf("device sent %v after everybody had gone", m.Command)
		}
	}
	f.heard <- short(c, Ping, 1) // the lock is gone too
	h.want(c, Ping, []byte{1})
	close(f.heard)
	if err := <-served; err != nil {
		t.Errorf("serve = %v", err)
	}
}

func TestWink(t *testing.T) {
	t.Parallel()
	winks := make(chan struct{}, 1)
	h, _ := plug(t, DeviceConfig{Wink: func() { winks <- struct{}{} }})
	c := h.channel()
	h.send(c, Wink, nil)
	h.want(c, Wink, nil)
	<-winks
	h.send(c, Wink, []byte{1})
	h.wantError(c, InvalidLength)
}

func TestResponseThatCannotTravelIsAnError(t *testing.T) {
	t.Parallel()
	for _, response := range [][]byte{nil, make([]byte, MaxMessage+1)} {
		h, _ := plug(t, DeviceConfig{Handle: func(context.Context, []byte) []byte { return response }})
		c := h.channel()
		h.send(c, CBOR, []byte{1})
		h.want(c, CBOR, []byte{byte(ctap.Other)})
	}
}

func TestServeEnds(t *testing.T) {
	t.Parallel()
	t.Run("with its context, and its handler with it", func(t *testing.T) {
		t.Parallel()
		p := newPatient()
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- Serve(ctx, theirs, DeviceConfig{Handle: p.handle}) }()
		h := &host{t, ours, make(chan Report, 8)}
		go io.Copy(io.Discard, ours)
		h.send(Broadcast, Init, nonce)
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Errorf("serve returned %v, want context.Canceled", err)
		}
		if _, err := ours.Write(make([]byte, ReportSize)); err == nil {
			t.Error("the device is still open")
		}
	})
	t.Run("when the host hangs up, and its handler with it", func(t *testing.T) {
		t.Parallel()
		p := newPatient()
		h, served := plug(t, DeviceConfig{Handle: p.handle})
		h.send(h.channel(), CBOR, []byte{1})
		<-p.began
		h.nc.Close()
		<-served
		<-p.ended
	})
	t.Run("on a report of the wrong size", func(t *testing.T) {
		t.Parallel()
		h, served := plug(t, DeviceConfig{})
		h.nc.Write(make([]byte, ReportSize-1))
		if err := <-served; err == nil {
			t.Error("serve returned nil")
		}
	})
}

func TestHalfAMessageTimesOutAndFreesTheChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := plug(t, DeviceConfig{})
		a, b := h.channel(), h.channel()
		began := time.Now()
		h.write(initPacket(a, Ping, 200))
		time.Sleep(packetWithin - time.Millisecond) // of the bubble's clock
		h.write(contPacket(a, 0))                   // just in time
		h.wantError(a, MessageTimeout)
		if got, want := time.Since(began), 2*packetWithin-time.Millisecond; got != want {
			t.Errorf("it took %v, want %v", got, want)
		}
		h.send(b, Ping, nil)
		h.want(b, Ping, nil)
		h.send(a, Ping, nil)
		h.want(a, Ping, nil)
	})
}

func TestKeepAliveComesAtLeastEvery100Milliseconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		h, _ := plug(t, DeviceConfig{Handle: p.handle, WaitsFor: func(request []byte) Waiting { return Waiting(request[0]) }})
		c := h.channel()
		for _, waiting := range []Waiting{Processing, UserNeeded} {
			h.send(c, CBOR, []byte{byte(waiting)})
			last := time.Now()
			for range 20 {
				h.want(c, KeepAlive, []byte{byte(waiting)})
				if gap := time.Since(last); gap > 100*time.Millisecond {
					t.Fatalf("%v without a KEEPALIVE", gap)
				}
				last = time.Now()
			}
			p.answer <- []byte{0}
			h.want(c, CBOR, []byte{0})
		}
		time.Sleep(time.Second) // of the bubble's clock
		if len(h.reports) != 0 {
			t.Errorf("%d reports after the answer, want silence", len(h.reports))
		}
	})
}

// A tape plays reports to a device and records what it sends.
type tape struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (s *tape) Read(p []byte) (int, error)  { return s.in.Read(p[:min(len(p), ReportSize)]) }
func (s *tape) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s *tape) Close() error                { return nil }

// Whatever a host sends, the device ends in order, and all it says is whole
// packets of commands that a device may send.
func FuzzServe(f *testing.F) {
	seed := func(reports ...Report) {
		var b []byte
		for _, r := range reports {
			b = append(b, r[:]...)
		}
		f.Add(b)
	}
	seed(initPacket(Broadcast, Init, 8), initPacket(1, Ping, 100), contPacket(1, 0))
	seed(initPacket(Broadcast, Init, 8), initPacket(1, CBOR, 1), initPacket(1, Cancel, 0))
	seed(initPacket(0, Init, 8), contPacket(7, 3), initPacket(Broadcast, Ping, 7610))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := &tape{in: bytes.NewReader(in[:len(in)/ReportSize*ReportSize])}
		err := Serve(t.Context(), s, DeviceConfig{
			Handle:  func(_ context.Context, r []byte) []byte { return r },
			Message: func(_ context.Context, r []byte) []byte { return r },
			Wink:    func() {},
		})
		if err != nil {
			t.Fatalf("serve returned %v", err)
		}
		out := s.out.Bytes()
		if len(out)%ReportSize != 0 {
			t.Fatalf("%d bytes were sent", len(out))
		}
		for ; len(out) > 0; out = out[ReportSize:] {
			r := Report(out[:ReportSize])
			if !r.isInit() {
				continue
			}
			switch r.command() {
			case Ping, Msg, Lock, Init, Wink, CBOR, KeepAlive, ErrorCmd:
			default:
				t.Fatalf("device sent %v", r.command())
			}
		}
	})
}

// The same for a client that has channel 1: the channels of what is read are
// brought to the one that the device gave out.
func FuzzServeChannel(f *testing.F) {
	f.Add(bytes.Join([][]byte{reportOf(short(1, CBOR, 4)), reportOf(short(1, Cancel))}, nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		ours, theirs := net.Pipe()
		served := make(chan error, 1)
		go func() {
			served <- Serve(t.Context(), theirs, DeviceConfig{
				Handle:  func(_ context.Context, r []byte) []byte { return r },
				Message: func(_ context.Context, r []byte) []byte { return r },
				Wink:    func() {},
			})
		}()
		said := make(chan Report, 4096)
		go func() {
			defer close(said)
			for {
				var r Report
				if _, err := io.ReadFull(ours, r[:]); err != nil {
					return
				}
				said <- r
			}
		}()
		h := &host{t, ours, said}
		c := h.channel()
		for ; len(in) >= ReportSize; in = in[ReportSize:] {
			r := Report(in[:ReportSize])
			if r.channel() == 1 {
				binary.BigEndian.PutUint32(r[:], uint32(c))
			}
			h.write(r)
		}
		// Whatever that was, a client that resynchronizes is heard.
		h.send(c, Init, nonce)
		for r := range said {
			if r.channel() == c && r.isInit() && r.command() == Init {
				break
			}
		}
		ours.Close()
		if err := <-served; err != nil && !errors.Is(err, io.ErrClosedPipe) { // it had more to say
			t.Fatalf("serve returned %v", err)
		}
	})
}

func reportOf(r Report) []byte { return r[:] }
