package link

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"cardea/hybrid"
)

// packets is a Pipe that has been written to.
type packets struct {
	hybrid.Pipe
	left [][]byte
}

func (p *packets) ReadPacket(context.Context) ([]byte, error) {
	if len(p.left) == 0 {
		return nil, hybrid.ErrPipeClosed
	}
	next := p.left[0]
	p.left = p.left[1:]
	return next, nil
}

func TestMessagesAreFoundHoweverTheyCome(t *testing.T) {
	t.Parallel()
	const a, b = "first \r\n of two\r\n", "\r\nsecond"
	for name, came := range map[string][]string{
		"a packet each":           {a + "\r\n", b + "\r\n"},
		"both in one packet":      {a + "\r\n" + b + "\r\n"},
		"cut anywhere":            {"fir", "st \r", "\n of two\r\n\r", "\n\r\nsec", "ond\r\n"},
		"cut inside the ends":     {a + "\r", "\n" + b + "\r", "\n"},
		"packets are the ends":    {a, b},
		"ends in packets of own":  {a, "\r\n", b, "\r\n"},
		"the second begins early": {a + "\r\n\r\nsec", "ond"},
	} {
		left := []string{a, b}
		p := &packets{}
		for _, s := range came {
			p.left = append(p.left, []byte(s))
		}
		d := &direct{pipe: p, opens: func(c []byte) bool { return len(left) > 0 && string(c) == left[0] }}
		for len(left) > 0 {
			got, err := d.Read(t.Context())
			if err != nil || string(got) != left[0] {
				t.Errorf("%s: Read = %q, %v; want %q", name, got, err, left[0])
				break
			}
			left = left[1:]
		}
	}
}

func FuzzDirectRead(f *testing.F) {
	f.Add([]byte("one\r\ntwo\r\n"), 3)
	f.Add(bytes.Repeat([]byte("\r\n"), 90), 83)
	f.Add(append(make([]byte, handshakeSize), '\r', '\n'), 20)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size < 1 {
			return
		}
		p := &packets{left: slices.Collect(slices.Chunk(stream, size))}
		d := &direct{pipe: p, opens: isHandshake}
		for {
			m, err := d.Read(t.Context())
			if err != nil {
				return
			}
			if !isHandshake(m) {
				t.Fatalf("read %d bytes that are no message", len(m))
			}
		}
	})
}
