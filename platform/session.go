package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"cardea/ctap"
	"cardea/webauthn"
)

// A session is one request and the person in front of it.
//
//	     ┌──────── back ─────────┐
//	     v                       │
//	  choose ── way ──> try ──> failed ──┐
//	     │               ^  \      │     │ again
//	     │ cancel        └───\─────┼─────┘
//	     v                    v    v
//	NotAllowedError        answer  NotAllowedError
//
// The person can cancel or go back while a way is being tried.
type session struct {
	client  *Client
	request Request
	wants   wants
	dialog  Dialog
	// answers carries what the person said to a question of ask.
	answers chan Action
}

// A command is what to do once an authenticator has been reached. Its error is
// a *refused, a ctap.Status, a *Failure, an *Error, or the error of ctx.
type command[T any] func(ctx context.Context, s *session, conn Connection) (T, error)

// refused is the error of an authenticator that was reached and will not do.
type refused struct {
	reason Reason
	err    error
}

func (r *refused) Error() string {
	if r.err == nil {
		return string(r.reason)
	}
	return fmt.Sprintf("%s: %v", r.reason, r.err)
}

func (r *refused) Unwrap() error { return r.err }

// run leads the person through a request until there is an answer for the
// page, be it a refusal.
func run[T any](ctx context.Context, s *session, milliseconds int64, do command[T]) (answer T, err error) {
	limit := timeout(milliseconds)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLate)
	defer cancel()
	if s.dialog, err = s.client.Open(ctx, s.request); err != nil {
		return answer, fmt.Errorf("opening the dialog: %w", err)
	}
	defer s.dialog.Close()

	route, chosen := s.first(ctx)
	for {
		if !chosen {
			if route, err = s.choose(ctx); err != nil {
				return answer, notAllowed(err)
			}
		}
		answer, err = try(ctx, s, route, do)
		if err == nil {
			return answer, nil
		}
		if chosen, err = s.afterwards(ctx, route, err); err != nil {
			return answer, err
		}
	}
}

// try goes one way to its end. The person may end it earlier: then the error
// is errCanceled, errBack or ErrDialogClosed.
func try[T any](ctx context.Context, s *session, route Route, do command[T]) (answer T, err error) {
	ctx, end := context.WithCancelCause(ctx)
	s.answers = make(chan Action, 1)
	var watcher sync.WaitGroup
	watcher.Go(func() { s.watch(ctx, end) })
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		end(nil)
		watcher.Wait()
	}()
	conn, err := route.Open(ctx, s.request.Purpose, func(p Progress) {
		s.dialog.Show(Screen{Sort: ScreenProgress, Kind: route.Kind(), Name: nameOf(route), Progress: p})
	})
	if err != nil {
		return answer, err
	}
	defer conn.Close()
	return do(ctx, s, conn)
}

// watch listens to the person while a way is tried. It ends with ctx.
func (s *session) watch(ctx context.Context, end context.CancelCauseFunc) {
	for {
		a, err := s.dialog.Act(ctx)
		if err != nil {
			end(err)
			return
		}
		switch a.Do {
		case DoCancel:
			end(errCanceled)
			return
		case DoBack:
			end(errBack)
			return
		default:
			select {
			case s.answers <- a:
			default: // nobody asked
			}
		}
	}
}

// ask shows a question while a way is tried and waits for one of the answers
// to it.
func (s *session) ask(ctx context.Context, screen Screen, answers ...Do) (Action, error) {
	select {
	case <-s.answers: // a click on the screen before
	default:
	}
	s.dialog.Show(screen)
	for {
		select {
		case a := <-s.answers:
			if slices.Contains(answers, a.Do) {
				return a, nil
			}
		case <-ctx.Done():
			return Action{}, context.Cause(ctx)
		}
	}
}

