package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"cardea/ctap"
	"cardea/webauthn"
)

// ErrNotRunning says that no agent answers at the path.
var ErrNotRunning = errors.New("no passkey app is running")

// helloTimeout is how long Dial waits: an agent that lives answers at once.
const helloTimeout = 5 * time.Second

// A Remote is an authenticator in another program. It is safe for concurrent
// use: commands wait for each other over there.
type Remote struct {
	// Name is what this program calls itself; the person sees it, cut to 128
	// bytes. Set it before the first command.
	Name string

	path    string
	pageURL string
}

var _ ctap.Device = (*Remote)(nil)

// Dial finds the agent at path. It returns ErrNotRunning if there is none. One
// that does not answer is waited for until ctx ends, and for 5 seconds at most.
func Dial(ctx context.Context, path string) (*Remote, error) {
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	r := &Remote{path: path}
	hello, err := r.exchange(ctx, question{Kind: askHello})
	if err != nil {
		return nil, err
	}
	r.pageURL = hello.PageURL
	return r, nil
}

// PageURL is the page where the person is asked; may be empty.
func (r *Remote) PageURL() string { return r.pageURL }

// Send carries one CTAP message. When ctx ends, the command is cancelled over
// there, the question to the person is withdrawn, and the error is that of ctx.
func (r *Remote) Send(ctx context.Context, request []byte) (response []byte, err error) {
	got, err := r.exchange(ctx, question{Kind: askCTAP, Caller: cut(r.Name), Request: request})
	if err != nil {
		return nil, err
	}
	return got.Response, nil
}

// Info asks what the authenticator is. It is answered at once, also while its
// person is busy with another command.
func (r *Remote) Info(ctx context.Context) (ctap.Info, error) { return ctap.GetInfo(ctx, r) }

// HasPasskey reports whether there is a passkey for rp that is found without
// its ID. While the vault is locked that is not known. The person is not asked.
func (r *Remote) HasPasskey(ctx context.Context, rp webauthn.RPID) (has, known bool, err error) {
	got, err := r.exchange(ctx, question{Kind: askHas, RPID: rp})
	return got.Has == hasSome, got.Has == hasSome || got.Has == hasNone, err
}

func (r *Remote) exchange(ctx context.Context, q question) (got reply, err error) {
	err = r.talk(ctx, func(conn net.Conn) error {
		if err := writeFrame(conn, q); err != nil {
			return err
		}
		return readFrame(conn, &got)
	})
	if err != nil {
		return reply{}, fmt.Errorf("asking the passkey app: %w", err)
	}
	return got, nil
}

// talk has a connection of its own for what is said, closed when ctx ends.
func (r *Remote) talk(ctx context.Context, say func(net.Conn) error) (err error) {
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = ctx.Err() // what the closed connection said is not the cause
		}
	}()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", r.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	// We are the client, and may be deceived too: by whoever took the place
	// of the socket.
	if _, err := checkPeer(conn); err != nil {
		return err
	}
	return say(conn)
}

// cut shortens a name without splitting a character.
func cut(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if len(name) <= maxCaller {
		return name
	}
	end := maxCaller
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}
