package uhid

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/ctaphid"
	"cardea/webauthn"
)

// pair is both ends of what stands in for /dev/uhid: a socket that keeps the
// boundaries of events.
func pair(t testing.TB) (device, kernel net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET, 0)
	if err != nil {
		t.Fatal(err)
	}
	end := func(fd int) net.Conn {
		f := os.NewFile(uintptr(fd), "uhid")
		defer f.Close()
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	return end(fds[0]), end(fds[1])
}

func readEvent(t testing.TB, kernel net.Conn) []byte {
	t.Helper()
	b := make([]byte, eventSize+1)
	n, err := kernel.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// outputEvent is a report on its way to the device, as hidraw sends it.
func outputEvent(report []byte) []byte {
	b := make([]byte, outputSize)
	order.PutUint32(b, uint32(output))
	copy(b[typeSize:], report)
	order.PutUint16(b[typeSize+dataMax:], uint16(len(report)))
	b[typeSize+dataMax+2] = 1 // output report
	return b
}

func TestCreateEventIsWhatTheKernelReads(t *testing.T) {
	t.Parallel()
	device, kernel := pair(t)
	_, err := Create(device, Identity{Name: "Key", Serial: "S1", Vendor: 0x1209, Product: 0xf1d0})
	if err != nil {
		t.Fatal(err)
	}
	got := readEvent(t, kernel)
	// The offsets of struct uhid_create2_req.
	for _, tt := range []struct {
		field string
		at    int
		want  string
	}{
		{"type", 0, "0b000000"},
		{"name", 4, hex.EncodeToString([]byte("Key\x00"))},
		{"end of name", 131, "00"},
		{"phys", 132, hex.EncodeToString([]byte("cardea/uhid\x00"))},
		{"uniq", 196, hex.EncodeToString([]byte("S1\x00"))},
		{"rd_size", 260, "2200"},
		{"bus", 262, "0300"},
		{"vendor", 264, "09120000"},
		{"product", 268, "d0f10000"},
		{"version", 272, "00000000"},
		{"country", 276, "00000000"},
		// The descriptor that python-fido2's tests have for a key.
		{"rd_data", 280, "06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0"},
	} {
		want, _ := hex.DecodeString(tt.want)
		if tt.at+len(want) > len(got) || !bytes.Equal(got[tt.at:tt.at+len(want)], want) {
			t.Errorf("%s: %x, want %x", tt.field, got[tt.at:min(len(got), tt.at+len(want))], want)
		}
	}
	if len(got) != 280+len(descriptor) {
		t.Errorf("event of %d bytes, want %d", len(got), 280+len(descriptor))
	}
}

func TestIdentityThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []Identity{
		{},
		{Name: string(bytes.Repeat([]byte("n"), 128))},
		{Name: "n", Serial: string(bytes.Repeat([]byte("s"), 64))},
	} {
		device, kernel := pair(t)
		if _, err := Create(device, id); err == nil {
			t.Errorf("a device was created as %+v", id)
		}
		if n, err := kernel.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the kernel read %d bytes, %v; want a closed file", n, err)
		}
	}
}

