package relay

import (
	"bufio"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whatever is asked, a relay that cannot take over the connection holds nothing
// afterwards, and says what it may.
func FuzzHandshake(f *testing.F) {
	const upgrade = "Host: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: fido.cable\r\n"
	f.Add("GET /cable/new/" + testID + " HTTP/1.1\r\n" + upgrade + "\r\n")
	f.Add("GET /cable/connect/000000/" + testID + " HTTP/1.1\r\n" + upgrade + "X-caBLE-Signal-Connection: true\r\n\r\n")
	f.Add("GET /cable/contact/AAECAwQFBgcICQoLDA0ODw HTTP/1.1\r\n" + upgrade + "X-caBLE-Client-Payload: a10102\r\n\r\n")
	f.Add("GET /cable/register/AAECAwQFBgcICQoLDA0ODw HTTP/1.1\r\n" + upgrade + "X-Cardea-Contact-Key: " + strings.Repeat("00", 32) + "\r\n\r\n")
	f.Add("GET /healthz HTTP/1.0\r\n\r\n")
	f.Add("GET /cable/new/" + testID + " HTTP/1.1\r\nHost: relay\r\nConnection: ,Upgrade,,\r\nUpgrade:websocket\r\nSec-WebSocket-Key: =\r\n\r\n")
	limits := Limits{Rate: 1e9, Burst: 1e9, Answer: time.Millisecond}
	r := New(Config{Limits: limits, Log: slog.New(slog.DiscardHandler)})
	f.Cleanup(r.Close)
	f.Fuzz(func(t *testing.T, text string) {
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Skip()
		}
		req.RemoteAddr = "192.0.2.1:1"
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if n := r.Tunnels(); n != 0 {
			t.Errorf("%d tunnels are left", n)
		}
		if n := r.Connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
		if w.Code == http.StatusSwitchingProtocols && !strings.EqualFold(req.Header.Get("Upgrade"), "websocket") && !strings.Contains(req.Header.Get("Upgrade"), ",") {
			t.Errorf("101 without an upgrade: %q", text)
		}
	})
}
