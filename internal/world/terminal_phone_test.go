package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cardea/authenticator/agent"
	"cardea/authenticator/authtest"
	"cardea/platform"
	"cardea/platform/terminal/terminaltest"
)

// A grip is a phone of the world in somebody's hand, without a browser: its
// pages are asked as its own script asks them.
type grip struct {
	t    *testing.T
	url  string
	http *http.Client
	acts sync.WaitGroup
}

func takeUp(t *testing.T, p *Phone) *grip {
	t.Helper()
	g := &grip{t: t, url: p.URL, http: &http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(g.http.CloseIdleConnections)
	if status, text, err := g.form("/setup", url.Values{"secret": {secret}, "again": {secret}}); err != nil || status != http.StatusSeeOther {
		t.Fatalf("setting the phone up: %d, %v\n%s", status, err, text)
	}
	return g
}

func (g *grip) send(method, path, contentType string, body []byte) (int, string, error) {
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := g.http.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func (g *grip) form(path string, f url.Values) (int, string, error) {
	return g.send(http.MethodPost, path, "application/x-www-form-urlencoded", []byte(f.Encode()))
}

// look shows the camera a picture and taps what it offers, if it offers
// anything.
func (g *grip) look(picture image.Image) (bool, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return false, err
	}
	_, text, err := g.send(http.MethodPost, "/scan/frame", "image/png", b.Bytes())
	if err != nil {
		return false, err
	}
	var seen struct{ Code, Problem string }
	if err := json.Unmarshal([]byte(text), &seen); err != nil || seen.Problem != "" {
		return false, fmt.Errorf("the camera says %q: %w", seen.Problem, err)
	}
	if seen.Code == "" {
		return false, nil
	}
	_, _, err = g.form("/scan/start", url.Values{"code": {seen.Code}})
	return err == nil, err
}

var questionID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// approve waits for the phone's question, says yes, and shows it a face.
func (g *grip) approve() error {
	for _, do := range []string{"continue", "sensor-face"} {
		for {
			_, text, err := g.send(http.MethodGet, "/prompt/sheet", "", nil)
			if err != nil {
				return err
			}
			if id := questionID.FindStringSubmatch(text); id != nil && strings.Contains(text, `value="`+do+`"`) {
				if _, _, err := g.form("/prompt", url.Values{"id": {id[1]}, "do": {do}}); err != nil {
					return err
				}
				break
			}
			select {
			case <-g.t.Context().Done():
				return g.t.Context().Err()
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return nil
}

// held is a dialog before whose screen the phone is held.
type held struct{ *grip }

func (h held) Show(s platform.Screen) {
	if s.Sort != platform.ScreenProgress || s.Progress.Stage != platform.StageShowCode {
		return
	}
	h.acts.Go(func() {
		if ok, err := h.look(picture(s.Progress.Code)); !ok || err != nil {
			h.t.Errorf("looking at the code: %v, %v", ok, err)
		}
		if err := h.approve(); err != nil {
			h.t.Errorf("approving: %v", err)
		}
	})
}

func (h held) Act(ctx context.Context) (platform.Action, error) {
	<-ctx.Done()
	return platform.Action{}, ctx.Err()
}

func (h held) Close() { h.acts.Wait() }

// The phone app itself reads the code off the terminal, half blocks and all, and
// asks its person.
func TestPhoneAppReadsTheTerminal(t *testing.T) {
	t.Parallel()
	sh := openShellFor(t, func(w *World) {
		phone := takeUp(t, w.IPhone)
		v := visit(t, w, nil)
		v.client.Open = func(context.Context, platform.Request) (platform.Dialog, error) { return held{phone}, nil }
		if err := v.setUp(t.Context()); err != nil {
			t.Fatalf("setting up: %v", err)
		}
	})
	phone := &grip{t: t, url: sh.world.IPhone.URL, http: visit(t, sh.world, nil).http}
	c := sh.console(sh.signin("--device", "phone", "--print", "id")...)
	await(t, func() bool {
		screen, ok := terminaltest.Picture(c.String(), color.Gray{Y: 200}, color.Gray{Y: 30})
		if !ok {
			return false
		}
		tapped, err := phone.look(screen)
		if err != nil {
			t.Fatal(err)
		}
		return tapped
	}, func() string { return "the camera saw no code:\n" + c.String() + c.errOut.String() })
	if err := phone.approve(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("cardea signin: %v\n%s\n%s", err, c, &c.errOut)
	}
	if claims := sh.verify(strings.TrimSpace(c.out.String())); claims["acr"] != "urn:cardea:acr:native" {
		t.Errorf("claims = %v", claims)
	}
}

// The passkey app of this computer, by its agent.
func TestSignInFromATerminalWithThisDevice(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	ctx, cancel := context.WithCancel(t.Context())
	l, err := net.Listen("unix", filepath.Join(sh.world.dir, "a.sock"))
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = agent.Serve(ctx, l, sh.holder, "http://authenticator.localhost:1") }) // ends with ctx
	defer serving.Wait()
	defer cancel()
	sh.configure(l.Addr().String())
	out, errOut, err := sh.run("", sh.signin("--device", "this", "--print", "id")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	if !strings.Contains(errOut, "Continue in Cardea Authenticator") {
		t.Errorf("the person is not told where: %q", errOut)
	}
	sh.verify(strings.TrimSpace(out))

	// A passkey app that has none for this site cannot be chosen at all.
	stranger, _, _ := authtest.New()
	l2, err := net.Listen("unix", filepath.Join(sh.world.dir, "b.sock"))
	if err != nil {
		t.Fatal(err)
	}
	serving.Go(func() { _ = agent.Serve(ctx, l2, stranger, "") })
	sh.configure(l2.Addr().String())
	if _, errOut, err := sh.run("", sh.signin("--device", "this", "--again")...); err == nil || !strings.Contains(errOut, "No passkey for cardea.localhost here") {
		t.Errorf("a device without a passkey: %v\n%s", err, errOut)
	}
}
