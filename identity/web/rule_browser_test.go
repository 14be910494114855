package web_test

import (
	"testing"

	"cardea/identity/policy"
	"cardea/webauthn"
)

// described is true if the focus is in the heading of a failure that is an alert
// and that what happened and what to do describe: so that it is heard as a whole.
const described = `(() => {
  const at = document.activeElement;
  const text = (at.getAttribute('aria-describedby') || '').split(' ').filter(Boolean).map(id => document.getElementById(id)?.innerText.trim());
  return !!at.closest('[role=alert]') && !!at.innerText.trim() && text.length === 2 && text.every(Boolean);
})()`

// A passkey of a kind that is not taken is refused, removed from its device if
// the browser can be told, and the page says which do work; the person can go on.
func TestPasskeyOfTheWrongKindIsRemovedAndTheRightOnesNamed(t *testing.T) {
	t.Parallel()
	h, b := inMyAccount(t)
	h.restart(policy.Passkeys{Accept: []webauthn.AAGUID{goodKind}})
	device := b.device()
	add := func() {
		b.open(h.account + "/security/add/phone")
		b.click("Continue")
		b.fails("The app or key that saved this passkey isn't accepted here.")
		b.until("a failure that is heard", described)
		b.reads("YubiKey 5")
		b.reads("These do work:")
		if n := len(h.passkeys("maia")); n != 1 {
			t.Fatalf("%d passkeys here, want 1", n)
		}
	}
	add()
	b.reads("We asked your browser to have it removed")
	if b.kept(device) != 0 {
		t.Errorf("the device keeps %d passkeys that were refused", b.kept(device))
	}
	b.open(h.account + "/security/add/phone")
	b.until("a browser without signals", `delete PublicKeyCredential.signalUnknownCredential`)
	b.click("Continue")
	b.fails("The app or key that saved this passkey isn't accepted here.")
	b.reads("this browser can't remove it for you")
	if b.kept(device) != 1 {
		t.Errorf("the device keeps %d passkeys, want the one that could not be removed", b.kept(device))
	}
	h.restart(policy.Passkeys{})
	b.click("Choose another place")
	b.reads("Where should your passkey live?")
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}

// Who signs in with a passkey whose kind was taken off the list reads so, keeps
// the passkey, and finds the way in by an access pass from there.
func TestKindTakenOffTheListIsToldAndLeadsToThePass(t *testing.T) {
	t.Parallel()
	h, b := inMyAccount(t)
	b.before(noAutofill)
	device := b.device()
	b.open(h.account + "/security/add/phone")
	b.click("Continue")
	b.click("Yes, give it a name")
	b.click("Done")
	b.reads("is ready.")
	signOut(b)
	h.restart(policy.Passkeys{Accept: []webauthn.AAGUID{goodKind}})
	b.click("Sign in again")
	b.click("Next")
	b.fails("passkeys of its kind aren't accepted here any more")
	b.until("a failure that is heard", described)
	b.reads("ask your help desk for an access pass")
	b.reads("Reference")
	if b.kept(device) != 1 {
		t.Errorf("the device keeps %d passkeys, want 1: the rule may be loosened again", b.kept(device))
	}
	b.click("Sign in another way")
	b.click("Access pass")
	b.fill("username", "maia")
	b.fill("code", "AAAAA-AAAAA")
	b.click("Sign in")
	b.until("the focus on what is wrong", `document.activeElement.matches('[role=alert]') && document.activeElement.innerText.includes("don't go together")`)
	h.restart(policy.Passkeys{})
	b.open(h.account + "/")
	b.click("Next")
	b.no()
	b.reads("Hello, Maia")
}

// A page that stops somebody has the focus, too.
func TestStoppedPageHasTheFocus(t *testing.T) {
	t.Parallel()
	h, b := inMyAccount(t)
	h.restart(policy.Passkeys{NoSelfService: true})
	b.open(h.account + "/security/add")
	b.reads("Here, passkeys are added with an access pass.")
	b.until("a failure that is heard", described)
}
