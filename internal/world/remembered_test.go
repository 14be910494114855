package world

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/agent"
	"cardea/hybrid/qrimage"
	"cardea/platform"
	"cardea/platform/phone"
)

// A willing person says yes to everything, and notes by whom they were asked.
type willing struct{ callers chan authenticator.Caller }

func (p *willing) Ask(_ context.Context, q authenticator.Prompt) (authenticator.Answer, error) {
	p.callers <- q.Caller
	return authenticator.Answer{Verified: true}, nil
}

// A desk is a dialog whose person takes the remembered phone where there is one
// and otherwise scans the code with it, having the computer remembered.
type desk struct {
	t       *testing.T
	w       *World
	codes   int
	instead platform.Instead
	chosen  chan platform.Action
	scans   chan error
}

func (d *desk) Show(s platform.Screen) {
	switch {
	case s.Sort == platform.ScreenFailed:
		d.t.Errorf("the dialog says that it failed: %+v", *s.Failed)
	case s.Sort == platform.ScreenChoose:
		d.chosen <- platform.Action{Do: platform.DoChoose, Kind: s.Ways[0].Kind, ID: s.Ways[0].ID}
	case s.Sort == platform.ScreenProgress && s.Progress.Stage == platform.StageShowCode:
		d.codes++
		d.instead = s.Progress.Instead
		text, err := qrimage.Decode(picture(s.Progress.Code))
		if err != nil {
			d.t.Errorf("reading the code off the screen: %v", err)
			return
		}
		go func() { d.scans <- d.w.Android.App.ScanAndRemember(d.t.Context(), text) }()
	}
}

func (d *desk) Act(ctx context.Context) (platform.Action, error) {
	select {
	case a := <-d.chosen:
		return a, nil
	case <-ctx.Done():
		return platform.Action{}, ctx.Err()
	}
}

func (d *desk) Close() {}

// appPages are the pages of a phone.
type appPages struct {
	t    *testing.T
	http *http.Client
	base string
}

// until waits for a page to be as it should.
func (p appPages) until(path string, right func(body string) bool) {
	p.t.Helper()
	for p.t.Context().Err() == nil {
		resp, err := p.http.Get(p.base + path)
		if err != nil {
			p.t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			p.t.Fatal(err)
		}
		if right(string(b)) {
			return
		}
		time.Sleep(10 * time.Millisecond) // a page has no other way to tell
	}
}

func (p appPages) post(path string) {
	p.t.Helper()
	resp, err := p.http.PostForm(p.base+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK { // of the page that it leads to
		p.t.Fatalf("%s = %s", path, resp.Status)
	}
}

// The whole of it with the phone's own app, without a browser: by code, then
// without one, and by code again when either has forgotten the other.
func TestSignInByARememberedPhone(t *testing.T) {
	t.Parallel()
	w, _ := start(t)
	person := &willing{callers: make(chan authenticator.Caller, 32)}
	w.Android.App.AlsoAsk(person)
	remote, err := agent.Dial(t.Context(), w.Android.AgentSocket)
	for errors.Is(err, agent.ErrNotRunning) && t.Context().Err() == nil { // it comes a moment after the pages
		time.Sleep(10 * time.Millisecond)
		remote, err = agent.Dial(t.Context(), w.Android.AgentSocket)
	}
	if err != nil {
		t.Fatal(err)
	}
	manager := remote.Manager()
	if err := manager.SetSecret(t.Context(), "", secret); err != nil {
		t.Fatal(err)
	}
	v := visit(t, w, nil)
	links := phone.OpenLinks(filepath.Join(t.TempDir(), "phones"))
	route := &phone.Route{Scanner: w.Air, Tunnel: w.Dialer(), Links: links}
	var d *desk
	v.client = &platform.Client{
		Routes: []platform.Route{route}, Remembered: route.Remembered, Form: platform.FormDesktop,
		Open: func(context.Context, platform.Request) (platform.Dialog, error) { return d, nil },
	}
	// go through a request, and say how many codes it took.
	through := func(what string, do func(context.Context) error, codes int, instead platform.Instead) {
		t.Helper()
		d = &desk{t: t, w: w, chosen: make(chan platform.Action, 4), scans: make(chan error, 4)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := do(ctx); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for range d.codes {
			if err := <-d.scans; err != nil {
				t.Fatalf("%s: scanning: %v", what, err)
			}
		}
		if d.codes != codes || d.instead != instead {
			t.Errorf("%s took %d codes, the last instead of %q; want %d, %q", what, d.codes, d.instead, codes, instead)
		}
	}
	computers := func(want int) {
		t.Helper()
		if st, err := manager.Status(t.Context()); err != nil || st.Computers != want {
			t.Errorf("the phone has %d computers, %v; want %d", st.Computers, err, want)
		}
	}
	through("registering", v.setUp, 1, "")
	computers(1)
	pages := appPages{t, v.http, w.Android.URL}
	pages.until("/settings/computers", func(body string) bool { return !strings.Contains(body, "They can&#39;t ask just now") })
	for len(person.callers) > 0 {
		<-person.callers
	}
	through("by the remembered phone", v.signIn, 0, "")
	if who := <-person.callers; who.Name == "" || who.Via != authenticator.ViaHybrid {
		t.Errorf("asked by %+v, want a computer by its name", who)
	}
	pages.until("/scan/progress", func(body string) bool { return strings.Contains(body, "Sent") && strings.Contains(body, "Done") })
	pages.post("/scan/done")

	pages.post("/settings/forget-computers")
	for kept := "retiring"; strings.Contains(kept, "retiring"); { // until the relay knows
		b, err := os.ReadFile(filepath.Join(w.dir, "android", "vault-computers.json"))
		if err != nil {
			t.Fatal(err)
		}
		kept = string(b)
		time.Sleep(time.Millisecond)
	}
	computers(0)
	through("forgotten on the phone", v.signIn, 1, platform.InsteadOfForgotten)
	computers(1)

	// Forgotten on the computer: it has no other way than the code.
	all := route.Remembered()
	if len(all) != 1 {
		t.Fatalf("%d phones are remembered, want 1", len(all))
	}
	if err := all[0].Forget(); err != nil {
		t.Fatal(err)
	}
	through("forgotten on the computer", v.signIn, 1, "")
}
