package policy_test

import (
	"errors"
	"testing"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/webauthn"
)

var (
	phoneKind = webauthn.AAGUID{1}
	keyKind   = webauthn.AAGUID{2}
	syncKind  = webauthn.AAGUID{3}

	phone  = directory.Passkey{AAGUID: phoneKind}
	key    = directory.Passkey{AAGUID: keyKind}
	synced = directory.Passkey{AAGUID: syncKind, Flags: webauthn.FlagBackupEligible | webauthn.FlagBackupState}
	// unsaid does not say what it is.
	unsaid = directory.Passkey{}
)

func TestRuleOnKinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		rule policy.Passkeys
		k    directory.Passkey
		want error
	}{
		{"no rule", policy.Passkeys{}, synced, nil},
		{"no rule, of no kind", policy.Passkeys{}, unsaid, nil},
		{"accepted", policy.Passkeys{Accept: []webauthn.AAGUID{keyKind, phoneKind}}, phone, nil},
		{"not accepted", policy.Passkeys{Accept: []webauthn.AAGUID{keyKind}}, phone, policy.ErrKind},
		{"of no kind, where some are accepted", policy.Passkeys{Accept: []webauthn.AAGUID{keyKind}}, unsaid, policy.ErrKind},
		{"refused", policy.Passkeys{Refuse: []webauthn.AAGUID{phoneKind}}, phone, policy.ErrKind},
		{"not refused", policy.Passkeys{Refuse: []webauthn.AAGUID{phoneKind}}, key, nil},
		{"of no kind, which is refused", policy.Passkeys{Refuse: []webauthn.AAGUID{{}}}, unsaid, policy.ErrKind},
		{"accepted and refused", policy.Passkeys{Accept: []webauthn.AAGUID{phoneKind}, Refuse: []webauthn.AAGUID{phoneKind}}, phone, policy.ErrKind},
		{"may leave its device", policy.Passkeys{DeviceBoundOnly: true}, synced, policy.ErrLeaves},
		{"stays on its device", policy.Passkeys{DeviceBoundOnly: true}, key, nil},
		{"may be copied and was not yet", policy.Passkeys{DeviceBoundOnly: true}, directory.Passkey{Flags: webauthn.FlagBackupEligible}, policy.ErrLeaves},
		{"accepted, but may leave", policy.Passkeys{Accept: []webauthn.AAGUID{syncKind}, DeviceBoundOnly: true}, synced, policy.ErrLeaves},
		{"no self-service says nothing of kinds", policy.Passkeys{NoSelfService: true, Max: 1}, synced, nil},
	} {
		if err := tt.rule.MayUse(tt.k); !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
			t.Errorf("%s: MayUse = %v, want %v", tt.name, err, tt.want)
		}
		if err := policy.MaySignIn(person, tt.k, tt.rule); !errors.Is(err, tt.want) || (tt.want == nil) != (err == nil) {
			t.Errorf("%s: MaySignIn = %v, want %v", tt.name, err, tt.want)
		}
		if err := policy.MaySignIn(disabled, tt.k, tt.rule); !errors.Is(err, policy.ErrDisabled) {
			t.Errorf("%s, disabled: MaySignIn = %v", tt.name, err)
		}
	}
}

func TestRuleOnAdding(t *testing.T) {
	t.Parallel()
	alone, three := policy.Passkeys{NoSelfService: true}, policy.Passkeys{Max: 3}
	for _, tt := range []struct {
		name string
		got  error
		want error
	}{
		{"by themselves, where they may not", policy.MayRegister(person, fresh, alone, 1, now), policy.ErrNoSelfService},
		{"stale, where they may not: not asked to unlock first", policy.MayRegister(person, stale, alone, 1, now), policy.ErrNoSelfService},
		{"with a pass, where they may not otherwise", policy.MayRegister(person, pass, alone, 1, now), nil},
		{"the third of three", policy.MayRegister(person, fresh, three, 2, now), nil},
		{"a fourth of three", policy.MayRegister(person, fresh, three, 3, now), policy.ErrTooManyPasskeys},
		{"a fourth of three, with a pass", policy.MayRegister(person, pass, three, 3, now), nil},
		{"a twenty-first where a hundred are allowed", policy.MayRegister(person, fresh, policy.Passkeys{Max: 100}, 20, now), policy.ErrTooManyPasskeys},
		{"disabled, with a pass", policy.MayRegister(disabled, pass, alone, 0, now), policy.ErrDisabled},
	} {
		if !errors.Is(tt.got, tt.want) || (tt.want == nil) != (tt.got == nil) {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestWaysInAreThoseThatAreTaken(t *testing.T) {
	t.Parallel()
	all := []directory.Passkey{phone, key, synced, unsaid}
	for want, rule := range map[int]policy.Passkeys{
		4: {},
		3: {DeviceBoundOnly: true},
		2: {Accept: []webauthn.AAGUID{phoneKind, keyKind}},
		1: {Accept: []webauthn.AAGUID{phoneKind, keyKind}, Refuse: []webauthn.AAGUID{keyKind}},
		0: {Accept: []webauthn.AAGUID{{9}}},
	} {
		if got := rule.WaysIn(all); got != want {
			t.Errorf("WaysIn under %+v = %d, want %d", rule, got, want)
		}
	}
	if got := (policy.Passkeys{Accept: []webauthn.AAGUID{phoneKind, keyKind}, Refuse: []webauthn.AAGUID{keyKind}}).Accepted(); len(got) != 1 || got[0] != phoneKind {
		t.Errorf("Accepted() = %v", got)
	}
	if (policy.Passkeys{NoSelfService: true, Max: 2}).Restricts() || !(policy.Passkeys{DeviceBoundOnly: true}).Restricts() {
		t.Error("Restricts() is not about kinds")
	}
}
