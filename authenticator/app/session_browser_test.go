package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"cardea/internal/chromium"
)

// A window that belongs to somebody else, as that of the extension does, leads to
// the question by the address that the app gave, and the person can answer it
// there. Another browser sees only where the secret is asked for.
func TestAWindowOfAnotherSiteLeadsToTheQuestion(t *testing.T) {
	b := startChromium(t, chromium.Options{Width: 480, Height: 640})
	ctx, cancel := context.WithTimeout(t.Context(), browserTimeout)
	defer cancel()
	s := guarded(t)
	s.save(passkey(1, "ana@example"))
	_, answered := s.ask(ctx, useOf(passkey(1, "ana@example")))

	stranger := s.open(ctx, b, "/prompt")
	walk(t, ctx, stranger, "?Your passkeys are locked")

	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!doctype html><title>Dialog</title><h1>Dialog</h1>"))
	}))
	t.Cleanup(elsewhere.Close)
	at, err := url.Parse(elsewhere.URL)
	if err != nil {
		t.Fatal(err)
	}
	window, err := b.Open(ctx, "http://dialog.elsewhere.localhost:"+at.Port()+"/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromium.Eval[bool](ctx, window, `location.href = "`+s.PromptURL()+`", true`); err != nil {
		t.Fatal(err)
	}
	walk(t, ctx, window, "?Use your passkey?", "Continue", "PIN="+testPIN, "Continue")
	if got := <-answered; got.err != nil || !got.answer.Verified {
		t.Errorf("answer = %+v, want a yes, verified", got)
	}
	if href, err := chromium.Eval[string](ctx, window, "location.href"); err != nil || href != s.url+"/prompt" {
		t.Errorf("the address is %q, %v; want it without the code", href, err)
	}
}
