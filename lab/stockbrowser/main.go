package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"cardea/internal/chromium"
)

type person struct {
	account string // where My Account is
	screen  screen
	phone   phone
	page    *chromium.Page
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "stockbrowser:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var p person
	var setup, profile string
	f := flag.NewFlagSet("stockbrowser", flag.ContinueOnError)
	f.StringVar(&p.account, "account", "", "URL of My Account")
	f.StringVar(&setup, "setup", "", "the first administrator's link")
	f.StringVar(&profile, "profile", "", "folder of the browser's profile")
	f.StringVar(&p.screen.folder, "pictures", "", "folder for pictures of the screen")
	f.StringVar(&p.phone.cardea, "cardea", "cardea", "the program")
	f.StringVar(&p.phone.agent, "agent", "", "socket of the phone's agent")
	f.StringVar(&p.phone.pages, "phone", "", "URL of the phone's pages")
	if err := f.Parse(args); err != nil {
		return err
	}
	browser, err := chromium.Start(ctx, chromium.Options{Profile: profile, Visible: true, Width: 1200, Height: 850, Flags: flags})
	if err != nil {
		return err
	}
	defer browser.Close()
	if p.page, err = browser.Open(ctx, "about:blank"); err != nil {
		return err
	}
	for _, act := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"the phone is set up", p.phone.setUp},
		{"a passkey is made", func(ctx context.Context) error { return p.register(ctx, setup) }},
		{"signed out", p.signOut},
		{"signed in", p.signIn},
	} {
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, 6*time.Minute)
		err := act.do(limited)
		cancel()
		if err != nil {
			p.screen.take(ctx, "failed.png")
			return fmt.Errorf("%s: %w", act.name, err)
		}
		p.screen.take(ctx, "last.png")
		fmt.Printf("%s (%.0f s)\n", act.name, time.Since(began).Seconds())
	}
	return nil
}

// flags keep the browser from doing what takes minutes in a guest without
// hardware help. None of them changes its passkeys, its dialog, its Bluetooth
// or whom it trusts.
var flags = []string{
	"in-process-gpu", "disable-software-rasterizer", "js-flags=--jitless", "renderer-process-limit=2", "ipc-connection-timeout=300",
	"lang=en-US", "window-position=0,0", "enable-logging=stderr", "vmodule=*device_event_log*=2,*fido*=2,*webauthn*=2",
	"disable-features=OptimizationGuideOnDeviceModel,OnDeviceModelService,Translate,MediaRouter,PaintHolding",
}

const welcome = "Everything about how you sign in"

func (p *person) register(ctx context.Context, setup string) error {
	return inOrder(
		func() error { return p.page.Goto(ctx, setup) },
		func() error { return p.page.Type(ctx, "Your name", "Ana Lima") },
		func() error { return p.page.Type(ctx, "User name", "ana") },
		func() error { return p.page.Click(ctx, "Create my passkey") },
		func() error { return p.byPhone(ctx, "register") },
		func() error { _, err := p.page.WaitText(ctx, welcome); return err },
	)
}

func (p *person) signOut(ctx context.Context) error {
	return inOrder(
		func() error { return p.page.Goto(ctx, p.account) },
		func() error { return p.page.Click(ctx, "Ana Lima, account menu") },
		func() error { return p.page.Click(ctx, "Sign out") },
		func() error { _, err := p.page.WaitText(ctx, "You're signed out"); return err },
	)
}

func (p *person) signIn(ctx context.Context) error {
	return inOrder(
		func() error { return p.page.Goto(ctx, p.account) },
		func() error { return p.page.Click(ctx, "Sign-in options") },
		func() error { return p.page.Click(ctx, "Use another device") },
		func() error { return p.byPhone(ctx, "signin") },
		func() error { _, err := p.page.WaitText(ctx, welcome); return err },
	)
}

// byPhone answers the browser's own dialog with the phone.
func (p *person) byPhone(ctx context.Context, name string) error {
	scanned, err := p.screen.show(ctx, &p.phone, name)
	if err != nil {
		return err
	}
	defer scanned.end()
	if err := p.phone.approve(ctx); err != nil {
		return err
	}
	return scanned.wait(ctx)
}

func inOrder(acts ...func() error) error {
	for _, act := range acts {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}
