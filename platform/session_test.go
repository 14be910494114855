package platform

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/webauthn"
)

// silent is a device that never answers.
type silent struct{ ctap.Device }

func (silent) Send(ctx context.Context, request []byte) ([]byte, error) {
	if ctap.Command(request[0]) == ctap.CmdGetInfo {
		return ctap.EncodeResponse(ctap.Info{
			Versions: []string{"FIDO_2_0"}, AAGUID: make([]byte, 16), Options: map[string]bool{"rk": true, "uv": true},
		}, nil), nil
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// says is a device that answers every command with one status.
type says struct {
	silent
	status ctap.Status
}

func (d says) Send(ctx context.Context, request []byte) ([]byte, error) {
	if ctap.Command(request[0]) == ctap.CmdGetInfo {
		return d.silent.Send(ctx, request)
	}
	return []byte{byte(d.status)}, nil
}

func TestStatusTable(t *testing.T) {
	t.Parallel()
	for status, tt := range map[ctap.Status]struct {
		create, get Name
		shown       Reason // on a phone; empty if the page is told at once
	}{
		ctap.CredentialExcluded:   {InvalidStateError, InvalidStateError, ""},
		ctap.UnsupportedAlgorithm: {NotAllowedError, NotAllowedError, ReasonTooOld},
		ctap.KeyStoreFull:         {NotAllowedError, NotAllowedError, ReasonFull},
		ctap.NoCredentials:        {NotAllowedError, NotAllowedError, ReasonNoPasskey},
		ctap.OperationDenied:      {NotAllowedError, NotAllowedError, ReasonDeclined},
		ctap.KeepaliveCancel:      {NotAllowedError, NotAllowedError, ReasonDeclined},
		ctap.UserActionTimeout:    {NotAllowedError, NotAllowedError, ReasonTooLate},
		ctap.ActionTimeout:        {NotAllowedError, NotAllowedError, ReasonTooLate},
		ctap.Timeout:              {NotAllowedError, NotAllowedError, ReasonTooLate},
		ctap.UnsupportedOption:    {NotAllowedError, NotAllowedError, ReasonTooOld},
		ctap.PUATRequired:         {NotAllowedError, NotAllowedError, ReasonCannotVerify},
		ctap.PINNotSet:            {NotAllowedError, NotAllowedError, ReasonCannotVerify},
		ctap.PINBlocked:           {NotAllowedError, NotAllowedError, ReasonBlocked},
		ctap.PINAuthBlocked:       {NotAllowedError, NotAllowedError, ReasonUnplug},
		ctap.UVBlocked:            {NotAllowedError, NotAllowedError, ReasonBlocked},
		ctap.CBORUnexpectedType:   {NotAllowedError, NotAllowedError, ReasonFault},
		ctap.MissingParameter:     {NotAllowedError, NotAllowedError, ReasonFault},
		ctap.Other:                {NotAllowedError, NotAllowedError, ReasonFault},
		0xe0:                      {NotAllowedError, NotAllowedError, ReasonFault},
		0xff:                      {NotAllowedError, NotAllowedError, ReasonFault},
	} {
		t.Run(status.String(), func(t *testing.T) {
			t.Parallel()
			for _, purpose := range []Purpose{MakePasskey, UsePasskey} {
				w := newWorld(t, take(Phone))
				w.Routes = []Route{w.local, &fakeRoute{
					kind: Phone, ready: Readiness{Usable: true}, transport: "hybrid", device: says{status: status},
				}}
				err, want := error(nil), tt.create
				if purpose == MakePasskey {
					_, err = w.Create(t.Context(), testCaller, creation())
				} else {
					_, err = w.Get(t.Context(), testCaller, request())
					want = tt.get
				}
				if e := wantName(t, err, want); strings.Contains(e.Message, status.String()) {
					t.Errorf("message %q tells the status", e.Message)
				}
				last := w.dialog.shown[len(w.dialog.shown)-1]
				if tt.shown == "" && last.Sort == ScreenFailed || tt.shown != "" && (last.Failed == nil || last.Failed.Reason != tt.shown) {
					t.Errorf("the person saw %+v, want %q", last, tt.shown)
				}
				if !w.dialog.closed {
					t.Error("the dialog stayed open")
				}
			}
		})
	}
}

func TestPageHearsNothingBeforeThePersonHasActed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s Screen) Action {
			if s.Sort == ScreenChoose {
				return Action{Do: DoChoose, Kind: Phone}
			}
			return Action{} // and looks at what went wrong
		})
		answered := make(chan error, 1)
		go func() {
			_, err := w.Get(t.Context(), testCaller, request())
			answered <- err
		}()
		synctest.Wait()
		select {
		case err := <-answered:
			t.Fatalf("the page was told %v while the person still reads", err)
		default:
		}
		if got := w.dialog.sorts(); got[len(got)-1] != ScreenFailed {
			t.Fatalf("screens %q, want failed at last", got)
		}
		w.dialog.actions <- Action{Do: DoCancel}
		wantName(t, <-answered, NotAllowedError)
	})
}

