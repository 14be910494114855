package browser

import (
	"context"
	"sync"

	"cardea/platform"
)

// A window is the platform.Dialog of one request: what Show is given goes to
// the extension as a view, and what the person presses comes back.
type window struct {
	send    func(view)
	request platform.Request
	form    platform.Form

	actions chan platform.Action
	gone    chan struct{} // closed when the person has closed the window
	close   sync.Once
}

var _ platform.Dialog = (*window)(nil)

// maxPressed is how many presses wait for the client. More than one waits only
// if a person is faster than the screen.
const maxPressed = 4

func newWindow(send func(view)) *window {
	return &window{send: send, actions: make(chan platform.Action, maxPressed), gone: make(chan struct{})}
}

// Show draws a screen. The extension opens the window if there is none yet.
func (w *window) Show(s platform.Screen) { w.send(viewOf(w.request, w.form, s)) }

// Act waits for a press.
func (w *window) Act(ctx context.Context) (platform.Action, error) {
	select {
	case a := <-w.actions:
		return a, nil
	case <-w.gone:
		return platform.Action{}, platform.ErrDialogClosed
	case <-ctx.Done():
		return platform.Action{}, context.Cause(ctx)
	}
}

// Close does nothing: the answer, which follows, closes the window.
func (w *window) Close() {}

func (w *window) pressed(a platform.Action) {
	select {
	case w.actions <- a:
	default:
	}
}

func (w *window) closed() { w.close.Do(func() { close(w.gone) }) }
