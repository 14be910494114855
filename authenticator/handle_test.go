package authenticator_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

func message(c ctap.Command, params any) []byte {
	return append([]byte{byte(c)}, cbor.MustEncode(params)...)
}

func TestInfoIsThatOfAPhone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got, err := ctap.GetInfo(t.Context(), r.device())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.a.Info(), got); d != "" {
		t.Errorf("getInfo and Info differ: %s", d)
	}
	want := ctap.Info{
		Versions: []string{"FIDO_2_0", "FIDO_2_1"}, AAGUID: authenticator.AAGUIDComputer[:],
		Options:    map[string]bool{"rk": true, "up": true, "uv": true},
		MaxMsgSize: ctap.MaxMessage, MaxCredentialCountInList: 64, MaxCredentialIDLength: 1023,
		Transports:         []string{"internal", "hybrid"},
		Algorithms:         []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: "public-key"}},
		AttestationFormats: []string{"packed"}, // never "none" (CTAP §6.4)
		Extensions:         []string{"prf"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAAGUIDsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[webauthn.AAGUID]bool{
		authenticator.AAGUIDIOS: true, authenticator.AAGUIDAndroid: true, authenticator.AAGUIDComputer: true,
	}
	if len(seen) != 3 || seen[webauthn.AAGUID{}] {
		t.Errorf("AAGUIDs %v, want three", seen)
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if response := r.a.Handle(t.Context(), authtest.Local, []byte{byte(ctap.CmdSelection)}); !bytes.Equal(response, []byte{0}) {
		t.Errorf("answered %x, want the status alone", response)
	}
	r.wantAsked(authenticator.Select)
	r.person.Script(authtest.Decline)
	wantStatus(t, ctap.Selection(t.Context(), r.device()), ctap.OperationDenied)
}

func TestCommandsThatWeDoNotSpeak(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, tt := range []struct {
		request []byte
		want    ctap.Status
	}{
		{nil, ctap.InvalidLength},
		{[]byte{0x77}, ctap.InvalidCommand},
		{[]byte{byte(ctap.CmdClientPIN), 0xa0}, ctap.InvalidCommand},
		{[]byte{byte(ctap.CmdReset)}, ctap.InvalidCommand},
		{[]byte{byte(ctap.CmdGetInfo), 0}, ctap.InvalidLength},
		{[]byte{byte(ctap.CmdGetNextAssertion)}, ctap.NotAllowed},
	} {
		if got := r.a.Handle(t.Context(), authtest.Local, tt.request); !bytes.Equal(got, []byte{byte(tt.want)}) {
			t.Errorf("%x: answered %x, want %v", tt.request, got, tt.want)
		}
	}
	r.wantAsked()
}

// The scripted Person panics if it is asked twice at once.
func TestRequestsTakeTurns(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made("ana", true)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if _, err := ctap.GetAssertion(t.Context(), r.device(), getRequest()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := r.stored()[0].SignCount; n != 40 {
		t.Errorf("count %d, want 40", n)
	}
}

func TestWhileThePersonThinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, authtest.Leave)
		first := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := ctap.MakeCredential(ctx, r.device(), makeRequest())
			first <- err
		}()
		synctest.Wait() // the prompt is on the screen

		if _, err := ctap.GetInfo(t.Context(), r.device()); err != nil {
			t.Errorf("getInfo: %v", err)
		}
		if _, known := r.a.HasPasskey(t.Context(), rpID); !known {
			t.Error("HasPasskey does not know")
		}
		waiting, giveUp := context.WithCancel(t.Context())
		second := make(chan error, 1)
		go func() {
			_, err := ctap.MakeCredential(waiting, r.device(), makeRequest())
			second <- err
		}()
		synctest.Wait()
		giveUp()
		wantStatus(t, <-second, ctap.KeepaliveCancel)
		r.wantAsked(authenticator.MakePasskey) // the second never came to the screen
		cancel()
		wantStatus(t, <-first, ctap.KeepaliveCancel)
		if _, err := r.make(nil); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestOneRecordForARequestAndNoSecretInIt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	vault := new(vaulttest.Memory)
	a := authenticator.New(authenticator.Config{
		Vault: vault, Person: authtest.NewPerson(authtest.Approve, authtest.Decline),
		Log: slog.New(slog.NewTextHandler(&out, nil)),
	})
	for range 2 {
		_, _ = ctap.MakeCredential(t.Context(), a.Device(authtest.Local), makeRequest())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "status=OK") || !strings.Contains(lines[1], "status=OPERATION_DENIED") {
		t.Errorf("log:\n%s", out.String())
	}
	passkeys, err := vault.Passkeys(t.Context(), "")
	if err != nil || len(passkeys) != 1 {
		t.Fatal(err)
	}
	for _, secret := range []string{string(passkeys[0].PrivateKey.Expose()), "ana@example.org", passkeys[0].ID.String()} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
}

func TestHasPasskeyOfABrokenVault(t *testing.T) {
	t.Parallel()
	a := authenticator.New(authenticator.Config{
		Vault:  brokenVault{Vault: new(vaulttest.Memory), find: errors.New("input/output error")},
		Person: authtest.NewPerson(),
	})
	if has, known := a.HasPasskey(t.Context(), rpID); has || known {
		t.Errorf("HasPasskey = %v, %v, want unknown", has, known)
	}
}

func TestNewWithoutAVaultPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("New did not panic")
		}
	}()
	authenticator.New(authenticator.Config{Person: authtest.NewPerson()})
}

// Whatever comes, there is an answer with a status, and nothing is kept that
// the person did not agree to.
func FuzzHandle(f *testing.F) {
	f.Add(message(ctap.CmdMakeCredential, makeRequest()))
	f.Add(message(ctap.CmdGetAssertion, getRequest()))
	f.Add([]byte{byte(ctap.CmdGetInfo)})
	f.Add([]byte{byte(ctap.CmdGetNextAssertion)})
	f.Add([]byte{byte(ctap.CmdSelection)})
	f.Fuzz(func(t *testing.T, request []byte) {
		person := authtest.NewPerson()
		person.Then = authtest.Decline
		vault := new(vaulttest.Memory)
		a := authenticator.New(authenticator.Config{Vault: vault, Person: person})
		response := a.Handle(t.Context(), authtest.Local, request)
		var v any
		if err := ctap.DecodeResponse(response, &v); err != nil {
			if s := ctap.Status(0); !errors.As(err, &s) {
				t.Fatalf("%x: answered %x: %v", request, response, err)
			}
		}
		if passkeys, _ := vault.Passkeys(t.Context(), ""); len(passkeys) != 0 {
			t.Fatalf("%x: a passkey was kept", request)
		}
	})
}
