package authenticator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

func TestAPasskeyIsMadeAndKept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made, err := r.make(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.wantAsked(authenticator.MakePasskey)
	p := r.person.Asked()[0]
	if p.RPID != rpID || p.RPName != "Example" || p.Account.DisplayName != "Ana" || !p.Verify || p.Caller != authtest.Local {
		t.Errorf("prompt %+v", p)
	}
	data := authData(t, made.AuthData)
	if want := webauthn.FlagUserPresent | webauthn.FlagUserVerified | webauthn.FlagAttestedCredential; data.Flags != want {
		t.Errorf("flags %v, want %v", data.Flags, want)
	}
	kept := r.stored()
	if len(kept) != 1 || string(kept[0].ID) != string(data.Attested.ID) || !kept[0].Discoverable || kept[0].CreatedAt.IsZero() {
		t.Fatalf("kept %+v", kept)
	}
	if got := string(kept[0].Account.Handle); got != "ana" || kept[0].RPName != "Example" || kept[0].SignCount != 0 {
		t.Errorf("kept %+v", kept[0])
	}
}

func TestEveryPasskeyHasAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, b := r.made("ana", true), r.made("ben", true)
	if len(a) != 32 || string(a) == string(b) {
		t.Errorf("IDs %v and %v", a, b)
	}
}

func TestMakeCredentialRefusals(t *testing.T) {
	t.Parallel()
	long := make([]ctap.CredentialDescriptor, 65)
	for i := range long {
		long[i] = descriptor([]byte{byte(i)})
	}
	for _, tt := range []struct {
		name   string
		change func(*ctap.MakeCredentialRequest)
		want   ctap.Status
	}{
		{"only algorithms we do not have", func(m *ctap.MakeCredentialRequest) {
			m.PubKeyCredParams = []ctap.CredentialParameters{{Alg: webauthn.EdDSA, Type: "public-key"}}
		}, ctap.UnsupportedAlgorithm},
		{"our algorithm with a type we do not know", func(m *ctap.MakeCredentialRequest) {
			m.PubKeyCredParams = []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: "private-key"}}
		}, ctap.UnsupportedAlgorithm},
		{"no algorithms", func(m *ctap.MakeCredentialRequest) {
			m.PubKeyCredParams = []ctap.CredentialParameters{}
		}, ctap.UnsupportedAlgorithm},
		{"up false", func(m *ctap.MakeCredentialRequest) { m.Options["up"] = false }, ctap.InvalidOption},
		{"enterprise attestation", func(m *ctap.MakeCredentialRequest) { m.Enterprise = 1 }, ctap.InvalidParameter},
		{"proof of a PIN without a protocol", func(m *ctap.MakeCredentialRequest) {
			m.PinUvAuthParam = []byte{1}
		}, ctap.MissingParameter},
		{"proof of a PIN", func(m *ctap.MakeCredentialRequest) {
			m.PinUvAuthParam, m.PinUvAuthProtocol = []byte{1}, 2
		}, ctap.InvalidParameter},
		{"65 excluded", func(m *ctap.MakeCredentialRequest) { m.ExcludeList = long }, ctap.LimitExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			_, err := r.make(tt.change)
			wantStatus(t, err, tt.want)
			r.wantAsked()
			if len(r.stored()) != 0 {
				t.Error("something was kept")
			}
		})
	}
}

func TestWhatMakesNoDifference(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ctap.MakeCredentialRequest){
		"up true":           func(m *ctap.MakeCredentialRequest) { m.Options["up"] = true },
		"an unknown option": func(m *ctap.MakeCredentialRequest) { m.Options["future"] = true },
		"another algorithm first": func(m *ctap.MakeCredentialRequest) {
			m.PubKeyCredParams = append([]ctap.CredentialParameters{
				{Alg: webauthn.EdDSA, Type: "public-key"}, {Alg: 1, Type: "future"},
			}, m.PubKeyCredParams...)
		},
		"an unknown extension": func(m *ctap.MakeCredentialRequest) {
			m.Extensions = map[string]cbor.Raw{"future": {0xf5}}
		},
		"somebody else's passkey excluded": func(m *ctap.MakeCredentialRequest) {
			m.ExcludeList = []ctap.CredentialDescriptor{descriptor([]byte("elsewhere"))}
		},
	} {
		if _, err := newRig(t).make(change); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A client that asks for no verification still gets a passkey that a verified
// person agreed to.
func TestMakingAlwaysVerifies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made, err := r.make(func(m *ctap.MakeCredentialRequest) { m.Options = nil })
	if err != nil {
		t.Fatal(err)
	}
	if !r.person.Asked()[0].Verify || !authData(t, made.AuthData).Flags.Has(webauthn.FlagUserVerified) {
		t.Error("the person was not verified")
	}
	tap := newRig(t, authtest.Tap)
	_, err = tap.make(func(m *ctap.MakeCredentialRequest) { m.Options = nil })
	wantStatus(t, err, ctap.OperationDenied)
	if len(tap.stored()) != 0 {
		t.Error("a passkey was kept for a person who was not verified")
	}
}

