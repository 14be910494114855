package browser

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cardea/hybrid"
	"cardea/hybrid/tunnel"
	"cardea/platform"
	"cardea/platform/doctor"
	"cardea/platform/local"
)

// Examination is what to look at for a Host with this configuration: its radio,
// the relays of services and those that it has addresses for, its authenticator,
// and the routes in more.
func (c Config) Examination(services []hybrid.Service, more ...platform.Route) (doctor.Examination, error) {
	relays, err := tunnel.Relays{At: c.Relays, CA: c.RelayCA}.Dialer()
	if err != nil {
		return doctor.Examination{}, err
	}
	e := doctor.Examination{Radio: c.scanner(), Tunnel: relays, Relays: slices.Clone(services)}
	if c.Air == "" {
		e.CanAdvertise = bluetooth{c.Adapter}.canAdvertise
	}
	for _, domain := range slices.Sorted(maps.Keys(c.Relays)) {
		s, ok := hybrid.ServiceAt(domain)
		if !ok {
			return e, fmt.Errorf("relays: no phone can name %s: no number stands for it", strings.ToLower(domain))
		}
		if !slices.Contains(e.Relays, s) {
			e.Relays = append(e.Relays, s)
		}
	}
	if c.Authenticator != "" {
		e.Routes = append(e.Routes, &local.Route{Socket: c.Authenticator, Name: c.Name})
	}
	e.Routes = append(e.Routes, more...)
	return e, nil
}