// afterwards decides what follows a way that brought no answer: the same way
// again (true), the choice of ways (false), or the end of the request.
func (s *session) afterwards(ctx context.Context, route Route, err error) (sameWay bool, end error) {
	var final *Error
	switch {
	case errors.As(err, &final):
		return false, final
	case ctx.Err() != nil:
		return false, notAllowed(context.Cause(ctx))
	case errors.Is(err, errBack):
		return false, nil
	case errors.Is(err, errCanceled), errors.Is(err, ErrDialogClosed):
		return false, notAllowed(err)
	}
	failed, final := outcome(err)
	switch {
	case final != nil:
		return false, final
	case failed.Reason == ReasonDeclined && route.Kind() == ThisDevice:
		// The person has said no a moment ago, in this very window. On a
		// phone they may have meant: not this way.
		if s.client.Form == FormPhone {
			return false, nil
		}
		return false, notAllowed(err)
	}
	return s.failed(ctx, route, failed, err)
}

// failed tells the person what went wrong and waits for what they want next.
// Until then the page learns nothing.
func (s *session) failed(ctx context.Context, route Route, f Failed, cause error) (sameWay bool, end error) {
	s.dialog.Show(Screen{Sort: ScreenFailed, Kind: route.Kind(), Name: nameOf(route), Failed: &f})
	for {
		a, err := s.dialog.Act(ctx)
		if err != nil {
			return false, notAllowed(errors.Join(cause, err))
		}
		switch a.Do {
		case DoAgain:
			return true, nil
		case DoBack:
			return false, nil
		case DoCancel:
			return false, notAllowed(cause)
		}
	}
}

// outcome sorts the error of a way that was gone to its end: into something
// for the person to see, or an answer for the page that was paid for with a
// touch. The table is that of WebAuthn §5.1.3 step 22 and §5.1.4.2.
func outcome(err error) (Failed, *Error) {
	var way *Failure
	if errors.As(err, &way) {
		return Failed{Leg: way.Leg, Relay: way.Relay, Trouble: way.Trouble}, nil
	}
	var no *refused
	if errors.As(err, &no) {
		return Failed{Reason: no.reason}, nil
	}
	var status ctap.Status
	if !errors.As(err, &status) {
		return Failed{Reason: ReasonFault}, nil
	}
	if status == ctap.CredentialExcluded {
		// CTAP §6.1.2 step 12: the authenticator has asked its person first.
		return Failed{}, &Error{Name: InvalidStateError, Message: msgExcluded, Err: err}
	}
	if reason, ok := statusReasons[status]; ok {
		return Failed{Reason: reason}, nil
	}
	return Failed{Reason: ReasonFault}, nil
}

var statusReasons = map[ctap.Status]Reason{
	ctap.OperationDenied:      ReasonDeclined,
	ctap.KeepaliveCancel:      ReasonDeclined,
	ctap.NotAllowed:           ReasonDeclined,
	ctap.NoCredentials:        ReasonNoPasskey,
	ctap.InvalidCredential:    ReasonNoPasskey,
	ctap.UserActionTimeout:    ReasonTooLate,
	ctap.ActionTimeout:        ReasonTooLate,
	ctap.Timeout:              ReasonTooLate,
	ctap.KeyStoreFull:         ReasonFull,
	ctap.UnsupportedAlgorithm: ReasonTooOld,
	ctap.UnsupportedOption:    ReasonTooOld,
	ctap.InvalidOption:        ReasonTooOld,
	ctap.PINNotSet:            ReasonCannotVerify,
	ctap.PUATRequired:         ReasonCannotVerify,
	ctap.PINBlocked:           ReasonBlocked,
	ctap.UVBlocked:            ReasonBlocked,
	ctap.PINAuthBlocked:       ReasonUnplug,
	ctap.UVInvalid:            ReasonNotUnlock,
}

// attachment returns the authenticator attachment that a transport stands for.
func attachment(transport string) string {
	if transport == webauthn.TransportInternal {
		return webauthn.AttachmentPlatform
	}
	return webauthn.AttachmentCrossPlatform
}
