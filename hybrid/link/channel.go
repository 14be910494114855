package link

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/noise"
	"cardea/hybrid/tunnel"
)

// maxJSON bounds a JSON message, which with its type and the tag and padding of
// a record must fit what tunnels carry.
const maxJSON = tunnel.MaxMessage - 256

// A channel is a conn with a session: it carries messages that only the two
// ends can read. One read and any number of writes may go on at once.
type channel struct {
	conn    conn
	session *noise.Session

	mu sync.Mutex // records must leave in the order they were sealed in
}

// readRecord returns the next record, decrypted. A record that does not open
// ends the tunnel.
func (c *channel) readRecord(ctx context.Context) ([]byte, error) {
	sealed, err := c.conn.Read(ctx)
	if err != nil {
		return nil, err
	}
	plaintext, err := c.session.Receive.Open(sealed)
	if err != nil {
		c.conn.Abort()
		return nil, err
	}
	return plaintext, nil
}

// read returns the next message.
func (c *channel) read(ctx context.Context) (hybrid.Message, error) {
	plaintext, err := c.readRecord(ctx)
	if err != nil {
		return hybrid.Message{}, err
	}
	m, err := hybrid.ParseMessage(plaintext)
	if err != nil {
		return hybrid.Message{}, fmt.Errorf("%w: %w", errProtocol, err)
	}
	if m.Type == hybrid.MessageCTAP && len(m.Body) > ctap.MaxMessage {
		return hybrid.Message{}, fmt.Errorf("%w: CTAP message of %d bytes", errProtocol, len(m.Body))
	}
	return m, nil
}

func (c *channel) writeRecord(ctx context.Context, plaintext []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	sealed, err := c.session.Send.Seal(plaintext)
	if err != nil {
		return err
	}
	return c.conn.Write(ctx, sealed)
}

func (c *channel) write(ctx context.Context, m hybrid.Message) error {
	return c.writeRecord(ctx, m.Encode())
}

// awaitEnd gives a receiver a moment to hear why a write has failed: an abort
// would be all that it hears.
func awaitEnd(ctx context.Context, done <-chan struct{}) {
	patience := time.NewTimer(shutdownTime)
	defer patience.Stop()
	select {
	case <-done:
	case <-ctx.Done():
	case <-patience.C:
	}
}
