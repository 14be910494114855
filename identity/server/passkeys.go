package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/webauthn"
)

// Passkeys says which passkeys people may have. The zero value: any.
type Passkeys struct {
	// Accept are the only kinds that are taken, as AAGUIDs or names of providers
	// ("YubiKey 5"). Refuse are kinds that are not, even if Accept has them. Both
	// hold for every sign-in: a passkey of a kind that is taken off the list signs
	// nobody in any more. A passkey says itself of which kind it is.
	Accept []string `json:"accept"`
	Refuse []string `json:"refuse"`
	// DeviceBoundOnly refuses passkeys that may be copied to other devices.
	DeviceBoundOnly bool `json:"device_bound_only"`
	// SelfService false lets people add passkeys with an access pass only.
	// Absent: true.
	SelfService *bool `json:"self_service"`
	// Max is how many passkeys a person may come to have by themselves, up to
	// directory.MaxPasskeys. Zero: that many.
	Max int `json:"max"`
}

// rule returns the policy that p is. Check has reported what is wrong with p.
func (p Passkeys) rule() policy.Passkeys {
	accept, _ := kinds(p.Accept)
	refuse, _ := kinds(p.Refuse)
	return policy.Passkeys{
		Accept: accept, Refuse: refuse, DeviceBoundOnly: p.DeviceBoundOnly,
		NoSelfService: p.SelfService != nil && !*p.SelfService, Max: p.Max,
	}
}

func (p Passkeys) check(report func(string, error)) {
	_, err := kinds(p.Accept)
	report("passkeys.accept", err)
	_, err = kinds(p.Refuse)
	report("passkeys.refuse", err)
	if rule := p.rule(); len(rule.Accept) > 0 && len(rule.Accepted()) == 0 {
		report("passkeys.refuse", errors.New("refuses all that is accepted: nobody could sign in"))
	}
	if p.Max < 0 || p.Max > directory.MaxPasskeys {
		report("passkeys.max", fmt.Errorf("want 1 to %d", directory.MaxPasskeys))
	}
}

// kinds reads AAGUIDs and names of providers.
func kinds(list []string) (all []webauthn.AAGUID, err error) {
	var errs []error
	for _, s := range list {
		if a, err := webauthn.ParseAAGUID(s); err == nil {
			all = append(all, a)
			continue
		}
		of := directory.ProviderNamed(s)
		if of == nil {
			errs = append(errs, fmt.Errorf("%q is no AAGUID (8-4-4-4-12 hexadecimal digits) and no provider that is known by name: %s",
				s, strings.Join(directory.AllProviderNames(), ", ")))
		}
		all = append(all, of...)
	}
	return all, errors.Join(errs...)
}

// warnOfLockouts says once, at the start, whom the rule leaves without a way in,
// and what the rule is worth.
func (s *Server) warnOfLockouts(ctx context.Context) error {
	rule := s.cfg.Passkeys.rule()
	if !rule.Restricts() {
		return nil
	}
	s.log.InfoContext(ctx, "passkeys are chosen by what they say of themselves; no attestation is asked for, so nothing proves it",
		"accept", len(rule.Accept), "refuse", len(rule.Refuse), "device_bound_only", rule.DeviceBoundOnly)
	var people, admins, adminsLeft int
	err := s.directory.EachPersonsPasskeys(ctx, func(u directory.User, keys []directory.Passkey) {
		switch left := rule.WaysIn(keys); {
		case left > 0 && u.Admin:
			adminsLeft++
		case left == 0:
			people++
			if u.Admin {
				admins++
			}
		}
	})
	if err != nil {
		return fmt.Errorf("looking for people whom the rule on passkeys locks out: %w", err)
	}
	if people > 0 {
		s.log.WarnContext(ctx, "the rule on passkeys leaves people without a passkey that signs them in; each needs an access pass",
			"people", people, "administrators", admins)
	}
	if admins > 0 && adminsLeft == 0 {
		s.log.ErrorContext(ctx, "the rule on passkeys leaves no administrator who can sign in and issue access passes; loosen it and start again")
	}
	return nil
}
