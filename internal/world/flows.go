package world

import (
	"context"
	"fmt"
	"strings"

	"cardea/authenticator/app"
	"cardea/internal/chromium"
)

// The acts below are what people do, by the words they read. Each ends when
// the screen says that it is done.

// secret is what opens each phone of the world.
const secret = "246802"

// sensor is the button that stands for the person's face or finger.
func (p *Phone) sensor() string {
	if p.Style == app.IOS {
		return "Use Face ID"
	}
	return "Use fingerprint"
}

// SetUp starts a phone for the first time: its person chooses a passcode.
func (h *Handset) SetUp(ctx context.Context) error {
	field := "Passcode"
	if h.Phone.Style == app.Android {
		field = "PIN"
	}
	return inOrder(
		func() error { return h.Goto(ctx, h.Phone.URL+"/setup") },
		func() error { return h.Type(ctx, field, secret) },
		func() error { return h.Type(ctx, field+" again", secret) },
		func() error { return h.Click(ctx, "Continue") },
		func() error { _, err := h.WaitText(ctx, "Passkeys"); return err },
	)
}

// Scan holds the phone before a screen and taps what the camera then offers.
func (h *Handset) Scan(ctx context.Context, screen *chromium.Page, offer string) error {
	return inOrder(
		func() error { return h.HoldBefore(ctx, screen) },
		func() error { return h.Goto(ctx, h.Phone.URL+"/scan") },
		func() error { return h.Click(ctx, offer) },
	)
}

// ScanAndRemember is Scan with the computer remembered.
func (h *Handset) ScanAndRemember(ctx context.Context, screen *chromium.Page, offer string) error {
	return inOrder(
		func() error { return h.HoldBefore(ctx, screen) },
		func() error { return h.Goto(ctx, h.Phone.URL+"/scan") },
		func() error { return h.Click(ctx, "Remember this computer") },
		func() error { return h.Click(ctx, offer) },
	)
}

// ForgetComputer forgets the one computer that is linked.
func (h *Handset) ForgetComputer(ctx context.Context) error {
	return inOrder(
		func() error { return h.Goto(ctx, h.Phone.URL+"/settings/computers") },
		func() error { return h.Click(ctx, "Computer linked") },
		func() error { return h.Click(ctx, "Forget this computer") },
		func() error { _, err := h.WaitText(ctx, "No linked computers"); return err },
	)
}

// Offers are what a phone calls using and saving a passkey.
func (p *Phone) Offers() (use, save string) {
	if p.Style == app.IOS {
		return "Sign in with passkey", "Save a passkey"
	}
	return "Use passkey", "Create passkey"
}

// Approve says yes on the sheet that the phone shows, and verifies by face or
// finger.
func (p *Phone) Approve(ctx context.Context, sheet *chromium.Page) error {
	return inOrder(
		func() error { return sheet.Click(ctx, "Continue") },
		func() error { return sheet.Click(ctx, p.sensor()) },
	)
}

// ByPhone answers the dialog on a computer with a phone: code, camera, yes.
func (c *Computer) ByPhone(ctx context.Context, h *Handset, offer string) error {
	dialog, err := c.ShowCode(ctx)
	if err != nil {
		return err
	}
	defer dialog.Close()
	return inOrder(
		func() error { return h.Scan(ctx, dialog, offer) },
		func() error { return h.Phone.Approve(ctx, h.Page) },
		func() error { _, err := h.WaitText(ctx, "Sent"); return err },
	)
}

// ByPhoneToRemember is ByPhone with the computer remembered. The dialog shows
// its code, or is at the choice before it.
func (c *Computer) ByPhoneToRemember(ctx context.Context, h *Handset, offer string) error {
	dialog, err := c.ShowCode(ctx)
	if err != nil {
		return err
	}
	defer dialog.Close()
	return inOrder(
		func() error { return h.ScanAndRemember(ctx, dialog, offer) },
		func() error { return h.Phone.Approve(ctx, h.Page) },
		func() error { _, err := h.WaitText(ctx, "This computer is remembered"); return err },
	)
}

