//go:build linux

package relayload

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gobwas/ws"

	"cardea/hybrid"
)

// dice is xorshift64 from a random start: what it decides need not be secret.
type dice uint64

func newDice() *dice {
	var b [8]byte
	rand.Read(b[:])
	d := dice(binary.LittleEndian.Uint64(b[:]) | 1)
	return &d
}

func (d *dice) next() uint64 {
	*d ^= *d << 13
	*d ^= *d >> 7
	*d ^= *d << 17
	return uint64(*d)
}

func (d *dice) below(n int) int { return int(d.next() >> 11 % uint64(n)) }

// A scene is one tunnel, from its beginning to wherever it is broken off.
type scene struct {
	*Target
	dice  *dice
	tally *Tally
	id    hybrid.TunnelID
}

// cut ends a connection without a word: by a reset, or as if its process had
// gone.
func (s *scene) cut(p *peer) {
	if s.dice.below(2) == 0 {
		p.abort()
	} else {
		p.tcp.Close()
	}
}

// part returns some of b, but not all.
func (s *scene) part(b []byte) []byte { return b[:s.dice.below(len(b))] }

// message is what can come from nowhere else: it names its tunnel, its
// direction and its place, and the rest follows from these.
func (s *scene) message(direction byte, n int) []byte {
	size := []int{0, 30, 300, 1024, 5000, 70000}[s.dice.below(6)]
	return messageOf(s.id, direction, n, size)
}

func messageOf(id hybrid.TunnelID, direction byte, n, size int) []byte {
	b := append(id[:len(id):len(id)], direction)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	fill := dice(binary.BigEndian.Uint64(id[8:])*1000003 + uint64(direction)*7919 + uint64(n) + 1)
	for range size / 8 {
		b = binary.LittleEndian.AppendUint64(b, fill.next())
	}
	return b
}

// check receives the n-th message of a direction and compares it.
func (s *scene) check(p *peer, direction byte, n int) error {
	got, err := p.receive()
	if err != nil {
		return fmt.Errorf("waiting for message %d: %w", n, err)
	}
	if len(got) < 25 || !bytes.Equal(got, messageOf(s.id, direction, n, int(binary.BigEndian.Uint32(got[21:])))) {
		return fmt.Errorf("tunnel %x direction %d message %d: got %.40x of %d bytes", s.id, direction, n, got, len(got))
	}
	s.tally.arrived(got)
	return nil
}

// ended waits for the relay to end a connection, whatever it says before.
func ended(p *peer) error {
	defer p.Conn.Close()
	p.SetDeadline(time.Now().Add(patience))
	for {
		_, err := p.receive()
		var timeout interface{ Timeout() bool }
		switch {
		case errors.Is(err, errClosed):
			p.Write(frame(ws.OpClose, []byte{0x03, 0xe8}))
			_, err = io.Copy(io.Discard, p.reader())
			if errors.As(err, &timeout) && timeout.Timeout() {
				return errors.New("the relay said goodbye and stayed")
			}
			return nil
		case errors.As(err, &timeout) && timeout.Timeout():
			return errors.New("the relay left the other end hanging")
		case err != nil:
			return nil
		}
	}
}

// play plays a scene up to a stage.
func (s *scene) play(stage string) error {
	switch stage {
	case "connected", "half a request", "request":
		return s.beforeTheAnswer(stage)
	case "registered", "called", "call answered", "call refused", "call taken up":
		return s.call(stage)
	}
	phone, err := s.open(newPath(s.id), "")
	if err != nil {
		return err
	}
	switch stage {
	case "opened":
		s.cut(phone)
		return nil
	case "half a join", "join":
		return s.beforeTheJoin(stage, phone)
	case "opened, early message":
		return s.early(phone)
	}
	client, err := s.open(connectPath(s.id), "")
	if err != nil {
		s.cut(phone)
		return err
	}
	return s.use(stage, phone, client)
}

func (s *scene) beforeTheAnswer(stage string) error {
	p, err := s.connect()
	if err != nil {
		return err
	}
	defer s.cut(p)
	switch r := []byte(request(newPath(s.id), "")); stage {
	case "half a request":
		_, err = p.Write(s.part(r))
	case "request":
		_, err = p.Write(r)
	}
	return err
}

// beforeTheJoin breaks off the second end while it asks. The first is then
// alone, or left.
func (s *scene) beforeTheJoin(stage string, phone *peer) error {
	p, err := s.connect()
	if err != nil {
		return err
	}
	r := []byte(request(connectPath(s.id), ""))
	if stage == "half a join" {
		r = s.part(r)
	}
	_, err = p.Write(r)
	s.cut(p)
	s.cut(phone)
	return err
}

// early sends before the other end is there.
func (s *scene) early(phone *peer) error {
	m := messageOf(s.id, 0, 0, s.dice.below(1000))
	if _, err := phone.Write(frame(ws.OpBinary, m)); err != nil {
		return err
	}
	if s.dice.below(2) == 0 {
		s.cut(phone)
		return nil
	}
	client, err := s.open(connectPath(s.id), "")
	if err != nil {
		return err
	}
	if err := s.check(client, 0, 0); err != nil {
		return err
	}
	s.cut(client)
	return ended(phone)
}

// use sends some messages both ways at once, and breaks off.
func (s *scene) use(stage string, phone, client *peer) error {
	if s.dice.below(2) == 0 {
		phone, client = client, phone
	}
	if stage != "joined" {
		if err := s.talk(phone, client, 1+s.dice.below(12)); err != nil {
			return err
		}
	}
	next := frame(ws.OpBinary, messageOf(s.id, 9, 0, 3000))
	switch stage {
	case "half a header":
		client.Write(next[:1+s.dice.below(7)])
	case "half a message":
		client.Write(next[:9+s.dice.below(len(next)-9)])
	case "half a fragment":
		next[0] &^= 0x80
		client.Write(next)
	case "half a close":
		client.Write(frame(ws.OpClose, []byte{0x03, 0xe8})[:4])
	case "text":
		client.Write(frame(ws.OpText, []byte("no")))
		if err := ended(client); err != nil {
			return err
		}
		return ended(phone)
	case "orderly":
		done := make(chan error, 1)
		go func() { done <- ended(phone) }()
		err := client.close()
		return errors.Join(err, <-done)
	}
	s.cut(client)
	return ended(phone)
}

// talk sends n messages each way, and checks what arrives.
func (s *scene) talk(a, b *peer, n int) error {
	ways := [2][2]*peer{{a, b}, {b, a}}
	results := make(chan error, 4)
	for direction, way := range ways {
		var frames [][]byte
		for i := range n {
			frames = append(frames, frame(ws.OpBinary, s.message(byte(direction), i)))
		}
		if s.dice.below(2) == 0 { // several in one write
			frames = [][]byte{bytes.Join(frames, nil)}
		}
		go func() {
			for _, f := range frames {
				if _, err := way[0].Write(f); err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
		go func() {
			for i := range n {
				if err := s.check(way[1], byte(direction), i); err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	var first error
	for range 4 {
		if err := <-results; first == nil {
			first = err
		}
	}
	return first
}