func TestFailedWayCanBeTriedAgainOrLeft(t *testing.T) {
	t.Parallel()
	var failures, choices int
	w := newWorld(t, func(s Screen) Action {
		switch s.Sort {
		case ScreenChoose:
			choices++
			if choices == 1 {
				return Action{Do: DoChoose, Kind: Phone}
			}
			return Action{Do: DoChoose, Kind: ThisDevice}
		case ScreenFailed:
			failures++
			if s.Failed.Leg != LegAdvert || s.Kind != Phone {
				t.Errorf("failed screen %+v", s)
			}
			if failures == 1 {
				return Action{Do: DoAgain}
			}
			return Action{Do: DoBack}
		}
		return Action{}
	})
	if _, err := w.Create(t.Context(), testCaller, creation()); err != nil {
		t.Fatal(err)
	}
	want := []Sort{ScreenChoose, ScreenProgress, ScreenFailed, ScreenProgress, ScreenFailed, ScreenChoose, ScreenProgress}
	if diff := cmp.Diff(want, w.dialog.sorts()); diff != "" {
		t.Errorf("screens (-want +got)\n%s", diff)
	}
}

func TestPersonEndsOrLeavesAWayWhileItIsTried(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   Do
		want []Sort
	}{
		"cancel":       {DoCancel, []Sort{ScreenChoose, ScreenProgress}},
		"close":        {doClose, []Sort{ScreenChoose, ScreenProgress}},
		"back, cancel": {DoBack, []Sort{ScreenChoose, ScreenProgress, ScreenChoose}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			choices := 0
			w := newWorld(t, func(s Screen) Action {
				switch s.Sort {
				case ScreenChoose:
					if choices++; choices > 1 {
						return Action{Do: DoCancel}
					}
					return Action{Do: DoChoose, Kind: ThisDevice}
				case ScreenProgress:
					return Action{Do: tt.do}
				}
				return Action{}
			})
			w.local.device = silent{}
			_, err := w.Get(t.Context(), testCaller, request())
			wantName(t, err, NotAllowedError)
			if diff := cmp.Diff(tt.want, w.dialog.sorts()); diff != "" {
				t.Errorf("screens (-want +got)\n%s", diff)
			}
		})
	}
}

func TestClientKeepsTime(t *testing.T) {
	t.Parallel()
	for milliseconds, want := range map[int64]time.Duration{
		0: 5 * time.Minute, 1: 3 * time.Minute, 180_000: 3 * time.Minute, 300_000: 5 * time.Minute,
		599_999: 599_999 * time.Millisecond, 72_000_000: 10 * time.Minute, 1 << 62: 10 * time.Minute, -1: 5 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, take(ThisDevice))
			w.local.device = silent{}
			o := request()
			o.Timeout = milliseconds
			began := time.Now()
			_, err := w.Get(t.Context(), testCaller, o)
			wantName(t, err, NotAllowedError)
			if took := time.Since(began); took != want {
				t.Errorf("timeout %d: ended after %v, want %v", milliseconds, took, want)
			}
			if !w.dialog.closed {
				t.Error("the dialog stayed open")
			}
		})
	}
}

func TestAbortOfThePageEndsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, answer := range []func(Screen) Action{take(ThisDevice), func(Screen) Action { return Action{} }} {
			w := newWorld(t, answer)
			w.local.device = silent{}
			ctx, cancel := context.WithCancel(t.Context())
			answered := make(chan error, 1)
			go func() {
				_, err := w.Get(ctx, testCaller, request())
				answered <- err
			}()
			synctest.Wait()
			cancel()
			wantName(t, <-answered, AbortError)
			if !w.dialog.closed {
				t.Error("the dialog stayed open")
			}
		}
	})
}

func TestOnlyWayIsTakenWithoutAChoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(Phone))
	o := creation()
	o.AuthenticatorSelection.AuthenticatorAttachment = webauthn.AttachmentPlatform
	if _, err := w.Create(t.Context(), testCaller, o); err != nil {
		t.Fatal(err)
	}
	if got := w.dialog.sorts(); slices.Contains(got, ScreenChoose) {
		t.Errorf("screens %q, want no choice", got)
	}
}

func TestWaysSayWhyTheyCannotBeTaken(t *testing.T) {
	t.Parallel()
	var seen []Way
	look := func(s Screen) Action {
		seen = s.Ways
		return Action{Do: DoCancel}
	}
	w := newWorld(t, look)
	key := &fakeRoute{kind: SecurityKey, ready: Readiness{Why: NotPermitted}}
	w.Routes = append(w.Routes, key)
	w.local.ready.Holds = HoldsNone
	o := request()
	o.Hints = []string{"future", "security-key", "hybrid"}
	_, err := w.Get(t.Context(), testCaller, o)
	wantName(t, err, NotAllowedError)
	want := []Way{
		{Kind: SecurityKey, Readiness: Readiness{Why: NotPermitted}},
		{Kind: Phone, Readiness: Readiness{Usable: true}},
		{Kind: ThisDevice, Readiness: Readiness{Why: NothingHere, Holds: HoldsNone}},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("ways of get (-want +got)\n%s", diff)
	}

	// A page that names passkeys may mean one that is not found otherwise.
	o.AllowCredentials = []webauthn.CredentialDescriptor{{Type: "public-key", ID: []byte{1}}}
	_, err = w.Get(t.Context(), testCaller, o)
	wantName(t, err, NotAllowedError)
	if !seen[2].Usable {
		t.Errorf("with a list: %+v, want it usable", seen[2])
	}

	c := creation()
	c.AuthenticatorSelection.AuthenticatorAttachment = webauthn.AttachmentCrossPlatform
	key.ready = Readiness{Usable: true}
	_, err = w.Create(t.Context(), testCaller, c)
	wantName(t, err, NotAllowedError)
	if seen[0].Why != NotWanted || !seen[1].Usable || !seen[2].Usable {
		t.Errorf("ways of create for another device: %+v", seen)
	}
}

func TestWayThatIsNotUsableIsNotTaken(t *testing.T) {
	t.Parallel()
	presses := []Action{{Do: DoChoose, Kind: ThisDevice}, {Do: DoChoose, Kind: "toaster"}, {Do: DoAgain}, {Do: DoCancel}}
	w := newWorld(t, func(Screen) Action { return Action{} })
	w.local.ready = Readiness{Why: NotRunning}
	w.Routes = append(w.Routes, &fakeRoute{kind: SecurityKey, ready: Readiness{Usable: true}})
	for _, p := range presses {
		w.dialog.actions <- p
	}
	_, err := w.Get(t.Context(), testCaller, request())
	wantName(t, err, NotAllowedError)
	if w.local.opened != 0 {
		t.Error("the way was tried")
	}
}

func TestChoiceLooksAgainBySelf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s Screen) Action {
			if s.Ways != nil && s.Ways[0].Usable {
				return Action{Do: DoChoose, Kind: ThisDevice}
			}
			return Action{}
		})
		w.Routes = append(w.Routes, &fakeRoute{kind: SecurityKey, ready: Readiness{Usable: true}})
		started := time.Now().Add(time.Minute)
		w.Routes[0] = laterRoute{w.local, started}
		if _, err := w.Create(t.Context(), testCaller, creation()); err != nil {
			t.Fatal(err)
		}
		if got := w.dialog.sorts(); !slices.Equal(got, []Sort{ScreenChoose, ScreenChoose, ScreenProgress}) {
			t.Errorf("screens %q, want the choice drawn once more and no oftener", got)
		}
	})
}

// laterRoute is not there before a time.
type laterRoute struct {
	*fakeRoute
	from time.Time
}

func (r laterRoute) Ready(context.Context, webauthn.RPID) Readiness {
	if time.Now().Before(r.from) {
		return Readiness{Why: NotRunning}
	}
	return Readiness{Usable: true}
}

func TestPhoneBeginsWithItselfAndOffersTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s Screen) Action {
		if s.Sort == ScreenChoose {
			return Action{Do: DoCancel}
		}
		return Action{}
	}, authtest.Decline)
	w.Form = FormPhone
	_, err := w.Create(t.Context(), testCaller, creation())
	wantName(t, err, NotAllowedError)
	if diff := cmp.Diff([]Sort{ScreenProgress, ScreenChoose}, w.dialog.sorts()); diff != "" {
		t.Errorf("screens (-want +got)\n%s", diff)
	}

	w.local.ready.Holds = HoldsNone
	w.dialog.shown = nil
	_, err = w.Get(t.Context(), testCaller, request())
	wantName(t, err, NotAllowedError)
	if diff := cmp.Diff([]Sort{ScreenChoose}, w.dialog.sorts()); diff != "" {
		t.Errorf("with nothing here: screens (-want +got)\n%s", diff)
	}
}

func TestDialogThatDoesNotOpenIsAFaultOfOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice))
	w.Open = func(context.Context, Request) (Dialog, error) { return nil, errors.New("no display at :0") }
	_, err := w.Get(t.Context(), testCaller, request())
	if e := wantName(t, err, UnknownError); strings.Contains(e.Message, "display") {
		t.Errorf("message %q tells the page why", e.Message)
	}
}

func TestDialogIsToldWhoAsksAndForWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice))
	var got Request
	w.Open = func(_ context.Context, r Request) (Dialog, error) { got = r; return w.dialog, nil }
	if _, err := w.Create(t.Context(), testCaller, creation()); err != nil {
		t.Fatal(err)
	}
	want := Request{Purpose: MakePasskey, Origin: testOrigin, RPID: testRP, Account: "ana"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got)\n%s", diff)
	}
}

// A rememberedRoute is a phone that was reached before.
type rememberedRoute struct {
	fakeRoute
	id, name  string
	forgotten *bool
}

func (r *rememberedRoute) ID() string   { return r.id }
func (r *rememberedRoute) Name() string { return r.name }
func (r *rememberedRoute) Forget() error {
	*r.forgotten = true
	return nil
}

func TestRememberedPhonesComeFirstAndCanBeForgotten(t *testing.T) {
	t.Parallel()
	var forgotten bool
	var seen [][]Way
	w := newWorld(t, func(s Screen) Action {
		seen = append(seen, s.Ways)
		if len(seen) == 1 {
			return Action{Do: DoForget, ID: "b"}
		}
		return Action{Do: DoCancel}
	})
	w.Remembered = func() []Remembered {
		named := func(id, name string) Remembered {
			return &rememberedRoute{fakeRoute: fakeRoute{kind: Phone, ready: Readiness{Usable: true}}, id: id, name: name, forgotten: &forgotten}
		}
		if forgotten {
			return []Remembered{named("a", "Ada's phone")}
		}
		return []Remembered{named("a", "Ada's phone"), named("b", "Old phone")}
	}
	_, err := w.Get(t.Context(), testCaller, request())
	wantName(t, err, NotAllowedError)
	names := func(ways []Way) (n []string) {
		for _, w := range ways {
			n = append(n, string(w.Kind)+" "+w.Name)
		}
		return n
	}
	want := [][]string{
		{"phone Ada's phone", "phone Old phone", "this-device ", "phone "},
		{"phone Ada's phone", "this-device ", "phone "},
	}
	if len(seen) != 2 {
		t.Fatalf("%d choices were shown, want 2", len(seen))
	}
	if diff := cmp.Diff(want, [][]string{names(seen[0]), names(seen[1])}); diff != "" {
		t.Errorf("ways (-want +got):\n%s", diff)
	}
}

func TestTheRememberedPhoneThatIsMeantIsTried(t *testing.T) {
	t.Parallel()
	var tried Screen
	w := newWorld(t, func(s Screen) Action {
		switch s.Sort {
		case ScreenChoose:
			return Action{Do: DoChoose, Kind: Phone, ID: "b"}
		case ScreenFailed:
			tried = s
		}
		return Action{Do: DoCancel}
	})
	w.Remembered = func() []Remembered {
		var routes []Remembered
		for _, id := range []string{"a", "b"} {
			gone := func() error { return &Failure{Leg: LegPeer, Err: errors.New("it has gone")} }
			routes = append(routes, &rememberedRoute{
				fakeRoute: fakeRoute{kind: Phone, ready: Readiness{Usable: true}, err: gone}, id: id, name: "Phone " + id,
			})
		}
		return routes
	}
	_, err := w.Get(t.Context(), testCaller, request())
	wantName(t, err, NotAllowedError)
	if tried.Name != "Phone b" || tried.Failed.Leg != LegPeer {
		t.Errorf("failed: %+v, want Phone b", tried)
	}
}
