package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault"
	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/tunnel"
	"cardea/internal/httpd"
)

// A Config says what phone or computer this is. VaultPath and URL are required.
type Config struct {
	// Style is the manner: IOS, Android or Computer.
	Style Style
	// OSVersion is the version of the phone's system, such as "17.4". Below
	// iOS 17 and Android 14 the phone neither scans nor answers. A computer is
	// never too old, and may leave it empty.
	OSVersion string
	// DeviceName is what the person calls this device.
	DeviceName string
	// VaultPath is the folder of the vault. It is made at first start.
	VaultPath string
	// Sensor gives the phone a simulated face and fingerprint sensor, shown
	// as such. It works only while the vault is unlocked.
	Sensor bool
	// URL is where the pages are: scheme, host and port, with a host that
	// names this machine only. Requests for another host are refused.
	URL string

	// Unguarded has the pages answer whoever reaches them, as for a demonstration
	// or a test: a browser need not be known. See decision 21.
	Unguarded bool

	// Advertiser is the radio. Nil means that Bluetooth is off. A computer has
	// no use for it, nor for Tunnel and Service: it answers no codes.
	Advertiser hybrid.Advertiser
	// Tunnel opens tunnels; nil means services at their own domains.
	Tunnel *tunnel.Dialer
	// Service is the relay that this phone meets computers at.
	Service hybrid.Service

	// AgentSocket is where programs of the same user reach this phone's
	// authenticator; empty for nowhere.
	AgentSocket string

	// What a desktop lends; nil for what there is not. Notifier shows questions
	// while no page is in sight, Finger verifies the person, and OpenPage opens
	// the page of a question in a browser.
	Notifier Notifier
	Finger   Finger
	OpenPage func(url string) error
	// Away calls its function each time the person goes, until ctx ends, as
	// desktop.WatchSession does.
	Away func(ctx context.Context, gone func()) error
	// Holders may keep a key of the vault, if the person allows it.
	Holders []vault.KeyHolder

	// Log gets one record per request and per hybrid transaction; nil
	// discards them.
	Log *slog.Logger
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// An App is a running authenticator app. It is safe for concurrent use.
type App struct {
	cfg   Config
	words Words
	old   bool // the system is below the minimum
	hosts map[string]bool
	auth  *authenticator.Authenticator // to programs of this user, and by codes
	key   *authenticator.Authenticator // to whatever speaks to security keys

	sessions *sessions
	keeper   *keeper
	cabinet  *cabinet
	desk     *desk
	besides  besides
	links    *linkBook // nil where computers are not remembered
	activity activity
	codes    codes
	news     *news
	decoding chan struct{} // holds a token for each picture being read

	closing   chan struct{}
	closeOnce sync.Once
	work      sync.WaitGroup // transactions

	mu sync.Mutex
	tx *transaction // the one on the screen; nil if none
	// unreachable is why linked computers can't call now.
	unreachable error
}

// pictures is how many pictures are decoded at once; more would only make
// each other slow.
const pictures = 2

// New returns an App for cfg. It opens the vault if there is one; the first
// page makes it if there is none. The caller ends the App with Close, or by
// the context of Run or Serve.
func New(cfg Config) (*App, error) {
	if _, ok := manners[cfg.Style]; !ok {
		return nil, fmt.Errorf("phone app: style %q is none of %q, %q and %q", cfg.Style, IOS, Android, Computer)
	}
	hosts, err := allowedHosts(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("phone app: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.DeviceName == "" {
		cfg.DeviceName = "This " + manners[cfg.Style].Device
	}
	a := &App{
		cfg: cfg, words: manners[cfg.Style], old: tooOld(cfg.Style, cfg.OSVersion), hosts: hosts,
		news: newNews(), decoding: make(chan struct{}, pictures), closing: make(chan struct{}),
	}
	a.desk, a.sessions = newDesk(a.news.tell), newSessions(cfg.URL, cfg.Unguarded)
	a.keeper, err = openKeeper(cfg.VaultPath, a.old)
	if err != nil {
		return nil, fmt.Errorf("phone app: %w", err)
	}
	a.cabinet, err = openCabinet(cfg.VaultPath+"-preferences.json", defaultPreferences(cfg.Style))
	if err != nil {
		cfg.Log.LogAttrs(context.Background(), slog.LevelWarn, "the app goes by strict preferences", slog.Any("error", err))
	}
	if a.words.Links && !a.old {
		a.links, err = openLinkBook(cfg.VaultPath+"-computers.json", cfg.Service)
		if err != nil {
			return nil, fmt.Errorf("phone app: %w", errors.Join(err, a.keeper.Close()))
		}
		a.keeper.erased, a.unreachable = a.links.erase, errNotCalled
	}
	a.settle()
	a.auth, a.key = newAuthenticator(a), newKey(a)
	a.keeper.proved, a.keeper.renewed = a.secretGiven, a.key.SecretChanged
	return a, nil
}

// Authenticator returns the authenticator whose person the pages ask.
func (a *App) Authenticator() *authenticator.Authenticator { return a.auth }

// Key returns the same passkeys as a security key, with a PIN for clients that
// send one and the same person. Its reset is allowed for ten seconds after New.
func (a *App) Key() *authenticator.Authenticator { return a.key }

// Info is what the phone tells of itself.
func (a *App) Info() ctap.Info { return a.auth.Info() }

// PromptURL is the page that shows only what is being asked. It makes the browser
// that opens it known, once and soon: each call returns another.
func (a *App) PromptURL() string {
	if a.sessions.off {
		return a.cfg.URL + "/prompt"
	}
	return a.cfg.URL + "/prompt?code=" + a.sessions.code(a.cfg.Now())
}

// Close withdraws what is being asked, ends transactions and open streams,
// waits for their end, and closes the vault.
func (a *App) Close() error {
	a.mu.Lock() // no transaction begins between the two
	a.closeOnce.Do(func() { close(a.closing) })
	a.mu.Unlock()
	a.work.Wait()
	return a.keeper.Close()
}

// Run offers the authenticator on cfg.AgentSocket until ctx ends, and closes
// the App then. Serve calls it.
func (a *App) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watching sync.WaitGroup
	watching.Go(func() { a.watchAway(ctx) })
	watching.Go(func() { a.beCalled(ctx) })
	a.openAtStart(ctx)
	err := a.runAgent(ctx)
	cancel()
	watching.Wait()
	return errors.Join(err, a.Close())
}

// openAtStart opens the vault by the key that this computer keeps, where that
// was allowed. Each use still verifies its person.
func (a *App) openAtStart(ctx context.Context) {
	if !a.keeper.Locked() || a.opener() == nil {
		return
	}
	if err := a.openHere(ctx); err != nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "opening the vault at the start", slog.Any("error", err))
	}
}

