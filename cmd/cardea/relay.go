package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"cardea/internal/httpd"
	"cardea/relay"
)

type relayCommand struct {
	Listen string `default:"127.0.0.1:8481" help:"Address to listen on." env:"CARDEA_RELAY_LISTEN"`
	relayOptions
}

// relayOptions are what a relay can be told, alone or inside of serve.
type relayOptions struct {
	Cert    string            `type:"existingfile" help:"Certificate chain (PEM). Without it the relay speaks plain HTTP, for a TLS proxy in front. It is read again when it changes, and on SIGHUP." env:"CARDEA_RELAY_CERT"`
	Key     string            `type:"existingfile" help:"Private key of the certificate (PEM)." env:"CARDEA_RELAY_KEY"`
	Proxy   []string          `help:"Address or prefix of a proxy whose X-Forwarded-For is believed; repeat for several. Limits count by that address. The default is this machine, if there is no certificate." env:"CARDEA_RELAY_PROXIES"`
	Mode    string            `enum:"goroutines,epoll" default:"goroutines" help:"How idle connections are kept: goroutines, or epoll, which takes a fifth of the memory, on Linux and without a certificate." env:"CARDEA_RELAY_MODE"`
	Node    string            `default:"000000" help:"Routing ID of this node: six hex digits, another for each node of a cluster." env:"CARDEA_RELAY_NODE"`
	Peer    map[string]string `help:"Another node of the cluster and its base URL, as ROUTINGID=URL; repeat for several." env:"CARDEA_RELAY_PEERS"`
	Metrics string            `help:"Loopback address for metrics in Prometheus' text form." env:"CARDEA_RELAY_METRICS"`
	Drain   time.Duration     `default:"30s" help:"How long open tunnels may take to finish after SIGTERM." env:"CARDEA_RELAY_DRAIN"`

	Limits relayLimits `embed:"" group:"Limits (0 means the default, which docs/RELAY.md has)"`
}

type relayLimits struct {
	Tunnels     int           `help:"Tunnels open at once." env:"CARDEA_RELAY_TUNNELS"`
	Phones      int           `help:"Phones registered at once." env:"CARDEA_RELAY_PHONES"`
	PerAddress  int           `help:"Connections one address may hold." env:"CARDEA_RELAY_PER_ADDRESS"`
	Rate        float64       `help:"Connections per second one address may open." env:"CARDEA_RELAY_RATE"`
	Burst       int           `help:"Connections one address may open at once." env:"CARDEA_RELAY_BURST"`
	Messages    int           `help:"Messages one end of a tunnel may send." env:"CARDEA_RELAY_MESSAGES"`
	Bytes       int64         `help:"Bytes one end of a tunnel may send." env:"CARDEA_RELAY_BYTES"`
	MessageSize int           `help:"Bytes of one message." env:"CARDEA_RELAY_MESSAGE_SIZE"`
	Wait        time.Duration `help:"How long a tunnel waits for its second end." env:"CARDEA_RELAY_WAIT"`
	Lifetime    time.Duration `help:"How long a tunnel lives." env:"CARDEA_RELAY_LIFETIME"`
}

func (l relayLimits) limits() relay.Limits {
	return relay.Limits{Tunnels: l.Tunnels, Phones: l.Phones, PerAddress: l.PerAddress, Rate: l.Rate, Burst: l.Burst,
		Messages: l.Messages, Bytes: l.Bytes, MessageSize: l.MessageSize, Wait: l.Wait, Lifetime: l.Lifetime}
}

func (c *relayCommand) Run(s *session) error { return c.run(s, c.Listen) }

// serveRelay is a relay inside of serve.
type serveRelay struct {
	Listen string `help:"Run a relay, too, on this address." env:"CARDEA_RELAY_LISTEN"`
	relayOptions
}

// beside runs main, and a relay if there is an address for it. When one of them
// ends, so does the other.
func (c *serveRelay) beside(s *session, main func(*session) error) error {
	if c.Listen == "" {
		return main(s)
	}
	group, ctx := errgroup.WithContext(s.ctx)
	both := *s
	both.ctx = ctx
	group.Go(func() error { return c.run(&both, c.Listen) })
	group.Go(func() error { return main(&both) })
	return group.Wait()
}

