package httpd

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestClientAddressBelievesOnlyProxies(t *testing.T) {
	t.Parallel()
	proxies, err := ParseProxies([]string{"127.0.0.1", "10.0.0.0/8", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"nobody in between", "192.0.2.1:999", nil, "192.0.2.1"},
		{"a stranger who claims to be another", "192.0.2.1:999", []string{"203.0.113.9"}, "192.0.2.1"},
		{"a proxy", "127.0.0.1:999", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a proxy that says nothing", "127.0.0.1:999", nil, "127.0.0.1"},
		{"two proxies", "127.0.0.1:999", []string{"203.0.113.9, 10.1.1.1"}, "203.0.113.9"},
		{"two headers", "127.0.0.1:999", []string{"203.0.113.9", "10.1.1.1"}, "203.0.113.9"},
		{"a lie passed on by a proxy", "127.0.0.1:999", []string{"198.51.100.66, 203.0.113.9"}, "203.0.113.9"},
		{"nonsense passed on by a proxy", "127.0.0.1:999", []string{"unknown"}, "127.0.0.1"},
		{"IPv4 in IPv6", "[::ffff:127.0.0.1]:999", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"IPv6", "[fd00::1]:999", []string{"2001:db8::7"}, "2001:db8::7"},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tt.remote
		for _, f := range tt.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := proxies.ClientAddress(r); got != netip.MustParseAddr(tt.want) {
			t.Errorf("%s: ClientAddress() = %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestClientAddressOfAnUnknownConnectionIsNone(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "@" // a Unix socket
	if got := Proxies(nil).ClientAddress(r); got.IsValid() {
		t.Errorf("ClientAddress() = %v, want none", got)
	}
}

func TestParseProxiesNamesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	if _, err := ParseProxies([]string{"proxy.example"}); err == nil {
		t.Error("ParseProxies() = nil error for a name")
	}
}

func TestResolveMakesTheAddressTheRemoteOne(t *testing.T) {
	t.Parallel()
	proxies, err := ParseProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	var seen string
	h := proxies.Resolve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr }))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "127.0.0.1:999"
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if seen != "203.0.113.9:0" || r.RemoteAddr != "127.0.0.1:999" {
		t.Errorf("handler saw %q, caller's request has %q; want 203.0.113.9:0 and no change", seen, r.RemoteAddr)
	}
}
