package authenticator_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/internal/secret"
	"cardea/webauthn"
)

func TestThePersonChoosesAmongPasskeys(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	old, middle, newest := r.made("ana", true), r.made("ben", true), r.made("cleo", true)
	r.made("dora", false)
	r.person.Script(authtest.Choose(1))
	got, err := r.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := r.person.Asked()
	p := asked[len(asked)-1]
	if p.Kind != authenticator.UsePasskey || p.RPID != rpID || p.RPName != "Example" || !p.Verify || len(p.Passkeys) != 3 {
		t.Fatalf("prompt %+v", p)
	}
	for i, want := range []webauthn.CredentialID{newest, middle, old} {
		if string(p.Passkeys[i].ID) != string(want) {
			t.Errorf("passkey %d is %v, want %v: newest first", i, p.Passkeys[i].ID, want)
		}
		if p.Passkeys[i].PrivateKey.Len() != 0 {
			t.Error("the prompt has a private key in it")
		}
	}
	if string(got.Credential.ID) != string(middle) || string(got.User.ID) != "ben" {
		t.Errorf("answer %+v, want the second", got)
	}
	if !got.UserSelected || got.NumberOfCredentials != 0 {
		t.Errorf("userSelected %v, %d credentials; want one answer, chosen", got.UserSelected, got.NumberOfCredentials)
	}
	// The person has chosen; names are no business of the client any more.
	if got.User.Name != "" || got.User.DisplayName != "" {
		t.Errorf("user %+v, want the handle alone", got.User)
	}
	_, err = ctap.GetNextAssertion(t.Context(), r.device())
	wantStatus(t, err, ctap.NotAllowed)
}

func TestAllowLists(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ana, hidden := r.made("ana", true), r.made("ben", false)
	r.made("cleo", true)
	for _, tt := range []struct {
		name string
		list []ctap.CredentialDescriptor
		want webauthn.CredentialID
		user string
	}{
		{"a discoverable one", []ctap.CredentialDescriptor{descriptor(ana)}, ana, "ana"},
		{"one that is not discoverable", []ctap.CredentialDescriptor{descriptor(hidden)}, hidden, ""},
		{"others before it", []ctap.CredentialDescriptor{descriptor([]byte("x")), descriptor(ana)}, ana, "ana"},
	} {
		got, err := r.get(func(g *ctap.GetAssertionRequest) { g.AllowList = tt.list })
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		user := ""
		if got.User != nil {
			user = string(got.User.ID)
		}
		if string(got.Credential.ID) != string(tt.want) || user != tt.user || got.UserSelected {
			t.Errorf("%s: %+v, user %q", tt.name, got, user)
		}
	}
}

func TestNoPasskeyIsToldAfterThePersonKnows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*ctap.GetAssertionRequest)
	}{
		{"none for the site", func(g *ctap.GetAssertionRequest) { g.RPID = "other.example" }},
		{"only one that is not discoverable", func(g *ctap.GetAssertionRequest) {}},
		{"none of the list", func(g *ctap.GetAssertionRequest) {
			g.AllowList = []ctap.CredentialDescriptor{descriptor([]byte("elsewhere"))}
		}},
	} {
		for _, reply := range []authtest.Reply{authtest.Approve, authtest.Decline} {
			r := newRig(t)
			r.made("ana", false)
			r.person.Script(reply)
			_, err := r.get(tt.change)
			wantStatus(t, err, ctap.NoCredentials)
			r.wantAsked(authenticator.MakePasskey, authenticator.NoPasskey)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		_, err := newRig(t, authtest.Leave).get(nil)
		wantStatus(t, err, ctap.UserActionTimeout)
	})
}

func TestAnIDUnderAnUnknownTypeIsNotAllowed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.made("ana", true)
	_, err := r.get(func(g *ctap.GetAssertionRequest) {
		g.AllowList = []ctap.CredentialDescriptor{{ID: id, Type: "future"}}
	})
	wantStatus(t, err, ctap.NoCredentials)
}

func TestGetAssertionRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*ctap.GetAssertionRequest)
		want   ctap.Status
	}{
		{"rk", func(g *ctap.GetAssertionRequest) { g.Options["rk"] = false }, ctap.UnsupportedOption},
		{"65 allowed", func(g *ctap.GetAssertionRequest) {
			g.AllowList = make([]ctap.CredentialDescriptor, 65)
		}, ctap.LimitExceeded},
		{"proof of a PIN", func(g *ctap.GetAssertionRequest) {
			g.PinUvAuthParam, g.PinUvAuthProtocol = []byte{1}, 1
		}, ctap.InvalidParameter},
		{"proof of a PIN without a protocol", func(g *ctap.GetAssertionRequest) {
			g.PinUvAuthParam = []byte{1}
		}, ctap.MissingParameter},
	} {
		r := newRig(t)
		_, err := r.get(tt.change)
		wantStatus(t, err, tt.want)
		r.wantAsked()
	}
}

