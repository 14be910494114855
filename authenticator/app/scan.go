package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"cardea/authenticator"
	"cardea/hybrid"
	"cardea/hybrid/link"
)

// Scan does what a tap on a found code does, and waits for the end: it answers
// the device that shows text as its QR code and serves its requests, asking
// the person on the pages. It returns nil when the other device has its
// answer, whatever the person said. An *link.Error names the leg that failed.
func (a *App) Scan(ctx context.Context, text string) error {
	if a.old {
		return ErrTooOld
	}
	if !a.words.Camera {
		return ErrNoCamera
	}
	qr, err := readCode(text)
	if err != nil {
		return err
	}
	t, err := a.begin(qr)
	if err != nil {
		return err
	}
	return a.carry(ctx, t, qr)
}

// ErrBusy: a phone talks to one device at a time.
var ErrBusy = errors.New("a code is being answered already")

// begin puts a new transaction on the screen.
func (a *App) begin(qr hybrid.QR) (*transaction, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tx != nil && a.tx.running() {
		return nil, ErrBusy
	}
	select {
	case <-a.closing:
		return nil, context.Canceled
	default:
	}
	a.work.Add(1)
	a.tx = &transaction{hint: qr.Hint, stop: make(chan struct{})}
	defer a.news.tell()
	return a.tx, nil
}

// carry walks t to its end.
func (a *App) carry(ctx context.Context, t *transaction, qr hybrid.QR) error {
	defer a.work.Done()
	defer qr.Wipe()
	ctx, cancel := a.until(ctx)
	defer cancel()
	go func() {
		select {
		case <-t.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := a.answer(ctx, t, qr)
	a.update(t, func(t *transaction) { t.end(err) })
	a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "hybrid transaction",
		slog.String("stage", string(t.stage)), slog.String("result", string(t.result)), slog.Any("error", err))
	return err
}

func (a *App) answer(ctx context.Context, t *transaction, qr hybrid.QR) error {
	if a.cfg.Advertiser == nil {
		return &link.Error{Leg: link.LegRadio, Err: hybrid.ErrRadioOff}
	}
	phone, err := link.Answer(ctx, qr, link.AnswerConfig{
		Advertiser: a.cfg.Advertiser, Tunnel: a.cfg.Tunnel, Service: a.cfg.Service, Info: a.auth.Info(),
		Progress: func(s link.Stage) { a.update(t, func(t *transaction) { t.reach(s) }) },
	})
	if err != nil {
		return fmt.Errorf("answering the code: %w", err)
	}
	defer phone.Close()
	caller := authenticator.Caller{Via: "hybrid"}
	err = phone.Serve(ctx, func(ctx context.Context, request []byte) []byte {
		a.update(t, func(t *transaction) { t.begun(request) })
		response := a.auth.Handle(ctx, caller, request)
		a.update(t, func(t *transaction) { t.handled(request, response) })
		return response
	})
	if err != nil {
		return fmt.Errorf("serving the other device: %w", err)
	}
	return nil
}

// update changes t and tells the pages.
func (a *App) update(t *transaction, f func(*transaction)) {
	a.mu.Lock()
	f(t)
	a.mu.Unlock()
	a.news.tell()
}