// ByRemembered answers the dialog with a phone that it calls: without a code,
// wherever the phone's pages are.
func (c *Computer) ByRemembered(ctx context.Context, h *Handset, name string) error {
	dialog, err := c.Dialog(ctx)
	if err != nil {
		return err
	}
	defer dialog.Close()
	return inOrder(
		func() error { return h.Goto(ctx, h.Phone.URL) },
		func() error { return dialog.Click(ctx, name) },
		func() error { _, err := h.WaitText(ctx, "is a computer that you linked"); return err },
		func() error { return h.Phone.Approve(ctx, h.Page) },
		func() error { _, err := h.WaitText(ctx, "Sent"); return err },
	)
}

// The ways in a desktop's dialog.
const (
	byComputer = "This device"
	byPhone    = "iPhone, iPad, or Android device"
	byKey      = "Security key"
)

// ShowCode takes the way by phone in the dialog and waits for the code.
func (c *Computer) ShowCode(ctx context.Context) (*chromium.Page, error) {
	dialog, err := c.Dialog(ctx)
	if err != nil {
		return nil, err
	}
	const code = "Scan this with your phone"
	seen, err := dialog.WaitText(ctx, byPhone, code)
	if err == nil && seen == byPhone { // where there is no other way, nothing is asked
		err = dialog.Click(ctx, byPhone)
	}
	if err == nil {
		_, err = dialog.WaitText(ctx, code)
	}
	return dialog, err
}

// ByItself answers the dialog on a computer with the computer's own
// authenticator: it approves on the page that the dialog leads to.
func (c *Computer) ByItself(ctx context.Context, approve func(context.Context, *chromium.Page) error) error {
	dialog, err := c.Dialog(ctx)
	if err != nil {
		return err
	}
	defer dialog.Close()
	for _, way := range []string{byComputer, byPhone, byKey} {
		if _, err := dialog.WaitText(ctx, way); err != nil {
			return fmt.Errorf("a desktop's dialog offers three ways: %w", err)
		}
	}
	if err := dialog.Click(ctx, byComputer); err != nil {
		return err
	}
	sheet, err := c.Sheet(ctx, c.world.Computer)
	if err != nil {
		return err
	}
	defer sheet.Close()
	return approve(ctx, sheet)
}

// FirstStart approves a request that finds the authenticator new: its person
// chooses a PIN, comes back to the request, and says yes. Who has just chosen
// the PIN isn't asked for it again.
func (p *Phone) FirstStart(ctx context.Context, sheet *chromium.Page) error {
	return inOrder(
		func() error { return sheet.Click(ctx, "Set up") },
		func() error { return sheet.Type(ctx, "PIN", secret) },
		func() error { return sheet.Type(ctx, "PIN again", secret) },
		func() error { return sheet.Click(ctx, "Continue") },
		func() error { _, err := sheet.WaitText(ctx, "is asking"); return err },
		func() error { return sheet.Click(ctx, "Continue") },
	)
}

// OnThisPhone answers the sheet that the phone's own browser leads to.
func (c *Computer) OnThisPhone(ctx context.Context, p *Phone) error {
	sheet, err := c.Sheet(ctx, p)
	if err != nil {
		return err
	}
	defer sheet.Close()
	return p.Approve(ctx, sheet)
}

// SetUpProvider follows the first administrator's link.
func SetUpProvider(ctx context.Context, page *chromium.Page, link, name, username string) error {
	return inOrder(
		func() error { return page.Goto(ctx, link) },
		func() error { return page.Type(ctx, "Your name", name) },
		func() error { return page.Type(ctx, "User name", username) },
		func() error { return page.Click(ctx, "Create my passkey") },
	)
}

// BeginSignIn opens My Account and makes the two clicks.
func (w *World) BeginSignIn(ctx context.Context, page *chromium.Page) error {
	return inOrder(
		func() error { return page.Goto(ctx, w.AccountURL) },
		func() error { return page.Click(ctx, "Sign-in options") },
		func() error { return page.Click(ctx, "Face, fingerprint, PIN, or security key") },
	)
}

// SignedIn waits until the page is My Account, at home. Asked on the way whether
// to stay signed in, the person says no.
func (w *World) SignedIn(ctx context.Context, page *chromium.Page) error {
	const home, question = "Everything about how you sign in", "Stay signed in on this browser?"
	said, err := page.WaitText(ctx, home, question)
	if err != nil {
		return err
	}
	return inOrder(
		func() error {
			if said == question {
				return page.Click(ctx, "No")
			}
			return nil
		},
		func() error { return page.WaitURL(ctx, strings.TrimPrefix(w.AccountURL, "http://")) },
		func() error { _, err := page.WaitText(ctx, home); return err },
	)
}