func TestAnExcludedPasskeyCostsAnAcknowledgement(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]authtest.Reply{"yes": authtest.Approve, "no": authtest.Decline} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			id := r.made("ana", true)
			r.person.Script(reply)
			_, err := r.make(func(m *ctap.MakeCredentialRequest) {
				m.ExcludeList = []ctap.CredentialDescriptor{descriptor([]byte("elsewhere")), descriptor(id)}
			})
			wantStatus(t, err, ctap.CredentialExcluded)
			r.wantAsked(authenticator.MakePasskey, authenticator.AlreadyHere)
			if len(r.stored()) != 1 {
				t.Error("another passkey was made")
			}
		})
	}
}

func TestASilentPersonTellsNothingOfExcludedPasskeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		id := r.made("ana", true)
		r.person.Script(authtest.Leave)
		_, err := r.make(func(m *ctap.MakeCredentialRequest) {
			m.ExcludeList = []ctap.CredentialDescriptor{descriptor(id)}
		})
		wantStatus(t, err, ctap.UserActionTimeout)
	})
}

func TestOnlyThisSitesPasskeysAreExcluded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.made("ana", true)
	_, err := r.make(func(m *ctap.MakeCredentialRequest) {
		m.RP.ID = "other.example"
		m.ExcludeList = []ctap.CredentialDescriptor{descriptor(id)}
	})
	if err != nil {
		t.Error(err)
	}
	_, err = r.make(func(m *ctap.MakeCredentialRequest) {
		m.User.ID = []byte("ben")
		m.ExcludeList = []ctap.CredentialDescriptor{{ID: id, Type: "future"}}
	})
	if err != nil {
		t.Errorf("excluded under a type that we do not know: %v", err)
	}
}

func TestANewPasskeyForAnAccountReplacesTheOld(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made("ana", true)
	r.made("ben", true)
	id := r.made("ana", true)
	kept := r.stored()
	if len(kept) != 2 || string(kept[0].ID) != string(id) {
		t.Errorf("kept %+v", kept)
	}
}

func TestWhoSaysNoMakesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		reply authtest.Reply
		want  ctap.Status
	}{
		{"declined", authtest.Decline, ctap.OperationDenied},
		{"gave up", func(context.Context, authenticator.Prompt) (authenticator.Answer, error) {
			return authenticator.Answer{}, authenticator.ErrNoAnswer
		}, ctap.UserActionTimeout},
		{"nobody there", authtest.Leave, ctap.UserActionTimeout},
		{"the page broke", func(context.Context, authenticator.Prompt) (authenticator.Answer, error) {
			return authenticator.Answer{}, errors.New("no template")
		}, ctap.Other},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, tt.reply)
				_, err := r.make(nil)
				wantStatus(t, err, tt.want)
				if len(r.stored()) != 0 {
					t.Error("a passkey was kept")
				}
			})
		})
	}
}

func TestAPromptHasADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, authtest.Leave)
		began := time.Now()
		_, err := r.make(nil)
		wantStatus(t, err, ctap.UserActionTimeout)
		if got := time.Since(began); got != authenticator.DefaultPromptTimeout {
			t.Errorf("withdrawn after %v, want %v", got, authenticator.DefaultPromptTimeout)
		}
		if got := r.person.Asked()[0].Deadline; !got.Equal(began.Add(authenticator.DefaultPromptTimeout)) {
			t.Errorf("Deadline = %v", got)
		}
	})
}

