package hybrid

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"cardea/internal/secret"
)

// ErrInvitationSpent is the error for the second use of an Invitation.
var ErrInvitationSpent = errors.New("this QR code has been used")

// An Invitation is a QR code with the private key that belongs to it: what the
// client keeps while it shows the code. It serves one attempt. When that
// fails, the client makes and shows a new one.
type Invitation struct {
	QR
	text string

	mu      sync.Mutex
	private *ecdh.PrivateKey // nil when spent
}

// NewInvitation makes a key pair and a secret for one ceremony.
func NewInvitation(hint Hint) (*Invitation, error) { return newInvitation(hint, false, false) }

// NewLinkingInvitation is NewInvitation for a client that would keep a link to
// the phone, so as to do without a QR code the next time.
func NewLinkingInvitation(hint Hint) (*Invitation, error) { return newInvitation(hint, true, false) }

// NewDirectInvitation is NewInvitation, or NewLinkingInvitation, for a client
// whose radio is a DirectScanner: a phone that can do so as well may be connected
// to without any tunnel.
func NewDirectInvitation(hint Hint, linking bool) (*Invitation, error) {
	return newInvitation(hint, linking, true)
}

func newInvitation(hint Hint, linking, direct bool) (*Invitation, error) {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of a QR code: %w", err)
	}
	inv := &Invitation{
		QR: QR{
			PublicKey:    private.PublicKey(),
			Secret:       secret.Random(qrSecretSize),
			KnownDomains: AssignedServices,
			Time:         time.Now().Truncate(time.Second),
			Linking:      linking,
			Hint:         hint,
			Channels:     []Channel{ChannelTunnel},
		},
		private: private,
	}
	if direct {
		inv.Channels = append(inv.Channels, ChannelBLE)
	}
	inv.text = inv.QR.Text()
	return inv, nil
}

// Text returns what to show as a QR symbol. It is the same for the life of the
// Invitation, and also there when the secret has been wiped.
func (inv *Invitation) Text() string { return inv.text }

// Spend hands out the private key, once. Later calls return
// ErrInvitationSpent. It is safe for concurrent use.
func (inv *Invitation) Spend() (*ecdh.PrivateKey, error) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.private == nil {
		return nil, ErrInvitationSpent
	}
	private := inv.private
	inv.private = nil
	return private, nil
}
