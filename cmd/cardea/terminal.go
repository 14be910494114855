package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// Rules of what goes where: what was asked for to standard output, so that it
// can be piped; questions, warnings and complaints to standard error. A secret
// is read from a terminal without echo, from a file, or from standard input;
// it is never an argument, which other users of the machine can see.

// errNoTerminal says that there is nobody to ask.
var errNoTerminal = errors.New("there is no terminal to ask at")

// interactive reports whether somebody can be asked.
func (s *session) interactive() bool { return s.in != nil && term.IsTerminal(int(s.in.Fd())) }

// line reads a line of standard input. Several secrets can come in so, one
// after the other.
func (s *session) line() (string, error) {
	if s.lines == nil {
		s.lines = bufio.NewReader(s.in)
	}
	return firstLine(s.lines)
}

const maxLine = 4 << 10

func firstLine(r *bufio.Reader) (string, error) {
	var b []byte
	for {
		c, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && len(b) > 0, err == nil && c == '\n':
			return strings.TrimSuffix(string(b), "\r"), nil
		case err != nil:
			return "", err
		case len(b) == maxLine:
			return "", fmt.Errorf("a line of more than %d bytes", maxLine)
		}
		b = append(b, c)
	}
}

// secret gets a secret: from the first line of a file, from the next line of
// standard input if the file is "-", or from the person, who is asked with the
// prompt. flag is what names the file.
func (s *session) secret(file, flag, prompt string) (string, error) {
	switch file {
	case "":
		if !s.interactive() {
			return "", fmt.Errorf("%w; give a file with %s, or - for standard input", errNoTerminal, flag)
		}
		return s.hidden(prompt)
	case "-":
		text, err := s.line()
		if err != nil {
			return "", fmt.Errorf("reading standard input for %s: %w", flag, err)
		}
		return text, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", flag, err)
	}
	defer f.Close()
	text, err := firstLine(bufio.NewReader(f))
	if err != nil {
		return "", fmt.Errorf("reading %s from %s: %w", flag, file, err)
	}
	return text, nil
}

// newSecret is secret for one that is new: a person types it twice. check says
// whether it will do.
func (s *session) newSecret(file, flag, what string, check func(string) error) (string, error) {
	for {
		text, err := s.secret(file, flag, "New "+what+": ")
		if err != nil {
			return "", err
		}
		err = check(text)
		if file != "" {
			return text, err
		}
		if err == nil {
			again, err := s.hidden("The same once more: ")
			if err != nil {
				return "", err
			}
			if again == text {
				return text, nil
			}
			err = errors.New("the two are not the same")
			fmt.Fprintf(s.errOut, "%s.\n", capital(err.Error()))
			continue
		}
		fmt.Fprintf(s.errOut, "%s.\n", capital(err.Error()))
	}
}

// hidden asks for a line that is not shown while it is typed. It gives the
// terminal back as it was, also when the program is told to end meanwhile.
func (s *session) hidden(prompt string) (string, error) {
	fd := int(s.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(s.errOut, prompt)
	type typed struct {
		text []byte
		err  error
	}
	got := make(chan typed, 1)
	go func() {
		b, err := term.ReadPassword(fd)
		got <- typed{b, err}
	}()
	select {
	case t := <-got:
		fmt.Fprintln(s.errOut)
		if errors.Is(t.err, io.EOF) {
			t.err = errors.New("nothing was typed")
		}
		return string(t.text), t.err
	case <-s.ctx.Done():
		fmt.Fprintln(s.errOut)
		return "", errors.Join(s.ctx.Err(), term.Restore(fd, before))
	}
}

// ask asks a question that is answered openly, and returns the answer.
func (s *session) ask(prompt string) (string, error) {
	fmt.Fprint(s.errOut, prompt)
	type typed struct {
		text string
		err  error
	}
	got := make(chan typed, 1)
	go func() {
		text, err := s.line()
		got <- typed{strings.TrimSpace(text), err}
	}()
	select {
	case t := <-got:
		if errors.Is(t.err, io.EOF) {
			fmt.Fprintln(s.errOut)
			return "", nil // no answer
		}
		return t.text, t.err
	case <-s.ctx.Done():
		fmt.Fprintln(s.errOut)
		return "", s.ctx.Err()
	}
}

// tell prints what a command has done, for people or for programs.
func (s *session) tell(asJSON bool, v any, text string) error {
	if asJSON {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	_, err := fmt.Fprintln(s.out, printable(text, true))
	return err
}

// printable replaces what could drive a terminal: names come from sites and
// from other apps.
func printable(text string, lines bool) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' && lines {
			return r
		}
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

func capital(text string) string {
	for i, r := range text {
		return string(unicode.ToUpper(r)) + text[i+len(string(r)):]
	}
	return text
}

// plural is a number of things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}