func TestReportsComeAndGo(t *testing.T) {
	t.Parallel()
	dev, kernel := pair(t)
	d, err := Create(dev, DefaultIdentity)
	if err != nil {
		t.Fatal(err)
	}
	readEvent(t, kernel)
	report := bytes.Repeat([]byte{0xab}, ctaphid.ReportSize)
	word := func(k eventType) []byte { return order.AppendUint32(nil, uint32(k)) }
	for _, e := range [][]byte{
		append(word(start), make([]byte, 8)...),
		word(opened),
		outputEvent(report[:63]),                            // too short
		outputEvent(append([]byte{1}, report...)),           // numbered
		append(word(getReport), 7, 0, 0, 0, 1, 0),           // feature report wanted
		append(word(setReport), 8, 0, 0, 0, 1, 0, 1, 0, 99), // feature report brought
		word(closed),
		word(stop),
		word(99), // of a later kernel
		outputEvent(append([]byte{0}, report...)),
		outputEvent(report),
	} {
		if _, err := kernel.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, ctaphid.ReportSize+1)
	if n, err := d.Read(got); n != 0 || !errors.Is(err, ctaphid.ErrDeserted) {
		t.Errorf("read after the last client closed = %x, %v; want ErrDeserted", got[:n], err)
	}
	for range 2 {
		n, err := d.Read(got)
		if err != nil || !bytes.Equal(got[:n], report) {
			t.Errorf("read %x, %v; want %x", got[:n], err, report)
		}
	}
	if got, want := readEvent(t, kernel), []byte{10, 0, 0, 0, 7, 0, 0, 0, 5, 0, 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("answer to GET_REPORT = %x, want %x", got, want)
	}
	if got, want := readEvent(t, kernel), []byte{14, 0, 0, 0, 8, 0, 0, 0, 5, 0}; !bytes.Equal(got, want) {
		t.Errorf("answer to SET_REPORT = %x, want %x", got, want)
	}
	if n, err := d.Write(report); n != ctaphid.ReportSize || err != nil {
		t.Errorf("write = %d, %v", n, err)
	}
	if got, want := readEvent(t, kernel), append([]byte{12, 0, 0, 0, 64, 0}, report...); !bytes.Equal(got, want) {
		t.Errorf("input event = %x, want %x", got, want)
	}
	if _, err := d.Write(report[1:]); err == nil {
		t.Error("a short report was written")
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Error(err)
	}
	if got, want := readEvent(t, kernel), []byte{1, 0, 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("last event = %x, want DESTROY", got)
	}
	if _, err := kernel.Read(make([]byte, 8)); !errors.Is(err, io.EOF) {
		t.Errorf("after DESTROY: %v, want EOF", err)
	}
}

// A hidraw is a client's file on the device that the kernel made.
type hidraw struct{ kernel net.Conn }

func (h hidraw) Read(p []byte) (int, error) {
	b := make([]byte, eventSize)
	n, err := h.kernel.Read(b)
	if err != nil {
		return 0, err
	}
	if n < 6 || eventType(order.Uint32(b)) != input2 {
		return 0, io.EOF // DESTROY
	}
	return copy(p, b[6:n]), nil
}

func (h hidraw) Write(p []byte) (int, error) {
	if _, err := h.kernel.Write(outputEvent(append([]byte{0}, p...))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (h hidraw) Close() error { return h.kernel.Close() }

// plug serves an authenticator as a key and opens it as a client.
func plug(t *testing.T, script ...authtest.Reply) (*ctaphid.Client, *authtest.Person) {
	t.Helper()
	a, _, person := authtest.New(script...)
	dev, kernel := pair(t)
	d, err := Create(dev, DefaultIdentity)
	if err != nil {
		t.Fatal(err)
	}
	readEvent(t, kernel)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, d, a) }()
	c, err := ctaphid.Open(t.Context(), hidraw{kernel})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Errorf("serve returned %v, want context.Canceled", err)
		}
		c.Close()
	})
	return c, person
}

func TestPasskeyIsMadeAndUsedThroughTheKey(t *testing.T) {
	t.Parallel()
	c, person := plug(t)
	var waits []ctaphid.Waiting
	c.OnKeepAlive = func(w ctaphid.Waiting) { waits = append(waits, w) }
	info, err := ctap.GetInfo(t.Context(), c)
	if err != nil || len(info.Versions) == 0 {
		t.Fatalf("getInfo = %+v, %v", info, err)
	}
	hash := sha256.Sum256([]byte("client data"))
	made, err := ctap.MakeCredential(t.Context(), c, ctap.MakeCredentialRequest{
		ClientDataHash:   hash[:],
		RP:               ctap.RPEntity{ID: "example.org"},
		User:             ctap.UserEntity{ID: []byte{1}, Name: "ana"},
		PubKeyCredParams: []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: webauthn.PublicKeyType}},
		Options:          map[string]bool{"rk": true},
	})
	if err != nil || len(made.AuthData) == 0 {
		t.Fatalf("makeCredential = %+v, %v", made, err)
	}
	got, err := ctap.GetAssertion(t.Context(), c, ctap.GetAssertionRequest{RPID: "example.org", ClientDataHash: hash[:]})
	if err != nil || len(got.Signature) == 0 {
		t.Fatalf("getAssertion = %+v, %v", got, err)
	}
	for _, p := range person.Asked() {
		if p.Caller.Via != "hid" {
			t.Errorf("the person was told of %+v, want a caller by hid", p.Caller)
		}
	}
	for _, w := range waits {
		if w != ctaphid.UserNeeded {
			t.Errorf("clients were told %v while the person was asked", w)
		}
	}
}

