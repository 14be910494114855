package agent_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/agent"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/internal/cbor"
)

const pageURL = "http://127.0.0.1:8482/"

// a world is an agent that runs, and how to reach it.
type world struct {
	path   string
	vault  *vaulttest.Memory
	person *authtest.Person
}

// start runs an agent until the test ends.
func start(t *testing.T, script ...authtest.Reply) world {
	t.Helper()
	path := filepath.Join(shortDir(t), "run", "agent.sock")
	l, err := agent.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	a, vault, person := authtest.New(script...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- agent.Serve(ctx, l, a, pageURL) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return world{path, vault, person}
}

// shortDir is a folder whose name leaves room for that of a socket: there are
// a hundred bytes or so for both, and test names here are long.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (w world) dial(t *testing.T) *agent.Remote {
	t.Helper()
	r, err := agent.Dial(t.Context(), w.path)
	if err != nil {
		t.Fatal(err)
	}
	r.Name = "Browser"
	return r
}

func makeRequest() ctap.MakeCredentialRequest {
	return ctap.MakeCredentialRequest{
		ClientDataHash:   make([]byte, 32),
		RP:               ctap.RPEntity{ID: "example.org"},
		User:             ctap.UserEntity{ID: []byte{1}, Name: "ana"},
		PubKeyCredParams: []ctap.CredentialParameters{{Alg: -7, Type: "public-key"}},
		Options:          map[string]bool{"rk": true},
	}
}

func TestPasskeysAreMadeAndUsedOverTheSocket(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := w.dial(t)
	if r.PageURL() != pageURL {
		t.Errorf("PageURL = %q, want %q", r.PageURL(), pageURL)
	}
	info, err := r.Info(t.Context())
	if err != nil || !info.Options["uv"] {
		t.Fatalf("Info = %+v, %v", info, err)
	}
	if _, err := ctap.MakeCredential(t.Context(), r, makeRequest()); err != nil {
		t.Fatal(err)
	}
	got, err := ctap.GetAssertion(t.Context(), r, ctap.GetAssertionRequest{RPID: "example.org", ClientDataHash: make([]byte, 32)})
	if err != nil || len(got.Signature) == 0 {
		t.Fatalf("GetAssertion = %+v, %v", got, err)
	}
	want := authenticator.Caller{Via: "local", Name: "Browser"}
	for _, p := range w.person.Asked() {
		p.Caller.Program = "" // TestCallerIsNamedByItsFile
		if p.Caller != want {
			t.Errorf("%s: caller %+v, want %+v", p.Kind, p.Caller, want)
		}
	}
}

func TestHasPasskey(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := w.dial(t)
	type told struct{ Has, Known bool }
	ask := func() told {
		t.Helper()
		has, known, err := r.HasPasskey(t.Context(), "example.org")
		if err != nil {
			t.Fatal(err)
		}
		return told{has, known}
	}
	if got := ask(); got != (told{false, true}) {
		t.Errorf("empty vault: %+v", got)
	}
	hidden := vaulttest.NewPasskey(1, "example.org", "ana")
	hidden.Discoverable = false
	if err := w.vault.Save(t.Context(), hidden); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != (told{false, true}) {
		t.Errorf("a passkey that is found by its ID only: %+v", got)
	}
	if err := w.vault.Save(t.Context(), vaulttest.NewPasskey(2, "example.org", "ana")); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != (told{true, true}) {
		t.Errorf("with a passkey: %+v", got)
	}
	w.vault.Lock()
	if got := ask(); got != (told{false, false}) {
		t.Errorf("locked: %+v", got)
	}
	if asked := w.person.Kinds(); len(asked) != 0 {
		t.Errorf("the person was asked %v", asked)
	}
}