func TestFlagsTellWhatHappened(t *testing.T) {
	t.Parallel()
	const up, uv = webauthn.FlagUserPresent, webauthn.FlagUserVerified
	verified := func(context.Context, authenticator.Prompt) (authenticator.Answer, error) {
		return authenticator.Answer{Verified: true}, nil
	}
	for _, tt := range []struct {
		name    string
		options map[string]bool
		reply   authtest.Reply
		want    webauthn.Flags
		asked   bool
	}{
		{"uv wanted and given", map[string]bool{"uv": true}, authtest.Approve, up | uv, true},
		{"nothing wanted, a tap", nil, authtest.Approve, up, true},
		{"uv not wanted, and given", map[string]bool{"uv": false}, verified, up | uv, true},
		{"silent", map[string]bool{"up": false}, authtest.Approve, 0, false},
		{"uv without up", map[string]bool{"up": false, "uv": true}, authtest.Approve, uv, true},
	} {
		r := newRig(t)
		r.made("ana", true)
		r.person.Script(tt.reply)
		got, err := r.get(func(g *ctap.GetAssertionRequest) { g.Options = tt.options })
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if flags := authData(t, got.AuthData).Flags; flags != tt.want {
			t.Errorf("%s: flags %v, want %v", tt.name, flags, tt.want)
		}
		if asked := len(r.person.Asked()) == 2; asked != tt.asked {
			t.Errorf("%s: asked %v, want %v", tt.name, asked, tt.asked)
		}
	}
}

func TestWhoIsNotVerifiedSignsNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		reply authtest.Reply
		want  ctap.Status
	}{
		{"tapped and gave no PIN", authtest.Tap, ctap.OperationDenied},
		{"declined", authtest.Decline, ctap.OperationDenied},
		{"chose what was not offered", authtest.Choose(1), ctap.Other},
		{"chose nothing", authtest.Choose(-1), ctap.Other},
	} {
		r := newRig(t)
		r.made("ana", true)
		r.person.Script(tt.reply)
		_, err := r.get(nil)
		wantStatus(t, err, tt.want)
		if n := r.stored()[0].SignCount; n != 0 {
			t.Errorf("%s: %d signatures counted", tt.name, n)
		}
	}
}

func TestACancelledAssertionSignsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made("ana", true)
	ctx, cancel := context.WithCancel(t.Context())
	r.person.Script(func(context.Context, authenticator.Prompt) (authenticator.Answer, error) {
		cancel()
		return authenticator.Answer{Verified: true}, nil
	})
	_, err := ctap.GetAssertion(ctx, r.device(), getRequest())
	wantStatus(t, err, ctap.KeepaliveCancel)
	if n := r.stored()[0].SignCount; n != 0 {
		t.Errorf("%d signatures counted", n)
	}
}

func TestEachSignatureCountsOne(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made("ana", true)
	for want := uint32(1); want <= 3; want++ {
		got, err := r.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := authData(t, got.AuthData).SignCount; n != want {
			t.Errorf("count %d, want %d", n, want)
		}
	}
	if p := r.stored()[0]; p.LastUsed.IsZero() {
		t.Error("the use was not noted")
	}
}

func TestUnlockingVerifies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made("ana", true)
	r.vault.Lock()
	r.person.Script(authtest.UnlockWith(1, func(int) error { r.vault.Unlock(); return nil }), authtest.Tap)
	got, err := r.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.wantAsked(authenticator.MakePasskey, authenticator.Unlock, authenticator.UsePasskey)
	if !authData(t, got.AuthData).Flags.Has(webauthn.FlagUserVerified) {
		t.Error("the PIN that unlocked did not count")
	}
}

func TestSilentRequests(t *testing.T) {
	t.Parallel()
	silent := func(g *ctap.GetAssertionRequest) { g.Options = map[string]bool{"up": false} }
	r := newRig(t)
	_, err := r.get(silent)
	wantStatus(t, err, ctap.NoCredentials)
	id := r.made("ana", true)
	got, err := r.get(func(g *ctap.GetAssertionRequest) {
		silent(g)
		g.AllowList = []ctap.CredentialDescriptor{descriptor(id)}
	})
	if err != nil || got.UserSelected || got.NumberOfCredentials != 0 || authData(t, got.AuthData).SignCount != 1 {
		t.Errorf("GetAssertion = %+v, %v", got, err)
	}
	if p := r.stored()[0]; !p.LastUsed.IsZero() {
		t.Error("a probe was noted as a use")
	}
	r.vault.Lock()
	_, err = r.get(silent)
	wantStatus(t, err, ctap.NotAllowed)
	r.wantAsked(authenticator.MakePasskey)
}

