package main

import (
	"slices"
	"testing"
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