func TestTheEndOfTheContextWithdrawsTheQuestion(t *testing.T) {
	t.Parallel()
	withdrawn := make(chan error, 1)
	w := start(t, func(ctx context.Context, _ authenticator.Prompt) (authenticator.Answer, error) {
		<-ctx.Done()
		withdrawn <- ctx.Err()
		return authenticator.Answer{}, ctx.Err()
	})
	seen := w.person.Seen()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := ctap.MakeCredential(ctx, w.dial(t), makeRequest())
		done <- err
	}()
	<-seen
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("MakeCredential = %v, want context.Canceled", err)
	}
	// Not by the clock of the prompt: by us.
	if err := <-withdrawn; !errors.Is(err, context.Canceled) {
		t.Errorf("the prompt ended with %v, want context.Canceled", err)
	}
	go func() { <-seen }()
	if _, err := ctap.MakeCredential(t.Context(), w.dial(t), makeRequest()); err != nil {
		t.Errorf("the next command: %v", err)
	}
}

func TestInfoDoesNotWaitForThePerson(t *testing.T) {
	t.Parallel()
	w := start(t, authtest.Leave)
	seen := w.person.Seen()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = ctap.MakeCredential(ctx, w.dial(t), makeRequest())
	}()
	<-seen
	if _, err := w.dial(t).Info(t.Context()); err != nil {
		t.Error(err)
	}
	cancel()
	<-done
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	if _, err := agent.Dial(t.Context(), filepath.Join(dir, "none.sock")); !errors.Is(err, agent.ErrNotRunning) {
		t.Errorf("Dial = %v, want ErrNotRunning", err)
	}
	stale := filepath.Join(dir, "run", "stale.sock")
	leaveSocket(t, stale)
	if _, err := agent.Dial(t.Context(), stale); !errors.Is(err, agent.ErrNotRunning) {
		t.Errorf("Dial of a socket without a program = %v, want ErrNotRunning", err)
	}
}

func TestDialDoesNotWaitLongerThanItsCaller(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "run", "agent.sock")
	l, err := agent.Listen(path) // and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			cancel()
			<-t.Context().Done()
		}
	}()
	if _, err := agent.Dial(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial = %v, want canceled", err)
	}
}

// leaveSocket leaves a socket as a killed program does.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := agent.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
}

