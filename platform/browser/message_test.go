package browser

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// frame is a message as the browser writes it.
func frame(text string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func TestMessagesComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for _, m := range []string{`{}`, ``, `{"type":"done"}`, string(make([]byte, maxToBrowser))} {
		if err := writeMessage(&b, []byte(m)); err != nil {
			t.Fatal(err)
		}
		got, err := readMessage(&b)
		if err != nil || string(got) != m {
			t.Errorf("read %d bytes, %v; want %d", len(got), err, len(m))
		}
	}
	if _, err := readMessage(&b); err != io.EOF {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestEveryMessageThatIsCutShortIsAnError(t *testing.T) {
	t.Parallel()
	whole := frame(`{"type":"status"}`)
	for n := 1; n < len(whole); n++ {
		if _, err := readMessage(bytes.NewReader(whole[:n])); err == nil || err == io.EOF || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the first %d bytes: %v, want io.ErrUnexpectedEOF", n, err)
		}
	}
}

func TestLimitsOfTheBrowser(t *testing.T) {
	t.Parallel()
	if err := writeMessage(io.Discard, make([]byte, maxToBrowser+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("writing more than 1 MiB: %v", err)
	}
	head := binary.LittleEndian.AppendUint32(nil, maxFromBrowser+1)
	if _, err := readMessage(bytes.NewReader(head)); !errors.Is(err, ErrTooLong) {
		t.Errorf("reading more than 64 MiB: %v", err)
	}
	// A length that is allowed and a lie waits for nothing.
	lie := binary.LittleEndian.AppendUint32(nil, maxFromBrowser)
	if _, err := readMessage(bytes.NewReader(lie)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("64 MiB that never came: %v", err)
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add(frame(`{"type":"create","id":-7,"details":"{}"}`))
	f.Add(frame(`{"type":"act","id":1,"action":{"do":"choose","kind":"phone","index":0}}`))
	f.Add(frame(``))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readMessage(bytes.NewReader(b))
		if err != nil {
			return
		}
		if !bytes.HasPrefix(b, frame(string(m))) {
			t.Errorf("read %q from %x", m, b)
		}
		in, err := parseIncoming(m)
		if err != nil {
			return
		}
		// What cannot be read never panics, and never has somebody asking
		// whom the browser did not name.
		if by, _, err := parseCreate(in.Details); err == nil && by.Origin == "" {
			t.Errorf("create without an origin: %q", in.Details)
		}
		if by, _, err := parseGet(in.Details); err == nil && by.Origin == "" {
			t.Errorf("get without an origin: %q", in.Details)
		}
	})
}
