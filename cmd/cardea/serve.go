package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"cardea/identity/server"
	"cardea/webauthn"
)

type serveCommand struct {
	Config      string     `type:"existingfile" help:"Configuration (JSON); the flags below go before it." env:"CARDEA_CONFIG"`
	Listen      string     `default:"127.0.0.1:8480" help:"Address to listen on, in plain HTTP; put your TLS proxy in front." env:"CARDEA_LISTEN"`
	Database    string     `type:"path" help:"The SQLite file; it is made if there is none." env:"CARDEA_DATABASE"`
	LoginURL    string     `name:"login-url" help:"Where people reach the sign-in pages, like https://login.example.org." env:"CARDEA_LOGIN_URL"`
	AccountURL  string     `name:"account-url" help:"Where people reach My Account, like https://myaccount.example.org." env:"CARDEA_ACCOUNT_URL"`
	RPID        string     `name:"rp-id" help:"The domain that passkeys are for, like example.org. It cannot be changed later." env:"CARDEA_RP_ID"`
	Name        string     `help:"What your organization is called." env:"CARDEA_NAME"`
	Proxy       []string   `help:"Address or prefix of a proxy whose X-Forwarded-For is believed; repeat for several. The default is this machine, if the URLs are https." env:"CARDEA_PROXIES"`
	Relay       serveRelay `embed:"" prefix:"relay-" group:"Relay"`
	CheckConfig bool       `help:"Say what is wrong with the configuration, if anything, and exit."`
}

func (c *serveCommand) Run(s *session) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if err := cfg.Check(); err != nil {
		return fmt.Errorf("the configuration will not do:\n%w", err)
	}
	if c.CheckConfig {
		_, err := fmt.Fprintln(s.out, "The configuration is fine.")
		return err
	}
	srv, err := server.New(s.ctx, cfg, s.log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("starting: %w", err), srv.Close())
	}
	fmt.Fprintf(s.out, "Cardea on %s; people come to %s\n", l.Addr(), cfg.AccountURL)
	link, first, err := srv.SetupURL(s.ctx)
	if err != nil {
		return errors.Join(err, l.Close(), srv.Close())
	}
	if first {
		fmt.Fprintf(s.out, "\nOpen this to become the first administrator. It works once:\n\n  %s\n\n", link)
	}
	return c.Relay.beside(s, func(s *session) error { return srv.Run(s.ctx, l) })
}

// config is the file, if there is one, with the flags over it.
func (c *serveCommand) config() (cfg server.Config, err error) {
	if c.Config != "" {
		f, err := os.Open(c.Config)
		if err != nil {
			return cfg, fmt.Errorf("reading the configuration: %w", err)
		}
		defer f.Close()
		if cfg, err = server.ReadConfig(f); err != nil {
			return cfg, fmt.Errorf("%s: %w", c.Config, err)
		}
	}
	for _, f := range []struct {
		to   *string
		flag string
	}{
		{&cfg.Database, c.Database}, {&cfg.LoginURL, c.LoginURL}, {&cfg.AccountURL, c.AccountURL}, {&cfg.Name, c.Name},
	} {
		if f.flag != "" {
			*f.to = f.flag
		}
	}
	if c.RPID != "" {
		cfg.RPID = webauthn.RPID(c.RPID)
	}
	if len(c.Proxy) > 0 {
		cfg.TrustedProxies = c.Proxy
	}
	return cfg, nil
}
