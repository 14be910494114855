package vault

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/webauthn"
)

// killedEnv makes this test binary the program that is killed: "what path".
const killedEnv = "CARDEA_TEST_VAULT_TO_KILL"

// killsEnv is how many kills there are in all; without it, a few hundred.
const killsEnv = "CARDEA_TEST_KILLS"

func TestMain(m *testing.M) {
	if what, path, ok := strings.Cut(os.Getenv(killedEnv), " "); ok {
		fmt.Println("error", victims[what](path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A deed is what a killed program said. It says "begin what args", and "done
// what args" when it was told that what it began is done.
type deed struct {
	done bool
	what string
	args []string
}

// kills returns the share of one test in all kills.
func kills(t *testing.T, percent int) int {
	all := 240
	if s := os.Getenv(killsEnv); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		all = n
	} else if testing.Short() {
		all = 50
	}
	return max(1, all*percent/100)
}

// runAndKill runs a program and kills it at a random moment in the first
// milliseconds after it began its first deed. It returns what it said.
func runAndKill(t *testing.T, what, path string, within time.Duration) (deeds []deed) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedEnv+"="+what+" "+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var timer *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "begin" && words[0] != "done" {
			t.Fatalf("the program said %q", lines.Text())
		}
		deeds = append(deeds, deed{words[0] == "done", words[1], words[2:]})
		if timer == nil {
			timer = time.AfterFunc(time.Duration(rand.Int64N(int64(within))), func() { cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || timer == nil {
		t.Fatalf("the program ended by itself: %v", err)
	}
	return deeds
}

// survivor opens the vault that a killed program left.
func survivor(t *testing.T, path string) *Vault {
	t.Helper()
	v, err := Open(path)
	if err != nil {
		t.Fatalf("after a kill: %v", err)
	}
	return v
}

func newVaultAt(t *testing.T, pin string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vault")
	v, err := Create(path, pin, WithCost(TestCost))
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
	return path
}

// What a killed program was told is done is done, and the vault opens. Each
// round goes on with the same vault. The program writes the log anew all the
// time, so that it is often killed while it does.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	path := newVaultAt(t, rightPIN)
	known := map[string]string{} // what may be seen of a passkey: "count nickname", or nothing if deleted
	rewritten := 0
	for round := range kills(t, 45) {
		doubt := map[string][]string{} // what was begun last
		for _, d := range runAndKill(t, "write", path, 20*time.Millisecond) {
			id, state := d.args[0], strings.Join(d.args[1:], " ")
			if d.done {
				known[id] = state
				delete(doubt, id)
			} else {
				doubt[id] = []string{known[id], state}
			}
		}
		v := survivor(t, path)
		check(t, v.Unlock(t.Context(), rightPIN))
		found := map[string]string{}
		for _, p := range list(t, v) {
			found[p.ID.String()] = state(p)
		}
		if v.open.singles < v.open.journal.count {
			rewritten++
		}
		for id, want := range known {
			if got := found[id]; got != want && !(len(doubt[id]) != 0 && got == doubt[id][1]) {
				t.Fatalf("round %d: passkey %s is %q, acknowledged was %q", round, id, got, want)
			}
		}
		for id, got := range found {
			if _, there := known[id]; !there && len(doubt[id]) == 0 {
				t.Fatalf("round %d: passkey %s is %q, nobody saved it", round, id, got)
			}
		}
		known = found
		v.Close()
	}
	if rewritten == 0 {
		t.Error("no log was ever written anew")
	}
	t.Logf("%d passkeys at the end; %d logs began with a snapshot", len(known), rewritten)
}

// Of passkeys that are saved together all are there or none, and what was
// acknowledged is there.
func TestKilledWhileSavingMany(t *testing.T) {
	t.Parallel()
	path := newVaultAt(t, rightPIN)
	known := map[string]string{} // the nickname that all of a site have
	whole, none := 0, 0
	for round := range kills(t, 30) {
		doubt := map[string]string{}
		for _, d := range runAndKill(t, "batch", path, 30*time.Millisecond) {
			if site, tag := d.args[0], d.args[1]; d.done {
				known[site] = tag
				delete(doubt, site)
			} else {
				doubt[site] = tag
			}
		}
		v := survivor(t, path)
		check(t, v.Unlock(t.Context(), rightPIN))
		for site, size := range batches {
			found := map[string]int{}
			all, err := v.Passkeys(t.Context(), webauthn.RPID(site))
			check(t, err)
			for _, p := range all {
				found[p.Nickname]++
			}
			switch tag := doubt[site]; {
			case len(all) == 0 && known[site] == "":
			case tag != "" && found[tag] == size:
				whole++
				known[site] = tag
			case found[known[site]] == size:
				if tag != "" {
					none++
				}
			default:
				t.Fatalf("round %d, %s: %v, want %d of %q or %q", round, site, found, size, known[site], tag)
			}
			if len(all) != 0 && len(all) != size {
				t.Fatalf("round %d: %d passkeys for %s, want %d", round, len(all), site, size)
			}
		}
		v.Close()
	}
	t.Logf("of what was under way %d were there, whole, and %d were not", whole, none)
}

func state(p authenticator.Passkey) string {
	return strings.TrimSpace(fmt.Sprint(p.SignCount, " ", p.Nickname))
}

// Either PIN of a change that was under way opens the vault, and no other.
func TestKilledWhileChangingThePIN(t *testing.T) {
	t.Parallel()
	pin := "0000"
	path := newVaultAt(t, pin)
	for round := range kills(t, 15) {
		candidates := []string{pin}
		for _, d := range runAndKill(t, "pin", path+" "+pin, 10*time.Millisecond) {
			if d.done {
				candidates = []string{d.args[0]}
			} else {
				candidates = append(candidates, d.args[0])
			}
		}
		v := survivor(t, path)
		pin = ""
		for _, c := range candidates {
			if v.Unlock(t.Context(), c) == nil {
				pin = c
			}
		}
		if pin == "" {
			t.Fatalf("round %d: none of %q opens the vault", round, candidates)
		}
		v.Close()
	}
}

// What was acknowledged of a holder holds: enrolled, it opens the vault; taken
// off, it does not.
func TestKilledWhileEnrolling(t *testing.T) {
	t.Parallel()
	path := newVaultAt(t, rightPIN)
	h := fileHolder{dir: path + ".keys"}
	check(t, os.MkdirAll(h.dir, 0o700))
	for round := range kills(t, 15) {
		var last deed
		for _, d := range runAndKill(t, "enroll", path, 10*time.Millisecond) {
			last = d
		}
		v := survivor(t, path)
		err := v.UnlockBy(t.Context(), h)
		switch {
		case !last.done:
			if err != nil && !errors.Is(err, ErrNotEnrolled) {
				t.Fatalf("round %d: UnlockBy = %v after %q was begun", round, err, last.what)
			}
		case last.what == "enroll" && err != nil, last.what == "unenroll" && !errors.Is(err, ErrNotEnrolled):
			t.Fatalf("round %d: UnlockBy = %v after %q was done", round, err, last.what)
		}
		check(t, v.Unlock(t.Context(), rightPIN))
		v.Close()
	}
}

// A vault is there or it is not, and what Create returned is there.
func TestKilledWhileCreating(t *testing.T) {
	t.Parallel()
	made := 0
	for round := range kills(t, 10) {
		path := filepath.Join(t.TempDir(), "vault")
		deeds := runAndKill(t, "create", path, 12*time.Millisecond)
		created := deeds[len(deeds)-1].done
		v, err := Open(path)
		switch {
		case err == nil:
			made++
			check(t, v.Unlock(t.Context(), rightPIN))
		case created || !errors.Is(err, ErrNone):
			t.Fatalf("round %d: created %v, Open = %v", round, created, err)
		default:
			if v, err = Create(path, rightPIN, WithCost(TestCost)); err != nil {
				t.Fatalf("round %d: what was left is in the way: %v", round, err)
			}
		}
		v.Close()
	}
	t.Logf("%d were made", made)
}

// A vault of version 2 is one of version 2 or one of version 3, whole.
func TestKilledWhileBringingUpToDate(t *testing.T) {
	t.Parallel()
	for range kills(t, 10) {
		path := copyFixture(t, "v2/pin")
		runAndKill(t, "upgrade", path, 12*time.Millisecond)
		v := survivor(t, path)
		check(t, v.Unlock(t.Context(), rightPIN))
		wantFixture(t, v)
		v.Close()
	}
}

// An attempt that was made is counted, however soon the program is killed: of
// each that was begun and not done it may be either.
func TestKilledWhileTryingPINs(t *testing.T) {
	t.Parallel()
	for round := range kills(t, 5) {
		path := newVaultAt(t, rightPIN)
		begun, done := 0, 0
		for _, d := range runAndKill(t, "guess", path, 6*time.Millisecond) {
			if d.done {
				done++
			} else {
				begun++
			}
		}
		v := survivor(t, path)
		if left := v.Retries(); left > MaxRetries-done || left < MaxRetries-begun {
			t.Fatalf("round %d: %d attempts left after %d begun and %d told", round, left, begun, done)
		}
		v.Close()
	}
}
