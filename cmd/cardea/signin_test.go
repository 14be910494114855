package main

import (
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
