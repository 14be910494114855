package app

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"cardea/authenticator/agent"
	"cardea/ctap"
)

// A program of the same user reaches the phone through its socket, and finds
// the page where its person is asked.
func TestProgramsReachTheAuthenticator(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "agent", "phone.sock")
	s := start(t, func(c *Config) { c.AgentSocket = socket })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()

	remote := dialAgent(t, socket)
	if got, want := remote.PageURL(), s.url+"/prompt"; got != want {
		t.Errorf("PageURL = %q, want %q", got, want)
	}
	pressed := s.pressing("continue", "other", "secret")
	if _, err := ctap.MakeCredential(t.Context(), remote, makeRequest("ana@example")); err != nil {
		t.Errorf("making a passkey: %v", err)
	}
	<-pressed
	if has, known, err := remote.HasPasskey(t.Context(), "login.example"); !has || !known || err != nil {
		t.Errorf("HasPasskey = %v, %v, %v; want it", has, known, err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if !s.keeper.Locked() {
		t.Error("the vault is open after the end")
	}
}

// dialAgent dials until the socket is there.
func dialAgent(t *testing.T, socket string) *agent.Remote {
	t.Helper()
	for t.Context().Err() == nil {
		if r, err := agent.Dial(t.Context(), socket); err == nil {
			return r
		}
	}
	t.Fatal("no agent")
	return nil
}
