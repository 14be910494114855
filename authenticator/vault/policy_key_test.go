package vault

import (
	"errors"
	"testing"

	"cardea/internal/cbor"
)

// The rules that an organization has set on a security key hold for a PIN that
// is changed without a client.
func TestANewPINObeysTheSettingsOfTheSecurityKey(t *testing.T) {
	t.Parallel()
	const min, force, complexity = 1, 2, 6 // members of its settings
	for _, tt := range []struct {
		name     string
		settings map[int]any
		pin      string
		right    bool
	}{
		{"long enough", map[int]any{min: 6}, "246813", true},
		{"too short", map[int]any{min: 6}, "24681", false},
		{"a run", map[int]any{min: 4, complexity: true}, "3456", false},
		{"one digit", map[int]any{min: 4, complexity: true}, "7777", false},
		{"neither", map[int]any{min: 4, complexity: true}, "7269", true},
		{"the same where another is wanted", map[int]any{min: 4, force: true}, rightPIN, false},
		{"another", map[int]any{min: 4, force: true}, "7269", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := create(t)
			before := cbor.MustEncode(tt.settings)
			check(t, v.SetSettings(t.Context(), before))
			err := v.ChangePIN(t.Context(), rightPIN, tt.pin)
			if !tt.right {
				if !errors.Is(err, ErrPolicy) {
					t.Errorf("ChangePIN = %v, want ErrPolicy", err)
				}
				check(t, v.Verify(t.Context(), rightPIN))
				return
			}
			check(t, err)
			v = openAt(t, closed(t, v))
			check(t, v.Unlock(t.Context(), tt.pin)) // which checks the settings
			var after map[int]any
			check(t, cbor.Decode(v.Settings(), &after))
			if after[force] != nil || after[min] == nil {
				t.Errorf("settings %v afterwards", after)
			}
		})
	}
}

// A pattern is none of a client's business.
func TestAPatternIsNotHeldToTheRulesOfPINs(t *testing.T) {
	t.Parallel()
	v := create(t)
	check(t, v.SetSettings(t.Context(), cbor.MustEncode(map[int]any{1: 8})))
	check(t, v.ChangeSecret(t.Context(), rightPIN, Pattern, "14789"))
}

func closed(t *testing.T, v *Vault) string {
	t.Helper()
	check(t, v.Close())
	return v.path
}
