package relay

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"

	"cardea/internal/httpd"
)

// The headers of the hybrid transport.
const (
	headerRoutingID     = "X-caBLE-Routing-ID"
	headerClientPayload = "X-caBLE-Client-Payload"
	headerSignal        = "X-caBLE-Signal-Connection"
)

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
	}
	return errNoPage("not a path of a relay")
}

func shownVerb(verb string) string {
	switch verb {
	case "new", "connect", "contact":
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
		t, err := r.open(id)
		if err != nil {
			return err
		}
		w.Header().Set(headerRoutingID, hex.EncodeToString(r.node[:]))
		return r.upgrade(w, req, key, t, opener)
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
		t, err := r.join(n)
		if err != nil {
			return err
		}
		return r.upgrade(w, req, key, t, joiner)
	})
}

// serveContact answers a client that has a link to a phone:
// /cable/contact/<contact ID>. This relay gives out no contact IDs and keeps
// none over a restart, so there is no phone that it could reach by one, now or
// later: the link is dead, which is what 410 says. The client then forgets the
// link and shows a QR code.
func (r *Relay) serveContact(w http.ResponseWriter, req *http.Request, rest string) error {
	if id, err := base64.RawURLEncoding.Strict().DecodeString(rest); err != nil || len(id) == 0 {
		return errNoPage("malformed contact ID")
	}
	return r.admit(w, req, func(string) error {
		payload, err := hex.DecodeString(req.Header.Get(headerClientPayload))
		if err != nil || len(payload) == 0 {
			return httpd.Errorf(http.StatusBadRequest, "The client payload is missing.", "no %s in hex", headerClientPayload)
		}
		return httpd.Errorf(http.StatusGone, "That phone is no longer linked.", "no contact is registered here")
	})
}

// parseHex fills to from exactly as many bytes of hex, in either case.
func parseHex(to []byte, from string) bool {
	if len(from) != hex.EncodedLen(len(to)) {
		return false
	}
	_, err := hex.Decode(to, []byte(from))
	return err == nil
}
