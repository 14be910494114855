package app

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"cardea/authenticator"
)

// listen opens the stream of changes that a page has, and returns a function
// that waits for the next.
func (s *site) listen(t *testing.T) func() change {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	return func() (c change) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &c); err != nil {
					t.Fatal(err)
				}
				return c
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return c
	}
}

func until(next func() change, good func(change) bool) change {
	for {
		if c := next(); good(c) {
			return c
		}
	}
}

func TestEventsTellOfTheLockButNothingSecret(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	next := s.listen(t)
	if c := next(); c.Locked {
		t.Errorf("first change = %+v, want an open vault", c)
	}
	s.post("/lock")
	until(next, func(c change) bool { return c.Locked })
}

// A page of another site that listens must not pass for a page in sight: its
// question would be shown nowhere.
func TestEventsAreForOurOwnPages(t *testing.T) {
	t.Parallel()
	f := newFakeDesk()
	s := start(t, func(c *Config) { onComputer(c); c.Notifier = f })
	get := func(header ...string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(header); n += 2 {
			r.Header.Set(header[n], header[n+1])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp.StatusCode
	}
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "none"},
		{"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		if status := get(header...); status != http.StatusForbidden {
			t.Errorf("%q: %d, want 403", header, status)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, answered := s.ask(ctx, tap(authenticator.UsePasskey))
	<-f.shown // nothing was taken for a page in sight
	cancel()
	<-answered
	if status := get("Sec-Fetch-Site", "same-origin"); status != http.StatusOK {
		t.Errorf("our own page: %d", status)
	}
}

func TestStreamEndsWithTheApp(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
	}
}
