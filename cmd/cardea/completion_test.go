package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// completed returns what cardea offers for a line, without what it means.
func completed(t *testing.T, words ...string) []string {
	t.Helper()
	status, out, errOut := cardea(t, append([]string{"completion", "words", "--"}, words...)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errOut)
	}
	found := []string{}
	for line := range strings.Lines(out) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		found = append(found, word)
	}
	return found
}

func TestWordsAreCompleted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		words []string
		want  []string
	}{
		{"a command", []string{"authe"}, []string{"authenticator"}},
		{"nothing that fits", []string{"xyz"}, []string{}},
		{"a command of a command", []string{"authenticator", "re"}, []string{"restore", "reset"}},
		{"two deep", []string{"authenticator", "passkeys", ""}, []string{"list", "show", "rename", "delete"}},
		{"after a flag with a value", []string{"authenticator", "--vault", "x", "passkeys", "l"}, []string{"list"}},
		{"after a flag without one", []string{"authenticator", "passkeys", "list", "--json", "--pi"}, []string{"--pin-file"}},
		{"a flag of the command that is meant", []string{"authenticator", "--man"}, []string{"--manner"}},
		{"a value", []string{"authenticator", "--manner", "i"}, []string{"ios"}},
		{"a value after an equals sign", []string{"authenticator", "--manner=a"}, []string{"--manner=android"}},
		{"a value as bash cuts it", []string{"authenticator", "--manner", "=", "a"}, []string{"android"}},
		{"a value as bash cuts it, not begun", []string{"authenticator", "--manner", "="}, []string{"computer", "ios", "android"}},
		{"an argument from a set", []string{"completion", "b"}, []string{"bash"}},
		{"a file", []string{"authenticator", "backup", ""}, []string{fileMark}},
		{"a file of a flag", []string{"authenticator", "backup", "--pin-file", "x"}, []string{fileMark}},
		{"no argument that is too many", []string{"authenticator", "backup", "a", ""}, []string{}},
		{"no flags after a double dash", []string{"authenticator", "backup", "--", "--v"}, []string{fileMark}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, completed(t, tt.words...)); d != "" {
				t.Errorf("want to got: %s", d)
			}
		})
	}
	if all := completed(t, ""); len(all) < 8 {
		t.Errorf("of nothing: %v, want all commands", all)
	}
}

// inShell makes a cardea and its script, and runs a shell with what is asked
// of it.
func inShell(t *testing.T, shell string, args func(script string) []string) string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skipf("there is no %s here", shell)
	}
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "cardea")); err != nil {
		t.Fatal(err)
	}
	_, script, _ := cardea(t, "completion", shell)
	path := filepath.Join(dir, "_cardea")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := args(path)
	cmd := exec.CommandContext(t.Context(), a[0], a[1:]...)
	cmd.Dir = dir
	cmd.Env = append(program(t).Env, "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil || errOut.Len() > 0 {
		t.Fatalf("%s: %v: %s\n%s", shell, err, &errOut, &out)
	}
	return out.String()
}

func TestBashCompletes(t *testing.T) {
	t.Parallel()
	// What bash does at the tab key: it sets these and calls the function.
	const tab = `source "$1"
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cardea; printf '%s|' "${COMPREPLY[@]}"; echo; }
complete -p cardea
try cardea authenticator pass
try cardea authenticator passkeys ""
try cardea authenticator --manner = i
try cardea authenticator backup "a "
try cardea serve --no-such-flag-`
	out := inShell(t, "bash", func(script string) []string { return []string{"bash", "--norc", "-c", tab, "bash", script} })
	want := "complete -F _cardea cardea\npasskeys|\nlist|show|rename|delete|\nios|\na file|\n|\n"
	if d := cmp.Diff(want, out); d != "" {
		t.Errorf("want to got: %s", d)
	}
}

func TestZshCompletes(t *testing.T) {
	t.Parallel()
	// Its functions are put in the place of those that only an editor has.
	const tab = `compdef() { : }; _describe() { print -l -- ${(P)2} }; _files() { print files }
source $1
try() { words=("$@"); CURRENT=$#; _cardea }
try cardea authenticator pass
try cardea authenticator --manner i
try cardea authenticator backup ''`
	out := inShell(t, "zsh", func(script string) []string { return []string{"zsh", "-f", "-c", tab, "zsh", script} })
	if want := "passkeys:Look after the passkeys\nios:\nfiles\n"; out != want {
		t.Errorf("zsh offers %q, want %q", out, want)
	}
}

func TestFishCompletes(t *testing.T) {
	t.Parallel()
	const tab = `source $argv[1]; complete -C "cardea authenticator pass"; complete -C "cardea authenticator --manner i"; complete -C "cardea authenticator backup a"`
	out := inShell(t, "fish", func(script string) []string { return []string{"fish", "--no-config", "-c", tab, script} })
	if want := "passkeys\tLook after the passkeys\nios\n"; !strings.HasPrefix(out, want) || !strings.Contains(out, "file") {
		t.Errorf("fish offers %q, want %q and a file", out, want)
	}
}

func TestManualPage(t *testing.T) {
	t.Parallel()
	status, page, errOut := cardea(t, "man")
	if status != 0 {
		t.Fatal(errOut)
	}
	for _, want := range []string{".TH CARDEA 1", ".SS authenticator passkeys list", `\-\-pin\-file`, ".SH EXIT STATUS", "identity provider"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	for _, check := range [][]string{{"mandoc", "-T", "lint", "-W", "warning"}, {"groff", "-man", "-Tutf8", "-ww", "-z"}} {
		if _, err := exec.LookPath(check[0]); err != nil {
			t.Logf("there is no %s here", check[0])
			continue
		}
		cmd := exec.CommandContext(t.Context(), check[0], check[1:]...)
		cmd.Stdin = strings.NewReader(page)
		if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
			t.Errorf("%v: %v: %s", check, err, said)
		}
	}
}