// run runs a relay until the session ends, and lets its tunnels finish.
func (o *relayOptions) run(s *session, listen string) error {
	cfg, err := o.config(s)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("starting the relay: %w", err)
	}
	// Handlers run on after the session's end, until the tunnels are done.
	serving, stop := context.WithCancel(context.WithoutCancel(s.ctx))
	defer stop()
	if l, err = o.secure(serving, s, l); err != nil {
		return err
	}
	r := relay.New(cfg)
	if err := o.serveMetrics(serving, s, r); err != nil {
		r.Close()
		return errors.Join(err, l.Close())
	}
	fmt.Fprintf(s.out, "Relay on %s\n", l.Addr())
	served := make(chan error, 1)
	go func() { served <- httpd.Serve(serving, l, httpd.Log(s.log, r), s.log) }()
	select {
	case err = <-served:
		served <- nil
	case <-s.ctx.Done():
		s.log.Info("draining", "tunnels", r.Tunnels(), "limit", o.Drain)
		drain, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), o.Drain)
		defer cancel()
		r.Drain(drain) // the listener stays open: ends of tunnels may be on their way
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	r.Shutdown(now)
	stop()
	return errors.Join(err, <-served)
}

func (o *relayOptions) config(s *session) (cfg relay.Config, err error) {
	if (o.Cert == "") != (o.Key == "") {
		return cfg, errors.New("--cert and --key go together")
	}
	cfg = relay.Config{Log: s.log, Limits: o.Limits.limits(), Peers: map[[3]byte]string{}}
	if cfg.Mode, err = relay.ParseMode(cmp.Or(o.Mode, "goroutines")); err != nil {
		return cfg, err
	}
	if cfg.Mode == relay.Epoll && o.Cert != "" {
		fmt.Fprintln(s.errOut, "cardea: epoll is for connections that are not encrypted; with --cert each gets a goroutine")
		cfg.Mode = relay.Goroutines
	}
	if cfg.Node, err = parseNode(cmp.Or(o.Node, "000000")); err != nil {
		return cfg, fmt.Errorf("--node: %w", err)
	}
	for node, url := range o.Peer {
		n, err := parseNode(node)
		if err != nil {
			return cfg, fmt.Errorf("--peer: %w", err)
		}
		if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
			return cfg, fmt.Errorf("--peer: %q is no http or https URL", url)
		}
		cfg.Peers[n] = url
	}
	proxies := o.Proxy
	if len(proxies) == 0 && o.Cert == "" {
		proxies = []string{"127.0.0.0/8", "::1"}
	}
	trusted, err := httpd.ParseProxies(proxies)
	if err != nil {
		return cfg, fmt.Errorf("--proxy: %w", err)
	}
	cfg.Address = trusted.ClientAddress
	return cfg, nil
}

func parseNode(text string) (node [3]byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(node) {
		return node, fmt.Errorf("%q: want six hex digits", text)
	}
	return [3]byte(b), nil
}

// secure puts TLS over l, if there is a certificate.
func (o *relayOptions) secure(ctx context.Context, s *session, l net.Listener) (net.Listener, error) {
	if o.Cert == "" {
		return l, nil
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	context.AfterFunc(ctx, func() { signal.Stop(hup) })
	return o.secureWith(ctx, s, l, hup)
}

func (o *relayOptions) secureWith(ctx context.Context, s *session, l net.Listener, hup <-chan os.Signal) (net.Listener, error) {
	cert, err := relay.OpenCertificate(o.Cert, o.Key)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	go cert.Watch(ctx, 10*time.Second, hup, s.log)
	return tls.NewListener(l, cert.Config()), nil
}

// serveMetrics serves the relay's numbers on an address of this machine.
func (o *relayOptions) serveMetrics(ctx context.Context, s *session, r *relay.Relay) error {
	if o.Metrics == "" {
		return nil
	}
	addr, err := netip.ParseAddrPort(o.Metrics)
	if err != nil || !addr.Addr().IsLoopback() {
		return fmt.Errorf("--metrics: %q: want a loopback address and a port, like 127.0.0.1:9481", o.Metrics)
	}
	l, err := net.Listen("tcp", o.Metrics)
	if err != nil {
		return fmt.Errorf("starting the metrics: %w", err)
	}
	fmt.Fprintf(s.out, "Metrics on http://%s/metrics\n", l.Addr())
	go func() {
		if err := httpd.Serve(ctx, l, r.Metrics(), s.log); err != nil {
			s.log.Error("metrics", "error", err)
		}
	}()
	return nil
}
