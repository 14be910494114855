package app

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
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
