package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cardea/signin"
)

func TestGitsNameForTheHelper(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		program string
		args    []string
		want    []string
	}{
		{"/usr/bin/cardea", []string{"version"}, []string{"version"}},
		{"cardea", nil, nil},
		{"/home/ana/.local/bin/git-credential-cardea", []string{"--host", "h", "get"}, []string{"signin", "git-credential", "--host", "h", "get"}},
		{"git-credential-cardea.exe", []string{"get"}, []string{"signin", "git-credential", "get"}},
		{"git-credential-cardea-old", []string{"get"}, []string{"get"}},
	} {
		if got := asHelper(tt.program, tt.args); !slices.Equal(got, tt.want) {
			t.Errorf("asHelper(%q, %q) = %q, want %q", tt.program, tt.args, got, tt.want)
		}
	}
}

func TestRefreshTokenIsShownOnlyToWhoKeepsItThemselves(t *testing.T) {
	t.Parallel()
	for store, want := range map[string]bool{"none": true, "file": false, "keyring": false, "auto": false} {
		c := signinStartCommand{Place: signinPlace{Store: store}, JSON: true}
		var out strings.Builder
		if err := c.tell(&session{out: &out}, signin.Tokens{AccessToken: "access", RefreshToken: "crt_x"}, nil); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "crt_x"); got != want || !strings.Contains(out.String(), "access") {
			t.Errorf("--store %s --json printed %s, want the refresh token: %v", store, &out, want)
		}
	}
}

// A file of tokens that was damaged is no dead end: the person is sent to sign
// in, and what comes of that takes its place.
func TestDamagedTokensAreSignedInOver(t *testing.T) {
	t.Parallel()
	p := &signinPlace{Issuer: "https://login.example.org", Store: "file", Folder: t.TempDir()}
	if err := (signin.Files{Folder: p.Folder}).Save(signin.Tokens{Issuer: p.Issuer, ClientID: "cardea-cli"}); err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(p.Folder, "*.json"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept: %q, %v", kept, err)
	}
	if err := os.Truncate(kept[0], 10); err != nil {
		t.Fatal(err)
	}
	_, _, err = current(&session{ctx: t.Context()}, p, &signinHow{}, signin.NeedID, false)
	if !mustSignIn(err) || !strings.Contains(err.Error(), "cardea signin --issuer "+p.Issuer) {
		t.Errorf("current = %v, want to be told how to sign in", err)
	}
}