// SignOut signs name out by the account menu.
func (w *World) SignOut(ctx context.Context, page *chromium.Page, name string) error {
	return inOrder(
		func() error { return page.Goto(ctx, w.AccountURL) },
		func() error { return page.Click(ctx, name+", account menu") },
		func() error { return page.Click(ctx, "Sign out") },
		func() error { _, err := page.WaitText(ctx, "You're signed out"); return err },
	)
}

// BeginAdd opens the page that adds a passkey and chooses where it is to live.
func (w *World) BeginAdd(ctx context.Context, page *chromium.Page, where string) error {
	return inOrder(
		func() error { return page.Goto(ctx, w.AccountURL+"/security") },
		func() error { return page.Click(ctx, "Add a passkey") },
		func() error { return SaveOn(ctx, page, where) },
	)
}

// SaveOn chooses where a new passkey is to live and says that it is ready.
func SaveOn(ctx context.Context, page *chromium.Page, where string) error {
	return inOrder(
		func() error { return page.Click(ctx, where) },
		func() error { _, err := page.WaitText(ctx, "ready?"); return err },
		func() error { return page.Click(ctx, "Continue") },
	)
}

// Name says that the passkey that was just made is the one that was meant, and
// gives it its name.
func Name(ctx context.Context, page *chromium.Page, name string) error {
	return inOrder(
		func() error { return page.Click(ctx, "Yes, give it a name") },
		func() error { return page.Type(ctx, "Passkey name", name) },
		func() error { return page.Click(ctx, "Done") },
		func() error { _, err := page.WaitText(ctx, name+" is ready"); return err },
	)
}

// Rename and delete, as My Account > Security info does.
func (w *World) Rename(ctx context.Context, page *chromium.Page, from, to string) error {
	return inOrder(
		func() error { return page.Goto(ctx, w.AccountURL+"/security") },
		func() error { return page.Click(ctx, "Rename "+from) },
		func() error { return page.Type(ctx, "Passkey name", to) },
		func() error { return page.Click(ctx, "Save") },
		func() error { _, err := page.WaitText(ctx, to); return err },
	)
}

// Delete deletes a passkey that is not the last.
func (w *World) Delete(ctx context.Context, page *chromium.Page, name string) error {
	return inOrder(
		func() error { return page.Goto(ctx, w.AccountURL+"/security") },
		func() error { return page.Click(ctx, "Delete "+name) },
		func() error { return page.Click(ctx, "Delete passkey") },
		func() error { _, err := page.WaitText(ctx, "The passkey is deleted"); return err },
	)
}

// IssuePass adds a person and issues them an access pass, which it returns.
func (w *World) IssuePass(ctx context.Context, page *chromium.Page, name, username string) (code string, err error) {
	err = inOrder(
		func() error { return page.Goto(ctx, w.AccountURL+"/admin") },
		func() error { return page.Click(ctx, "Add a person") },
		func() error { return page.Type(ctx, "Name", name) },
		func() error { return page.Type(ctx, "User name", username) },
		func() error { return page.Click(ctx, "Add") },
		func() error { return page.Click(ctx, "New access pass") },
		func() error { return page.Click(ctx, "Issue an access pass") },
		func() error { _, err := page.WaitText(ctx, "You see it now and never again"); return err },
	)
	if err != nil {
		return "", err
	}
	return chromium.Eval[string](ctx, page, `document.getElementById('code').textContent.trim()`)
}

// EnterPass signs in with an access pass.
func (w *World) EnterPass(ctx context.Context, page *chromium.Page, username, code string) error {
	return inOrder(
		func() error { return page.Goto(ctx, w.AccountURL) },
		func() error { return page.Click(ctx, "Sign-in options") },
		func() error { return page.Click(ctx, "Access pass") },
		func() error { return page.Type(ctx, "User name", username) },
		func() error { return page.Type(ctx, "Access pass", code) },
		func() error { return page.Click(ctx, "Sign in") },
	)
}

// inOrder does one step after the other until one fails.
func inOrder(steps ...func() error) error {
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}
