package app

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
)

// guarded is a computer whose pages are as they are for real.
func guarded(t *testing.T) *site {
	t.Helper()
	return start(t, func(c *Config) { onComputer(c); c.Unguarded = false })
}

// as has a request carry the cookies that an answer gave.
func as(resp *http.Response) func(*http.Request) {
	return func(r *http.Request) {
		for _, c := range resp.Cookies() {
			r.AddCookie(c)
		}
	}
}

// A program of the same user that has nothing but loopback, as in a sandbox, can
// send any header. It sees nothing of what is kept or asked, and does nothing.
func TestAProgramWithLoopbackAloneSeesAndDoesNothing(t *testing.T) {
	t.Parallel()
	s := guarded(t)
	k := passkey(1, "ana@example")
	s.save(k)
	p := tap(authenticator.UsePasskey) // a press is all that it wants
	id, answered := s.ask(t.Context(), p)
	n := 0
	for pattern := range s.routes() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{$}", "", "/passkeys/{ref}", hrefOf(k), "{name}", "tpm").Replace(path)
		for _, query := range []string{"", "?code=", "?code=guess"} {
			resp, body := s.do(method, path+query, url.Values{"id": {id}, "do": {"continue"}, "sure": {"yes"}}, nil)
			if strings.Contains(body, "ana@example") || strings.Contains(body, "login.example") || strings.Contains(body, id) {
				t.Errorf("%s tells what is here:\n%s", pattern, body)
			}
			if len(resp.Cookies()) != 0 {
				t.Errorf("%s%s gives a session", pattern, query)
			}
			if method == http.MethodPost && !entrances[pattern] && resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s = %s, want 403", pattern, resp.Status)
			}
			n++
		}
	}
	if n < 40 || !s.desk.at(id, stepConfirm) || s.keeper.Locked() {
		t.Errorf("%d tries: the question was touched, or the vault locked", n)
	}
	s.desk.decline(id)
	<-answered
}

func TestTheSecretMakesABrowserKnown(t *testing.T) {
	t.Parallel()
	s := guarded(t)
	s.save(passkey(1, "ana@example"))
	says(t, s.page("/"), `action="/unlock"`)
	if resp, _ := s.do(http.MethodPost, "/unlock", url.Values{"secret": {"111111"}}, nil); len(resp.Cookies()) != 0 {
		t.Error("a wrong PIN gives a session")
	}
	resp, _ := s.do(http.MethodPost, "/unlock", url.Values{"secret": {testPIN}}, nil)
	if c := resp.Cookies(); len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].Path != "/" {
		t.Fatalf("cookies %v", c)
	}
	_, body := s.do(http.MethodGet, "/", nil, as(resp))
	says(t, body, "ana@example")
	forged := func(r *http.Request) { r.AddCookie(&http.Cookie{Name: s.sessions.name, Value: "x"}) }
	if _, body := s.do(http.MethodGet, "/", nil, forged); strings.Contains(body, "ana@example") {
		t.Error("a made-up cookie is known")
	}
}

// The page of a question, as a browser's dialog or a notification opens it, works
// at once; the code in it is good once, and not for long.
func TestThePageOfAQuestionMakesABrowserKnownOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := start(t, func(c *Config) { onComputer(c); c.Unguarded, c.Now = false, func() time.Time { return now } })
	id, answered := s.ask(t.Context(), tap(authenticator.UsePasskey))
	path := strings.TrimPrefix(s.PromptURL(), s.cfg.URL)
	late := strings.TrimPrefix(s.PromptURL(), s.cfg.URL)
	resp, _ := s.do(http.MethodGet, path, nil, nil)
	if resp.Header.Get("Location") != "/prompt" || len(resp.Cookies()) != 1 {
		t.Fatalf("%s leads to %q with %v", path, resp.Header.Get("Location"), resp.Cookies())
	}
	_, body := s.do(http.MethodGet, "/prompt", nil, as(resp))
	says(t, body, id, "login.example")
	s.do(http.MethodPost, "/prompt", url.Values{"id": {id}, "do": {"continue"}}, as(resp))
	if got := <-answered; got.err != nil {
		t.Errorf("answer = %+v", got)
	}
	if again, _ := s.do(http.MethodGet, path, nil, nil); len(again.Cookies()) != 0 {
		t.Error("the code is good twice")
	}
	now = now.Add(linkLife + time.Second)
	if again, _ := s.do(http.MethodGet, late, nil, nil); len(again.Cookies()) != 0 {
		t.Error("the code is good for ever")
	}
}
