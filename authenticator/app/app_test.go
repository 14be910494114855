package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/internal/secret"
	"cardea/webauthn"
)

const testPIN = "246810"

// A site is an App with its pages on a listener.
type site struct {
	*App
	t   *testing.T
	url string
	log *syncBuffer
}

// start starts a phone with a vault that testPIN opens, unlocked. Change may
// alter what it is before it starts; the vault is made only if it has a path.
func start(t *testing.T, change func(*Config)) *site {
	t.Helper()
	return startWith(t, testPIN, vault.PIN, change)
}

func startWith(t *testing.T, pin string, kind vault.Kind, change func(*Config)) *site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vault")
	v, err := vault.Create(path, pin, vault.WithKind(kind), vault.WithCost(vault.TestCost))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	s := startAt(t, path, change)
	if s.old {
		return s
	}
	if err := s.keeper.Prove(t.Context(), pin); err != nil {
		t.Fatal(err)
	}
	return s
}

func startAt(t *testing.T, path string, change func(*Config)) *site {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	log := &syncBuffer{}
	cfg := Config{
		Style: IOS, OSVersion: "17.4", DeviceName: "Test phone", VaultPath: path, Sensor: true, Unguarded: true,
		URL: "http://" + srv.Listener.Addr().String(), Log: slog.New(slog.NewTextHandler(log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = a.Handler()
	srv.Start()
	t.Cleanup(srv.Close)
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return &site{App: a, t: t, url: srv.URL, log: log}
}

// do sends a request as the phone's own pages would, and returns the answer
// with its body, following no redirect.
func (s *site) do(method, path string, form url.Values, change func(*http.Request)) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if change != nil {
		change(r)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(body)
}

// page returns the page at path, which must be there.
func (s *site) page(path string) string {
	s.t.Helper()
	resp, body := s.do(http.MethodGet, path, nil, nil)
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s = %s, want 200:\n%s", path, resp.Status, body)
	}
	return body
}

// post sends a form and returns where it leads and what it says.
func (s *site) post(path string, pairs ...string) (status int, location, body string) {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	resp, body := s.do(http.MethodPost, path, form, nil)
	return resp.StatusCode, resp.Header.Get("Location"), body
}

// says fails unless body has every text.
func says(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(body, want) {
			t.Errorf("page does not say %q:\n%s", want, body)
		}
	}
}

// asked is a question under way.
type asked struct {
	answer authenticator.Answer
	err    error
}

// ask asks the person p and returns, once the question is on the screen, its
// ID and where its answer will come.
func (s *site) ask(ctx context.Context, p authenticator.Prompt) (id string, answered <-chan asked) {
	s.t.Helper()
	edition, changed := s.news.latest()
	_ = edition
	done := make(chan asked, 1)
	go func() {
		a, err := person{s.App}.Ask(ctx, p)
		done <- asked{a, err}
	}()
	for {
		if q, _ := s.desk.see(); q != nil {
			return q.id, done
		}
		<-changed
		_, changed = s.news.latest()
	}
}

func passkey(n byte, account string) authenticator.Passkey {
	return authenticator.Passkey{
		ID: bytes.Repeat([]byte{n}, 16), RPID: "login.example", RPName: "Example", Discoverable: true,
		Account:   authenticator.Account{Handle: webauthn.UserHandle{n}, Name: account, DisplayName: "Ana " + string('A'+n)},
		Algorithm: webauthn.ES256, PrivateKey: secret.New([]byte("not a key")), CreatedAt: time.Unix(1_790_000_000, 0),
	}
}

func (s *site) save(keys ...authenticator.Passkey) {
	s.t.Helper()
	for _, k := range keys {
		if err := s.keeper.Save(s.t.Context(), k); err != nil {
			s.t.Fatal(err)
		}
	}
}
