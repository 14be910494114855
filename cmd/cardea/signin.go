package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"cardea/signin"
)

type signinCommand struct {
	Start   signinStartCommand   `cmd:"" default:"withargs" help:"Sign in, or say who is signed in (the default)."`
	Git     signinGitCommand     `cmd:"" name:"git-credential" help:"Be a credential helper for git: your token is the password."`
	Kubectl signinKubectlCommand `cmd:"" help:"Be a credential plugin for kubectl: your ID token is what the cluster gets."`
}

// Help is shown by --help, where the flags of the default command are not.
func (signinCommand) Help() string {
	return "Signs you in with the passkey you have, and keeps the tokens:\n\n" +
		"    cardea signin --issuer https://login.example.org\n" +
		"    cardea signin --device phone --qr png code.png\n" +
		"    cardea signin --print access\n" +
		"    cardea signin --json\n" +
		"    cardea signout\n\n" +
		"Where there is a screen, your browser opens; --device ask, this, phone or key does without one. Later calls use what is kept, and refresh it. " +
		"CARDEA_ISSUER stands for --issuer. All flags: cardea signin start --help"
}

// signinPlace says who signs in where, and where the tokens are kept.
type signinPlace struct {
	Issuer string `required:"" help:"Your identity provider, like https://login.example.org." env:"CARDEA_ISSUER"`
	Client string `default:"cardea-cli" help:"The name of this program at the identity provider." env:"CARDEA_CLIENT"`
	Store  string `enum:"auto,keyring,file,none" default:"auto" help:"Where tokens are kept: keyring, file, none, or auto: the keyring, if there is one." env:"CARDEA_STORE"`
	Folder string `type:"path" help:"Folder for tokens in files; the default is cardea/tokens in your state folder." env:"CARDEA_TOKENS"`
}

// signinHow says how a person signs in, if they have to.
type signinHow struct {
	Device string        `enum:"auto,ask,browser,this,phone,key" default:"auto" help:"Where your passkey is: browser opens a page, this is this device's passkey app, phone shows a code, key is a security key. auto is the browser where there is a screen, and otherwise asks." env:"CARDEA_DEVICE"`
	QR     qrFlag        `name:"qr" placeholder:"terminal|png FILE" help:"Also write the code for a phone to a file: --qr png FILE."`
	Relays relayPlaces   `embed:""`
	Host   string        `name:"host-config" type:"existingfile" help:"Settings of radio, relays and passkey app: the file that cardea browser-host has too." env:"CARDEA_BROWSER_CONFIG"`
	Wait   time.Duration `default:"5m" help:"How long to wait for you."`
}

// qrFlag is where codes are shown, besides the terminal.
type qrFlag struct{ PNG string }

// Decode reads "terminal", or "png" and a file.
func (q *qrFlag) Decode(ctx *kong.DecodeContext) error {
	var how string
	if err := ctx.Scan.PopValueInto("terminal or png", &how); err != nil {
		return err
	}
	switch how {
	case "terminal":
		return nil
	case "png":
		return ctx.Scan.PopValueInto("file", &q.PNG)
	}
	return fmt.Errorf("--qr %s: want terminal, or png and a file", how)
}

// account is the person's account here.
func (p *signinPlace) account() (*signin.Account, error) {
	if err := signin.CheckIssuer(p.Issuer); err != nil {
		return nil, err
	}
	if p.Folder == "" {
		state, err := stateHome()
		if err != nil {
			return nil, err
		}
		p.Folder = filepath.Join(state, "cardea", "tokens")
	}
	var store signin.Store = signin.Files{Folder: p.Folder}
	switch {
	case p.Store == "keyring":
		store = signin.Keyring{}
	case p.Store == "none":
		store = nothing{}
	case p.Store == "auto" && signin.HasKeyring():
		store = signin.Either{First: signin.Keyring{}, Second: store}
	}
	return &signin.Account{Issuer: p.Issuer, Store: store, Folder: p.Folder, Connect: p.connect}, nil
}

func (p *signinPlace) connect(ctx context.Context) (*signin.Client, error) {
	return signin.Discover(ctx, p.Issuer, signin.Config{ClientID: p.Client, UserAgent: terminalAgent()})
}

// terminalAgent is what the person reads in the record of their sign-ins.
func terminalAgent() string {
	systems := map[string]string{"linux": "Linux", "darwin": "Macintosh", "windows": "Windows"}
	system, ok := systems[runtime.GOOS]
	if !ok {
		system = runtime.GOOS
	}
	return "Cardea-Terminal/1 (" + system + ")"
}

func stateHome() (string, error) {
	if d := os.Getenv("XDG_STATE_HOME"); d != "" {
		return d, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding your state folder: %w; name one with --folder", err)
	}
	return filepath.Join(home, ".local", "state"), nil
}

// nothing is the store of who wants none.
type nothing struct{}

