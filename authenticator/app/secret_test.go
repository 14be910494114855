package app

import (
	"errors"
	"testing"

	"cardea/authenticator/vault"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
)

const otherPIN = "97531864"

// lists tries what a token lets its program do: to see which passkeys there are.
func (s *site) lists(token pinuv.Token) error {
	r := ctap.ManagementRequest{SubCommand: ctap.ManageMetadata, PinUvAuthProtocol: 2}
	r.PinUvAuthParam = token.Authenticate(r.Authenticated())
	_, err := ctap.Manage(s.t.Context(), s.Key().Device(wire), r)
	return err
}

func (s *site) pinToken(permissions ctap.Permission) pinuv.Token {
	s.t.Helper()
	token, err := pinuv.GetToken(s.t.Context(), s.Key().Device(wire), pinuv.Two, testPIN, permissions, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// Who changes the PIN means that whoever knew the old one is out: also a program
// that made a token of it. The same goes for a vault that is there no more.
func TestTokensEndWithTheSecret(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*site) error{
		"on a page": func(s *site) error {
			status, _, body := s.post("/settings/secret", "kind", "pin", "current", testPIN, "secret", otherPIN, "again", otherPIN)
			if status != 303 {
				return errors.New(body)
			}
			return nil
		},
		"by a command": func(s *site) error { return s.manager().SetSecret(t.Context(), testPIN, otherPIN) },
		"with its vault": func(s *site) error {
			return errors.Join(s.keeper.Erase(), s.keeper.Create(vault.PIN, otherPIN))
		},
		"with its vault, by a command": func(s *site) error {
			m := s.manager()
			return errors.Join(m.Erase(t.Context(), testPIN), m.SetSecret(t.Context(), "", otherPIN))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, onComputer)
			lasting, brief := s.pinToken(ctap.PermitReadOnly), s.pinToken(ctap.PermitManagement)
			if err := errors.Join(s.lists(lasting), s.lists(brief)); err != nil {
				t.Fatal(err)
			}
			if err := change(s); err != nil {
				t.Fatal(err)
			}
			if err := s.keeper.Prove(t.Context(), otherPIN); err != nil {
				t.Fatal(err)
			}
			if err := s.lists(brief); !errors.Is(err, ctap.PINAuthInvalid) {
				t.Errorf("the token in use: %v", err)
			}
			if err := s.lists(lasting); !errors.Is(err, ctap.PINAuthInvalid) {
				t.Errorf("the token that lasts: %v", err)
			}
		})
	}
}

func TestAWrongOldPINEndsNoToken(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	token := s.pinToken(ctap.PermitReadOnly)
	if status, _, _ := s.post("/settings/secret", "kind", "pin", "current", "111111", "secret", otherPIN, "again", otherPIN); status != 422 {
		t.Errorf("changing = %d, want 422", status)
	}
	if err := s.lists(token); err != nil {
		t.Errorf("the token: %v", err)
	}
}

func TestAPINFromThePageObeysTheRulesOfTheKey(t *testing.T) {
	t.Parallel()
	s := start(t, onComputer)
	conf := ctap.ConfigRequest{SubCommand: ctap.ConfigMinPINLength, PinUvAuthProtocol: 2}
	conf.RawParams = cbor.MustEncode(map[uint]any{1: uint(8), 3: true})
	conf.PinUvAuthParam = s.pinToken(ctap.PermitConfig).Authenticate(conf.Authenticated())
	if out := s.Key().Handle(t.Context(), wire, append([]byte{byte(ctap.CmdConfig)}, cbor.MustEncode(conf)...)); out[0] != 0 {
		t.Fatalf("setMinPINLength = %x", out)
	}
	if i := s.Key().Info(); i.MinPINLength != 8 || !i.ForcePINChange {
		t.Fatalf("before: least %d, forced %v", i.MinPINLength, i.ForcePINChange)
	}
	status, _, body := s.post("/settings/secret", "kind", "pin", "current", testPIN, "secret", "9753", "again", "9753")
	if says(t, body, "a PIN has at least 8 characters here"); status != 422 {
		t.Errorf("a short PIN = %d, want 422", status)
	}
	if status, _, _ := s.post("/settings/secret", "kind", "pin", "current", testPIN, "secret", otherPIN, "again", otherPIN); status != 303 {
		t.Errorf("a long PIN = %d, want 303", status)
	}
	if i := s.Key().Info(); i.MinPINLength != 8 || i.ForcePINChange {
		t.Errorf("after: least %d, forced %v", i.MinPINLength, i.ForcePINChange)
	}
}
