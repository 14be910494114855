package world

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"cardea/internal/chromium"
	"cardea/platform/browser"
	"cardea/platform/securitykey"
)

// hostArg makes this test binary the browser's native host.
const hostArg = "browser-host"

func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == hostArg {
		if err := beHost(os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	status := m.Run()
	if programDir != "" {
		_ = os.RemoveAll(programDir) // a failure here would hide that of a test
	}
	os.Exit(status)
}

func beHost(config string) error {
	cfg, err := browser.ReadConfig(config)
	if err != nil {
		return err
	}
	h, err := browser.NewHost(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)), &securitykey.Route{})
	if err != nil {
		return err
	}
	return h.Run(context.Background(), os.Stdin, os.Stdout)
}

func host(t *testing.T) HostCommand {
	t.Helper()
	if _, err := chromium.Find(); errors.Is(err, chromium.ErrNotInstalled) {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return HostCommand{self, hostArg}
}

func TestTheFourFlowsInRealBrowsers(t *testing.T) {
	h := host(t)
	w, _ := start(t)
	if err := w.Check(t.Context(), t.Output(), w.dir, h); err != nil {
		t.Error(err)
	}
}
