package browser

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// The browser starts the test binary as its native host.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "browser-host" {
		if err := runHost(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runHost(config string) error {
	c, err := ReadConfig(config)
	if err != nil {
		return err
	}
	h, err := NewHost(c, nil)
	if err != nil {
		return err
	}
	return h.Run(context.Background(), os.Stdin, os.Stdout)
}
