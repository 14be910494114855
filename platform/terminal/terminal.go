package terminal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"cardea/platform"
)

// A Terminal is where a person reads and types. One request at a time has it.
type Terminal struct {
	// In is what the person types. Nil: nobody can be asked.
	In *Input
	// Out is where the person reads.
	Out io.Writer
	// Colors says that Out understands colors and can be written over.
	Colors bool
	// Size returns the columns and lines of Out; nil or zeros if nobody knows.
	Size func() (columns, lines int)
	// Echo shows what is typed, or stops doing so. Without it no PIN is asked
	// for.
	Echo func(on bool) error
	// PNG is a file to write codes to, beside the terminal; may be empty.
	PNG string
}

// An Input reads lines for one Dialog after another. The read of a line cannot
// be given up, so it goes on from one to the next.
type Input struct {
	lines chan string
	over  chan struct{}
	once  sync.Once
}

// NewInput reads lines from r until it ends or Close is called. It has one
// goroutine, which may be in a read of r and ends with that.
func NewInput(r io.Reader) *Input {
	in := &Input{lines: make(chan string), over: make(chan struct{})}
	go func() {
		defer close(in.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			select {
			case in.lines <- s.Text():
			case <-in.over:
				return
			}
		}
	}()
	return in
}

// Close lets go of lines that nobody has asked for. The caller closes what is
// read from, too.
func (in *Input) Close() { in.once.Do(func() { close(in.over) }) }

// Open is for platform.Client.Open.
func (t *Terminal) Open(_ context.Context, r platform.Request) (platform.Dialog, error) {
	return &dialog{terminal: t, words: words{r}, changed: make(chan struct{}, 1)}, nil
}

// dialog is one request on a Terminal.
type dialog struct {
	terminal *Terminal
	words    words

	mu      sync.Mutex
	screen  platform.Screen
	hidden  bool          // what is typed is not shown
	pin     string        // the first of two that must be the same
	drawn   int           // lines that the code takes, while it is the last thing on the screen
	changed chan struct{} // the screen may be one that nobody can answer
}

// Show tells the screen in lines.
func (d *dialog) Show(s platform.Screen) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wipe()
	d.reveal()
	d.screen, d.pin = s, ""
	switch s.Sort {
	case platform.ScreenChoose:
		d.say(d.words.choose(s.Ways)...)
		d.prompt("Type a number, or q to stop: ")
	case platform.ScreenProgress:
		d.progress(s.Name, s.Progress)
	case platform.ScreenFailed:
		d.say(d.words.failed(s.Kind, *s.Failed)...)
		d.prompt("Type a to try again, b for another way, or q to stop: ")
	case platform.ScreenAccounts:
		d.say(d.words.accounts(s.Accounts)...)
		d.prompt("Type a number: ")
	case platform.ScreenPIN:
		d.askPIN(*s.PIN)
	default: // consent is asked when a passkey is made, which nobody does here
		d.say("Something was asked that cannot be answered here.")
	}
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// Act waits for a line that is an answer. Where nobody can answer, or there is
// nothing to choose from, the request is over.
func (d *dialog) Act(ctx context.Context) (platform.Action, error) {
	for {
		if a, ok := d.forced(); ok {
			return a, nil
		}
		var lines chan string
		if d.terminal.In != nil {
			lines = d.terminal.In.lines
		}
		select {
		case <-ctx.Done():
			return platform.Action{}, context.Cause(ctx)
		case <-d.changed:
		case line, ok := <-lines:
			if !ok {
				return platform.Action{}, platform.ErrDialogClosed
			}
			if a, ok := d.typed(line); ok {
				return a, nil
			}
		}
	}
}

// forced is what follows of itself from the screen.
func (d *dialog) forced() (platform.Action, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch d.screen.Sort {
	case platform.ScreenChoose:
		usable := 0
		for _, w := range d.screen.Ways {
			if w.Usable {
				usable++
			}
		}
		return platform.Action{Do: platform.DoCancel}, usable == 0 || d.terminal.In == nil
	case platform.ScreenFailed, platform.ScreenAccounts:
		return platform.Action{Do: platform.DoCancel}, d.terminal.In == nil
	case platform.ScreenPIN:
		return platform.Action{Do: platform.DoCancel}, d.terminal.In == nil || d.terminal.Echo == nil
	}
	return platform.Action{}, false
}

