package relay_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"cardea/relay"
)

// roomy is a relay whose limits a benchmark does not reach.
func roomy() relay.Config {
	const many = 1 << 40
	return relay.Config{
		Log:    slog.New(slog.DiscardHandler),
		Limits: relay.Limits{Messages: many, Bytes: many, Tunnels: many, PerAddress: many, Rate: many, Burst: many},
	}
}

func BenchmarkRelay1KiB(b *testing.B) {
	phone, client := open(b, roomy()).pair(b, tunnelA)
	message := bytes.Repeat([]byte{0x5a}, 1<<10)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	sent := make(chan error, 1)
	b.ResetTimer()
	go func() {
		for range b.N {
			if err := client.Write(b.Context(), websocket.MessageBinary, message); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for range b.N {
		_, r, err := phone.Reader(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != int64(len(message)) {
			b.Fatalf("received %d bytes, %v", n, err)
		}
	}
	if err := <-sent; err != nil {
		b.Fatal(err)
	}
}

// One /cable/new, from the client's connect to its 101.
func BenchmarkAccept(b *testing.B) {
	h := open(b, roomy())
	b.ReportAllocs()
	answer := make([]byte, 1024)
	var n int
	for b.Loop() {
		n++
		nc, err := net.Dial("tcp", h.url[len("http://"):])
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(nc, "GET /cable/new/%032x HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: fido.cable\r\n\r\n", n)
		k, err := nc.Read(answer)
		if err != nil || !bytes.HasPrefix(answer[:k], []byte("HTTP/1.1 101")) {
			b.Fatalf("%q, %v", answer[:k], err)
		}
		nc.Close()
	}
}

var _ http.Handler = (*relay.Relay)(nil)
