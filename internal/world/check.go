package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"cardea/internal/chromium"
)

// patience is how long one act of the check may take before it counts as
// failed.
const patience = 60 * time.Second

// Check runs the four flows and the registrations through real browsers and
// phones, and prints a line for each. It ends at the first that fails, since
// the later ones build on it.
func (w *World) Check(ctx context.Context, out io.Writer, dir string, host HostCommand) error {
	c := &checker{World: w, out: out, dir: dir, host: host,
		inPhone: map[*Phone]*Computer{}, pages: map[*Phone]*chromium.Page{}}
	defer c.close()
	if err := c.open(ctx); err != nil {
		return fmt.Errorf("opening the browsers: %w", err)
	}
	for _, act := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"first-start ios", func(ctx context.Context) error { return c.iphone.SetUp(ctx) }},
		{"first-start android", func(ctx context.Context) error { return c.android.SetUp(ctx) }},
		{"register first-administrator another-device ios", c.setUp},
		{"sign-out", c.signOut},
		{"another-device ios", func(ctx context.Context) error { return c.anotherDevice(ctx, c.iphone) }},
		{"register another-device android", c.addAndroid},
		{"register this-device desktop", c.addComputer},
		{"sign-out", c.signOut},
		{"this-device desktop", c.thisDevice},
		{"sign-out", c.signOut},
		{"another-device android, to remember", c.toRemember},
		{"sign-out", c.signOut},
		{"remembered android", c.remembered},
		{"sign-out", c.signOut},
		{"forgotten on the phone", c.forgottenOnThePhone},
		{"sign-out", c.signOut},
		{"forgotten on the computer", c.forgottenOnTheComputer},
		{"rename passkey", func(ctx context.Context) error {
			return c.Rename(ctx, c.page, "Ana's Android phone", "Ana's other phone")
		}},
		{"same-device ios", func(ctx context.Context) error { return c.sameDevice(ctx, c.IPhone) }},
		{"same-device android", func(ctx context.Context) error { return c.sameDevice(ctx, c.Android) }},
		{"access-pass, register same-device ios", func(ctx context.Context) error { return c.newcomer(ctx, c.IPhone, "Bo Lind", "bo") }},
		{"access-pass, register same-device android", func(ctx context.Context) error { return c.newcomer(ctx, c.Android, "Cy Marsh", "cy") }},
		{"delete passkey", func(ctx context.Context) error { return c.Delete(ctx, c.page, "Ana's other phone") }},
	} {
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, patience)
		err := act.do(limited)
		cancel()
		if err != nil {
			fmt.Fprintf(out, "failed %s: %v\n", act.name, err)
			c.leavePictures(ctx)
			return fmt.Errorf("%s: %w", act.name, err)
		}
		fmt.Fprintf(out, "ok %s %dms\n", act.name, time.Since(began).Milliseconds())
	}
	return nil
}

// A checker is the person who does it all, and what stands before them.
type checker struct {
	*World
	out  io.Writer
	dir  string
	host HostCommand

	desk            *Computer
	page            *chromium.Page // on the desk
	hands           *Hands
	iphone, android *Handset
	inPhone         map[*Phone]*Computer // the phones' own browsers
	pages           map[*Phone]*chromium.Page
	closers         []func()
}

