package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"time"

	"cardea/authenticator/agent"
	"cardea/hybrid"
	"cardea/hybrid/qrimage"
)

type authenticatorScanCommand struct {
	Place   authenticatorPlace `embed:""`
	Picture string             `arg:"" help:"Picture (PNG, JPEG or GIF) of a screen that shows the code; - for standard input, which may also be the code's text. The text is a secret, and arguments are for everyone on this machine to see."`
}

// Run shows the picture to the app as its camera would, taps on what it offers,
// and tells how the transaction goes until its end. The person is asked on the
// app's pages, as always.
func (c *authenticatorScanCommand) Run(s *session) error {
	if err := c.Place.fill(); err != nil {
		return err
	}
	picture, err := c.picture()
	if err != nil {
		return err
	}
	running, err := agent.Dial(s.ctx, c.Place.Agent)
	if err != nil {
		return err
	}
	camera, err := openScanPages(s.ctx, running.PageURL())
	if err != nil {
		return err
	}
	if running, err = agent.Dial(s.ctx, c.Place.Agent); err != nil { // its page's address serves once
		return err
	}
	found, err := camera.look(s.ctx, picture)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s. You are asked on %s\n", found.Label, running.PageURL())
	if err := camera.tap(s.ctx, found.Code); err != nil {
		return err
	}
	return camera.follow(s.ctx, s.out)
}

// maxScanned is how large a picture may be; the app takes no larger one.
const maxScanned = 8 << 20

func (c *authenticatorScanCommand) picture() ([]byte, error) {
	in := io.Reader(os.Stdin)
	switch {
	case strings.HasPrefix(strings.ToUpper(c.Picture), hybrid.Prefix):
		return nil, errors.New("the text of a code is a secret, and everyone on this machine can see arguments: give it on standard input, with -")
	case c.Picture != "-":
		f, err := os.Open(c.Picture)
		if err != nil {
			return nil, fmt.Errorf("reading the picture: %w", err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxScanned+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the picture: %w", err)
	case len(b) > maxScanned:
		return nil, fmt.Errorf("reading the picture: it has more than %d bytes", maxScanned)
	case bytes.HasPrefix(bytes.ToUpper(b), []byte(hybrid.Prefix)):
		return drawn(string(bytes.TrimSpace(b)))
	}
	return b, nil
}

// drawn makes a picture of a code's text.
func drawn(text string) ([]byte, error) {
	symbol, err := qrimage.Encode(text)
	if err != nil {
		return nil, fmt.Errorf("drawing the code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, symbol.Image(6)); err != nil {
		return nil, fmt.Errorf("drawing the code: %w", err)
	}
	return b.Bytes(), nil
}

// scanPages are the pages of the app by which codes are scanned.
type scanPages struct {
	base   string
	client *http.Client
}

// openScanPages makes itself known to the app's pages by an address of the app's
// agent, which gives it to programs of this person alone. It goes through no
// proxy: the pages are on this machine.
func openScanPages(ctx context.Context, page string) (scanPages, error) {
	u, err := url.Parse(page)
	if err != nil {
		return scanPages{}, fmt.Errorf("finding the app's pages: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return scanPages{}, err
	}
	p := scanPages{"http://" + u.Host, &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialHere}}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return p, err
	}
	response, err := p.client.Do(r)
	if err != nil {
		return p, fmt.Errorf("opening the app's pages: %w", withoutURL(err))
	}
	return p, response.Body.Close()
}

// dialHere knows where the names below localhost lead (RFC 6761 §6.3), which not
// every resolver does.
func dialHere(ctx context.Context, network, address string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// withoutURL leaves the address out of an error: the one of the app's pages is a
// secret until it is used.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// A scanFound is what the app sees in a picture.
type scanFound struct{ Code, Label, Problem string }

func (p scanPages) look(ctx context.Context, picture []byte) (found scanFound, err error) {
	err = p.ask(ctx, http.MethodPost, "/scan/frame", "application/octet-stream", picture, &found)
	switch {
	case err != nil:
		return found, fmt.Errorf("showing the picture: %w", err)
	case found.Problem != "":
		return found, errors.New(found.Problem)
	case found.Code == "":
		return found, errors.New("there is no code in the picture, or it is too small to be read")
	}
	return found, nil
}

func (p scanPages) tap(ctx context.Context, code string) error {
	form := []byte(url.Values{"code": {code}}.Encode())
	if err := p.ask(ctx, http.MethodPost, "/scan/start", "application/x-www-form-urlencoded", form, nil); err != nil {
		return fmt.Errorf("answering the code: %w", err)
	}
	return nil
}

// A scanProgress is where a transaction stands, in the words of the app.
type scanProgress struct {
	Running, Sent     bool
	Title, Says, ToDo string
}

// follow prints each change. It returns errShown if the end is not the one that
// was hoped for.
func (p scanPages) follow(ctx context.Context, out io.Writer) error {
	const glance = 200 * time.Millisecond // as fast as people read
	for last := ""; ; {
		var now scanProgress
		if err := p.ask(ctx, http.MethodGet, "/scan/progress", "", nil, &now); err != nil {
			return fmt.Errorf("asking how it goes: %w", err)
		}
		if now.Title != last {
			last = now.Title
			fmt.Fprintln(out, strings.TrimSpace(now.Title+". "+now.Says))
			if now.ToDo != "" {
				fmt.Fprintln(out, "What to do:", now.ToDo)
			}
		}
		switch {
		case now.Sent:
			return nil
		case !now.Running:
			return errShown
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(glance):
		}
	}
}

// ask makes a request of the app and decodes its answer, if it is wanted.
func (p scanPages) ask(ctx context.Context, method, path, kind string, body []byte, answer any) error {
	r, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	response, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var said scanFound
		if json.NewDecoder(response.Body).Decode(&said) == nil && said.Problem != "" {
			return errors.New(said.Problem)
		}
		return fmt.Errorf("the app answered %s", response.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
