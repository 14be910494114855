// Package world puts all five parties of a sign-in on one machine: the identity
// provider, the relay, two phones, a computer's own authenticator, the air
// between them, and what a browser needs to take part. The demonstration shows it and the tests live in it.
//
//	identity provider   http://login.cardea.localhost:PORT, http://myaccount.…
//	relay               ws://127.0.0.1:PORT
//	iPhone              http://iphone.cardea.localhost:PORT, DIR/iphone/agent.sock
//	Android phone       http://android.cardea.localhost:PORT, DIR/android/agent.sock
//	computer            http://computer.cardea.localhost:PORT, DIR/computer/agent.sock
//	the air             in memory, and DIR/air.sock for browser hosts
//
// Everything in it is the real thing but the radio, which is package air.
// Names below localhost lead to this machine in every browser; nothing here
// resolves a name or leaves the loopback interface.
package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"cardea/authenticator/app"
	"cardea/hybrid"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/identity/server"
	"cardea/internal/httpd"
	"cardea/relay"
)

// The world's domain. Chromium counts names below localhost as secure.
const (
	rpID        = "cardea.localhost"
	loginHost   = "login." + rpID
	accountHost = "myaccount." + rpID
)

// Config says where the world stands. The zero value with a Dir is one for a
// test: free ports, current phones, no log.
type Config struct {
	// Dir keeps the database, the vaults and the sockets. It must exist, and
	// its path must be short enough for a Unix socket (about 80 bytes).
	Dir string
	// Ports are the ports to listen on; zero means any free one.
	Ports Ports
	// IOSVersion and AndroidVersion are what the phones run; empty means
	// current ones.
	IOSVersion, AndroidVersion string
	// Log receives the log of all parties; nil discards it.
	Log *slog.Logger
}

// Ports are TCP ports on the loopback interface.
type Ports struct{ Identity, Relay, IPhone, Android, Computer int }

// A World is running from Start until its context ends and Wait returns.
type World struct {
	LoginURL, AccountURL string
	Server               *server.Server
	Air                  *air.Air
	Relay                *Relay
	IPhone, Android      *Phone
	Computer             *Phone // the desktop's own, in nobody's hand

	dir string
	// codeSeconds is how long browsers that are prepared from now on show a code.
	codeSeconds int
	tasks       *errgroup.Group
}

// A Phone is an authenticator app with its pages: a phone's, or the one that a
// desktop computer has of its own, which is held before no screen.
type Phone struct {
	App         *app.App
	Style       app.Style
	URL         string
	AgentSocket string
}

