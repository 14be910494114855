package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"cardea/hybrid"
)

// Why a code that was read is not acted on.
var (
	ErrNotPasskeyCode  = errors.New("not a passkey code")
	ErrUnsupportedCode = errors.New("a passkey code that this phone cannot use")
	ErrDigitalID       = fmt.Errorf("%w: it asks for a digital ID, and this app keeps passkeys only", ErrUnsupportedCode)
	ErrTooOld          = errors.New("the phone's system is too old")
	ErrNoCamera        = errors.New("codes are for phones, and this is a computer")
)

// readCode takes the text of a QR symbol for what the phone can act on.
func readCode(text string) (hybrid.QR, error) {
	qr, err := hybrid.ParseQR(text)
	if errors.Is(err, hybrid.ErrNotHybrid) {
		return hybrid.QR{}, ErrNotPasskeyCode
	}
	if err != nil {
		return hybrid.QR{}, fmt.Errorf("%w: %w", ErrUnsupportedCode, err)
	}
	switch {
	case isCredentials(qr.Hint):
		return hybrid.QR{}, ErrDigitalID
	case qr.Hint != hybrid.HintGetAssertion && qr.Hint != hybrid.HintMakeCredential:
		return hybrid.QR{}, fmt.Errorf("%w: it asks for %q", ErrUnsupportedCode, qr.Hint)
	case !slices.Contains(qr.Channels, hybrid.ChannelTunnel):
		return hybrid.QR{}, fmt.Errorf("%w: it offers no tunnel", ErrUnsupportedCode)
	}
	return qr, nil
}

// isCredentials reports whether a device asks for digital credentials (CTAP
// 2.3, feature dc), of which this app has none.
func isCredentials(h hybrid.Hint) bool {
	return h == hybrid.HintPresentation || h == hybrid.HintIssuance
}

// codeLife is how long a code that was found may wait for the person's tap.
// The device that shows it gives up at about the same time.
const codeLife = 5 * time.Minute

// codesKept bounds the codes that wait; the oldest goes first.
const codesKept = 8

// codes are the QR codes that the camera has found. Their text is a bearer
// secret: pages see only a random name for it, which works once.
type codes struct {
	mu   sync.Mutex
	kept []keptCode
}

type keptCode struct {
	id    string
	qr    hybrid.QR
	until time.Time
}

func (c *codes) put(qr hybrid.QR, now time.Time) (id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id = rand.Text()
	c.kept = append(c.kept, keptCode{id: id, qr: qr, until: now.Add(codeLife)})
	if len(c.kept) > codesKept {
		c.kept[0].qr.Wipe()
		c.kept = c.kept[1:]
	}
	return id
}

func (c *codes) take(id string, now time.Time) (hybrid.QR, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.kept, func(k keptCode) bool { return k.id == id })
	if i < 0 {
		return hybrid.QR{}, false
	}
	k := c.kept[i]
	c.kept = slices.Delete(c.kept, i, i+1)
	return k.qr, now.Before(k.until)
}
