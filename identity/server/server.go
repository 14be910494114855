package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/provider"
	"cardea/identity/session"
	"cardea/identity/storage"
	"cardea/identity/web"
	"cardea/identity/web/account"
	"cardea/identity/web/admin"
	"cardea/identity/web/signin"
	"cardea/internal/httpd"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// AccountClient is the ID of My Account as a client of the provider.
const AccountClient directory.ClientID = "my-account"

// TerminalClient is the ID of "cardea signin" as a client of the provider.
const TerminalClient directory.ClientID = "cardea-cli"

// terminal is that client: ours, and any program on its person's machine can say
// that it is it.
func (s *Server) terminal() directory.Client {
	return directory.Client{
		ID: TerminalClient, Name: "Cardea in a terminal",
		RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"}, // any port
		Public:       true, FirstParty: true, Native: !s.cfg.NoTerminal,
	}
}

// sweepEvery is how often what has expired is deleted.
const sweepEvery = 10 * time.Minute

// A Server is an identity provider. Make it with New, run it once.
type Server struct {
	cfg    Config
	scheme string
	brand  web.Brand
	// providers is what Config.ProviderIcons names; nil if it names nothing.
	providers *web.ProviderBook
	log       *slog.Logger
	now       func() time.Time
	file      secret.Key // the key file's; all other keys come of it

	db        *storage.DB
	directory *directory.Directory
	sessions  *session.Service
	audit     *audit.Log
	grants    *grant.Service
	ceremony  *ceremony.Service

	signin  *signin.Surface
	account *account.Surface
	admin   *admin.Surface
	rp      *account.OIDC
	handler http.Handler

	listening chan struct{} // closed when addr is known
	addr      string
	closed    sync.Once
	closeErr  error
}

// New opens the database and puts everything together. It serves nothing yet;
// the caller calls Run or Close.
func New(ctx context.Context, cfg Config, log *slog.Logger) (_ *Server, err error) {
	if err := cfg.Check(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	s := &Server{cfg: cfg.withDefaults(), log: log, now: time.Now, listening: make(chan struct{})}
	s.scheme = mustHost(cfg.LoginURL).Scheme
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("starting: %w", err), s.Close())
		}
	}()
	if s.db, err = storage.Open(ctx, cfg.Database); err != nil {
		return nil, err
	}
	if s.file, err = keyFile(s.cfg.KeyFile); err != nil {
		return nil, err
	}
	if err := s.openDomain(); err != nil {
		return nil, err
	}
	if err := s.warnOfLockouts(ctx); err != nil {
		return nil, err
	}
	if err := s.openPages(ctx); err != nil {
		return nil, err
	}
	p, err := s.openProvider(ctx)
	if err != nil {
		return nil, err
	}
	proxies, err := httpd.ParseProxies(s.cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	s.handler = proxies.Resolve(httpd.Log(log, s.byHost(s.hosts(p))))
	return s, nil
}

// openDomain makes the rooms that know what an identity provider is.
func (s *Server) openDomain() (err error) {
	rule := s.cfg.Passkeys.rule()
	s.directory = directory.New(directory.Config{Store: s.db, PassKey: derive(s.file, labelPasses), WayIn: rule.Takes, Now: s.now})
	s.sessions = session.New(session.Config{Store: s.db, Now: s.now})
	s.grants = grant.New(grant.Config{Store: s.db, RefreshKey: derive(s.file, labelRefresh), Now: s.now})
	s.audit = audit.New(s.db)
	s.ceremony, err = ceremony.New(ceremony.Config{
		RPID: s.cfg.RPID, RPName: s.cfg.Name,
		Origins: []webauthn.Origin{webauthn.Origin(s.cfg.LoginURL), webauthn.Origin(s.cfg.AccountURL)},
		Login:   webauthn.Origin(s.cfg.LoginURL),
		SealKey: derive(s.file, labelCeremonies),
		Store:   s.db, Directory: s.directory, Sessions: s.sessions, Passkeys: rule, Now: s.now,
	})
	return err
}

