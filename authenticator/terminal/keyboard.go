package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"cardea/authenticator"
)

// maxLine bounds what one answer may have, in bytes.
const maxLine = 256

// ErrNoTerminal says that a file is no terminal.
var ErrNoTerminal = errors.New("not a terminal")

// Open opens the terminal that this program was started from and may read, or
// returns ErrNoTerminal.
func Open() (*os.File, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	if !inForeground(tty) {
		return nil, errors.Join(fmt.Errorf("%w: this program runs in the background", ErrNoTerminal), tty.Close())
	}
	return tty, nil
}

// New returns a Person at tty, who proves themself at gate. It reads tty from
// now on, until that ends; nobody else may.
func New(tty *os.File, gate Gate) (*Person, error) {
	if !term.IsTerminal(int(tty.Fd())) {
		return nil, fmt.Errorf("%s: %w", tty.Name(), ErrNoTerminal)
	}
	k := &keyboard{tty: tty, asked: make(chan struct{}, 1), typed: make(chan byte), over: make(chan struct{})}
	go k.read()
	return &Person{gate: gate, keys: k, now: time.Now}, nil
}

// A keyboard is a terminal whose keys come one at a time, to whoever has taken
// it. A read that has begun cannot be ended, so one goroutine reads as long as
// the terminal is there, and throws away what nobody has asked for.
type keyboard struct {
	tty   *os.File
	asked chan struct{} // holds a token while a question is on the screen
	typed chan byte
	over  chan struct{} // closed when the terminal has ended

	mu     sync.Mutex
	taken  bool
	ending chan struct{} // closed when the question ends
}

func (k *keyboard) read() {
	defer close(k.over)
	var b [1]byte
	for {
		if _, err := io.ReadFull(k.tty, b[:]); err != nil {
			return
		}
		k.mu.Lock()
		taken, ending := k.taken, k.ending
		k.mu.Unlock()
		if !taken {
			continue
		}
		select {
		case k.typed <- b[0]:
		case <-ending:
		}
	}
}

// take makes keys come here until restore is called, without being shown, and
// without Ctrl-C ending the program.
func (k *keyboard) take() (restore func(), err error) {
	k.asked <- struct{}{}
	state, err := term.MakeRaw(int(k.tty.Fd()))
	if err != nil {
		<-k.asked
		return nil, err
	}
	discard(k.tty)
	k.mu.Lock()
	k.taken, k.ending = true, make(chan struct{})
	k.mu.Unlock()
	return func() {
		k.mu.Lock()
		k.taken = false
		close(k.ending)
		k.mu.Unlock()
		_ = term.Restore(int(k.tty.Fd()), state) // the terminal may be gone
		<-k.asked
	}, nil
}

func (k *keyboard) print(text string) { _, _ = io.WriteString(k.tty, text) }

// The keys that are not text.
const (
	keyCtrlC     = 3
	keyCtrlD     = 4
	keyBackspace = 8
	keyCtrlU     = 21
	keyEscape    = 27
	keyDelete    = 127
)

// line reads a line and shows it as it is typed if shown is set. Ctrl-C and
// Ctrl-D are authenticator.ErrDeclined.
func (k *keyboard) line(ctx context.Context, shown bool) (string, error) {
	var line []byte
	defer func() { clear(line) }()
	for {
		var b byte
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-k.over:
			return "", errOver
		case b = <-k.typed:
		}
		switch b {
		case '\r', '\n':
			k.print("\r\n")
			return string(line), nil
		case keyCtrlC, keyCtrlD, keyEscape:
			k.print("\r\n")
			return "", authenticator.ErrDeclined
		case keyBackspace, keyDelete:
			_, size := utf8.DecodeLastRune(line)
			if line = line[:len(line)-size]; size > 0 && shown {
				k.print("\b \b")
			}
		case keyCtrlU:
			for range utf8.RuneCount(line) {
				if shown {
					k.print("\b \b")
				}
			}
			line = line[:0]
		default:
			if b < ' ' || len(line) == maxLine {
				continue
			}
			if line = append(line, b); shown {
				k.print(string([]byte{b}))
			}
		}
	}
}
