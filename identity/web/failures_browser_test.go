package web_test

import (
	"testing"
)

// What a browser throws is told by what its person can do about it, with a
// reference, in a place that is heard.
func TestEveryFailureOfTheBrowserIsToldApart(t *testing.T) {
	t.Parallel()
	h, b := inMyAccount(t)
	throws := func(name string) string {
		return `(navigator.credentials.create = async () => { throw new DOMException('', '` + name + `'); }, true)`
	}
	for _, tt := range []struct{ name, breaks, what, do string }{
		{"closed, or nothing found", throws("NotAllowedError"), "The browser's window closed before a passkey was used.", "keep your phone or key within reach"},
		{"took too long", throws("TimeoutError"), "That took longer than 5 minutes", "Start again when you're ready."},
		{"has one already", throws("InvalidStateError"), "already has a passkey for your account", "Sign in with that one, or choose another device."},
		{"no screen lock", throws("ConstraintError"), "can't check that it's you", "Set a PIN or a screen lock on it, or use another one."},
		{"makes no key that we take", throws("NotSupportedError"), "makes a kind of passkey that doesn't work here", "Use another device."},
		{"another window is open", throws("OperationError"), "still has another passkey window open", "Close that one, then try again."},
		{"the device's own fault", throws("UnknownError"), "Something went wrong on the device with the passkey.", "If it goes on, use another device."},
		{"a page in the wrong place", throws("SecurityError"), "Something went wrong on our side.", "Try again in a moment."},
		{"no network", `(window.fetch = async () => { throw new TypeError(''); }, true)`, "We couldn't be reached from this device.", "Check that it's online"},
	} {
		b.open(h.account + "/security/add/phone")
		b.reads("Is your phone or tablet ready?")
		b.until(tt.name, tt.breaks)
		b.click("Continue")
		b.fails(tt.what)
		b.reads(tt.do)
		b.until("a failure that is heard", described)
		b.until("a reference", `/Reference [0-9A-F]{4}(-[0-9A-F]{4}){2}/.test(document.querySelector('[data-state=failed]').innerText)`)
		b.click("Choose another place")
		b.reads("Where should your passkey live?")
	}
	if n := len(h.passkeys("maia")); n != 1 {
		t.Errorf("%d passkeys, want 1", n)
	}
}

// A window inside another program, or a browser without passkeys, is told from
// the feature that is missing and not from a name. It is led to one that can: a
// pass would be spent where no passkey can follow.
func TestWhereThereAreNoPasskeysThereIsAnotherWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.visitor().setUp(newSoft(t))
	b := newTab(t)
	b.before("delete window.PublicKeyCredential")
	b.open(h.login + "/signin")
	b.reads("This browser can't use passkeys")
	b.until("a failure that is heard", described)
	b.reads("part of an app that shows web pages by itself")
	b.reads(h.account + "/")
	b.until("a way on", `document.querySelector('[data-copy]').checkVisibility() && document.querySelector('a[href="/support"]').checkVisibility()`)
	if len(b.problems) > 0 {
		t.Errorf("the console complains: %q", b.problems)
	}
}
