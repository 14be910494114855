package app

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/url"
	"sync"
	"time"

	"cardea/internal/httpd"
)

// sessions tell the person's browser from any other program that reaches the
// pages. A browser is known by a cookie, which it gets for the secret, or for a
// code of PromptURL: that goes by ways on which only the person's own programs
// are, and is good once.
type sessions struct {
	off    bool   // everybody is known
	name   string // of the cookie: browsers don't tell ports apart
	cookie string

	mu    sync.Mutex
	codes map[string]time.Time // when each ends
}

const (
	linkLife = 5 * time.Minute // longer than a question waits
	maxLinks = 256
)

func newSessions(base string, off bool) *sessions {
	s := &sessions{off: off, name: "cardea", cookie: rand.Text(), codes: map[string]time.Time{}}
	if u, err := url.Parse(base); err == nil && u.Port() != "" {
		s.name += "-" + u.Port()
	}
	return s
}

func (s *sessions) knows(r *http.Request) bool {
	if s.off {
		return true
	}
	c, err := r.Cookie(s.name)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.cookie)) == 1
}

// give makes the browser known until it, or the app, ends. The cookie is Lax, not
// Strict: the extension's window leads to the page of a question, which counts as
// coming from elsewhere. What such a way could do is refused by its origin.
func (s *sessions) give(w http.ResponseWriter) {
	if !s.off {
		http.SetCookie(w, &http.Cookie{Name: s.name, Value: s.cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
}

// code makes a code that redeem takes once.
func (s *sessions) code(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, end := range s.codes {
		if now.After(end) || len(s.codes) >= maxLinks {
			delete(s.codes, c)
		}
	}
	c := rand.Text()
	s.codes[c] = now.Add(linkLife)
	return c
}

func (s *sessions) redeem(code string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	end, ok := s.codes[code]
	delete(s.codes, code)
	return ok && !now.After(end)
}

// entrances are what is open to a browser that is not known: the ways to become
// known by the secret.
var entrances = map[string]bool{"GET /setup": true, "POST /setup": true, "POST /unlock": true}

// guard keeps h, which answers pattern, for known browsers. Others see where the
// secret is asked for, and nothing of what is kept or asked here.
func (a *App) guard(pattern string, h httpd.Handler) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if pattern == "GET /prompt" && r.URL.Query().Has("code") {
			if a.sessions.redeem(r.URL.Query().Get("code"), a.cfg.Now()) {
				a.sessions.give(w)
			}
			return see(w, r, "/prompt") // without the code
		}
		switch {
		case a.sessions.knows(r), entrances[pattern]:
			return h(w, r)
		case r.Method != http.MethodGet:
			return httpd.Errorf(http.StatusForbidden, "This browser isn't known here, so nothing was done. Unlock first.", "act without a session")
		case pattern != "GET /{$}":
			return see(w, r, "/")
		case a.old || !a.keeper.Exists():
			return h(w, r)
		default:
			return a.lockScreen(w, r, http.StatusOK, "")
		}
	}
}