// typed is what a line means. A PIN is what it is, to the last space.
func (d *dialog) typed(line string) (platform.Action, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.screen.Sort == platform.ScreenPIN {
		return d.typedPIN(line)
	}
	return d.meant(strings.ToLower(strings.TrimSpace(line)))
}

// meant is what a line means on the screen, if anything.
func (d *dialog) meant(line string) (platform.Action, bool) {
	d.drawn = 0 // the terminal has shown what was typed, below the code
	n, err := strconv.Atoi(line)
	number := err == nil
	switch sort := d.screen.Sort; {
	case line == "q":
		return platform.Action{Do: platform.DoCancel}, true
	case sort == platform.ScreenChoose && number && n >= 1 && n <= len(d.screen.Ways) && d.screen.Ways[n-1].Usable:
		return platform.Action{Do: platform.DoChoose, Kind: d.screen.Ways[n-1].Kind, ID: d.screen.Ways[n-1].ID}, true
	case sort == platform.ScreenAccounts && number && n >= 1 && n <= len(d.screen.Accounts):
		return platform.Action{Do: platform.DoAccount, Index: n - 1}, true
	case sort == platform.ScreenFailed && line == "a":
		return platform.Action{Do: platform.DoAgain}, true
	case sort != platform.ScreenChoose && line == "b":
		return platform.Action{Do: platform.DoBack}, true
	}
	if d.screen.Sort != platform.ScreenProgress { // where nothing was asked
		d.prompt("That is none of them. Once more, or q to stop: ")
	}
	return platform.Action{}, false
}

// Close leaves what was said where it is, but for a code.
func (d *dialog) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wipe()
	d.reveal()
}

func (d *dialog) say(lines ...string) {
	for _, l := range lines {
		fmt.Fprintln(d.terminal.Out, l)
	}
}

// prompt is said only to who can answer.
func (d *dialog) prompt(text string) {
	if d.terminal.In != nil {
		fmt.Fprint(d.terminal.Out, text)
	}
}

func (d *dialog) progress(name string, p platform.Progress) {
	if p.Stage != platform.StageShowCode {
		d.say(d.words.progress(name, p)...)
		return
	}
	if line := d.words.instead(name, p.Instead); line != "" {
		d.say(line)
	}
	if path := d.terminal.PNG; path != "" {
		if err := writePNG(path, p.Code); err != nil {
			d.say("The code could not be written to a file: " + err.Error())
		} else {
			d.say("The code is in " + path + ".")
		}
	}
	m := modules{p.Code, Quiet}
	after := d.words.progress(name, p)
	need := func() int { return (m.size()+1)/2 + len(after) + 1 } // and the line of the cursor
	columns, lines := d.size()
	for columns > 0 && m.quiet > leastQuiet && (columns < m.size() || lines < need()) {
		m.quiet--
	}
	switch {
	case columns > 0 && (columns < m.size() || lines < need()):
		d.say(fmt.Sprintf("This window is too small for the code. Make it %d columns wide and %d lines high, or write the code to a file with: --qr png FILE", m.size(), need()))
	case columns > 0 && d.terminal.Colors:
		d.drawn = need() - 1
	}
	d.say(m.draw(d.terminal.Colors)...)
	d.say(after...)
}

func (d *dialog) size() (columns, lines int) {
	if d.terminal.Size == nil {
		return 0, 0
	}
	return d.terminal.Size()
}

// wipe takes the code off the screen, if it is the last thing there.
func (d *dialog) wipe() {
	if d.drawn > 0 {
		fmt.Fprintf(d.terminal.Out, "\x1b[%dA\x1b[J", d.drawn)
		d.drawn = 0
	}
}
