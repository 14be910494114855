package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// A screen is what stands before the person, the browser's own dialogs
// included.
type screen struct{ folder string }

// take keeps a picture of the screen.
func (s *screen) take(ctx context.Context, name string) (path string, err error) {
	path = filepath.Join(s.folder, name)
	if out, err := exec.CommandContext(ctx, "import", "-window", "root", path).CombinedOutput(); err != nil {
		return "", fmt.Errorf("taking a picture of the screen: %w: %s", err, out)
	}
	return path, nil
}

// choices are where the dialog may have the entry that leads to the code: at
// the middle of the window, from the top.
var choices = []int{200, 255, 305, 355}

// settle is how long the dialog may take to draw itself in the guest.
const settle = 4 * time.Second

// show holds the phone before the screen until it finds a code there.
func (s *screen) show(ctx context.Context, p *phone, name string) (*scan, error) {
	for try := 0; ; try++ {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("looking for a code on the screen: %w", ctx.Err())
		case <-time.After(settle):
		}
		picture, err := s.take(ctx, fmt.Sprintf("%s-%02d.png", name, try))
		if err != nil {
			return nil, err
		}
		switch found, err := p.scan(ctx, picture); {
		case err != nil:
			return nil, err
		case found != nil:
			return found, nil
		}
		if try%2 == 1 {
			y := choices[try/2%len(choices)]
			_ = exec.CommandContext(ctx, "xdotool", "mousemove", "600", strconv.Itoa(y), "click", "1").Run()
		}
	}
}
