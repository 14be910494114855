// Command cardea is the whole of Cardea: identity provider, relay, passkey app
// and WebAuthn client. Each part is a subcommand in a file of its own.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Serve         serveCommand         `cmd:"" help:"Run the identity provider: sign-in pages, My Account, OpenID Connect."`
	Relay         relayCommand         `cmd:"" help:"Run a relay, which carries the encrypted link between two devices."`
	Authenticator authenticatorCommand `cmd:"" help:"Run the passkey app: its pages, its vault, its agent."`
	BrowserHost   browserHostCommand   `cmd:"" name:"browser-host" help:"Be the browser extension's native messaging host, or install it."`
	Signin        signinCommand        `cmd:"" help:"Sign in from a terminal; be a credential helper for git and kubectl."`
	Signout       signoutCommand       `cmd:"" help:"Give the tokens of this computer back, and forget them."`
	Doctor        doctorCommand        `cmd:"" help:"Look at each leg of a sign-in with another device before it is needed."`
	Demo          demoCommand          `cmd:"" help:"Run everything on this machine, to try it."`
	Gallery       galleryCommand       `cmd:"" help:"Take a picture of every page, light and dark, phone and desktop width."`
	Completion    completionCommand    `cmd:"" help:"Print what makes your shell complete the words of cardea."`
	Man           manCommand           `cmd:"" help:"Print the manual page."`
	RelayLoad     relayLoadCommand     `cmd:"" hidden:"" name:"relay-load" help:"Measure and soak relays."`
	Version       versionCommand       `cmd:"" help:"Say which version this is."`

	LogLevel slog.Level `default:"warn" help:"What to log to standard error: debug, info, warn or error." env:"CARDEA_LOG_LEVEL"`
}

// A session is what every command gets: where to read and write and where to
// log.
type session struct {
	ctx    context.Context
	in     *os.File
	out    io.Writer
	errOut io.Writer
	log    *slog.Logger
	model  *kong.Application

	lines *bufio.Reader // of in; see line
}

// errShown ends the program with status 1 after the command itself has told
// why.
var errShown = errors.New("the reason was shown")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, asHelper(os.Args[0], os.Args[1:]), os.Stdout, os.Stderr))
}

// An exit is what the parser ends with when it has shown help or a complaint.
type exit int

// run is main without the process: it parses, calls and reports.
func run(ctx context.Context, args []string, out, errOut io.Writer) (status int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			status = int(r)
		default:
			panic(r)
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name("cardea"),
		kong.Description("Passkey sign-in, whole and your own."),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { panic(exit(code)) }))
	if err != nil {
		panic("cardea: internal error: " + err.Error())
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(errOut, "cardea: %v\nTry: cardea --help\n", err)
		return exitMisused
	}
	s := &session{ctx: ctx, in: os.Stdin, out: out, errOut: errOut, model: parser.Model,
		log: slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: c.LogLevel}))}
	if err := parsed.Run(s); err != nil && !errors.Is(err, context.Canceled) {
		if !errors.Is(err, errShown) {
			fmt.Fprintln(errOut, "cardea:", err)
		}
		return exitStatus(err)
	}
	return exitDone
}

type versionCommand struct{}

func (versionCommand) Run(s *session) error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version + " " + info.GoVersion
	}
	_, err := fmt.Fprintln(s.out, "cardea", version)
	return err
}
