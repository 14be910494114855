package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"cardea/internal/chromium"
)

// A visitor is the person, with what is before them and in their hand.
type visitor struct {
	account string // where My Account is
	setup   string // the first administrator's link; empty for one who has been here
	browser chromium.Options
	screen  screen
	phone   phone

	window *chromium.Browser
	page   *chromium.Page
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	v := visitor{browser: chromium.Options{Visible: true, Width: 1200, Height: 850, Flags: flags}}
	flag.StringVar(&v.account, "account", "", "URL of My Account")
	flag.StringVar(&v.setup, "setup", "", "the first administrator's link; without one, sign in only")
	flag.StringVar(&v.browser.Profile, "profile", "", "folder of the browser's profile")
	flag.StringVar(&v.browser.Extension, "extension", "", "folder of our extension, to have it in the browser")
	flag.StringVar(&v.screen.folder, "pictures", "", "folder for pictures of the screen")
	flag.StringVar(&v.phone.cardea, "cardea", "cardea", "the program")
	flag.StringVar(&v.phone.agent, "agent", "", "socket of the phone's agent")
	flag.StringVar(&v.phone.pages, "phone", "", "URL of the phone's pages")
	flag.Parse()
	if err := v.visit(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "visitor:", err)
		os.Exit(1)
	}
}

// flags keep the browser from doing what takes minutes in a guest without
// hardware help. None of them changes its passkeys, its dialog, its Bluetooth
// or whom it trusts.
var flags = []string{
	"in-process-gpu", "disable-software-rasterizer", "js-flags=--jitless", "renderer-process-limit=2", "ipc-connection-timeout=300",
	"lang=en-US", "window-position=0,0", "enable-logging=stderr", "vmodule=*device_event_log*=2,*fido*=2,*webauthn*=2",
	// The last lets an extension be loaded by a switch, if there is one.
	"disable-features=OptimizationGuideOnDeviceModel,OnDeviceModelService,Translate,MediaRouter,PaintHolding,DisableLoadExtensionCommandLineSwitch",
}

type act struct {
	name string // what is so when it is done
	do   func(context.Context) error
}

func (v *visitor) visit(ctx context.Context) (err error) {
	if v.window, err = chromium.Start(ctx, v.browser); err != nil {
		return err
	}
	defer v.window.Close()
	if v.page, err = v.window.Open(ctx, "about:blank"); err != nil {
		return err
	}
	acts := []act{{"signed in", v.signIn}}
	if v.setup != "" {
		acts = []act{{"the phone is set up", v.phone.setUp}, {"a passkey is made", v.register}, {"signed out", v.signOut}, acts[0]}
	}
	for _, a := range acts {
		if err := v.perform(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long one act may take.
const patience = 8 * time.Minute

func (v *visitor) perform(ctx context.Context, a act) error {
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, patience)
	err := a.do(limited)
	cancel()
	if _, pictureErr := v.screen.take(ctx, "last.png"); err == nil {
		err = pictureErr
	}
	if err != nil {
		return fmt.Errorf("not so: %s: %w", a.name, err)
	}
	fmt.Printf("      %s (%.0f s)\n", a.name, time.Since(began).Seconds())
	return nil
}

const welcome = "Everything about how you sign in"

func (v *visitor) register(ctx context.Context) error {
	return inOrder(
		func() error { return v.page.Goto(ctx, v.setup) },
		func() error { return v.page.Type(ctx, "Your name", "Ana Lima") },
		func() error { return v.page.Type(ctx, "User name", "ana") },
		func() error { return v.page.Click(ctx, "Create my passkey") },
		func() error { return v.byPhone(ctx, "register") },
		func() error { _, err := v.page.WaitText(ctx, welcome); return err },
	)
}

func (v *visitor) signOut(ctx context.Context) error {
	return inOrder(
		func() error { return v.page.Goto(ctx, v.account) },
		func() error { return v.page.Click(ctx, "Ana Lima, account menu") },
		func() error { return v.page.Click(ctx, "Sign out") },
		func() error { _, err := v.page.WaitText(ctx, "You're signed out"); return err },
	)
}

func (v *visitor) signIn(ctx context.Context) error {
	return inOrder(
		func() error { return v.attached(ctx) },
		func() error { return v.page.Goto(ctx, v.account) },
		func() error { return v.page.Click(ctx, "Sign-in options") },
		func() error { return v.page.Click(ctx, "Use another device") },
		func() error { return v.byPhone(ctx, "signin") },
		func() error { return v.page.Click(ctx, "No") }, // to stay signed in
		func() error { _, err := v.page.WaitText(ctx, welcome); return err },
	)
}

// byPhone answers the dialog with the phone.
func (v *visitor) byPhone(ctx context.Context, name string) error {
	look := func(try int) (string, error) { return v.screen.look(ctx, name, try) }
	if v.browser.Extension != "" {
		dialog, err := v.ownDialog(ctx)
		if err != nil {
			return err
		}
		defer dialog.Close()
		look = func(int) (string, error) { return v.screen.lookAt(ctx, dialog, name) }
	}
	scanned, err := v.phone.find(ctx, look)
	if err != nil {
		return err
	}
	defer scanned.end()
	if err := v.phone.approve(ctx); err != nil {
		return err
	}
	return scanned.wait()
}

func inOrder(acts ...func() error) error {
	for _, act := range acts {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}
