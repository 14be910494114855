package relay

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"

	"cardea/hybrid"
	"cardea/internal/httpd"
	"cardea/internal/secret"
)

// The headers of the hybrid transport.
const (
	headerRoutingID     = "X-caBLE-Routing-ID"
	headerClientPayload = "X-caBLE-Client-Payload"
	headerSignal        = "X-caBLE-Signal-Connection"

	// headerContactKey is how our phones prove that a contact ID is theirs.
	headerContactKey = "X-Cardea-Contact-Key"
)

// counted counts the requests that are refused.
func (r *Relay) counted(w http.ResponseWriter, req *http.Request) error {
	err := r.route(w, req)
	if err != nil {
		r.count.refused.Add(1)
	}
	return err
}

// route finds what a path asks for. It does not use http.ServeMux, which
// redirects paths that are nearly right: a WebSocket client cannot follow.
func (r *Relay) route(w http.ResponseWriter, req *http.Request) error {
	if req.URL.Path == "/healthz" {
		return r.health(w, req)
	}
	rest, ok := strings.CutPrefix(req.URL.Path, "/cable/")
	if !ok {
		return errNoPage("not a path of a relay")
	}
	verb, rest, _ := strings.Cut(rest, "/")
	// Whoever has the tunnel ID can take the tunnel's free end, so the log
	// must not have it.
	httpd.RecordOf(req.Context()).Path = "/cable/" + shownVerb(verb) + "/…"
	switch verb {
	case "new":
		return r.serveNew(w, req, rest)
	case "connect":
		return r.serveConnect(w, req, rest)
	case "contact":
		return r.serveContact(w, req, rest)
	case "register":
		return r.serveRegister(w, req, rest)
	}
	return errNoPage("not a path of a relay")
}

func shownVerb(verb string) string {
	switch verb {
	case "new", "connect", "contact", "register":
		return verb
	}
	return "?"
}

func errNoPage(why string) error {
	return httpd.Errorf(http.StatusNotFound, "There is nothing here.", "%s", why)
}

// health answers 200 while the relay takes tunnels and 503 while it drains.
func (r *Relay) health(w http.ResponseWriter, req *http.Request) error {
	if err := onlyGET(w, req); err != nil {
		return err
	}
	r.mu.Lock()
	draining := r.draining
	r.mu.Unlock()
	if draining {
		return httpd.Errorf(http.StatusServiceUnavailable, "draining", "draining")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, err := io.WriteString(w, "ok\n")
	return err
}

func onlyGET(w http.ResponseWriter, req *http.Request) error {
	if req.Method == http.MethodGet {
		return nil
	}
	w.Header().Set("Allow", http.MethodGet)
	return httpd.Errorf(http.StatusMethodNotAllowed, "Only GET is understood here.", "method %s", req.Method)
}

// serveNew opens a tunnel for a phone: /cable/new/<tunnel ID>.
func (r *Relay) serveNew(w http.ResponseWriter, req *http.Request, rest string) error {
	var id [16]byte
	if !parseHex(id[:], rest) {
		return errNoPage("malformed tunnel ID")
	}
	return r.admit(w, req, func(key string) error {
		t, err := r.makeTunnel(id)
		if err != nil {
			return err
		}
		w.Header().Set(headerRoutingID, hex.EncodeToString(r.node[:]))
		return r.upgrade(w, req, key, t.seat(opener, offerSignal(w, req)))
	})
}

// serveConnect joins a tunnel: /cable/connect/<routing ID>/<tunnel ID>.
func (r *Relay) serveConnect(w http.ResponseWriter, req *http.Request, rest string) error {
	var n name
	routing, id, _ := strings.Cut(rest, "/")
	if !parseHex(n.routing[:], routing) || !parseHex(n.id[:], id) {
		return errNoPage("malformed routing ID or tunnel ID")
	}
	return r.admit(w, req, func(key string) error {
		if r.peers.has(n.routing) {
			return r.passOn(w, req, n.routing)
		}
		t, err := r.join(n)
		if err != nil {
			return err
		}
		return r.upgrade(w, req, key, t.seat(joiner, offerSignal(w, req)))
	})
}

// serveContact lets a client that has a link call its phone:
// /cable/contact/<contact ID>. The answer waits for the phone's word. 410 makes
// the client forget the link, so it is given only on the word of the phone, and
// for an ID that cannot be of this relay; 503 sends it to a QR code this time.
func (r *Relay) serveContact(w http.ResponseWriter, req *http.Request, rest string) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil || len(b) == 0 {
		return errNoPage("malformed contact ID")
	}
	return r.admit(w, req, func(key string) error {
		payload, err := hex.DecodeString(req.Header.Get(headerClientPayload))
		if err != nil || len(payload) == 0 || len(payload) > r.limits.Payload {
			return badRequest("The client payload is missing.", "no "+headerClientPayload+" in hex, or a long one")
		}
		var id hybrid.ContactID
		if copy(id[:], b); len(b) != len(id) {
			return errRetired()
		}
		if node, elsewhere := r.peers.keeper(id); elsewhere {
			return r.passOn(w, req, node)
		}
		t, err := r.call(req.Context(), id, payload)
		if err != nil {
			return err
		}
		return r.upgrade(w, req, key, t.seat(opener, offerSignal(w, req)))
	})
}

// serveRegister lets a phone wait for calls: /cable/register/<contact ID>, with
// the key that the ID is the hash of.
func (r *Relay) serveRegister(w http.ResponseWriter, req *http.Request, rest string) error {
	var id hybrid.ContactID
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if copy(id[:], b); err != nil || len(b) != len(id) {
		return errNoPage("malformed contact ID")
	}
	return r.admit(w, req, func(key string) error {
		secretBytes, err := hex.DecodeString(req.Header.Get(headerContactKey))
		if err != nil {
			return badRequest("The contact key is malformed.", "no "+headerContactKey+" in hex")
		}
		if of, err := hybrid.ContactIDOf(secret.New(secretBytes)); err != nil || of != id {
			return httpd.Errorf(http.StatusForbidden, "That contact key is not the one.", "contact key does not fit")
		}
		if node, elsewhere := r.peers.keeper(id); elsewhere {
			return r.passOn(w, req, node)
		}
		g, err := r.register(id)
		if err != nil {
			return err
		}
		return r.upgrade(w, req, key, seat{g, r.limits.Standing, func() {}})
	})
}

// seat is the place of end i for somebody who is on the way.
func (t *tunnel) seat(i int, signal bool) seat {
	e := &t.ends[i]
	if signal {
		e.wantSignal()
	}
	return seat{e, t.relay.limits.Ping, e.giveUp}
}

// parseHex fills to from exactly as many bytes of hex, in either case.
func parseHex(to []byte, from string) bool {
	if len(from) != hex.EncodedLen(len(to)) {
		return false
	}
	_, err := hex.Decode(to, []byte(from))
	return err == nil
}