// One QR code must not let a computer go through the sites that a person has
// passkeys for.
func TestComputerThatShowedACodeCannotLookQuietly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.made("ana", true)
	request := getRequest()
	request.Options = map[string]bool{"up": false}
	request.AllowList = []ctap.CredentialDescriptor{descriptor(id)}
	far := r.a.Device(authenticator.Caller{Via: authenticator.ViaHybrid})
	_, err := ctap.GetAssertion(t.Context(), far, request)
	wantStatus(t, err, ctap.InvalidOption)
	r.wantAsked(authenticator.MakePasskey)
}

func silentSeries(r rig) (first ctap.GetAssertionResponse) {
	r.Helper()
	first, err := r.get(func(g *ctap.GetAssertionRequest) { g.Options = map[string]bool{"up": false} })
	if err != nil {
		r.Fatal(err)
	}
	return first
}

func TestASilentSeriesIsFetchedToItsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	old, middle, newest := r.made("ana", true), r.made("ben", true), r.made("cleo", true)
	got := silentSeries(r)
	if got.NumberOfCredentials != 3 || string(got.Credential.ID) != string(newest) {
		t.Fatalf("first %+v", got)
	}
	for _, want := range []webauthn.CredentialID{middle, old} {
		if _, err := ctap.GetInfo(t.Context(), r.device()); err != nil { // does not count
			t.Fatal(err)
		}
		got, err := ctap.GetNextAssertion(t.Context(), r.device())
		if err != nil || string(got.Credential.ID) != string(want) || got.NumberOfCredentials != 0 {
			t.Fatalf("next %+v, %v, want %v", got, err, want)
		}
		if f := authData(t, got.AuthData).Flags; f != 0 {
			t.Errorf("flags %v, want none, as in the first", f)
		}
	}
	_, err := ctap.GetNextAssertion(t.Context(), r.device())
	wantStatus(t, err, ctap.NotAllowed)
}

func TestWhatEndsASeries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(rig)
	}{
		{"another command", func(r rig) { _ = ctap.Selection(r.Context(), r.device()) }},
		{"a request that does not parse", func(r rig) { r.a.Handle(r.Context(), authtest.Local, []byte{2}) }},
		{"31 seconds", func(rig) { time.Sleep(31 * time.Second) }},
		{"a lock", func(r rig) { r.vault.Lock() }},
		{"its passkey deleted", func(r rig) {
			for _, p := range r.stored() {
				if err := r.vault.Delete(r.Context(), p.ID); err != nil {
					r.Fatal(err)
				}
			}
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.made("ana", true)
			r.made("ben", true)
			silentSeries(r)
			tt.do(r)
			if _, err := ctap.GetNextAssertion(t.Context(), r.device()); !errors.Is(err, ctap.NotAllowed) {
				t.Errorf("%s: %v, want NOT_ALLOWED", tt.name, err)
			}
		})
	}
}

func TestASeriesBelongsToItsCaller(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made("ana", true)
	r.made("ben", true)
	silentSeries(r)
	other := authtest.Local
	other.Channel = 2
	_, err := ctap.GetNextAssertion(t.Context(), r.a.Device(other))
	wantStatus(t, err, ctap.NotAllowed)
}

func TestTheWindowOfASeriesBeginsAnewWithEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for _, user := range []string{"ana", "ben", "cleo"} {
			r.made(user, true)
		}
		silentSeries(r)
		for range 2 {
			time.Sleep(29 * time.Second)
			if _, err := ctap.GetNextAssertion(t.Context(), r.device()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAPasskeyWithoutAUsableKeyIsAnError(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := vaulttest.NewPasskey(1, rpID, "ana")
	p.PrivateKey = secret.New([]byte("not a key at all"))
	if err := r.vault.Save(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	_, err := r.get(nil)
	wantStatus(t, err, ctap.Other)
}

// A site that was told that a passkey is kept in several places refuses one
// that says otherwise (WebAuthn §7.2), and one that counts after others that
// did not.
func TestPasskeyFromAnotherAppSaysWhatItSaidThere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made("ana", true)
	p := r.stored()[0]
	p.Shared = true
	if err := r.vault.Save(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := r.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		data := authData(t, got.AuthData)
		if !data.Flags.Has(webauthn.FlagBackupEligible|webauthn.FlagBackupState) || data.SignCount != 0 {
			t.Errorf("flags %08b, count %d; want BE, BS and 0", data.Flags, data.SignCount)
		}
	}
}
