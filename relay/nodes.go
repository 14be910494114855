package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"

	"cardea/hybrid"
	"cardea/internal/httpd"
)

// headerForwarded marks a request that another node has passed on. It is not
// passed on again.
const headerForwarded = "X-Cardea-Forwarded"

// peers are the other nodes of a cluster. A nil *peers knows none.
type peers struct {
	nodes   [][3]byte // all, ours too, in order
	self    [3]byte
	proxies map[[3]byte]*httputil.ReverseProxy
}

func newPeers(self [3]byte, urls map[[3]byte]string) *peers {
	if len(urls) == 0 {
		return nil
	}
	p := &peers{nodes: [][3]byte{self}, self: self, proxies: map[[3]byte]*httputil.ReverseProxy{}}
	for node, base := range urls {
		if node == self {
			continue
		}
		u, err := url.Parse(base)
		if err != nil {
			u = &url.URL{} // asking it fails, and the log says so
		}
		p.nodes = append(p.nodes, node)
		p.proxies[node] = &httputil.ReverseProxy{
			Rewrite: func(pr *httputil.ProxyRequest) {
				pr.SetURL(u)
				pr.Out.Host = pr.In.Host
				pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
				pr.SetXForwarded()
				pr.Out.Header.Set(headerForwarded, hex.EncodeToString(self[:]))
			},
			ErrorHandler: func(w http.ResponseWriter, req *http.Request, err error) {
				http.Error(w, "The node that has this cannot be reached. Try again.", http.StatusBadGateway)
			},
		}
	}
	slices.SortFunc(p.nodes, func(a, b [3]byte) int { return bytes.Compare(a[:], b[:]) })
	return p
}

// has reports whether a routing ID is another node's.
func (p *peers) has(node [3]byte) bool { return p != nil && p.proxies[node] != nil }

// keeper returns the node where the phone of a contact ID registers, and
// whether that is another. All nodes with the same list agree.
func (p *peers) keeper(id hybrid.ContactID) (node [3]byte, elsewhere bool) {
	if p == nil {
		return node, false
	}
	node = p.nodes[binary.BigEndian.Uint64(id[:])%uint64(len(p.nodes))]
	return node, node != p.self
}

// passOn lets another node answer. The connection is copied byte by byte for
// as long as it lives, so it counts here as one of its address, too.
func (r *Relay) passOn(w http.ResponseWriter, req *http.Request, node [3]byte) error {
	if req.Header.Get(headerForwarded) != "" {
		return httpd.Errorf(http.StatusMisdirectedRequest, "This relay is not the right one.", "passed on already, and not ours")
	}
	book, err := r.addresses.hold(r.addressOf(req))
	if err != nil {
		return err
	}
	defer r.addresses.release(book)
	if !r.enter() {
		return errDraining()
	}
	defer r.running.Done()
	// The proxy closes both its connections when the context ends. How long
	// they may live is for the other node to say.
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	go func() {
		select {
		case <-r.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	r.peers.proxies[node].ServeHTTP(w, req.WithContext(ctx))
	return nil
}
