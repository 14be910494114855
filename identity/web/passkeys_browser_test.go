package web_test

import (
	"testing"
	"time"
)

// inMyAccount sets the house up in a browser whose first device is then gone.
func inMyAccount(t *testing.T) (*house, *tab) {
	t.Helper()
	h := newHouse(t)
	b := newTab(t)
	code, _, err := h.directory.FirstAdministratorCode(t.Context())
	b.check(err)
	b.open(h.login + "/setup#" + code)
	first := b.device()
	b.fill("display", "Maia Oduya")
	b.fill("username", "maia")
	b.click("Create my passkey")
	b.reads("Hello, Maia")
	b.unplug(first)
	return h, b
}

// A passkey in the wrong place is taken back here and on the device, and a
// browser that cannot have it removed says so.
func TestPasskeyIsTakenBackFromItsDevice(t *testing.T) {
	t.Parallel()
	h, b := inMyAccount(t)
	device := b.device()
	add := func() {
		b.open(h.account + "/security/add/phone")
		b.click("Continue")
		b.reads("That isn't what you chose.")
		if n := len(h.passkeys("maia")); n != 2 || b.kept(device) != 1 {
			t.Fatalf("%d passkeys here and %d on the device, want 2 and 1", n, b.kept(device))
		}
	}
	add()
	b.click("No, take it back")
	b.reads("We asked your browser to have its copy removed.")
	if n := len(h.passkeys("maia")); n != 1 || b.kept(device) != 0 {
		t.Errorf("%d passkeys here and %d on the device, want 1 and 0", n, b.kept(device))
	}
	b.click("Choose where again")
	b.reads("Where should your passkey live?")
	add()
	b.until("a browser without signals", `delete PublicKeyCredential.signalUnknownCredential`)
	b.click("No, take it back")
	b.reads("This browser can't remove the copy for you.")
	if n := len(h.passkeys("maia")); n != 1 || b.kept(device) != 1 {
		t.Errorf("%d passkeys here and %d on the device, want 1 and 1", n, b.kept(device))
	}
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

// Whoever took more than five minutes to choose unlocks once more, and comes
// back to the device that they had chosen; the list of passkeys then tells the
// device what was deleted.
func TestWizardIsNotLostToTheClock(t *testing.T) {
	t.Parallel()
	h, b := inMyAccount(t)
	b.before(noAutofill)
	device := b.device()
	b.open(h.account + "/security/add/phone")
	b.click("Continue")
	b.click("Yes, give it a name")
	b.click("Done")
	b.reads("is ready. You can sign in with it")
	b.open(h.account + "/security/add/key")
	b.reads("Is your security key at hand?")
	h.wait(6 * time.Minute)
	b.click("Continue")
	b.until("the sign-in page", `location.pathname === '/signin'`)
	b.pick("maia")
	b.until("the page for a key", `location.pathname === '/security/add/key'`)
	for _, k := range h.passkeys("maia") {
		if k.LastUsed.After(k.Created) { // the one on the device: it unlocked just now
			b.open(h.account + "/security/passkeys/" + string(k.ID) + "/delete")
		}
	}
	b.click("Delete passkey")
	b.reads("The passkey is deleted.")
	for range 500 { // the page has told the browser, which tells the device
		if b.kept(device) == 0 {
			return
		}
		b.until("the page", "true")
	}
	t.Errorf("the device still holds %d passkeys", b.kept(device))
}