// Start builds the world and starts it. It ends with ctx.
func Start(ctx context.Context, cfg Config) (*World, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	tasks, ctx := errgroup.WithContext(ctx)
	w := &World{dir: cfg.Dir, tasks: tasks, Air: air.New()}
	for _, begin := range []func(context.Context, Config) error{
		w.startRelay, w.startIdentity, w.startPhones,
		// Last: it takes the place of a socket that was left behind, and must not
		// take that of a world which runs, whose ports were found taken by now.
		w.startAir,
	} {
		if err := begin(ctx, cfg); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Wait waits until every party has stopped and returns the first error.
func (w *World) Wait() error {
	if err := w.tasks.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (w *World) startAir(ctx context.Context, _ Config) error {
	path := w.AirSocket()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("clearing the air's socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("serving the air: %w", err)
	}
	w.tasks.Go(func() error { return air.Serve(ctx, l, w.Air) })
	return nil
}

// AirSocket is where other processes join the air.
func (w *World) AirSocket() string { return filepath.Join(w.dir, "air.sock") }

func (w *World) startRelay(ctx context.Context, cfg Config) error {
	l, err := listen(cfg.Ports.Relay)
	if err != nil {
		return fmt.Errorf("starting the relay: %w", err)
	}
	// Everybody in this world has the same address.
	r := relay.New(relay.Config{Log: cfg.Log, Limits: relay.Limits{Rate: 10_000, Burst: 10_000, PerAddress: 10_000}})
	w.Relay = &Relay{URL: "ws://" + l.Addr().String(), handler: r}
	w.tasks.Go(func() error {
		err := httpd.Serve(ctx, l, httpd.Log(cfg.Log, w.Relay), cfg.Log)
		r.Close()
		return err
	})
	return nil
}

// A Relay is the world's relay, with wires that can be cut.
type Relay struct {
	URL     string
	handler http.Handler

	mu  sync.Mutex
	cut string
}

// Cut cuts the wires of those who come for a path that begins with prefix:
// "/" for everybody, "/cable/connect/" for computers, "" to mend them all.
// Their connections are dropped without an answer.
func (r *Relay) Cut(prefix string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = prefix
}

// ServeHTTP relays, or drops the connection.
func (r *Relay) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	cut := r.cut
	r.mu.Unlock()
	if cut != "" && strings.HasPrefix(q.URL.Path, cut) {
		panic(http.ErrAbortHandler)
	}
	r.handler.ServeHTTP(w, q)
}

// RelayDomain is the name that the phones tell; Dialer leads it to the relay.
func RelayDomain() string {
	name, err := hybrid.DevelopmentService.Domain()
	if err != nil {
		panic("world: internal error: " + err.Error())
	}
	return name
}

// Dialer opens tunnels at the world's relay.
func (w *World) Dialer() *tunnel.Dialer {
	return &tunnel.Dialer{Base: func(domain string) string {
		if domain == RelayDomain() {
			return w.Relay.URL
		}
		return "wss://" + domain
	}}
}

func (w *World) startPhones(ctx context.Context, cfg Config) (err error) {
	w.IPhone, err = w.startPhone(ctx, cfg, app.Config{
		Style: app.IOS, OSVersion: or(cfg.IOSVersion, "18.6"), DeviceName: "Demo iPhone",
	}, "iphone", cfg.Ports.IPhone)
	if err != nil {
		return err
	}
	w.Android, err = w.startPhone(ctx, cfg, app.Config{
		Style: app.Android, OSVersion: or(cfg.AndroidVersion, "15"), DeviceName: "Demo Android phone",
	}, "android", cfg.Ports.Android)
	if err != nil {
		return err
	}
	w.Computer, err = w.startPhone(ctx, cfg, app.Config{Style: app.Computer, DeviceName: "Demo computer"}, "computer", cfg.Ports.Computer)
	return err
}

func (w *World) startPhone(ctx context.Context, cfg Config, c app.Config, name string, port int) (*Phone, error) {
	dir := filepath.Join(w.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("starting the app %s: %w", name, err)
	}
	l, err := listen(port)
	if err != nil {
		return nil, fmt.Errorf("starting the app %s: %w", name, err)
	}
	c.URL = urlOf(name+"."+rpID, l)
	c.VaultPath = filepath.Join(dir, "vault")
	c.AgentSocket = filepath.Join(dir, "agent.sock")
	c.Sensor, c.Unguarded = true, true
	c.Advertiser, c.Tunnel, c.Service = w.Air, w.Dialer(), hybrid.DevelopmentService
	c.Log = cfg.Log
	a, err := app.New(c)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the app %s: %w", name, err), l.Close())
	}
	w.tasks.Go(func() error { return a.Serve(ctx, l) })
	return &Phone{App: a, Style: c.Style, URL: c.URL, AgentSocket: c.AgentSocket}, nil
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}

func urlOf(host string, l net.Listener) string {
	return fmt.Sprintf("http://%s:%d", host, l.Addr().(*net.TCPAddr).Port)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// At describes the world that another process runs in dir on fixed ports, as
// far as a browser needs to know it.
func At(dir string, p Ports) *World {
	phone := func(style app.Style, name string, port int) *Phone {
		return &Phone{Style: style, URL: fmt.Sprintf("http://%s.%s:%d", name, rpID, port),
			AgentSocket: filepath.Join(dir, name, "agent.sock")}
	}
	return &World{
		LoginURL:   fmt.Sprintf("http://%s:%d", loginHost, p.Identity),
		AccountURL: fmt.Sprintf("http://%s:%d", accountHost, p.Identity),
		Relay:      &Relay{URL: fmt.Sprintf("ws://127.0.0.1:%d", p.Relay)},
		IPhone:     phone(app.IOS, "iphone", p.IPhone),
		Android:    phone(app.Android, "android", p.Android),
		Computer:   phone(app.Computer, "computer", p.Computer),
		dir:        dir,
	}
}

func (w *World) startIdentity(ctx context.Context, cfg Config) error {
	l, err := listen(cfg.Ports.Identity)
	if err != nil {
		return fmt.Errorf("starting the identity provider: %w", err)
	}
	w.LoginURL, w.AccountURL = urlOf(loginHost, l), urlOf(accountHost, l)
	w.Server, err = server.New(ctx, server.Config{
		Database: filepath.Join(w.dir, "identity.db"),
		LoginURL: w.LoginURL, AccountURL: w.AccountURL, RPID: rpID,
	}, cfg.Log)
	if err != nil {
		return errors.Join(fmt.Errorf("starting the identity provider: %w", err), l.Close())
	}
	w.tasks.Go(func() error { return w.Server.Run(ctx, l) })
	return nil
}
