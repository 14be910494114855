package browser

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cardea/platform"
	"cardea/platform/securitykey"
)

func TestConfigIsReadStrictly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want string // in the error; empty for none
	}{
		"everything": {`{"authenticator":"/run/a.sock","air":"/run/air.sock","relays":{"cable.x.com":"ws://127.0.0.1:1"},"form":"phone"}`, ""},
		"nothing":    {`{}`, ""},
		"unknown":    {`{"authentcator":"/run/a.sock"}`, "authentcator"},
		"form":       {`{"form":"fridge"}`, "fridge"},
		"relay":      {`{"relays":{"x.com":"http://127.0.0.1"}}`, "x.com"},
		"no JSON":    {`authenticator`, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "host.json")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadConfig(path)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadConfig() = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestHostOffersWhatItsConfigNames(t *testing.T) {
	t.Parallel()
	h, err := NewHost(Config{Authenticator: "/nowhere.sock", Air: "/nowhere.air"}, nil, &securitykey.Route{})
	if err != nil {
		t.Fatal(err)
	}
	var got []platform.Kind
	for _, r := range h.Client.Routes {
		got = append(got, r.Kind())
	}
	if len(got) != 3 || got[0] != platform.ThisDevice || got[1] != platform.Phone || got[2] != platform.SecurityKey || h.Client.Form != platform.FormDesktop {
		t.Errorf("routes %q, form %q", got, h.Client.Form)
	}
	if _, err := NewHost(Config{RelayCA: filepath.Join(t.TempDir(), "none.pem")}, nil); err == nil {
		t.Error("NewHost() with a certificate that is not there succeeded")
	}
}

// toServer sends every request to one server, whatever its host.
type toServer struct {
	*httptest.Server
	seen *[]*http.Request
}

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	*s.seen = append(*s.seen, r.Clone(context.Background()))
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = u.Scheme, u.Host
	return http.DefaultTransport.RoundTrip(r)
}

func TestRelatedOriginsAreFetchedWithCare(t *testing.T) {
	t.Parallel()
	const list = `{"origins":["https://shop.example"]}`
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		ok     bool
	}{
		"as it should be": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			_, _ = w.Write([]byte(list))
		}, true},
		"another type": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(list)) }, false},
		"not found":    {http.NotFound, false},
		"too long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(make([]byte, maxRelated+1))
		}, false},
		"redirected within https": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(list))
				return
			}
			http.Redirect(w, r, "https://www.example.org/elsewhere", http.StatusFound)
		}, true},
		"redirected to http": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.org/elsewhere", http.StatusFound)
		}, false},
		"redirected for ever": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.org/", http.StatusFound)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tt.answer)
			t.Cleanup(server.Close)
			var seen []*http.Request
			b, err := fetchRelated(toServer{server, &seen})(t.Context(), "example.org")
			if (err == nil) != tt.ok || tt.ok && string(b) != list {
				t.Errorf("fetched %.60q, %v; want ok: %t", b, err, tt.ok)
			}
			if got := seen[0].URL.String(); got != "https://example.org/.well-known/webauthn" {
				t.Errorf("asked for %s", got)
			}
			for _, r := range seen {
				if r.Header.Get("Referer") != "" || r.Header.Get("Cookie") != "" {
					t.Errorf("sent %v", r.Header)
				}
			}
		})
	}
}

func TestBluetoothThatIsNotThereIsOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (bluetooth{}).Scan(ctx, func([]byte) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("Scan() of a request that has ended = %v", err)
	}
}
