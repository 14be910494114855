package signin

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// ErrDeclined says that the provider's page ended without a sign-in.
var ErrDeclined = errors.New("the sign-in was not finished in the browser")

// arrived is what the browser brought.
type arrived struct{ query url.Values }

// Browser signs the person in on the provider's page: open is to show that page
// to them. The answer comes back to a port of 127.0.0.1 that is open for as long
// as it takes (RFC 8252 §7.3).
func (c *Client) Browser(ctx context.Context, open func(link string) error) (Tokens, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return Tokens{}, fmt.Errorf("waiting for the browser: %w", err)
	}
	redirect := "http://" + l.Addr().String() + "/callback"
	state, nonce, verifier := random(), random(), random()
	came := make(chan arrived, 1)
	server := &http.Server{Handler: landing(l.Addr().String(), state, came), ReadHeaderTimeout: patience, MaxHeaderBytes: 32 << 10}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }() // ends with Shutdown
	defer func() {
		// The page that says so is still on its way.
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(short) != nil {
			_ = server.Close()
		}
		<-done
	}()
	link := c.endpoints.Authorization + "?" + url.Values{
		"response_type": {"code"}, "client_id": {c.cfg.ClientID}, "redirect_uri": {redirect}, "scope": {scopes},
		"state": {state}, "nonce": {nonce}, "code_challenge": {s256(verifier)}, "code_challenge_method": {"S256"},
	}.Encode()
	if err := open(link); err != nil {
		return Tokens{}, fmt.Errorf("opening the browser: %w", err)
	}
	select {
	case <-ctx.Done():
		return Tokens{}, context.Cause(ctx)
	case a := <-came:
		if a.query.Get("iss") != c.issuer { // RFC 9207 §2.4
			return Tokens{}, errors.New("the answer is from another identity provider")
		}
		if code := a.query.Get("error"); code != "" {
			return Tokens{}, fmt.Errorf("%w: %w", ErrDeclined, &Error{Code: code, Description: a.query.Get("error_description")})
		}
		return c.redeem(ctx, a.query.Get("code"), verifier, redirect, nonce)
	}
}

// landing is the page where the browser comes back. What comes without the state
// of this request is turned away: any page can send a browser here.
func landing(host, state string, came chan<- arrived) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Type", "text/plain; charset=utf-8")
		q := r.URL.Query()
		switch {
		case r.Host != host || r.URL.Path != "/callback" || r.Method != http.MethodGet:
			http.Error(w, "There is nothing here.", http.StatusNotFound)
		case !hmac.Equal([]byte(q.Get("state")), []byte(state)):
			http.Error(w, "This is not the sign-in that the terminal waits for. Start it again there.", http.StatusBadRequest)
		default:
			select {
			case came <- arrived{q}:
			default: // it came before
			}
			fmt.Fprintln(w, "You can close this page and go back to the terminal.")
		}
	})
}
