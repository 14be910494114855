package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"cardea/hybrid"
	"cardea/hybrid/link"
)

// Scan does what a tap on a found code does, and waits for the end: it answers
// the device that shows text as its QR code and serves its requests, asking
// the person on the pages. It returns nil when the other device has its
// answer, whatever the person said. An *link.Error names the leg that failed.
func (a *App) Scan(ctx context.Context, text string) error { return a.scan(ctx, text, false) }

// ScanAndRemember does what Scan does with "Remember this computer" chosen.
func (a *App) ScanAndRemember(ctx context.Context, text string) error { return a.scan(ctx, text, true) }

func (a *App) scan(ctx context.Context, text string, remember bool) error {
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
	t, err := a.begin(&transaction{hint: qr.Hint})
	if err != nil {
		return err
	}
	return a.answer(ctx, t, qr, remember)
}

// ErrBusy: a phone talks to one device at a time.
var ErrBusy = errors.New("a code is being answered already")

// begin puts a new transaction on the screen.
func (a *App) begin(t *transaction) (*transaction, error) {
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
	t.stop = make(chan struct{})
	a.tx = t
	defer a.news.tell()
	return t, nil
}

// answer walks t, the answer to a code, to its end.
func (a *App) answer(ctx context.Context, t *transaction, qr hybrid.QR, remember bool) error {
	defer qr.Wipe()
	return a.carry(ctx, t, func(ctx context.Context) (*link.Phone, error) {
		if a.cfg.Advertiser == nil {
			return nil, &link.Error{Leg: link.LegRadio, Err: hybrid.ErrRadioOff}
		}
		cfg := a.answerConfig(func(s link.Stage) { a.reached(t, s) })
		if remember && qr.Linking && a.links != nil {
			a.offerLink(ctx, t, &cfg)
		}
		phone, err := link.Answer(ctx, qr, cfg)
		if err != nil {
			return nil, fmt.Errorf("answering the code: %w", err)
		}
		return phone, nil
	})
}

func (a *App) answerConfig(progress func(link.Stage)) link.AnswerConfig {
	return link.AnswerConfig{
		Advertiser: a.cfg.Advertiser, Tunnel: a.cfg.Tunnel, Service: a.cfg.Service, Info: a.auth.Info(), Progress: progress,
	}
}

// carry walks t to its end. meet finds the other device.
func (a *App) carry(ctx context.Context, t *transaction, meet func(context.Context) (*link.Phone, error)) error {
	defer a.work.Done()
	ctx, cancel := a.until(ctx)
	defer cancel()
	go func() {
		select {
		case <-t.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := a.serve(ctx, t, meet)
	a.update(t, func(t *transaction) { t.end(err) })
	a.remember(ctx, t)
	a.unlink(ctx, t)
	a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "hybrid transaction",
		slog.String("stage", string(t.stage)), slog.String("result", string(t.result)), slog.Any("error", err))
	return err
}

// serve lets the other device ask, once it is met.
func (a *App) serve(ctx context.Context, t *transaction, meet func(context.Context) (*link.Phone, error)) error {
	phone, err := meet(ctx)
	if err != nil {
		return err
	}
	defer phone.Close()
	caller := linkedCaller(t.computer)
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

// reached notes a stage of t.
func (a *App) reached(t *transaction, s link.Stage) {
	a.update(t, func(t *transaction) { t.reach(s) })
	if s == link.StageSent {
		a.remember(context.Background(), t)
	}
}

// update changes t and tells the pages.
func (a *App) update(t *transaction, f func(*transaction)) {
	a.mu.Lock()
	f(t)
	a.mu.Unlock()
	a.news.tell()
}
