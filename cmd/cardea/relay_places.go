package main

import (
	"strings"

	"cardea/platform/browser"
)

// relayPlaces says where a client reaches relays that are not at their own
// names, and whom it trusts there. It goes before the file of settings.
type relayPlaces struct {
	Relay   map[string]string `help:"Where the relay of a domain is reached, as DOMAIN=wss://HOST:PORT; repeat for several. For private relays." env:"CARDEA_RELAYS"`
	RelayCA string            `name:"relay-ca" type:"existingfile" help:"Certificates (PEM) that relays are trusted by, besides the system's." env:"CARDEA_RELAY_CA"`
}

// into puts what was given into the settings.
func (p relayPlaces) into(cfg *browser.Config) {
	if len(p.Relay) != 0 {
		at := map[string]string{}
		for _, places := range []map[string]string{cfg.Relays, p.Relay} {
			for domain, base := range places {
				at[strings.ToLower(domain)] = base
			}
		}
		cfg.Relays = at
	}
	if p.RelayCA != "" {
		cfg.RelayCA = p.RelayCA
	}
}
