package desktop

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

const (
	fprintName    = "net.reactivated.Fprint"
	fprintManager = dbus.ObjectPath("/net/reactivated/Fprint/Manager")
	fprintDevice  = fprintName + ".Device"
)

// What a Reader says.
var (
	// ErrNoReader: there is no reader, or it knows no finger of this user.
	ErrNoReader = errors.New("no fingerprint reader knows this person")
	// ErrNotRecognized: too many fingers in a row were not known.
	ErrNotRecognized = errors.New("finger not recognized")
)

// A Try is what came of one touch that decided nothing.
type Try string

// The tries.
const (
	NotRecognized Try = "not-recognized"
	TooShort      Try = "too-short"    // a swipe that ended too soon
	NotCentered   Try = "not-centered" // a finger at the edge
	Again         Try = "again"        // lift it and touch once more
)

// maxTouches is how many wrong fingers end a verification.
const maxTouches = 3

// A Reader is the fingerprint reader of this computer, through fprintd.
type Reader struct {
	// Bus is where fprintd is; nil means SystemBus.
	Bus Bus
}

func (r *Reader) bus() Bus {
	if r.Bus == nil {
		return SystemBus
	}
	return r.Bus
}

// Fingers returns the fingers that the default reader knows for this user, as
// "right-index-finger". The error is ErrNoReader if there is no reader or no
// finger.
func (r *Reader) Fingers(ctx context.Context) ([]string, error) {
	conn, err := r.bus()(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoReader, err)
	}
	defer conn.Close()
	device, err := defaultDevice(ctx, conn)
	if err != nil {
		return nil, err
	}
	return fingers(ctx, device)
}

// Ready reports whether Verify can be tried.
func (r *Reader) Ready(ctx context.Context) bool {
	_, err := r.Fingers(ctx)
	return err == nil
}

func defaultDevice(ctx context.Context, conn *dbus.Conn) (dbus.BusObject, error) {
	var path dbus.ObjectPath
	if err := call(ctx, conn.Object(fprintName, fprintManager), fprintName+".Manager.GetDefaultDevice", nil, &path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoReader, err)
	}
	return conn.Object(fprintName, path), nil
}

func fingers(ctx context.Context, device dbus.BusObject) (known []string, err error) {
	// The empty name is the user who asks.
	if err := call(ctx, device, fprintDevice+".ListEnrolledFingers", []any{""}, &known); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoReader, err)
	}
	if len(known) == 0 {
		return nil, ErrNoReader
	}
	return known, nil
}

// Verify waits for a finger that the reader knows and returns nil then. Tell
// hears of each touch before that. It gives up with ErrNotRecognized after three
// wrong fingers, and with the error of ctx when that ends; the reader is
// released in any case. A reader that is in use is an error.
func (r *Reader) Verify(ctx context.Context, tell func(Try)) error {
	conn, err := r.bus()(context.WithoutCancel(ctx)) // released after ctx
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoReader, err)
	}
	defer conn.Close()
	device, err := defaultDevice(ctx, conn)
	if err != nil {
		return err
	}
	if _, err := fingers(ctx, device); err != nil {
		return err
	}
	// To the end, also after ctx: what is half claimed could not be released.
	if err := call(context.WithoutCancel(ctx), device, fprintDevice+".Claim", []any{""}); err != nil {
		return fmt.Errorf("claiming the reader: %w", err)
	}
	defer func() { _ = call(context.WithoutCancel(ctx), device, fprintDevice+".Release", nil) }()
	from, stop, err := listen(ctx, conn, fprintName, place{device.Path(), fprintDevice})
	if err != nil {
		return fmt.Errorf("listening to the reader: %w", err)
	}
	defer stop()
	for touches := 0; touches < maxTouches; touches++ {
		result, err := touch(ctx, conn, device, from, tell)
		if err != nil {
			return err
		}
		switch result {
		case "verify-match":
			return nil
		case "verify-no-match":
			tell(NotRecognized)
		default: // verify-disconnected, verify-unknown-error
			return fmt.Errorf("the reader said %q", result)
		}
	}
	return ErrNotRecognized
}

// retries are what fprintd says when it wants the same finger once more.
var retries = map[string]Try{
	"verify-retry-scan": Again, "verify-swipe-too-short": TooShort,
	"verify-finger-not-centered": NotCentered, "verify-remove-and-retry": Again,
}

// touch starts one verification and returns what it came to.
func touch(ctx context.Context, conn *dbus.Conn, device dbus.BusObject, from *source, tell func(Try)) (string, error) {
	if err := call(context.WithoutCancel(ctx), device, fprintDevice+".VerifyStart", []any{"any"}); err != nil {
		return "", fmt.Errorf("starting the reader: %w", err)
	}
	defer func() { _ = call(context.WithoutCancel(ctx), device, fprintDevice+".VerifyStop", nil) }()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-conn.Context().Done():
			return "", errors.New("the connection to the reader has ended")
		case s, ok := <-from.signals:
			if !ok {
				return "", errors.New("the connection to the reader has ended")
			}
			sent := from.sent(s)
			result, done, ok := status(s)
			switch try, again := retries[result]; {
			case from.owner == "":
				return "", errors.New("the service of the reader has ended")
			case !ok, !sent:
			case again && !done:
				tell(try)
			case done, result == "verify-match", result == "verify-no-match":
				return result, nil
			}
		}
	}
}

// status reads a signal of the reader's.
func status(s *dbus.Signal) (result string, done, ok bool) {
	if s.Name != fprintDevice+".VerifyStatus" || len(s.Body) != 2 {
		return "", false, false
	}
	result, ok1 := s.Body[0].(string)
	done, ok2 := s.Body[1].(bool)
	return result, done, ok1 && ok2
}