func TestListen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shortDir(t), "run")
	path := filepath.Join(dir, "agent.sock")
	leaveSocket(t, path)
	l, err := agent.Listen(path)
	if err != nil {
		t.Fatalf("Listen over a socket that was left = %v", err)
	}
	defer l.Close()
	for name, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, path: 0o600 | os.ModeSocket} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	if _, err := agent.Listen(path); !errors.Is(err, agent.ErrRunning) {
		t.Errorf("Listen twice = %v, want ErrRunning", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Listen(file); err == nil {
		t.Error("Listen took the place of a file")
	}
	open := filepath.Join(shortDir(t), "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Listen(filepath.Join(open, "agent.sock")); err == nil {
		t.Error("Listen took a folder that others may enter")
	}
}

func TestOnlyUnixSocketsAreServed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, _, _ := authtest.New()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- agent.Serve(ctx, l, a, pageURL) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(frame(map[int]any{1: "hello"}))
	if b, _ := io.ReadAll(conn); len(b) != 0 {
		t.Errorf("answered %x over TCP", b)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func frame(v any) []byte {
	body := cbor.MustEncode(v)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func TestQuestionsThatAreNotAnswered(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, tt := range []struct {
		name string
		in   []byte
	}{
		{"unknown kind", frame(map[int]any{1: "delete"})},
		{"no kind", frame(map[int]any{})},
		{"a list", frame([]int{1})},
		{"wrong type", frame(map[int]any{1: 7})},
		{"not CBOR", []byte{0, 0, 0, 1, 0xff}},
		{"not canonical", []byte{0, 0, 0, 2, 0x18, 1}},
		{"a length of gigabytes", []byte{0xff, 0xff, 0xff, 0xff}},
		{"a long name", frame(map[int]any{1: "ctap", 2: strings.Repeat("x", 200), 3: []byte{4}})},
	} {
		conn, err := net.Dial("unix", w.path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(tt.in); err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(conn); len(b) != 0 {
			t.Errorf("%s: answered %x", tt.name, b)
		}
		conn.Close()
	}
	if _, err := w.dial(t).Info(t.Context()); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func TestEveryPrefixOfAQuestionIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	whole := frame(map[int]any{1: "ctap", 2: "x", 3: []byte{byte(ctap.CmdSelection)}})
	for n := range whole {
		conn, err := net.Dial("unix", w.path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(whole[:n])
		_ = conn.(*net.UnixConn).CloseWrite()
		if b, _ := io.ReadAll(conn); len(b) != 0 {
			t.Errorf("%d of %d bytes: answered %x", n, len(whole), b)
		}
		conn.Close()
	}
	if asked := w.person.Kinds(); len(asked) != 0 {
		t.Errorf("the person was asked %v", asked)
	}
}

func TestLongAndBrokenNamesAreCut(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := w.dial(t)
	for _, tt := range []struct{ give, want string }{
		{strings.Repeat("é", 100), strings.Repeat("é", 64)},
		{"x" + strings.Repeat("é", 100), "x" + strings.Repeat("é", 63)},
		{"a\xffb", "a\uFFFDb"},
	} {
		r.Name = tt.give
		if err := ctap.Selection(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		asked := w.person.Asked()
		if d := cmp.Diff(tt.want, asked[len(asked)-1].Caller.Name); d != "" {
			t.Error(d)
		}
	}
}

func TestTheEndOfServeEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "run", "agent.sock")
	l, err := agent.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	a, _, person := authtest.New(authtest.Leave)
	seen := person.Seen()
	ctx, cancel := context.WithCancel(t.Context())
	served, asked := make(chan error, 1), make(chan error, 1)
	go func() { served <- agent.Serve(ctx, l, a, pageURL) }()
	r, err := agent.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := ctap.MakeCredential(t.Context(), r, makeRequest())
		asked <- err
	}()
	<-seen
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if err := <-asked; err == nil {
		t.Error("the command under way succeeded")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) && runtime.GOOS != "windows" {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestLargeMessagesFit(t *testing.T) {
	t.Parallel()
	w := start(t)
	request := append([]byte{byte(ctap.CmdMakeCredential)}, bytes.Repeat([]byte{0}, ctap.MaxMessage-1)...)
	response, err := w.dial(t).Send(t.Context(), request)
	if err != nil || !bytes.Equal(response, []byte{byte(ctap.CBORUnexpectedType)}) {
		t.Errorf("Send of %d bytes = %x, %v", len(request), response, err)
	}
	if _, err := w.dial(t).Send(t.Context(), make([]byte, 2*ctap.MaxMessage)); err == nil {
		t.Error("Send of more than fits = nil")
	}
}

// The person is told which program asks, not only what it calls itself.
func TestCallerIsNamedByItsFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, err := agent.Listen(filepath.Join(t.TempDir(), "agent", "agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan authenticator.Caller, 1)
	a := authenticator.New(authenticator.Config{Vault: &vaulttest.Memory{}, Person: personFunc(func(p authenticator.Prompt) {
		asked <- p.Caller
	})})
	go agent.Serve(t.Context(), l, a, "")
	r, err := agent.Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r.Name = "Some Browser"
	if _, err := r.Send(t.Context(), []byte{byte(ctap.CmdSelection)}); err != nil {
		t.Fatal(err)
	}
	want := authenticator.Caller{Via: "local", Name: "Some Browser", Program: filepath.Base(self)}
	if got := <-asked; got != want {
		t.Errorf("caller = %+v, want %+v", got, want)
	}
}

// A personFunc says yes to everything.
type personFunc func(authenticator.Prompt)

func (f personFunc) Ask(_ context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
	f(p)
	return authenticator.Answer{Verified: true}, nil
}
