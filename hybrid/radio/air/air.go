package air

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cardea/hybrid"
)

// interval is how often an advertisement is repeated, as phones do it.
const interval = 200 * time.Millisecond

// maxServiceData is what one advertisement carries at most, in bytes. A legacy
// advertisement has room for 24; an extended one for about ten times as many.
const maxServiceData = 255

// An Air is a room full of radios. It is safe for concurrent use.
type Air struct {
	mu      sync.Mutex
	off     bool
	adverts []*advert     // in the order they began
	changed chan struct{} // closed and replaced whenever the above changes

	places   map[hybrid.Peer]*place // where direct connections are accepted
	listened int                    // how many places there have been
}

var (
	_ hybrid.Advertiser = (*Air)(nil)
	_ hybrid.Scanner    = (*Air)(nil)
)

type advert struct {
	data []byte
	from hybrid.Peer // empty for one that cannot be connected to
}

// New returns a silent Air whose power is on.
func New() *Air { return &Air{changed: make(chan struct{})} }

// SetPower switches every radio in the room. Switching off ends what is being
// advertised and scanned, for good, as it does with a real adapter.
func (a *Air) SetPower(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.off = !on
	if a.off {
		a.adverts = nil
	}
	a.wake()
}

// wake tells all scanners to look again. It is called with mu held.
func (a *Air) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// Advertise implements hybrid.Advertiser.
func (a *Air) Advertise(ctx context.Context, serviceData []byte) (stop func() error, err error) {
	return a.advertise(ctx, serviceData, "")
}

func (a *Air) advertise(ctx context.Context, serviceData []byte, from hybrid.Peer) (stop func() error, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkServiceData(serviceData); err != nil {
		return nil, err
	}
	ad := &advert{append([]byte(nil), serviceData...), from}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.off {
		return nil, hybrid.ErrRadioOff
	}
	a.adverts = append(a.adverts, ad)
	a.wake()
	release := context.AfterFunc(ctx, func() { a.remove(ad) })
	return func() error {
		release()
		a.remove(ad)
		return nil
	}, nil
}

func checkServiceData(data []byte) error {
	if len(data) == 0 || len(data) > maxServiceData {
		return fmt.Errorf("service data of %d bytes, want 1 to %d", len(data), maxServiceData)
	}
	return nil
}

func (a *Air) remove(ad *advert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.adverts {
		if a.adverts[i] == ad {
			// A copy, because scanners read the old list without the lock.
			a.adverts = append(append([]*advert(nil), a.adverts[:i]...), a.adverts[i+1:]...)
			a.wake()
			return
		}
	}
}

// onAir returns what is being advertised and a channel that is closed when
// that changes.
func (a *Air) onAir() ([]*advert, <-chan struct{}, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.off {
		return nil, nil, hybrid.ErrRadioOff
	}
	return a.adverts[:len(a.adverts):len(a.adverts)], a.changed, nil
}

// Scan implements hybrid.Scanner.
func (a *Air) Scan(ctx context.Context, heard func(serviceData []byte) (done bool)) error {
	return a.ScanPeers(ctx, func(serviceData []byte, _ hybrid.Peer) bool { return heard(serviceData) })
}

// ScanPeers implements hybrid.DirectScanner.
func (a *Air) ScanPeers(ctx context.Context, heard func(serviceData []byte, from hybrid.Peer) (done bool)) error {
	repeat := time.NewTicker(interval)
	defer repeat.Stop()
	for {
		adverts, changed, err := a.onAir()
		if err != nil {
			return err
		}
		for _, ad := range adverts {
			if err := ctx.Err(); err != nil {
				return err
			}
			if heard(append([]byte(nil), ad.data...), ad.from) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-repeat.C:
		}
	}
}