// watchAway hears when the person goes.
func (a *App) watchAway(ctx context.Context) {
	if a.cfg.Away == nil {
		return
	}
	err := a.cfg.Away(ctx, a.personGone)
	if ctx.Err() == nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "the app will not hear when its person goes", slog.Any("error", err))
	}
}

// personGone ends the question on the screen: nobody sees it any more, and the
// finger that opens the screen must not answer it. The reader is let go for that.
// Then the vault is locked.
func (a *App) personGone() {
	if q, _ := a.desk.see(); q != nil {
		a.desk.end(q.id, outcomeNoAnswer, reply{err: authenticator.ErrNoAnswer})
	}
	if a.cabinet.get().LockAway {
		a.keeper.Lock()
		a.news.tell()
	}
}

// settle has the vault, which may be new, do as the preferences say, and tells
// the pages.
func (a *App) settle() {
	a.keeper.Settle(a.cabinet.get().lockAfter(), a.news.tell)
	a.news.tell()
}

// ErrNotLoopback refuses a listener that others than this machine can reach.
var ErrNotLoopback = errors.New("the phone's pages are for this machine only: listen on a loopback address")

// Serve serves the pages on l and runs the App until ctx ends.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	tcp, ok := l.Addr().(*net.TCPAddr)
	if !ok || !tcp.IP.IsLoopback() {
		return errors.Join(ErrNotLoopback, l.Close(), a.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ran := make(chan error, 1)
	go func() {
		defer cancel() // without the agent the phone is half a phone: end the other half too
		ran <- a.Run(ctx)
	}()
	err := httpd.Serve(ctx, l, a.Handler(), a.cfg.Log)
	cancel()
	return errors.Join(err, <-ran)
}

// until returns a context that ends when the App is closed.
func (a *App) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := make(chan struct{})
	go func() {
		select {
		case <-a.closing:
			cancel()
		case <-stop:
		}
	}()
	return ctx, sync.OnceFunc(func() { close(stop); cancel() })
}
