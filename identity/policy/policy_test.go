package policy_test

import (
	"errors"
	"testing"
	"time"

	"cardea/identity/directory"
	"cardea/identity/policy"
)

var (
	now      = time.Unix(1_790_000_000, 0)
	fresh    = policy.Proof{At: now.Add(-5 * time.Minute)}
	stale    = policy.Proof{At: now.Add(-5*time.Minute - 1)}
	pass     = policy.Proof{At: now, ByPass: true}
	oldPass  = policy.Proof{At: now.Add(-20 * time.Minute), ByPass: true}
	person   = directory.User{ID: "u"}
	admin    = directory.User{ID: "a", Admin: true}
	disabled = directory.User{ID: "d", Admin: true, Disabled: true}
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		got  error
		want error
	}{
		{"a person signs in", policy.MaySignIn(person, directory.Passkey{}, policy.Passkeys{}), nil},
		{"a disabled person signs in", policy.MaySignIn(disabled, directory.Passkey{}, policy.Passkeys{Max: 1, NoSelfService: true}), policy.ErrDisabled},

		{"a person enters a client", policy.MayEnter(person, stale, directory.Client{}), nil},
		{"with a pass into a client", policy.MayEnter(person, pass, directory.Client{}), policy.ErrPassOnlyRegisters},
		{"with a pass into a client of ours", policy.MayEnter(person, pass, directory.Client{FirstParty: true}), nil},
		{"with a pass into a program of ours", policy.MayEnter(person, pass, directory.Client{FirstParty: true, Native: true}), policy.ErrPassOnlyRegisters},
		{"our program, without a page", policy.MaySignInNatively(directory.Client{Public: true, FirstParty: true, Native: true}), nil},
		{"a program of others, without a page", policy.MaySignInNatively(directory.Client{Public: true, Native: true}), policy.ErrNotNative},
		{"a page of ours, without a page", policy.MaySignInNatively(directory.Client{Public: true, FirstParty: true}), policy.ErrNotNative},
		{"a program with a secret, without a page", policy.MaySignInNatively(directory.Client{FirstParty: true, Native: true}), policy.ErrNotNative},
		{"disabled, with a pass, into a client of ours", policy.MayEnter(disabled, pass, directory.Client{FirstParty: true}), policy.ErrDisabled},
		{"disabled into a client", policy.MayEnter(disabled, fresh, directory.Client{}), policy.ErrDisabled},

		{"a fresh person registers", policy.MayRegister(person, fresh, policy.Passkeys{}, 1, now), nil},
		{"a stale person registers", policy.MayRegister(person, stale, policy.Passkeys{}, 1, now), policy.ErrNotFresh},
		{"with a pass, the first passkey", policy.MayRegister(person, pass, policy.Passkeys{}, 0, now), nil},
		{"with a pass, a while later", policy.MayRegister(person, oldPass, policy.Passkeys{}, 0, now), nil},
		{"the twentieth passkey", policy.MayRegister(person, fresh, policy.Passkeys{}, 19, now), nil},
		{"the twenty-first passkey", policy.MayRegister(person, fresh, policy.Passkeys{}, 20, now), policy.ErrTooManyPasskeys},
		{"with a pass, the twenty-first", policy.MayRegister(person, pass, policy.Passkeys{}, 20, now), nil},
		{"with a pass, the sixty-fourth", policy.MayRegister(person, pass, policy.Passkeys{}, 63, now), nil},
		{"with a pass, the sixty-fifth", policy.MayRegister(person, pass, policy.Passkeys{}, 64, now), policy.ErrTooManyPasskeys},
		{"disabled, registers", policy.MayRegister(disabled, fresh, policy.Passkeys{}, 0, now), policy.ErrDisabled},

		{"a fresh person deletes one of two", policy.MayDelete(person, fresh, 1, now), nil},
		{"a fresh person deletes the only one", policy.MayDelete(person, fresh, 0, now), policy.ErrLastWayIn},
		{"a stale person deletes", policy.MayDelete(person, stale, 2, now), policy.ErrNotFresh},
		{"with a pass, deletes", policy.MayDelete(person, pass, 2, now), policy.ErrPassOnlyRegisters},
		{"disabled, deletes", policy.MayDelete(disabled, fresh, 2, now), policy.ErrDisabled},

		{"a person manages", policy.MayManage(person, stale), nil},
		{"with a pass, manages", policy.MayManage(person, pass), policy.ErrPassOnlyRegisters},
		{"an administrator administers", policy.MayAdminister(admin, stale), nil},
		{"a person administers", policy.MayAdminister(person, fresh), policy.ErrNotAdmin},
		{"an administrator with a pass", policy.MayAdminister(admin, pass), policy.ErrPassOnlyRegisters},
		{"a fresh administrator lets in", policy.MayLetIn(admin, fresh, now), nil},
		{"a stale administrator lets in", policy.MayLetIn(admin, stale, now), policy.ErrNotFresh},
		{"a fresh person lets in", policy.MayLetIn(person, fresh, now), policy.ErrNotAdmin},
		{"an administrator with a pass lets in", policy.MayLetIn(admin, pass, now), policy.ErrPassOnlyRegisters},
		{"a disabled administrator lets in", policy.MayLetIn(disabled, fresh, now), policy.ErrDisabled},
		{"an administrator acts upon another", policy.MayActUpon(admin, person.ID), nil},
		{"an administrator acts upon themselves", policy.MayActUpon(admin, admin.ID), policy.ErrOwnAccount},
		{"a disabled administrator", policy.MayAdminister(disabled, fresh), policy.ErrDisabled},
	} {
		if !errors.Is(tt.got, tt.want) || (tt.want == nil) != (tt.got == nil) {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestNextSignCount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		stored, got uint32
		synced      bool
		next        uint32
		back        bool
	}{
		{0, 0, false, 0, false},
		{0, 1, false, 1, false},
		{5, 6, false, 6, false},
		{5, 5, false, 5, true},
		{5, 4, false, 5, true},
		{5, 0, false, 5, true},
		{5, 5, true, 5, false},
		{5, 0, true, 5, false},
		{5, 1<<32 - 1, false, 1<<32 - 1, false},
	} {
		next, back := policy.NextSignCount(tt.stored, tt.got, tt.synced)
		if next != tt.next || back != tt.back {
			t.Errorf("NextSignCount(%d, %d, %v) = %d, %v, want %d, %v", tt.stored, tt.got, tt.synced, next, back, tt.next, tt.back)
		}
	}
}

func TestOnlyOurProgramsStaySignedIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		c    directory.Client
		want bool
	}{
		{directory.Client{FirstParty: true, Native: true}, true},
		{directory.Client{Native: true}, false},
		{directory.Client{FirstParty: true}, false},
	} {
		if got := policy.MayStaySignedIn(tt.c); got != tt.want {
			t.Errorf("MayStaySignedIn(%+v) = %v, want %v", tt.c, got, tt.want)
		}
	}
}
