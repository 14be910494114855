package air

import (
	"context"
	"fmt"
	"sync"

	"cardea/hybrid"
)

var (
	_ hybrid.DirectAdvertiser = (*Air)(nil)
	_ hybrid.DirectScanner    = (*Air)(nil)
)

// maxPacket is a usual size of packets of L2CAP over low-energy links.
const maxPacket = 247

// A place is a listener for direct connections.
type place struct {
	air   *Air
	psm   hybrid.PSM
	peer  hybrid.Peer
	knock chan hybrid.Pipe

	closed    chan struct{}
	closeOnce sync.Once
}

// Listen implements hybrid.DirectAdvertiser.
func (a *Air) Listen(ctx context.Context) (hybrid.DirectListener, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.off {
		return nil, hybrid.ErrRadioOff
	}
	a.listened++
	p := &place{air: a, psm: 0x80 + hybrid.PSM(a.listened%0x80), peer: hybrid.Peer(fmt.Sprint("device ", a.listened)),
		knock: make(chan hybrid.Pipe), closed: make(chan struct{})}
	if a.places == nil {
		a.places = map[hybrid.Peer]*place{}
	}
	a.places[p.peer] = p
	return p, nil
}

func (p *place) PSM() hybrid.PSM { return p.psm }

func (p *place) Advertise(ctx context.Context, serviceData []byte) (func() error, error) {
	return p.air.advertise(ctx, serviceData, p.peer)
}

func (p *place) Accept(ctx context.Context) (hybrid.Pipe, error) {
	select {
	case pipe := <-p.knock:
		return pipe, nil
	case <-p.closed:
		return nil, hybrid.ErrPipeClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *place) Close() error {
	p.closeOnce.Do(func() {
		p.air.mu.Lock()
		delete(p.air.places, p.peer)
		p.air.mu.Unlock()
		close(p.closed)
	})
	return nil
}

// Connect implements hybrid.DirectScanner.
func (a *Air) Connect(ctx context.Context, to hybrid.Peer, psm hybrid.PSM) (hybrid.Pipe, error) {
	a.mu.Lock()
	p, off := a.places[to], a.off
	a.mu.Unlock()
	switch {
	case off:
		return nil, hybrid.ErrRadioOff
	case p == nil || p.psm != psm:
		return nil, fmt.Errorf("connecting to %s: nobody listens at %#x", to, psm)
	}
	there, back := make(chan []byte, 16), make(chan []byte, 16)
	ended := make(chan struct{})
	end := sync.OnceFunc(func() { close(ended) })
	select {
	case p.knock <- &pipe{in: there, out: back, ended: ended, end: end}:
		return &pipe{in: back, out: there, ended: ended, end: end}, nil
	case <-p.closed:
		return nil, hybrid.ErrPipeClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A pipe is one end of a direct connection.
type pipe struct {
	in, out chan []byte
	ended   chan struct{} // closed when either end is
	end     func()
}

func (p *pipe) ReadPacket(ctx context.Context) ([]byte, error) {
	select {
	case b := <-p.in:
		return b, nil
	default:
	}
	select {
	case b := <-p.in:
		return b, nil
	case <-p.ended:
		return nil, hybrid.ErrPipeClosed
	case <-ctx.Done():
		p.end()
		return nil, ctx.Err()
	}
}

func (p *pipe) WritePacket(ctx context.Context, packet []byte) error {
	if len(packet) > maxPacket {
		return fmt.Errorf("packet of %d bytes, most are %d", len(packet), maxPacket)
	}
	select {
	case p.out <- append([]byte(nil), packet...):
		return nil
	case <-p.ended:
		return hybrid.ErrPipeClosed
	case <-ctx.Done():
		p.end()
		return ctx.Err()
	}
}

func (p *pipe) MaxPacket() int { return maxPacket }

func (p *pipe) Close() error {
	p.end()
	return nil
}
