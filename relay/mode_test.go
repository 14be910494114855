package relay_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"cardea/relay"
)

const modeVariable = "CARDEA_RELAY_TEST_MODE"

// testMode is the mode that the relays of this run have.
func testMode(t testing.TB) relay.Mode {
	t.Helper()
	text := os.Getenv(modeVariable)
	if text == "" {
		return relay.Goroutines
	}
	m, err := relay.ParseMode(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Both modes keep the same promises: every test of this package runs again with
// epoll, in a process of its own.
func TestAllAgainWithEpoll(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getenv(modeVariable) != "" {
		t.Skip("there is nothing more to run")
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^Test", "-test.skip=^TestAllAgainWithEpoll$", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), modeVariable+"=epoll")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("with epoll: %v\n%s", err, out)
	}
}
