package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cardea/authenticator/agent"
	"cardea/authenticator/app"
	"cardea/hybrid"
)

// startPhone runs a phone without Bluetooth until the test ends and returns
// the socket of its agent.
func startPhone(t *testing.T) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "phone") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "agent.sock")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := app.New(app.Config{Style: app.Android, OSVersion: "15", VaultPath: filepath.Join(dir, "vault"),
		URL: fmt.Sprint("http://phone.localhost:", l.Addr().(*net.TCPAddr).Port), AgentSocket: socket, Service: hybrid.DevelopmentService})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- phone.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the phone ended with %v", err)
		}
	})
	for t.Context().Err() == nil {
		if _, err := agent.Dial(t.Context(), socket); err == nil {
			return socket
		}
	}
	t.Fatal("the phone did not start")
	return ""
}

func writePicture(t *testing.T, b []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "screen.png")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScanShowsThePhoneACodeAndTellsWhatComesOfIt(t *testing.T) {
	t.Parallel()
	socket := startPhone(t)
	inv, err := hybrid.NewInvitation(hybrid.HintMakeCredential)
	if err != nil {
		t.Fatal(err)
	}
	code, err := drawn(inv.Text())
	if err != nil {
		t.Fatal(err)
	}
	var empty bytes.Buffer
	if err := png.Encode(&empty, image.NewGray(image.Rect(0, 0, 200, 200))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, picture, agent, out, complaint string }{
		{"a code", writePicture(t, code), socket, "Create passkey. You are asked on http://phone.localhost:", ""},
		{"what hinders", writePicture(t, code), socket, "What to do: turn it on, then scan the code again.", ""},
		{"no code", writePicture(t, empty.Bytes()), socket, "", "there is no code in the picture"},
		{"no picture", writePicture(t, []byte("text")), socket, "", "That picture can't be read."},
		{"a secret for all to see", inv.Text(), socket, "", "give it on standard input"},
		{"no app", writePicture(t, code), socket + ".none", "", "no passkey app is running"},
	} {
		var out, complaint bytes.Buffer
		status := run(t.Context(), []string{"authenticator", "scan", "--agent", tt.agent, tt.picture}, &out, &complaint)
		if status != 1 || !strings.Contains(out.String(), tt.out) || !strings.Contains(complaint.String(), tt.complaint) {
			t.Errorf("%s: status %d, %q, %q; want 1, %q, %q", tt.name, status, &out, &complaint, tt.out, tt.complaint)
		}
		if strings.Contains(out.String()+complaint.String(), inv.Text()) {
			t.Errorf("%s: the code's text was printed", tt.name)
		}
	}
}