// openPages makes the three surfaces, and My Account a client of the provider.
func (s *Server) openPages(ctx context.Context) error {
	redirect := s.cfg.AccountURL + "/callback"
	err := s.directory.PutClient(ctx, directory.Client{
		ID: AccountClient, Name: "My Account", RedirectURIs: []string{redirect}, Public: true, FirstParty: true,
	})
	if err != nil {
		return fmt.Errorf("registering My Account: %w", err)
	}
	s.rp, err = account.NewOIDC(account.OIDCConfig{
		Issuer: s.cfg.LoginURL, ClientID: AccountClient, RedirectURL: redirect, Dial: s.backChannel(), Now: s.now,
	})
	if err != nil {
		return err
	}
	site, err := s.site(ctx)
	if err != nil {
		return err
	}
	s.signin, err = signin.New(signin.Config{
		Site: site, Ceremony: s.ceremony, Sessions: s.sessions, Directory: s.directory, Audit: s.audit, Passkeys: s.cfg.Passkeys.rule(),
		Key: derive(s.file, labelSignIn), Now: s.now,
	})
	if err != nil {
		return err
	}
	s.account, err = account.New(account.Config{
		Site: site, RP: s.rp, Ceremony: s.ceremony, Sessions: s.sessions, Directory: s.directory, Audit: s.audit, Grants: s.grants,
		Passkeys: s.cfg.Passkeys.rule(), Key: derive(s.file, labelCookies), Now: s.now,
	})
	if err != nil {
		return err
	}
	s.admin = admin.New(admin.Config{
		Site: site, Sessions: s.sessions, Directory: s.directory, Audit: s.audit, Now: s.now,
		Passkeys: s.cfg.Passkeys.rule(), Gate: s.account.Visitor, Fresh: s.account.Fresh, Speak: s.account.Speak,
	})
	return nil
}

// openProvider makes the provider, with its signing keys.
func (s *Server) openProvider(ctx context.Context) (*provider.Provider, error) {
	if err := s.directory.PutClient(ctx, s.terminal()); err != nil {
		return nil, fmt.Errorf("registering the terminal: %w", err)
	}
	keys, err := provider.OpenKeys(ctx, s.db, s.file, s.now())
	if err != nil {
		return nil, err
	}
	switch {
	case keys.Lost():
		s.log.WarnContext(ctx, "the key file does not open the signing keys in the database; a new one was made",
			"key_file", s.cfg.KeyFile, "kid", keys.KeyID())
	case keys.Made():
		s.log.InfoContext(ctx, "signing key made", "kid", keys.KeyID())
	}
	return provider.New(provider.Config{
		Issuer: s.cfg.LoginURL, Directory: s.directory, Sessions: s.sessions, Grants: s.grants, Audit: s.audit,
		Keys: keys, Ceremony: s.ceremony, MarkerKey: derive(s.file, labelMarkers), SessionToken: s.signin.SessionToken, ErrorPage: s.signin.Fail, Now: s.now,
	})
}

// backChannel returns how My Account reaches the login host, or nil for where
// its URL points.
func (s *Server) backChannel() func(ctx context.Context, network, address string) (net.Conn, error) {
	if s.cfg.BackChannel == "" && s.scheme == "https" {
		return nil
	}
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		address := s.cfg.BackChannel
		if address == "" {
			select {
			case <-s.listening:
				address = s.addr
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// SetupURL returns the link that the first administrator comes in by. It is
// good for a day, and each call ends the one before. ok is false if there is
// somebody already. The code stands behind the #, which browsers keep to
// themselves.
func (s *Server) SetupURL(ctx context.Context) (link string, ok bool, err error) {
	code, ok, err := s.directory.FirstAdministratorCode(ctx)
	if err != nil || !ok {
		return "", false, err
	}
	return s.cfg.LoginURL + "/setup#" + code, true, nil
}

// Run serves l until ctx ends, lets what is under way finish, and closes the
// Server. It returns nil after an orderly end. A Server runs once.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	s.addr = l.Addr().String()
	close(s.listening)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return httpd.Serve(ctx, l, s.handler, s.log) })
	group.Go(func() error {
		every(ctx, sweepEvery, s.sweep)
		return nil
	})
	return errors.Join(group.Wait(), s.Close())
}

// Close lets go of the database. Run does it by itself.
func (s *Server) Close() error {
	s.closed.Do(func() {
		if s.rp != nil {
			s.rp.Close()
		}
		if s.db != nil {
			s.closeErr = s.db.Close()
		}
	})
	return s.closeErr
}

// every calls f at once and then once in each interval, until ctx ends.
func every(ctx context.Context, interval time.Duration, f func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		f(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *Server) sweep(ctx context.Context) {
	if err := s.grants.Sweep(ctx); err != nil && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "deleting what has expired", "error", err)
	}
}
