package relay

import (
	"crypto/sha1"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"time"

	"cardea/internal/httpd"
)

// subprotocol is the one WebSocket sub-protocol of the hybrid transport. A
// client drops the connection if the answer does not name it.
const subprotocol = "fido.cable"

// acceptGUID is the constant of RFC 6455 §1.3.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// admit checks everything about a request that is not its path: method,
// handshake, sub-protocol, and what its address may still ask for. Then it
// calls then with the client's Sec-WebSocket-Key.
func (r *Relay) admit(w http.ResponseWriter, req *http.Request, then func(key string) error) error {
	if err := onlyGET(w, req); err != nil {
		return err
	}
	key, err := handshake(w, req)
	if err != nil {
		return err
	}
	if err := r.addresses.mayAsk(r.addressOf(req), time.Now()); err != nil {
		w.Header().Set("Retry-After", "10")
		return err
	}
	return then(key)
}

// handshake checks the client's half of RFC 6455 §4.2.1.
func handshake(w http.ResponseWriter, req *http.Request) (key string, err error) {
	h := req.Header
	key = h.Get("Sec-WebSocket-Key")
	nonce, keyErr := base64.StdEncoding.DecodeString(key)
	switch {
	case !req.ProtoAtLeast(1, 1) || !hasToken(h["Connection"], "upgrade") || !hasToken(h["Upgrade"], "websocket"):
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		err = badRequest("Only WebSockets are understood here.", "no WebSocket upgrade")
	case h.Get("Sec-WebSocket-Version") != "13":
		// RFC 6455 §4.2.2: the answer names the version that is spoken.
		w.Header().Set("Sec-WebSocket-Version", "13")
		err = badRequest("Only version 13 of WebSocket is understood here.", "wrong WebSocket version")
	case keyErr != nil || len(nonce) != 16:
		err = badRequest("The WebSocket key is malformed.", "malformed Sec-WebSocket-Key")
	case !hasExactToken(h["Sec-Websocket-Protocol"], subprotocol):
		err = badRequest("Only the sub-protocol fido.cable is understood here.", "no sub-protocol fido.cable")
	}
	return key, err
}

func badRequest(public, cause string) error {
	return httpd.Errorf(http.StatusBadRequest, public, "%s", cause)
}

// A seat is a place that is promised to whoever asked for it.
type seat struct {
	party
	ping   time.Duration // of its connection
	giveUp func()        // called if the upgrade fails
}

// upgrade answers 101, takes over the connection and lets it run.
func (r *Relay) upgrade(w http.ResponseWriter, req *http.Request, key string, s seat) error {
	book, err := r.addresses.hold(r.addressOf(req))
	if err == nil && !r.enter() {
		r.addresses.release(book)
		err = errDraining()
	}
	if err != nil {
		s.giveUp()
		return err
	}
	r.open.Add(1)
	left := func() {
		r.addresses.release(book)
		r.open.Add(-1)
		r.running.Done()
	}
	nc, early, err := takeOver(w, key)
	if err != nil {
		left()
		s.giveUp()
		return err
	}
	if r.poller != nil {
		return r.poller.start(nc, &r.limits, early, s, left)
	}
	go newBlocking(nc, &r.limits, s.ping).serve(s.party, early, left)
	return nil
}

// offerSignal tells the client that it will hear when the other end is there,
// if it asked for that, and reports whether it did.
func offerSignal(w http.ResponseWriter, req *http.Request) bool {
	if !strings.EqualFold(req.Header.Get(headerSignal), "true") {
		return false
	}
	w.Header().Set(headerSignal, "true")
	return true
}

// takeOver writes the 101 and hijacks the connection. early is what came behind
// the request.
func takeOver(w http.ResponseWriter, key string) (nc net.Conn, early []byte, err error) {
	h := w.Header()
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Sec-WebSocket-Accept", acceptKey(key))
	h.Set("Sec-WebSocket-Protocol", subprotocol)
	w.WriteHeader(http.StatusSwitchingProtocols)
	// The writer may be wrapped; the controller finds the one that can.
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if n := rw.Reader.Buffered(); n > 0 {
		early = make([]byte, n)
		rw.Reader.Read(early)
	}
	nc.SetDeadline(time.Time{}) // the server's own
	return nc, early, nil
}

// acceptKey is the server's proof that it speaks WebSocket (RFC 6455 §4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hasToken reports whether a comma-separated header has token, in any case.
func hasToken(values []string, token string) bool {
	return anyToken(values, func(s string) bool { return strings.EqualFold(s, token) })
}

// hasExactToken is hasToken for names whose case matters.
func hasExactToken(values []string, token string) bool {
	return anyToken(values, func(s string) bool { return s == token })
}

func anyToken(values []string, is func(string) bool) bool {
	for _, v := range values {
		for s := range strings.SplitSeq(v, ",") {
			if is(strings.TrimSpace(s)) {
				return true
			}
		}
	}
	return false
}
