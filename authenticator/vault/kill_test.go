package vault

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/secret"
)

// killedEnv makes this test binary the program that is killed.
const killedEnv = "CARDEA_TEST_VAULT_TO_KILL"

func TestMain(m *testing.M) {
	if path := os.Getenv(killedEnv); path != "" {
		fmt.Println("error", writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled changes the vault at path without end and says on standard
// output what it was told is done, after it was told so.
func writeUntilKilled(path string) error {
	v, err := Open(path)
	if err != nil {
		return err
	}
	v.slack = 8 // so that it is often killed while it tidies
	ctx, pin := context.Background(), rightPIN
	if err := v.Unlock(ctx, pin); err != nil {
		return err
	}
	for n := 0; ; n++ {
		p := vaulttest.NewPasskey(1, "example.org", "user")
		p.ID, p.Account.Handle = secret.Random(16).Expose(), secret.Random(16).Expose()
		if err := v.Save(ctx, p); err != nil {
			return err
		}
		fmt.Println("saved", p.ID)
		for range 5 {
			count, err := v.Use(ctx, p.ID, p.CreatedAt)
			if err != nil {
				return err
			}
			fmt.Println("used", p.ID, count)
		}
		if n%3 == 2 {
			fmt.Println("deleting", p.ID)
			if err := v.Delete(ctx, p.ID); err != nil {
				return err
			}
			fmt.Println("deleted", p.ID)
		}
		if n%4 == 3 {
			// The same PIN again: the header is replaced as for another one.
			if err := v.ChangePIN(ctx, pin, pin); err != nil {
				return err
			}
		}
	}
}

// What a killed program was told is done is done, and the vault opens. Each
// round goes on with the same vault and is killed a little later than the one
// before, at whatever it is doing then.
func TestKilledInTheMiddleOfWriting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vault")
	v, err := Create(path, rightPIN, WithCost(TestCost))
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
	rounds := 24
	if testing.Short() {
		rounds = 8
	}
	acknowledged := map[string]uint32{}
	for round := range rounds {
		runAndKill(t, path, 3+3*round, acknowledged)
		v := openAt(t, path)
		if err := v.Unlock(t.Context(), rightPIN); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		found := map[string]uint32{}
		for _, p := range list(t, v) {
			found[p.ID.String()] = p.SignCount
		}
		for id, count := range acknowledged {
			got, there := found[id]
			// More than was told is well: it was killed before it could tell.
			if count == deleted && there || count != deleted && (!there || got < count) {
				t.Fatalf("round %d: passkey %s: there %v, count %d; acknowledged %d", round, id, there, got, count)
			}
		}
		// From here on, what is there is what is known.
		clear(acknowledged)
		for id, count := range found {
			acknowledged[id] = count
		}
		v.Close()
	}
	if len(acknowledged) < rounds {
		t.Errorf("only %d passkeys after %d rounds", len(acknowledged), rounds)
	}
}

// deleted stands for a count in what was acknowledged.
const deleted = 1<<32 - 1

// runAndKill runs the program until it has told of some things, kills it, and
// notes all that it told.
func runAndKill(t *testing.T, path string, after int, acknowledged map[string]uint32) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for told := 0; lines.Scan(); told++ {
		var what, id string
		var count uint32
		if n, _ := fmt.Sscan(lines.Text(), &what, &id, &count); n < 2 {
			t.Fatalf("the program said %q", lines.Text())
		}
		switch what {
		case "saved":
			acknowledged[id] = 0
		case "used":
			acknowledged[id] = count
		case "deleting":
			delete(acknowledged, id) // from here on nobody can say
		case "deleted":
			acknowledged[id] = deleted
		default:
			t.Fatalf("the program said %q", lines.Text())
		}
		if told == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the program ended by itself")
	}
}
