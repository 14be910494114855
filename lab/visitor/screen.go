package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"cardea/internal/chromium"
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

// choices are where the browser's dialog may have the entry that leads to the
// code: in the middle of the window, so far from the top.
var choices = []int{200, 255, 305, 355}

// look takes a picture of the browser's own dialog. Between two tries without
// a code it clicks on a choice.
func (s *screen) look(ctx context.Context, name string, try int) (path string, err error) {
	if try > 0 && try%2 == 0 {
		y := choices[(try/2-1)%len(choices)]
		if err := exec.CommandContext(ctx, "xdotool", "mousemove", "600", strconv.Itoa(y), "click", "1").Run(); err != nil {
			return "", fmt.Errorf("clicking on the dialog: %w", err)
		}
	}
	return s.take(ctx, fmt.Sprintf("%s-%02d.png", name, try))
}

// lookAt takes a picture of a page.
func (s *screen) lookAt(ctx context.Context, page *chromium.Page, name string) (path string, err error) {
	picture, err := page.Screenshot(ctx)
	if err != nil {
		return "", fmt.Errorf("taking a picture of the dialog: %w", err)
	}
	path = filepath.Join(s.folder, name+"-ours.png")
	return path, os.WriteFile(path, picture, 0o600)
}

// attached waits until our extension, if it is there, answers for the browser.
// A browser whose passkey calls go to an extension says that it cannot do
// conditional requests.
func (v *visitor) attached(ctx context.Context) error {
	if v.browser.Extension == "" {
		return nil
	}
	const attached = `(async () => {
  while ((await PublicKeyCredential.getClientCapabilities()).conditionalGet) await new Promise(r => setTimeout(r, 200));
  return true;
})()`
	if err := v.page.Goto(ctx, v.account+"/signed-out"); err != nil {
		return err
	}
	if _, err := chromium.Eval[bool](ctx, v.page, attached); err != nil {
		return fmt.Errorf("waiting for the extension: %w", err)
	}
	return nil
}

// ownDialog waits for our extension's dialog to show its code.
func (v *visitor) ownDialog(ctx context.Context) (*chromium.Page, error) {
	dialog, err := v.window.WaitForWindow(ctx, func(u *url.URL) bool { return u.Scheme == "chrome-extension" })
	if err != nil {
		return nil, err
	}
	const way, code = "iPhone, iPad, or Android device", "Scan this with your phone"
	seen, err := dialog.WaitText(ctx, way, code)
	if err == nil && seen == way {
		err = dialog.Click(ctx, way)
	}
	if err == nil {
		_, err = dialog.WaitText(ctx, code)
	}
	if err != nil {
		dialog.Close()
		return nil, err
	}
	return dialog, nil
}
