//go:build linux

package relayload

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cardea/internal/httpd"
	"cardea/relay"
)

// Stats are what a relay's process holds and has used.
type Stats struct {
	Resident    int64 // bytes of anonymous memory after garbage collection
	Heap        int64
	Stacks      int64
	Goroutines  int
	Tunnels     int
	Connections int64
	CPU         time.Duration
}

// A Target is a relay to load.
type Target struct {
	Addr  string
	TLS   *tls.Config           // nil for plain
	Stats func() (Stats, error) // safe for concurrent use
}

// Kind is how a relay is started.
type Kind struct {
	Mode string // as relay.ParseMode has it
	TLS  bool
}

// String names the kind in tables.
func (k Kind) String() string {
	if k.TLS {
		return k.Mode + ", TLS"
	}
	return k.Mode
}

// Start starts a relay in a process of its own: the program itself with args,
// which must come to [Serve]. The process ends with ctx or with stop.
func Start(ctx context.Context, args ...string) (t *Target, stop func(), err error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting the relay: %w", err)
	}
	stop = func() {
		in.Close()
		cmd.Wait()
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	scheme, addr, ok := strings.Cut(strings.TrimSpace(first), "://")
	if err != nil || !ok {
		stop()
		return nil, nil, fmt.Errorf("starting the relay: it said %q, %w", first, err)
	}
	t = &Target{Addr: addr}
	if scheme == "https" {
		// The certificate was made a moment ago, by the child, for this.
		t.TLS = &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	}
	var mu sync.Mutex
	t.Stats = func() (s Stats, err error) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := fmt.Fprintln(in, "stats"); err != nil {
			return s, err
		}
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return s, err
		}
		return s, json.Unmarshal(line, &s)
	}
	return t, stop, nil
}

// Serve is the child: a relay on a port of its own, whose limits no load
// reaches. It says its address, answers each line of in with its Stats, and
// ends when in does.
func Serve(ctx context.Context, kind Kind, in io.Reader, out io.Writer) error {
	mode, err := relay.ParseMode(kind.Mode)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	scheme := "http"
	addr := l.Addr()
	if kind.TLS {
		cert, err := selfSigned()
		if err != nil {
			return err
		}
		scheme = "https"
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
	}
	// As cardea relay does it, so that what is measured is what runs.
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 1}))
	r := relay.New(relay.Config{Mode: mode, Log: log, Limits: Roomy(), Address: httpd.Proxies(nil).ClientAddress})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- httpd.Serve(ctx, l, httpd.Log(log, r), log) }()
	fmt.Fprintf(out, "%s://%s\n", scheme, addr)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		s, err := StatsOf(r)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(s); err != nil {
			return err
		}
	}
	cancel()
	now, stop := context.WithCancel(context.Background())
	stop()
	r.Shutdown(now)
	return <-served
}

// Roomy are limits that no load reaches. Pings are rare: what is measured as
// idle is idle.
func Roomy() relay.Limits {
	const many = 1 << 40
	return relay.Limits{Tunnels: many, Phones: many, PerAddress: many, Rate: many, Burst: many, Messages: many, Bytes: many,
		Controls: many, Wait: time.Hour, Lifetime: time.Hour, Ping: time.Hour, Standing: time.Hour, CallRate: many, CallBurst: many}
}

// StatsOf collects the garbage of this process and returns what it holds.
func StatsOf(r *relay.Relay) (s Stats, err error) {
	for range 3 { // a stack shrinks by half each time
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s = Stats{Heap: int64(m.HeapInuse), Stacks: int64(m.StackInuse), Goroutines: runtime.NumGoroutine(),
		Tunnels: r.Tunnels(), Connections: r.Connections()}
	if s.Resident, err = residentAnon(); err != nil {
		return s, err
	}
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return s, err
	}
	s.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	return s, nil
}

func residentAnon() (int64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "RssAnon: %d kB", &kb); err == nil {
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no RssAnon")
}

func selfSigned() (cert tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return cert, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
		IPAddresses: []net.IP{netip.MustParseAddr("127.0.0.1").AsSlice()}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
