package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// pin opens the phone.
const pin = "246802"

// A phone is the one in the person's hand.
type phone struct {
	cardea string // the program
	agent  string // its agent's socket
	pages  string // where its pages are
}

func (p *phone) setUp(ctx context.Context) error {
	said, err := p.post(ctx, "/setup", url.Values{"kind": {"pin"}, "secret": {pin}, "again": {pin}})
	if err == nil && !strings.Contains(said, "No passkeys") && !strings.Contains(said, "Passkeys") {
		err = fmt.Errorf("it says %q", said)
	}
	return err
}

// settle is how long a dialog may take to draw itself in the guest.
const settle = 4 * time.Second

// find holds the phone before pictures until it finds a code in one.
func (p *phone) find(ctx context.Context, look func(try int) (picture string, err error)) (*scan, error) {
	for try := 0; ; try++ {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("looking for a code on the screen: %w", ctx.Err())
		case <-time.After(settle):
		}
		picture, err := look(try)
		if err != nil {
			return nil, err
		}
		if found, err := p.scan(ctx, picture); found != nil || err != nil {
			return found, err
		}
	}
}

// A scan is a code being answered.
type scan struct {
	command *exec.Cmd
	told    []string
	out     *bufio.Scanner
}

// scan has the phone look at a picture, and waits until it answers the code.
// There is no error and no scan if it finds no code in it.
func (p *phone) scan(ctx context.Context, picture string) (*scan, error) {
	c := exec.CommandContext(ctx, p.cardea, "authenticator", "scan", "--agent", p.agent, picture)
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	s := &scan{command: c, out: bufio.NewScanner(out)}
	for range 2 { // what it offers, and what it then does
		if !s.next() {
			_ = c.Wait()
			if strings.Contains(complaint.String(), "there is no code") {
				return nil, nil
			}
			return nil, fmt.Errorf("the phone says %q", complaint.String())
		}
	}
	return s, nil
}

// next waits for one more line.
func (s *scan) next() bool {
	if !s.out.Scan() {
		return false
	}
	s.told = append(s.told, s.out.Text())
	fmt.Println("      phone:", s.out.Text())
	return true
}

// wait waits until the phone says how it went.
func (s *scan) wait() error {
	for s.next() {
	}
	if err := s.command.Wait(); err != nil {
		return fmt.Errorf("the phone says %q", s.told)
	}
	return nil
}

func (s *scan) end() { _ = s.command.Process.Kill() }

var (
	questionID = regexp.MustCompile(`name="id" value="([^"]+)"`)
	tag        = regexp.MustCompile(`<[^>]*>`)
)

// approve says yes to the question that the phone asks, and proves with the
// PIN that it is its person.
func (p *phone) approve(ctx context.Context) error {
	for {
		sheet, err := p.get(ctx, "/prompt")
		if err != nil {
			return err
		}
		id := questionID.FindStringSubmatch(sheet)
		switch {
		case id == nil:
		case strings.Contains(sheet, `value="secret"`):
			fmt.Println("      asked:", words(sheet))
			_, err := p.post(ctx, "/prompt", url.Values{"id": {id[1]}, "do": {"secret"}, "secret": {pin}})
			return err
		case strings.Contains(sheet, `value="other"`):
			_, err = p.post(ctx, "/prompt", url.Values{"id": {id[1]}, "do": {"other"}})
		case strings.Contains(sheet, `value="continue"`):
			fmt.Println("      asked:", words(sheet))
			_, err = p.post(ctx, "/prompt", url.Values{"id": {id[1]}, "do": {"continue"}, "choice": {"0"}})
		}
		if err != nil {
			return err
		}
		progress, err := p.get(ctx, "/scan/progress")
		if err != nil {
			return err
		}
		if !strings.Contains(progress, `action="/scan/cancel"`) && id == nil {
			return errors.New("the phone says: " + words(progress))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the phone to ask: %w", ctx.Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// words are what a page says, without its marks.
func words(page string) string {
	if _, body, ok := strings.Cut(page, "<body"); ok {
		page = "<" + body
	}
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(page, " "))), " ")
}

func (p *phone) get(ctx context.Context, path string) (string, error) {
	return p.ask(ctx, http.MethodGet, path, nil)
}

func (p *phone) post(ctx context.Context, path string, form url.Values) (string, error) {
	return p.ask(ctx, http.MethodPost, path, form)
}

func (p *phone) ask(ctx context.Context, method, path string, form url.Values) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.pages+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", fmt.Errorf("the phone's pages: %w", err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("the phone's pages: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the phone's page %s answered %s: %s", path, response.Status, words(string(b)))
	}
	return string(b), nil
}
