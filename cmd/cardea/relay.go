package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"cardea/internal/httpd"
	"cardea/relay"
)

type relayCommand struct {
	Listen string   `default:"127.0.0.1:8481" help:"Address to listen on." env:"CARDEA_RELAY_LISTEN"`
	Cert   string   `type:"existingfile" help:"Certificate chain (PEM). Without it the relay speaks plain HTTP, for a TLS proxy in front." env:"CARDEA_RELAY_CERT"`
	Proxy  []string `help:"Address or prefix of a proxy whose X-Forwarded-For is believed; repeat for several. Limits count by that address. The default is this machine, if there is no certificate." env:"CARDEA_RELAY_PROXIES"`
	Key    string   `type:"existingfile" help:"Private key of the certificate (PEM)." env:"CARDEA_RELAY_KEY"`
}

func (c *relayCommand) Run(s *session) error {
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("--cert and --key go together")
	}
	if len(c.Proxy) == 0 && c.Cert == "" {
		c.Proxy = []string{"127.0.0.0/8", "::1"}
	}
	proxies, err := httpd.ParseProxies(c.Proxy)
	if err != nil {
		return fmt.Errorf("--proxy: %w", err)
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("starting the relay: %w", err)
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return errors.Join(fmt.Errorf("reading the certificate: %w", err), l.Close())
		}
		// A WebSocket needs HTTP/1.1.
		l = tls.NewListener(l, &tls.Config{
			Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	}
	r := relay.New(relay.Config{Log: s.log, Address: proxies.ClientAddress})
	fmt.Fprintf(s.out, "Relay on %s\n", l.Addr())
	err = httpd.Serve(s.ctx, l, httpd.Log(s.log, r), s.log)
	r.Close()
	return err
}