func (nothing) Name() string                       { return "no place" }
func (nothing) Load(string) (signin.Tokens, error) { return signin.Tokens{}, signin.ErrNotSignedIn }
func (nothing) Save(signin.Tokens) error           { return nil }
func (nothing) Forget(string) error                { return nil }

// mustSignIn reports whether err means that the person has to.
func mustSignIn(err error) bool {
	return errors.Is(err, signin.ErrNotSignedIn) || errors.Is(err, signin.ErrSignedOut) || errors.Is(err, signin.ErrUnreadable)
}

// current returns tokens, and has the person sign in if there are none and they
// may be asked.
func current(s *session, p *signinPlace, how *signinHow, need signin.Need, ask bool) (signin.Tokens, *signin.Account, error) {
	a, err := p.account()
	if err != nil {
		return signin.Tokens{}, nil, err
	}
	t, err := a.Current(s.ctx, need)
	if !mustSignIn(err) {
		return t, a, err
	}
	if !ask {
		return t, a, fmt.Errorf("%w; sign in with: cardea signin --issuer %s", err, p.Issuer)
	}
	t, err = signInNow(s, p, how, a)
	return t, a, err
}

// signInNow has the person sign in, and keeps what comes of it.
func signInNow(s *session, p *signinPlace, how *signinHow, a *signin.Account) (signin.Tokens, error) {
	ctx, cancel := context.WithTimeoutCause(s.ctx, how.Wait, errors.New("it took too long"))
	defer cancel()
	c, err := p.connect(ctx)
	if err != nil {
		return signin.Tokens{}, err
	}
	t, err := how.signIn(ctx, s, c)
	switch {
	case s.ctx.Err() != nil:
		// Not the context's own error: that would be an orderly end, and who
		// asked for a token would take nothing for one.
		return t, errors.New("not signed in: it was stopped")
	case err != nil:
		return t, fmt.Errorf("not signed in: %w", err)
	}
	return t, a.Keep(ctx, t)
}

type signinStartCommand struct {
	Place signinPlace `embed:""`
	How   signinHow   `embed:""`
	Again bool        `help:"Sign in anew although you are signed in."`
	JSON  bool        `name:"json" help:"Print everything as JSON, tokens included."`
	Print string      `enum:"who,access,id" default:"who" help:"What to print: who, access (the access token) or id (the ID token)."`
}

func (c *signinStartCommand) Run(s *session) error {
	var t signin.Tokens
	var a *signin.Account
	var err error
	if c.Again {
		if a, err = c.Place.account(); err == nil {
			t, err = signInNow(s, &c.Place, &c.How, a)
		}
	} else {
		t, a, err = current(s, &c.Place, &c.How, c.need(), true)
	}
	if err != nil {
		return err
	}
	return c.tell(s, t, a)
}

func (c *signinStartCommand) need() signin.Need {
	if c.Print == "id" || c.JSON {
		return signin.NeedID
	}
	return signin.NeedAccess
}

func (c *signinStartCommand) tell(s *session, t signin.Tokens, a *signin.Account) (err error) {
	switch {
	case c.JSON:
		if c.Place.Store != "none" {
			t.RefreshToken = "" // good for one use, and that is ours
		}
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(t)
	case c.Print == "access":
		_, err = fmt.Fprintln(s.out, t.AccessToken)
	case c.Print == "id":
		_, err = fmt.Fprintln(s.out, t.IDToken)
	default:
		_, err = fmt.Fprintf(s.out, "Signed in as %s at %s.\n%s\n", named(t), t.Issuer, kept(a))
	}
	return err
}

// kept says where the tokens are.
func kept(a *signin.Account) string {
	switch store := a.Store.(type) {
	case nothing:
		return "Your tokens are not kept."
	case signin.Either:
		return "Your tokens are in " + store.Holder(a.Issuer).Name() + "."
	}
	return "Your tokens are in " + a.Store.Name() + "."
}

func named(t signin.Tokens) string {
	if t.Name == "" || t.Name == t.Who() {
		return t.Who()
	}
	return t.Name + " (" + t.Who() + ")"
}

type signoutCommand struct {
	Place signinPlace `embed:""`
}

// Run forgets the tokens whether the identity provider can be told or not, and
// says which.
func (c *signoutCommand) Run(s *session) error {
	a, err := c.Place.account()
	if err != nil {
		return err
	}
	switch err := a.SignOut(s.ctx); {
	case errors.Is(err, signin.ErrNotSignedIn):
		_, err := fmt.Fprintln(s.out, "Nobody was signed in at", c.Place.Issuer)
		return err
	case err != nil:
		return fmt.Errorf("your tokens are gone from this computer, but the identity provider could not be told: %w; end the session in My Account", err)
	}
	_, err = fmt.Fprintln(s.out, "Signed out at", strings.TrimPrefix(c.Place.Issuer, "https://"))
	return err
}
