package world

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"cardea/internal/chromium"
)

// A mishap is one thing that goes wrong, and the words that must then be on a
// screen.
type mishap struct {
	name string
	run  func(ctx context.Context, s *scene) error
}

// A scene is a desk with a computer, a phone that has a passkey, and somebody
// who is signed out.
type scene struct {
	*World
	desk  *Computer
	page  *chromium.Page
	phone *Handset
	host  HostCommand
}

// reads waits for words on a page.
func reads(ctx context.Context, p *chromium.Page, words ...string) error {
	for _, w := range words {
		if _, err := p.WaitText(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// code begins a sign-in and brings the code on the screen.
func (s *scene) code(ctx context.Context) (*chromium.Page, error) {
	if err := s.BeginSignIn(ctx, s.page); err != nil {
		return nil, err
	}
	return s.desk.ShowCode(ctx)
}

// end closes the dialog and reads what the page says then.
func (s *scene) end(ctx context.Context, dialog *chromium.Page) error {
	return inOrder(
		func() error { return dialog.Click(ctx, "Cancel") },
		func() error {
			return reads(ctx, s.page, "You're not signed in yet", "The browser's window closed before a passkey was used", "What to do")
		},
	)
}

var mishaps = []mishap{
	{"cancelled", func(ctx context.Context, s *scene) error {
		dialog, err := s.code(ctx)
		if err != nil {
			return err
		}
		return s.end(ctx, dialog)
	}},
	{"phone declines", func(ctx context.Context, s *scene) error {
		dialog, err := s.code(ctx)
		if err != nil {
			return err
		}
		use, _ := s.phone.Phone.Offers()
		return inOrder(
			func() error { return s.phone.Scan(ctx, dialog, use) },
			func() error { return reads(ctx, s.phone.Page, "is asking for") },
			func() error { return s.phone.Click(ctx, "Cancel") },
			func() error { return reads(ctx, dialog, "Your phone said no", "nothing was sent") },
			func() error { return s.end(ctx, dialog) },
		)
	}},
	{"wrong passcode, then the right one", func(ctx context.Context, s *scene) error {
		dialog, err := s.code(ctx)
		if err != nil {
			return err
		}
		use, _ := s.phone.Phone.Offers()
		return inOrder(
			func() error { return s.phone.Scan(ctx, dialog, use) },
			func() error { return s.phone.Click(ctx, "Continue") },
			func() error { return s.phone.Click(ctx, "Enter passcode") },
			func() error { return s.phone.Type(ctx, "Passcode", "000000") },
			func() error { return s.phone.Click(ctx, "Continue") },
			func() error { return reads(ctx, s.phone.Page, "That's not the passcode", "7 tries are left") },
			func() error { return s.phone.Type(ctx, "Passcode", secret) },
			func() error { return s.phone.Click(ctx, "Continue") },
			func() error { return s.SignedIn(ctx, s.page) },
			func() error { return s.SignOut(ctx, s.page, "Ana Oduya") },
		)
	}},
	{"relay down for the computer", func(ctx context.Context, s *scene) error {
		dialog, err := s.code(ctx)
		if err != nil {
			return err
		}
		s.Relay.Cut("/cable/connect/")
		defer s.Relay.Cut("")
		use, _ := s.phone.Phone.Offers()
		return inOrder(
			func() error { return s.phone.Scan(ctx, dialog, use) },
			func() error {
				return reads(ctx, dialog, "This computer couldn't reach the relay", "Your phone is close by and ready", RelayDomain())
			},
			func() error { return s.end(ctx, dialog) },
			func() error { return s.phone.Click(ctx, "Cancel") },
		)
	}},
	{"relay down for the phone", func(ctx context.Context, s *scene) error {
		dialog, err := s.code(ctx)
		if err != nil {
			return err
		}
		s.Relay.Cut("/")
		defer s.Relay.Cut("")
		use, _ := s.phone.Phone.Offers()
		return inOrder(
			func() error { return s.phone.Scan(ctx, dialog, use) },
			func() error { return reads(ctx, s.phone.Page, "relay", "What to do") },
			func() error { return s.phone.Click(ctx, "Close") },
			func() error { return s.end(ctx, dialog) },
		)
	}},
	{"Bluetooth off on both", func(ctx context.Context, s *scene) error {
		dialog, err := s.code(ctx)
		if err != nil {
			return err
		}
		use, _ := s.phone.Phone.Offers()
		defer s.Air.SetPower(true)
		return inOrder(
			func() error { return s.phone.HoldBefore(ctx, dialog) },
			// The computer takes its code away as soon as it notices.
			func() error { s.Air.SetPower(false); return nil },
			func() error { return s.phone.Goto(ctx, s.phone.Phone.URL+"/scan") },
			func() error { return s.phone.Click(ctx, use) },
			func() error { return reads(ctx, s.phone.Page, "Bluetooth is off") },
			func() error { return s.phone.Click(ctx, "Close") },
			func() error { return reads(ctx, dialog, "Bluetooth is off on this computer") },
			func() error { return s.end(ctx, dialog) },
		)
	}},
	{"no phone comes near", func(ctx context.Context, s *scene) error {
		s.codeSeconds = 2
		impatient, err := s.Browse(ctx, filepath.Join(s.dir, "impatient"), nil, s.host)
		if err != nil {
			return err
		}
		defer impatient.Close()
		page, err := impatient.Open(ctx, "about:blank")
		if err != nil {
			return err
		}
		away := &scene{World: s.World, desk: impatient, page: page}
		dialog, err := away.code(ctx)
		if err != nil {
			return err
		}
		return inOrder(
			func() error {
				return reads(ctx, dialog, "We didn't hear your phone", "Turn on Bluetooth on the phone", "Nothing heard over Bluetooth")
			},
			func() error { return away.end(ctx, dialog) },
		)
	}},
	{"passkey unknown to the server", func(ctx context.Context, s *scene) error {
		// A second phone gets a passkey, which is then deleted in My Account.
		use, save := s.phone.Phone.Offers()
		return inOrder(
			func() error { return s.BeginSignIn(ctx, s.page) },
			func() error { return s.desk.ByPhone(ctx, s.phone, use) },
			func() error { return s.SignedIn(ctx, s.page) },
			func() error { return s.other().SetUp(ctx) },
			func() error { return s.BeginAdd(ctx, s.page, "A phone or tablet") },
			func() error { _, save = s.other().Phone.Offers(); return s.desk.ByPhone(ctx, s.other(), save) },
			func() error { return Name(ctx, s.page, "Lost phone") },
			func() error { return s.Delete(ctx, s.page, "Lost phone") },
			func() error { return s.SignOut(ctx, s.page, "Ana Oduya") },
			func() error { return s.BeginSignIn(ctx, s.page) },
			func() error { use, _ = s.other().Phone.Offers(); return s.desk.ByPhone(ctx, s.other(), use) },
			func() error {
				return reads(ctx, s.page, "This passkey isn't known here", "delete this one on the device", "Reference")
			},
		)
	}},
	{"wrong access pass", func(ctx context.Context, s *scene) error {
		return inOrder(
			func() error { return s.EnterPass(ctx, s.page, "ana", "AAAAA-AAAAA") },
			func() error { return reads(ctx, s.page, "access pass", "Reference") },
		)
	}},
}

// other is the same hand with the other phone in it.
func (s *scene) other() *Handset {
	return &Handset{Page: s.phone.Page, Phone: s.Android, camera: s.phone.camera}
}

func TestEachMishapIsToldWithWhatToDo(t *testing.T) {
	h := host(t)
	w, _ := start(t)
	s := setScene(t, w, h)
	for _, m := range mishaps {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		err := m.run(ctx, s)
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		t.Log("told:", m.name)
	}
}

func setScene(t *testing.T, w *World, h HostCommand) *scene {
	t.Helper()
	c := &checker{World: w, out: t.Output(), dir: w.dir, host: h}
	t.Cleanup(c.close)
	var err error
	if c.desk, err = w.Browse(t.Context(), filepath.Join(w.dir, "desktop"), nil, h); err != nil {
		t.Fatal(err)
	}
	c.closers = append(c.closers, c.desk.Close)
	if c.page, err = c.desk.Open(t.Context(), "about:blank"); err != nil {
		t.Fatal(err)
	}
	if c.hands, err = w.Hands(t.Context(), w.dir); err != nil {
		t.Fatal(err)
	}
	c.closers = append(c.closers, c.hands.Close)
	if c.iphone, err = c.hands.Take(t.Context(), w.IPhone); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, do := range []func(context.Context) error{c.iphone.SetUp, c.setUp, c.signOut} {
		if err := do(ctx); err != nil {
			t.Fatalf("setting the scene: %v", err)
		}
	}
	return &scene{World: w, desk: c.desk, page: c.page, phone: c.iphone, host: h}
}
