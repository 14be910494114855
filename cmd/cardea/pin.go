package main

import (
	"errors"
	"fmt"

	"cardea/authenticator/agent"
	"cardea/authenticator/manage"
	"cardea/authenticator/vault"
)

type pinCommand struct {
	Set    pinSetCommand    `cmd:"" help:"Set a PIN where there is none; makes the vault if there is none."`
	Change pinChangeCommand `cmd:"" help:"Change the PIN or the pattern."`
}

type newPIN struct {
	NewPINFile string `name:"new-pin-file" type:"path" placeholder:"FILE" help:"File with the new PIN on its first line, or - for standard input; without it you are asked."`
}

func (c newPIN) get(s *session, kind vault.Kind) (string, error) {
	return s.newSecret(c.NewPINFile, "--new-pin-file", nameOf(kind), func(pin string) error { return vault.CheckPolicy(kind, pin) })
}

type pinSetCommand struct {
	Place authenticatorPlace `embed:""`
	JSON  bool               `name:"json" help:"Tell it as JSON."`
	newPIN
}

func (c *pinSetCommand) Run(s *session) error {
	vaultOf := managed{Place: c.Place}
	return vaultOf.with(s, func(m *management) error {
		st, err := m.Status(s.ctx)
		if err != nil {
			return err
		}
		if st.Exists && st.Kind != vault.NoPIN {
			return manage.ErrSecretSet
		}
		pin, err := c.get(s, vault.PIN)
		if err != nil {
			return err
		}
		if err := m.SetSecret(s.ctx, "", pin); err != nil {
			return err
		}
		return tellStatus(s, m, c.JSON, pick(st.Exists, "The vault has a PIN now.", "The vault is made. Its PIN can't be brought back if you forget it."))
	})
}

type pinChangeCommand struct {
	managed
	newPIN
}

func (c *pinChangeCommand) Run(s *session) error {
	return c.with(s, func(m *management) error {
		st, err := m.Status(s.ctx)
		if err != nil {
			return err
		}
		if st.Exists && st.Kind == vault.NoPIN {
			return errors.New("the vault has no PIN; to give it one, run: cardea authenticator pin set")
		}
		// The old one is proved first, so that nobody thinks of a new one in
		// vain.
		return c.proved(s, m, func(old string) error {
			if err := proveAlone(s, m, st, old); err != nil {
				return err
			}
			new, err := c.get(s, st.Kind)
			if err == nil {
				err = m.SetSecret(s.ctx, old, new)
			}
			if err != nil {
				return ofNew(err)
			}
			return tellStatus(s, m, c.JSON, "Changed. The old one opens nothing any more.")
		})
	})
}

// proveAlone tries a secret and leaves the vault as locked as it was.
func proveAlone(s *session, m *management, st manage.Status, secret string) error {
	if err := m.Unlock(s.ctx, secret); err != nil || !st.Locked {
		return err
	}
	return m.Lock(s.ctx)
}

// ofNew marks an error as one about the new secret.
func ofNew(err error) error {
	if errors.Is(err, vault.ErrPolicy) {
		return fmt.Errorf("%w: %w", errOfNew, err)
	}
	return err
}

func tellStatus(s *session, m *management, asJSON bool, text string) error {
	st, err := m.Status(s.ctx)
	if err != nil {
		return err
	}
	return s.tell(asJSON, st, text)
}

type lockCommand struct {
	Place authenticatorPlace `embed:""`
	JSON  bool               `name:"json" help:"Tell it as JSON."`
}

func (c *lockCommand) Run(s *session) error {
	vaultOf := managed{Place: c.Place}
	return vaultOf.with(s, func(m *management) error {
		if !m.running {
			return tellStatus(s, m, c.JSON, "The app does not run, so nothing is unlocked.")
		}
		if err := m.Lock(s.ctx); err != nil {
			return err
		}
		st, err := m.Status(s.ctx)
		if err != nil {
			return err
		}
		return s.tell(c.JSON, st, pick(st.Locked, "Locked.", "This vault has no PIN and cannot be locked. To give it one, run: cardea authenticator pin set"))
	})
}

type unlockCommand struct{ managed }

func (c *unlockCommand) Run(s *session) error {
	return c.with(s, func(m *management) error {
		if !m.running {
			return agent.ErrNotRunning
		}
		return c.proved(s, m, func(secret string) error {
			if err := m.Unlock(s.ctx, secret); err != nil {
				return err
			}
			return tellStatus(s, m, c.JSON, "Unlocked.")
		})
	})
}
