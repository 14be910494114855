package securitykey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"cardea/ctap"
	"cardea/ctap/ctaphid"
	"cardea/platform"
	"cardea/webauthn"
)

// Times of the route.
const (
	// lookEvery is how often the system is asked for new keys while the person
	// fetches theirs.
	lookEvery = 300 * time.Millisecond
	// defaultWait is how long Open waits for a key to be plugged in.
	defaultWait = 2 * time.Minute
	// answerWithin is how long a key may take to say what it is. It needs no
	// person for that.
	answerWithin = 5 * time.Second
)

// A Route reaches the security keys of this computer. The zero Route is
// usable.
type Route struct {
	// Sys and Dev are where the kernel shows HID devices and where they can be
	// opened. Empty is /sys/class/hidraw and /dev.
	Sys, Dev string
	// Wait is how long Open waits for a key to be plugged in; zero is two
	// minutes.
	Wait time.Duration

	// open opens a key's file; nil is the file itself.
	open func(path string) (io.ReadWriteCloser, error)
}

var _ platform.Route = (*Route)(nil)

// Kind is SecurityKey.
func (r *Route) Kind() platform.Kind { return platform.SecurityKey }

// Ready reports whether there are such devices here and whether they may be
// opened. A key that is not plugged in is no obstacle. What a key holds is not
// known without asking it.
func (r *Route) Ready(context.Context, webauthn.RPID) platform.Readiness {
	paths, err := r.find()
	if err != nil {
		return platform.Readiness{Why: platform.NotSupported}
	}
	denied := 0
	for _, path := range paths {
		f, err := r.file(path)
		switch {
		case err == nil:
			f.Close()
		case mayNot(err):
			denied++
		}
	}
	if denied > 0 && denied == len(paths) {
		return platform.Readiness{Why: platform.NotPermitted}
	}
	return platform.Readiness{Usable: true}
}

func (r *Route) file(path string) (io.ReadWriteCloser, error) {
	if r.open != nil {
		return r.open(path)
	}
	return openHidraw(path)
}

// Open waits until a key is plugged in and connects to it. With several keys it
// waits for the one that is touched.
func (r *Route) Open(ctx context.Context, _ platform.Purpose, show func(platform.Progress)) (platform.Connection, error) {
	keys, err := r.await(ctx, show)
	if err != nil {
		return nil, err
	}
	chosen := keys[0]
	if len(keys) > 1 {
		show(platform.Progress{Stage: platform.StageChooseKey})
		chosen, err = choose(ctx, keys)
	}
	for _, k := range keys {
		if err != nil || k != chosen {
			k.Close()
		}
	}
	if err != nil {
		return nil, failure(ctx, platform.LegKey, err)
	}
	return chosen, nil
}

// await returns the keys that are plugged in, once there is one.
func (r *Route) await(ctx context.Context, show func(platform.Progress)) ([]*key, error) {
	wait := r.Wait
	if wait == 0 {
		wait = defaultWait
	}
	patience := time.NewTimer(wait)
	defer patience.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for asked := false; ; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		paths, err := r.find()
		if err != nil {
			return nil, failure(ctx, platform.LegNoKey, err)
		}
		if len(paths) > 0 {
			return r.connect(ctx, paths)
		}
		if !asked {
			show(platform.Progress{Stage: platform.StageInsertKey})
			asked = true
		}
		select {
		case <-ctx.Done():
		case <-look.C:
		case <-patience.C:
			return nil, failure(ctx, platform.LegNoKey, fmt.Errorf("none was plugged in for %v", wait))
		}
	}
}

// connect opens keys side by side, so that one that does not answer costs the
// others no time. It returns those that answered, and an error if there are
// none.
func (r *Route) connect(ctx context.Context, paths []string) ([]*key, error) {
	results := make([]*key, len(paths))
	errs := make([]error, len(paths))
	var opening sync.WaitGroup
	for i, path := range paths {
		opening.Go(func() { results[i], errs[i] = r.connectOne(ctx, path) })
	}
	opening.Wait()
	var keys []*key
	for _, k := range results {
		if k != nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, failure(ctx, platform.LegKey, errors.Join(errs...))
	}
	return keys, nil
}

func (r *Route) connectOne(ctx context.Context, path string) (*key, error) {
	f, err := r.file(path)
	if err != nil {
		return nil, fmt.Errorf("opening a key: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	client, err := ctaphid.Open(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	info, err := ctap.GetInfo(ctx, client)
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("asking %s what it is: %w", path, err)
	}
	return &key{client: client, info: info}, nil
}

// choose has all keys wait for a touch and returns the first that was touched.
// The others give up before it returns.
func choose(ctx context.Context, keys []*key) (*key, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errDecided := errors.New("another key was touched")
	touched := make(chan *key, len(keys))
	errs := make([]error, len(keys))
	var asking sync.WaitGroup
	for i, k := range keys {
		asking.Go(func() {
			if errs[i] = ctap.Selection(ctx, k.client); errs[i] == nil {
				touched <- k
				cancel(errDecided)
			}
		})
	}
	asking.Wait()
	select {
	case k := <-touched:
		return k, nil
	default:
	}
	for _, err := range errs {
		if !errors.Is(err, ctap.InvalidCommand) && !errors.Is(err, ctaphid.InvalidCommand) {
			return nil, errors.Join(errs...)
		}
	}
	return keys[0], nil // all are too old to be asked
}

// failure makes a *platform.Failure of err, unless the request has ended.
func failure(ctx context.Context, leg platform.Leg, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &platform.Failure{Leg: leg, Err: err}
}

// A key is a connection to one key.
type key struct {
	client *ctaphid.Client
	info   ctap.Info
}

func (k *key) Send(ctx context.Context, request []byte) ([]byte, error) {
	response, err := k.client.Send(ctx, request)
	if err != nil {
		return nil, failure(ctx, platform.LegKey, err)
	}
	return response, nil
}

func (k *key) Info() ctap.Info   { return k.info }
func (k *key) Transport() string { return webauthn.TransportUSB }
func (k *key) Close() error      { return k.client.Close() }