// Who has gone away never hears of the passkey, and the site neither.
func TestACancelledRequestMakesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := newRig(t, func(_ context.Context, p authenticator.Prompt) (authenticator.Answer, error) {
		cancel() // just before the person says yes
		return authenticator.Answer{Verified: true}, nil
	})
	_, err := ctap.MakeCredential(ctx, r.device(), makeRequest())
	wantStatus(t, err, ctap.KeepaliveCancel)
	if len(r.stored()) != 0 {
		t.Error("a passkey was kept")
	}
}

func TestALockedVaultIsUnlockedFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.vault.Lock()
	r.person.Script(authtest.UnlockWith(3, func(try int) error {
		if try < 2 {
			return errors.New("wrong PIN")
		}
		r.vault.Unlock()
		return nil
	}), authtest.Tap)
	made, err := r.make(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.wantAsked(authenticator.Unlock, authenticator.MakePasskey)
	asked := r.person.Asked()
	if !asked[0].Verify || asked[0].RPID != rpID {
		t.Errorf("unlock prompt %+v", asked[0])
	}
	// The PIN that unlocked was the person's: it is not asked for twice, and
	// counts.
	if asked[1].Verify || !authData(t, made.AuthData).Flags.Has(webauthn.FlagUserVerified) {
		t.Errorf("second prompt %+v, flags %v", asked[1], authData(t, made.AuthData).Flags)
	}
}

func TestAVaultThatStaysLockedMakesNothing(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]authtest.Reply{
		"gave up after wrong PINs": authtest.UnlockWith(3, func(int) error { return errors.New("wrong PIN") }),
		"said yes without a PIN":   authtest.Tap,
		"said so, and it is not":   authtest.Approve,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, reply)
			r.vault.Lock()
			_, err := r.make(nil)
			wantStatus(t, err, ctap.OperationDenied)
			r.wantAsked(authenticator.Unlock)
		})
	}
}

func TestWhatTheVaultSaysReachesTheClient(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		vault brokenVault
		want  ctap.Status
	}{
		{"disk full", brokenVault{save: fmt.Errorf("saving: %w", syscall.ENOSPC)}, ctap.KeyStoreFull},
		{"locked meanwhile", brokenVault{save: authenticator.ErrLocked}, ctap.NotAllowed},
		{"disk broken", brokenVault{save: errors.New("input/output error")}, ctap.Other},
		{"exclusions cannot be read", brokenVault{find: errors.New("input/output error")}, ctap.Other},
	} {
		_, memory, person := authtest.New()
		tt.vault.Vault = memory
		a := authenticator.New(authenticator.Config{Vault: tt.vault, Person: person})
		request := makeRequest()
		request.ExcludeList = []ctap.CredentialDescriptor{descriptor([]byte("elsewhere"))}
		_, err := ctap.MakeCredential(t.Context(), a.Device(authtest.Local), request)
		wantStatus(t, err, tt.want)
	}
}

func TestAnEmptyPinUvAuthParamAsksForATouch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	params := map[int]any{
		1: make([]byte, 32), 2: map[string]any{"id": rpID}, 3: map[string]any{"id": []byte{1}}, 4: []any{}, 8: []byte{},
	}
	response := r.a.Handle(t.Context(), authtest.Local, message(ctap.CmdMakeCredential, params))
	if ctap.Status(response[0]) != ctap.PINNotSet || len(response) != 1 {
		t.Errorf("answered %x, want PIN_NOT_SET", response)
	}
	r.wantAsked(authenticator.Select)
	declined := newRig(t, authtest.Decline)
	params = map[int]any{1: rpID, 2: make([]byte, 32), 6: []byte{}}
	response = declined.a.Handle(t.Context(), authtest.Local, message(ctap.CmdGetAssertion, params))
	if ctap.Status(response[0]) != ctap.OperationDenied {
		t.Errorf("answered %x, want OPERATION_DENIED", response)
	}
}

func TestLongNamesAreCut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.make(func(m *ctap.MakeCredentialRequest) {
		m.RP.Name, m.User.Name = strings.Repeat("x", 500), "x"+strings.Repeat("水", 100)
	})
	if err != nil {
		t.Fatal(err)
	}
	p := r.stored()[0]
	if len(p.RPName) != 128 || len(p.Account.Name) != 1+42*3 || !utf8.ValidString(p.Account.Name) {
		t.Errorf("names of %d and %d bytes: %q", len(p.RPName), len(p.Account.Name), p.Account.Name)
	}
}
