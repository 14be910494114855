package web_test

import (
	"testing"
	"time"

	"cardea/identity/audit"
)

// Somebody whose only passkey was on the phone that is gone: they add one on the
// computer in front of them, come back by themselves, and shut the phone out.
func TestLostPhoneInARealBrowser(t *testing.T) {
	t.Parallel()
	h, b := inMyAccount(t) // the first device is gone; its owner is signed in still
	b.before(noAutofill)
	lost := h.passkeys("maia")[0]
	b.click("Lost your phone?")
	b.reads("Which passkey is on it?")
	b.click("I don't know")
	b.reads("most likely on a phone come first")
	b.click(lost.Name)
	b.reads("First, another passkey")
	b.device()
	b.click("Add one on this device")
	b.click("Continue")
	b.click("Yes, give it a name")
	b.fill("name", "Kitchen laptop")
	b.click("Done")
	b.reads("What will happen")
	if n := len(h.passkeys("maia")); n != 2 {
		t.Fatalf("%d passkeys before shutting out, want 2", n)
	}
	b.click("Shut it out")
	b.reads("is shut out")
	if left := h.passkeys("maia"); len(left) != 1 || left[0].Name != "Kitchen laptop" {
		t.Errorf("passkeys left: %+v, want the new one", left)
	}
	b.click("Look through your history")
	b.reads("Passkey of a lost device deleted")
	h.wait(10 * time.Minute)
	b.open(h.account + "/security/add")
	b.until("the sign-in page", `location.pathname === '/signin'`)
	b.pick("maia")
	b.reads("Where should your passkey live?")
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

// Somebody finds a sign-in that wasn't theirs, shuts the stranger out and
// deletes the passkey that took part. None of it needs a script.
func TestNotMeInARealBrowser(t *testing.T) {
	t.Parallel()
	h, v, key := signedIn(t)
	second := newSoft(t)
	if got := v.register(second); got.Passkey == "" {
		t.Fatalf("the second passkey: %+v", got)
	}
	stranger := h.visitor()
	stranger.signIn(key, "")
	h.happened("maia", audit.Event{Kind: audit.SignIn, PasskeyID: h.passkeys("maia")[1].ID, Reference: "STRANGER", UserAgent: onEdge, Address: "198.51.100.7"})
	b := newTab(t)
	b.adopt(v)
	b.scripts(false)
	b.open(h.account + "/history")
	b.click("Search") // it is folded away until it is wanted
	b.fill("q", "edge")
	b.until("the form", `(document.querySelector('form[role=search] button').click(), true)`)
	b.reads("Edge on Windows")
	b.click("Signed in")
	b.reads("STRANGER")
	b.click("This wasn't me")
	b.reads("sign out 1 other place")
	b.click("Shut everybody else out")
	b.reads("1 session is signed out.")
	b.click("Delete passkey")
	b.reads("You won't be able to sign in with it any more.")
	b.click("Delete passkey")
	b.reads("The passkey is deleted.")
	if n := len(h.passkeys("maia")); n != 1 {
		t.Errorf("%d passkeys left, want 1", n)
	}
	if left := must[[]string](t)(h.sessionsOf("maia")); len(left) != 1 {
		t.Errorf("%d sessions left, want this one", len(left))
	}
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}
