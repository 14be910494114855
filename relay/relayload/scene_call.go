//go:build linux

package relayload

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/gobwas/ws"

	"cardea/hybrid"
)

// called is what a client's call came to.
type called struct {
	p   *peer
	err error
}

// call registers a phone, calls it, and breaks off.
func (s *scene) call(stage string) error {
	key := hybrid.NewContactKey()
	id, err := hybrid.ContactIDOf(key)
	if err != nil {
		return err
	}
	register := func() (*peer, error) {
		return s.open("/cable/register/"+id.String(), "X-Cardea-Contact-Key: "+hex.EncodeToString(key.Expose())+"\r\n")
	}
	phone, err := register()
	if err != nil {
		return err
	}
	defer func() { s.cut(phone) }()
	if stage == "registered" {
		return nil
	}
	client := make(chan called, 1)
	go func() {
		p, err := s.open("/cable/contact/"+id.String(), "X-caBLE-Client-Payload: "+hex.EncodeToString(s.id[:])+"\r\n")
		client <- called{p, err}
	}()
	tunnel, err := s.ring(phone)
	if err != nil {
		return err
	}
	if stage == "called" { // away without an answer, and back
		s.cut(phone)
		back, err := register()
		if err != nil {
			return err
		}
		phone = back
		again, err := s.ring(phone)
		if err != nil || again != tunnel {
			return fmt.Errorf("called again: tunnel %x after %x: %w", again, tunnel, err)
		}
	}
	return s.answered(stage, phone, tunnel, client)
}

// answered gives the phone's word, and sees what it comes to.
func (s *scene) answered(stage string, phone *peer, tunnel hybrid.TunnelID, client <-chan called) error {
	answer := byte(0x02)
	if stage == "call refused" {
		answer = 0x03
	}
	if _, err := phone.Write(frame(ws.OpBinary, append([]byte{answer}, tunnel[:]...))); err != nil {
		return err
	}
	c := <-client
	var refused *refusedError
	switch {
	case stage == "call refused":
		if !errors.As(c.err, &refused) || refused.status != http.StatusGone {
			return fmt.Errorf("a refused client got %v, want 410", c.err)
		}
		return nil
	case c.err != nil:
		return c.err
	case stage != "call taken up":
		s.cut(c.p)
		return nil
	}
	end, err := s.open(connectPath(tunnel), "")
	if err != nil {
		return err
	}
	return s.use("after messages", end, c.p)
}

// ring receives a call and checks that it is for this scene.
func (s *scene) ring(phone *peer) (tunnel hybrid.TunnelID, err error) {
	m, err := phone.receive()
	if err != nil {
		return tunnel, fmt.Errorf("waiting for the call: %w", err)
	}
	if len(m) != 36 || m[0] != 1 || !bytes.Equal(m[20:], s.id[:]) {
		return tunnel, fmt.Errorf("somebody else's call: %x", m)
	}
	return hybrid.TunnelID(m[1:17]), nil
}
