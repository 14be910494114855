package httpd

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the addresses of reverse proxies whose word is taken for where a
// request comes from. The zero value trusts nobody.
type Proxies []netip.Prefix

// ParseProxies reads addresses and prefixes such as "127.0.0.1" and
// "10.0.0.0/8".
func ParseProxies(texts []string) (Proxies, error) {
	var p Proxies
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("proxy %q: want an address or a prefix", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		p = append(p, prefix.Masked())
	}
	return p, nil
}

// ClientAddress returns where r comes from: the far end of the connection, or,
// if that is one of p, what it says in X-Forwarded-For. The header is read from
// the right, since each proxy appends who asked it; what stands to the left of
// the first stranger was written by the stranger. The zero Addr means that
// nobody can say.
func (p Proxies) ClientAddress(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := from.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // a trusted proxy that forwards nonsense is the last we know of
		}
		addr = hop.Unmap().WithZone("")
	}
	return addr
}

// Resolve makes ClientAddress the RemoteAddr of each request, so that nothing
// behind it needs to know of proxies.
func (p Proxies) Resolve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if addr := p.ClientAddress(r); len(p) > 0 && addr.IsValid() {
			clone := *r // a handler must not change the request that it was given
			clone.RemoteAddr = netip.AddrPortFrom(addr, 0).String()
			r = &clone
		}
		next.ServeHTTP(w, r)
	})
}

func (p Proxies) trusts(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}
