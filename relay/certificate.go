package relay

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// A Certificate is a key pair on disk that may be renewed while the relay runs.
type Certificate struct {
	certFile, keyFile string
	pair              atomic.Pointer[tls.Certificate]
}

// OpenCertificate reads a certificate chain and its private key, both PEM.
func OpenCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	return c, c.Reload()
}

// Reload reads the files again. If that fails, the pair read before stays.
func (c *Certificate) Reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	c.pair.Store(&pair)
	return nil
}

// Config returns the settings of a TLS listener that serves the newest pair. A
// WebSocket needs HTTP/1.1, so h2 is not offered.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.pair.Load(), nil },
	}
}

// Watch reloads the files when they have changed, which it looks for once in
// every, and whenever asked. It returns when ctx ends.
func (c *Certificate) Watch(ctx context.Context, every time.Duration, asked <-chan os.Signal, log *slog.Logger) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	seen := c.stamp()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if now := c.stamp(); now == seen {
				continue
			}
		case <-asked:
		}
		// A renewal writes two files. Between them they do not fit, and the next
		// tick tries again.
		stamp := c.stamp()
		if err := c.Reload(); err != nil {
			log.Error("the certificate stays as it was", "error", err)
			continue
		}
		seen = stamp
		log.Info("read the certificate again")
	}
}

// stamp changes when the files do.
func (c *Certificate) stamp() (s [2]struct {
	size int64
	time time.Time
}) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			s[i].size, s[i].time = info.Size(), info.ModTime()
		}
	}
	return s
}