func (c *checker) open(ctx context.Context) (err error) {
	if c.desk, err = c.Browse(ctx, filepath.Join(c.dir, "desktop"), nil, c.host); err != nil {
		return err
	}
	c.closers = append(c.closers, c.desk.Close)
	if c.page, err = c.desk.Open(ctx, "about:blank"); err != nil {
		return err
	}
	if c.hands, err = c.Hands(ctx, c.dir); err != nil {
		return err
	}
	c.closers = append(c.closers, c.hands.Close)
	if c.iphone, err = c.hands.Take(ctx, c.IPhone); err != nil {
		return err
	}
	if c.android, err = c.hands.Take(ctx, c.Android); err != nil {
		return err
	}
	for _, p := range []*Phone{c.IPhone, c.Android} {
		if c.inPhone[p], err = c.Browse(ctx, filepath.Join(c.dir, "in-"+string(p.Style)), p, c.host); err != nil {
			return err
		}
		c.closers = append(c.closers, c.inPhone[p].Close)
		if c.pages[p], err = c.inPhone[p].Open(ctx, "about:blank"); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) close() {
	for _, f := range c.closers {
		f()
	}
}

func (c *checker) setUp(ctx context.Context) error {
	link, ok, err := c.Server.SetupURL(ctx)
	if err != nil || !ok {
		return errors.Join(errors.New("no link for the first administrator"), err)
	}
	_, save := c.IPhone.Offers()
	return inOrder(
		func() error { return SetUpProvider(ctx, c.page, link, "Ana Oduya", "ana") },
		func() error { return c.desk.ByPhone(ctx, c.iphone, save) },
		func() error { return c.SignedIn(ctx, c.page) },
	)
}

func (c *checker) signOut(ctx context.Context) error { return c.SignOut(ctx, c.page, "Ana Oduya") }

func (c *checker) anotherDevice(ctx context.Context, h *Handset) error {
	use, _ := h.Phone.Offers()
	return inOrder(
		func() error { return c.BeginSignIn(ctx, c.page) },
		func() error { return c.desk.ByPhone(ctx, h, use) },
		func() error { return c.SignedIn(ctx, c.page) },
	)
}

// androidName is what the dialog calls the phone that it remembers.
const androidName = "Demo Android phone"

func (c *checker) toRemember(ctx context.Context) error {
	use, _ := c.Android.Offers()
	return inOrder(
		func() error { return c.BeginSignIn(ctx, c.page) },
		func() error { return c.desk.ByPhoneToRemember(ctx, c.android, use) },
		func() error { return c.SignedIn(ctx, c.page) },
	)
}

func (c *checker) remembered(ctx context.Context) error {
	return inOrder(
		func() error { return c.BeginSignIn(ctx, c.page) },
		func() error { return c.desk.ByRemembered(ctx, c.android, androidName) },
		func() error { return c.SignedIn(ctx, c.page) },
	)
}

// forgottenOnThePhone ends the link there: the dialog says so, shows a code,
// and the computer is remembered anew.
func (c *checker) forgottenOnThePhone(ctx context.Context) error {
	if err := inOrder(
		func() error { return c.android.ForgetComputer(ctx) },
		func() error { return c.BeginSignIn(ctx, c.page) },
	); err != nil {
		return err
	}
	dialog, err := c.desk.Dialog(ctx)
	if err != nil {
		return err
	}
	use, _ := c.Android.Offers()
	return inOrder(
		func() error { return dialog.Click(ctx, androidName) },
		func() error { _, err := dialog.WaitText(ctx, androidName+" doesn't remember"); return err },
		func() error { return c.desk.ByPhoneToRemember(ctx, c.android, use) },
		func() error { return c.SignedIn(ctx, c.page) },
	)
}

// forgottenOnTheComputer ends the link here, which leaves the code.
func (c *checker) forgottenOnTheComputer(ctx context.Context) error {
	if err := c.BeginSignIn(ctx, c.page); err != nil {
		return err
	}
	dialog, err := c.desk.Dialog(ctx)
	if err != nil {
		return err
	}
	use, _ := c.Android.Offers()
	return inOrder(
		func() error { return dialog.Click(ctx, "Forget "+androidName) },
		func() error { return c.desk.ByPhone(ctx, c.android, use) },
		func() error { return c.SignedIn(ctx, c.page) },
	)
}

func (c *checker) addAndroid(ctx context.Context) error {
	_, save := c.Android.Offers()
	return inOrder(
		func() error { return c.BeginAdd(ctx, c.page, "A phone or tablet") },
		func() error { return c.desk.ByPhone(ctx, c.android, save) },
		func() error { return Name(ctx, c.page, "Ana's Android phone") },
	)
}

// addComputer registers on the desk itself, whose authenticator starts for the
// first time then.
func (c *checker) addComputer(ctx context.Context) error {
	return inOrder(
		func() error { return c.BeginAdd(ctx, c.page, "This device") },
		func() error { return c.desk.ByItself(ctx, c.Computer.FirstStart) },
		func() error { return Name(ctx, c.page, "Ana's computer") },
	)
}

// thisDevice signs in with the desk's own authenticator.
func (c *checker) thisDevice(ctx context.Context) error {
	return inOrder(
		func() error { return c.BeginSignIn(ctx, c.page) },
		func() error { return c.desk.ByItself(ctx, c.Computer.Approve) },
		func() error { return c.SignedIn(ctx, c.page) },
	)
}

// sameDevice signs in in the phone's own browser.
func (c *checker) sameDevice(ctx context.Context, p *Phone) error {
	return inOrder(
		func() error { return c.BeginSignIn(ctx, c.pages[p]) },
		func() error { return c.inPhone[p].OnThisPhone(ctx, p) },
		func() error { return c.SignedIn(ctx, c.pages[p]) },
	)
}

// newcomer comes in by access pass on a phone and registers there at once.
func (c *checker) newcomer(ctx context.Context, p *Phone, name, username string) error {
	page := c.pages[p]
	if err := c.SignOut(ctx, page, "Ana Oduya"); err != nil {
		return err
	}
	code, err := c.IssuePass(ctx, c.page, name, username)
	if err != nil {
		return err
	}
	return inOrder(
		func() error { return c.EnterPass(ctx, page, username, code) },
		func() error { return SaveOn(ctx, page, "This device") },
		func() error { return c.inPhone[p].OnThisPhone(ctx, p) },
		func() error { return Name(ctx, page, name+"'s phone") },
	)
}

// leavePictures keeps what was on the screens, for whoever looks into a
// failure.
func (c *checker) leavePictures(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	pages := map[string]*chromium.Page{"desktop": c.page, "iphone": c.iphone.Page, "android": c.android.Page}
	for p, page := range c.pages {
		pages["in-"+string(p.Style)] = page
	}
	if dialog, err := c.desk.WaitForWindow(shortly(ctx), anyDialog); err == nil {
		pages["dialog"] = dialog
	}
	for name, page := range pages {
		picture, err := page.Screenshot(shortly(ctx))
		if err != nil {
			continue
		}
		file := filepath.Join(c.dir, "failed-"+name+".png")
		if os.WriteFile(file, picture, 0o600) == nil {
			fmt.Fprintln(c.out, "  see", file)
		}
	}
}