func TestCancelTakesTheQuestionBack(t *testing.T) {
	t.Parallel()
	c, person := plug(t, authtest.Leave)
	ctx, cancel := context.WithCancel(t.Context())
	seen := person.Seen()
	go func() {
		<-seen
		cancel()
		<-seen
	}()
	if err := ctap.Selection(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("selection = %v, want context.Canceled", err)
	}
	if err := ctap.Selection(t.Context(), c); err != nil {
		t.Errorf("the next selection = %v", err)
	}
	if kinds := person.Kinds(); len(kinds) != 2 || kinds[0] != authenticator.Select {
		t.Errorf("the person was asked %q", kinds)
	}
}

// A killed client sends no CANCEL; the kernel says that it has gone.
func TestQuestionIsTakenBackWhenTheLastClientGoes(t *testing.T) {
	t.Parallel()
	asked, left := make(chan struct{}), make(chan error, 1)
	a, _, _ := authtest.New(func(ctx context.Context, _ authenticator.Prompt) (authenticator.Answer, error) {
		close(asked)
		<-ctx.Done()
		left <- ctx.Err()
		return authenticator.Answer{}, ctx.Err()
	})
	dev, kernel := pair(t)
	d, err := Create(dev, DefaultIdentity)
	if err != nil {
		t.Fatal(err)
	}
	readEvent(t, kernel)
	go Serve(t.Context(), d, a)
	c, err := ctaphid.Open(t.Context(), hidraw{kernel})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go ctap.Selection(t.Context(), c)
	<-asked
	if _, err := kernel.Write(order.AppendUint32(nil, uint32(closed))); err != nil {
		t.Fatal(err)
	}
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the question ended with %v, want context.Canceled", err)
	}
}

func TestClientsAreToldWhichCommandsWaitForThePerson(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what    string
		request []byte
		want    ctaphid.Waiting
	}{
		{"getInfo", []byte{byte(ctap.CmdGetInfo)}, ctaphid.Processing},
		{"makeCredential", []byte{byte(ctap.CmdMakeCredential)}, ctaphid.UserNeeded},
		{"selection", []byte{byte(ctap.CmdSelection)}, ctaphid.UserNeeded},
		{"reset", []byte{byte(ctap.CmdReset)}, ctaphid.UserNeeded},
		{"bioEnrollment", []byte{byte(ctap.CmdBioEnrollment)}, ctaphid.UserNeeded},
		{"a token for a PIN", []byte{byte(ctap.CmdClientPIN), 0xa2, 1, 2, 2, 9}, ctaphid.Processing},
		{"a token for a finger", []byte{byte(ctap.CmdClientPIN), 0xa2, 1, 2, 2, 6}, ctaphid.UserNeeded},
		{"nonsense", []byte{byte(ctap.CmdClientPIN), 0xff}, ctaphid.Processing},
	} {
		if got := waitsFor(tt.request); got != tt.want {
			t.Errorf("%s waits for %v, want %v", tt.what, got, tt.want)
		}
	}
}

func TestOpenWithoutUHIDSaysSo(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(path); err == nil {
		t.Skip("there is a /dev/uhid: opening it would plug a key into this computer")
	}
	if _, err := Open(DefaultIdentity); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open = %v, want it not to exist", err)
	}
}

func TestEveryPrefixOfAnOutputEventFails(t *testing.T) {
	t.Parallel()
	whole := outputEvent(make([]byte, ctaphid.ReportSize))
	for n := range len(whole) {
		if _, err := parseEvent(whole[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken for an event", n, len(whole))
		}
	}
	if e, err := parseEvent(whole); err != nil || len(e.report) != ctaphid.ReportSize {
		t.Errorf("the whole gave %+v, %v", e, err)
	}
}

// A report is of the right size and lies inside the event, or there is none.
func FuzzEvent(f *testing.F) {
	f.Add(outputEvent(make([]byte, ctaphid.ReportSize)))
	f.Add(outputEvent(make([]byte, ctaphid.ReportSize+1)))
	f.Add([]byte{9, 0, 0, 0, 1, 0, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		e, err := parseEvent(in)
		if err == nil && (e.kind == output) != (len(e.report) == ctaphid.ReportSize) {
			t.Errorf("event %d with a report of %d bytes", e.kind, len(e.report))
		}
	})
}
