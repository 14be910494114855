package main

import (
	"fmt"

	"cardea/authenticator/vault"
)

type resetCommand struct {
	managed
	Yes bool `help:"Do not ask for the word; for scripts."`
}

// resetWord is what a person types who means it.
const resetWord = "erase"

const resetWarning = `This erases the vault %s
and every passkey in it. There is no way back, but a backup. If a passkey is
your only way into an account, you lose the account.
`

func (c *resetCommand) Run(s *session) error {
	return c.with(s, func(m *management) error {
		st, err := m.Status(s.ctx)
		if err != nil {
			return err
		}
		if !st.Exists {
			return vault.ErrNone
		}
		if err := c.meant(s); err != nil {
			return err
		}
		if err := c.erase(s, m, st.Retries == 0); err != nil {
			return err
		}
		return s.tell(c.JSON, map[string]any{"erased": c.Place.Vault}, "Erased. The sites still have the passkeys in their lists; delete them there.")
	})
}

func (c *resetCommand) meant(s *session) error {
	if c.Yes {
		return nil
	}
	if !s.interactive() {
		return fmt.Errorf("%w whether you are sure; if you are, add --yes", errNoTerminal)
	}
	fmt.Fprintf(s.errOut, resetWarning, c.Place.Vault)
	answer, err := s.ask("Type " + resetWord + " if that is what you want: ")
	if err != nil {
		return err
	}
	if answer != resetWord {
		fmt.Fprintln(s.errOut, "Nothing was changed.")
		return errShown
	}
	return nil
}

// erase asks the app, which wants the secret: a program that may use its
// socket need not be one that may delete its files. Of the files themselves
// none is asked, so that a vault whose PIN was forgotten can be erased.
func (c *resetCommand) erase(s *session, m *management, blocked bool) error {
	if !m.running {
		if err := m.close(); err != nil {
			return err
		}
		return vault.Erase(c.Place.Vault)
	}
	if blocked {
		return m.Erase(s.ctx, "")
	}
	if c.PINFile == "" {
		fmt.Fprintln(s.errOut, "The app runs and asks for the PIN. If you forgot it, end the app and reset again.")
	}
	return c.proved(s, m, func(secret string) error { return m.Erase(s.ctx, secret) })
}
