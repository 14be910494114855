package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startRelay runs the relay command and returns its addresses and what ends it.
func startRelay(t *testing.T, args ...string) (relay, metrics string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"relay", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"}, args...), w, io.Discard)
		w.Close()
	}()
	buf := make([]byte, 4096)
	var out string
	for !strings.Contains(out, "Relay on ") || !strings.HasSuffix(out, "\n") {
		n, err := r.Read(buf)
		if err != nil {
			t.Fatalf("the relay said %q, then %v", out, err)
		}
		out += string(buf[:n])
	}
	go io.Copy(io.Discard, r)
	for line := range strings.Lines(out) {
		if a, ok := strings.CutPrefix(line, "Relay on "); ok {
			relay = strings.TrimSpace(a)
		}
		if a, ok := strings.CutPrefix(line, "Metrics on "); ok {
			metrics = strings.TrimSpace(a)
		}
	}
	stopped := false
	stop = func() int {
		cancel()
		if stopped {
			return 0
		}
		stopped = true
		return <-status
	}
	t.Cleanup(func() { stop() })
	return relay, metrics, stop
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// upgrade opens a WebSocket by hand.
func upgrade(t *testing.T, addr, path string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: fido.cable\r\n\r\n")
	answer := make([]byte, 1024)
	n, err := nc.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 101") {
		t.Fatalf("%s: %q, %v", path, answer[:n], err)
	}
	return nc
}

func TestRelayTellsItsNumbers(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"goroutines", "epoll"} {
		addr, metrics, _ := startRelay(t, "--mode", mode)
		upgrade(t, addr, "/cable/new/00112233445566778899aabbccddeeff")
		if _, text := get(t, metrics); !strings.Contains(text, "\ncardea_relay_tunnels 1\n") || !strings.Contains(text, "\ncardea_relay_connections 1\n") {
			t.Errorf("%s: metrics lack the tunnel:\n%s", mode, text)
		}
	}
}

// On SIGTERM a relay lets its tunnels finish. It can still be asked how it is.
func TestRelayDrains(t *testing.T) {
	t.Parallel()
	addr, _, stop := startRelay(t)
	const tunnel = "00112233445566778899aabbccddeeff"
	phone := upgrade(t, addr, "/cable/new/"+tunnel)
	client := upgrade(t, addr, "/cable/connect/000000/"+tunnel)
	status := make(chan int, 1)
	go func() { status <- stop() }()
	for {
		code, text := get(t, "http://"+addr+"/healthz")
		if code == http.StatusServiceUnavailable && strings.Contains(text, "draining") {
			break
		}
	}
	io.WriteString(client, "\x82\x82\x00\x00\x00\x00hi")
	got := make([]byte, 4)
	if _, err := io.ReadFull(phone, got); err != nil || string(got) != "\x82\x02hi" {
		t.Errorf("while draining the phone received %q, %v", got, err)
	}
	io.WriteString(phone, "\x88\x82\x00\x00\x00\x00\x03\xe8")
	go io.Copy(io.Discard, phone)
	io.ReadAll(io.LimitReader(client, 4))
	io.WriteString(client, "\x88\x82\x00\x00\x00\x00\x03\xe8")
	if got := <-status; got != 0 {
		t.Errorf("status %d", got)
	}
}

// writePair writes a new self-signed certificate over the old one.
func writePair(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "relay"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func serialAt(t *testing.T, addr string) int64 {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	state := c.ConnectionState()
	if state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("the relay chose %q, want http/1.1", state.NegotiatedProtocol)
	}
	return state.PeerCertificates[0].SerialNumber.Int64()
}

func TestRenewedCertificateIsServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, cert, key, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	o := &relayOptions{Cert: cert, Key: key}
	hup := make(chan os.Signal)
	s := &session{ctx: t.Context(), out: io.Discard, errOut: io.Discard, log: slog.New(slog.DiscardHandler)}
	l, err = o.secureWith(t.Context(), s, l, hup)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.NotFoundHandler()}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	if got := serialAt(t, addr); got != 1 {
		t.Errorf("serial %d, want 1", got)
	}
	// Half of a renewal changes nothing.
	if err := os.WriteFile(cert, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	hup <- os.Interrupt
	hup <- os.Interrupt // taken when the first is done
	if got := serialAt(t, addr); got != 1 {
		t.Errorf("serial after a broken renewal %d, want 1", got)
	}
	writePair(t, cert, key, 2)
	hup <- os.Interrupt
	hup <- os.Interrupt
	if got := serialAt(t, addr); got != 2 {
		t.Errorf("serial after the renewal %d, want 2", got)
	}
}

func TestRelayRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--metrics", "0.0.0.0:0"},
		{"--node", "1234"},
		{"--peer", "zz=http://127.0.0.1:1"},
		{"--peer", "000001=127.0.0.1:1"},
		{"--proxy", "nobody"},
	} {
		if status, _, errOut := cardea(t, append([]string{"relay", "--listen", "127.0.0.1:0"}, args...)...); status == 0 || !strings.Contains(errOut, args[0]) {
			t.Errorf("relay %v: status %d, %q; want a word about %s", args, status, errOut, args[0])
		}
	}
}

func TestServeRunsARelayBeside(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "cardea.db")
	out := up(t, "/setup#", "serve", "--listen", "127.0.0.1:0", "--database", db, "--login-url", "http://login.t.localhost:8480",
		"--account-url", "http://my.t.localhost:8480", "--rp-id", "t.localhost", "--relay-listen", "127.0.0.1:0")
	for !strings.Contains(out.String(), "Relay on ") {
		time.Sleep(5 * time.Millisecond)
	}
	_, addr, _ := strings.Cut(out.String(), "Relay on ")
	addr, _, _ = strings.Cut(addr, "\n")
	if code, _ := get(t, "http://"+addr+"/healthz"); code != http.StatusOK {
		t.Errorf("the relay's health: %d", code)
	}
}
