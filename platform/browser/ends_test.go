package browser

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/internal/chromium"
)

func TestThePageThatAskedIsLeftInARealBrowser(t *testing.T) {
	w := newWorld(t, "")
	w.attached()

	// A page that only changes its own address is still there, and one that is
	// not in front any more is brought back: else the browser would throw away
	// what was made.
	w.begin("create", `{}`)
	d := w.dialog()
	for _, change := range []string{
		`history.pushState({}, '', '/page.html?pushed')`, `history.replaceState({}, '', '/page.html?replaced')`,
		`location.hash = 'fragment'`, `history.back()`,
	} {
		eval[bool](w, `(`+change+`, true)`)
	}
	allowed, asked := make(chan struct{}), w.local.Seen()
	w.local.Script(func(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
		<-allowed
		return authtest.Approve(ctx, p)
	})
	w.click(d, "This device")
	receive(t, w.ctx, asked)
	eval[bool](w, `(() => {
		const away = Object.assign(document.createElement('a'), {href: '/prompt?other', target: '_blank', rel: 'noopener'});
		document.body.append(away);
		away.click();
		return true;
	})()`)
	for eval[string](w, `document.visibilityState`) != "hidden" {
		if w.ctx.Err() != nil {
			t.Fatal("the other tab did not come to the front")
		}
	}
	close(allowed)
	if made := w.answer(); made.Error != "" {
		t.Errorf("create() while another tab is in front: %s: %s", made.Error, made.Message)
	}
	w.noDialog()

	// A reload ends the request, and so no passkey is made that the site does
	// not know of.
	withdrawn := make(chan struct{})
	asked = w.local.Seen()
	w.local.Script(func(ctx context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
		a, err := authtest.Leave(ctx, p)
		close(withdrawn)
		return a, err
	})
	w.begin("create", `{}`)
	w.click(w.dialog(), "This device")
	receive(t, w.ctx, asked)
	eval[bool](w, `(setTimeout(() => location.reload()), true)`)
	receive(t, w.ctx, withdrawn)
	w.noDialog()
}

func TestTheWorkerEndsInARealBrowser(t *testing.T) {
	w := newWorld(t, "")
	w.attached()
	w.begin("get", `{}`)
	w.sees(w.dialog(), "Use a passkey to sign in")
	if err := w.page.StopWorkers(w.ctx); err != nil {
		t.Fatal(err)
	}
	if got := w.answer(); got.Error != "UnknownError" {
		t.Errorf("what the worker before has left: %+v", got)
	}
	w.noDialog()
	w.begin("get", `{}`)
	w.click(w.dialog(), "Cancel")
	if got := w.answer(); got.Error != "NotAllowedError" {
		t.Errorf("the next request: %+v", got)
	}
}

func TestTheHostEndsInARealBrowser(t *testing.T) {
	w := newWorld(t, "")
	w.attached()

	// It ends and starts again while pages ask all the time: neither attaching
	// nor detaching may come last by chance.
	other, err := w.browser.Open(w.ctx, w.site+"/page.html?other")
	if err != nil {
		t.Fatal(err)
	}
	const asking = `(setInterval(() => PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable(), 20), true)`
	if _, err := chromium.Eval[bool](w.ctx, other, asking); err != nil {
		t.Fatal(err)
	}
	if err := w.page.Front(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.begin("create", `{}`)
	w.sees(w.dialog(), "Make a passkey")
	w.killHost()
	if got := w.answer(); got.Error != "UnknownError" {
		t.Errorf("the host has ended: %+v", got)
	}
	w.noDialog()
	w.staysAttached()
	if err := other.Goto(w.ctx, w.site+"/prompt"); err != nil {
		t.Fatal(err)
	}

	// Without a host, pages get the browser's own dialog; and this extension
	// again when the host is back.
	if err := w.host.Uninstall(); err != nil {
		t.Fatal(err)
	}
	w.killHost()
	if !w.settles(true) {
		t.Fatal("the browser's own dialog did not come back")
	}
	if eval[bool](w, `PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()`) {
		t.Error("isUserVerifyingPlatformAuthenticatorAvailable() = true in a browser that has none")
	}
	if err := w.host.Install(); err != nil {
		t.Fatal(err)
	}
	w.attached()
}

// killHost ends the host's process, which the browser has started.
func (w *world) killHost() {
	w.t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		w.t.Fatal(err)
	}
	killed := false
	for _, folder := range folders {
		line, _ := os.ReadFile(filepath.Join(folder, "cmdline")) // it may have ended
		args := strings.Split(string(line), "\x00")
		if len(args) < 3 || args[1] != "browser-host" || args[2] != w.host.Command[2] {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			w.t.Fatal(err)
		}
		if p, err := os.FindProcess(pid); err == nil && p.Kill() == nil {
			killed = true
		}
	}
	if !killed {
		w.t.Skip("this system does not list its processes")
	}
}

// staysAttached waits until the extension stands between page and browser for
// a while on end.
func (w *world) staysAttached() {
	w.t.Helper()
	const while = `(async () => {
		for (let i = 0; i < 40; i++) {
			if ((await PublicKeyCredential.getClientCapabilities()).conditionalGet) return false;
			await new Promise((next) => setTimeout(next, 25));
		}
		return true;
	})()`
	for !eval[bool](w, while) {
		if w.ctx.Err() != nil {
			w.t.Fatal("the extension did not attach again")
		}
	}
}
