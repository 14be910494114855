package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The built-in client comes to the challenge endpoint of a real server, and to
// one whose operator wants no terminals.
func TestTerminalClient(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		refuse bool
		native string // error of the challenge endpoint
		port   int    // status of an authorization request that ends at some port
	}{
		{false, "insufficient_authorization", http.StatusSeeOther},
		{true, "unauthorized_client", http.StatusBadRequest},
		{false, "insufficient_authorization", http.StatusSeeOther}, // and back
	} {
		cfg := config(dir)
		cfg.NoTerminal = tt.refuse
		r := start(t, cfg)
		c := once(r.browser())
		q := url.Values{
			"client_id": {string(TerminalClient)}, "response_type": {"code"}, "scope": {"openid offline_access"},
			"code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"},
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cfg.LoginURL+"/oauth2/authorize-challenge", strings.NewReader(q.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if _, body := do(t, c, req); !strings.Contains(body, `"`+tt.native+`"`) {
			t.Errorf("refused %v: challenge endpoint says %s, want %s", tt.refuse, body, tt.native)
		}
		q.Set("redirect_uri", "http://127.0.0.1:50123/callback")
		if res, _ := get(t, c, cfg.LoginURL+"/oauth2/authorize?"+q.Encode()); res.StatusCode != tt.port {
			t.Errorf("refused %v: authorization endpoint = %d, want %d", tt.refuse, res.StatusCode, tt.port)
		}
		r.stop()
	}
}
