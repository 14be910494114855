package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"cardea/relay/relayload"
)

// relayLoadCommand measures and soaks relays. It is for those who work on
// Cardea, so help does not list it.
type relayLoadCommand struct {
	Table relayTableCommand `cmd:"" help:"Measure memory, accepts and messages in each mode; print tables. Needs about 20,000 files (ulimit -n)."`
	Soak  relaySoakCommand  `cmd:"" help:"Open, use and break off tunnels at every stage; check contents, memory and what is left."`
	Serve relayChildCommand `cmd:"" hidden:"" help:"Be the relay that is loaded."`
}

type relayTableCommand struct {
	Kind []string      `enum:"goroutines,epoll,tls" default:"goroutines,epoll,tls" help:"Which relays."`
	For  time.Duration `default:"3s" help:"How long each rate is measured."`
}

func (c *relayTableCommand) Run(s *session) error {
	var kinds []relayload.Kind
	for _, k := range c.Kind {
		kinds = append(kinds, kindOf(k))
	}
	return relayload.Table(s.ctx, s.out, startRelayChild, kinds, c.For)
}

type relaySoakCommand struct {
	For     time.Duration `default:"1h" help:"How long."`
	Kind    string        `enum:"goroutines,epoll,tls" default:"epoll" help:"Which relay."`
	Workers int           `default:"32" help:"How many tunnels at once."`
}

func (c *relaySoakCommand) Run(s *session) error {
	t, stop, err := startRelayChild(s.ctx, kindOf(c.Kind))
	if err != nil {
		return err
	}
	defer stop()
	if err := relayload.LongSoak(s.ctx, s.out, t, c.For, c.Workers); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, "fine")
	return err
}

type relayChildCommand struct {
	Kind string `arg:"" enum:"goroutines,epoll,tls"`
}

func (c *relayChildCommand) Run(s *session) error {
	return relayload.Serve(s.ctx, kindOf(c.Kind), os.Stdin, s.out)
}

func kindOf(name string) relayload.Kind {
	if name == "tls" {
		return relayload.Kind{Mode: "goroutines", TLS: true}
	}
	return relayload.Kind{Mode: name}
}

func startRelayChild(ctx context.Context, k relayload.Kind) (*relayload.Target, func(), error) {
	name := k.Mode
	if k.TLS {
		name = "tls"
	}
	return relayload.Start(ctx, "relay-load", "serve", name)
}
