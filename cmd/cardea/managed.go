package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"cardea/authenticator/agent"
	"cardea/authenticator/manage"
	"cardea/authenticator/vault"
)

// managed is what the commands have in common that manage a vault.
type managed struct {
	Place   authenticatorPlace `embed:""`
	PINFile string             `name:"pin-file" type:"path" placeholder:"FILE" help:"File with the PIN on its first line, or - for standard input; without it you are asked."`
	JSON    bool               `name:"json" help:"Tell it as JSON."`
}

// A management is a vault that can be managed until it is closed.
type management struct {
	manage.Manager
	running bool // the app runs and has the vault; we ask it
	close   func() error
}

// open asks the app if it runs, and opens the vault itself if not.
func (c *managed) open(s *session) (*management, error) {
	if err := c.Place.fill(); err != nil {
		return nil, err
	}
	r, err := agent.Dial(s.ctx, c.Place.Agent)
	if err == nil {
		return &management{r.Manager(), true, func() error { return nil }}, nil
	}
	if !errors.Is(err, agent.ErrNotRunning) {
		return nil, err
	}
	v, err := vault.Open(c.Place.Vault)
	if err != nil && !errors.Is(err, vault.ErrNone) {
		return nil, err
	}
	h := manage.Holder{
		Vault: func() (*vault.Vault, error) {
			if v == nil {
				return nil, vault.ErrNone
			}
			return v, nil
		},
		Create: func(pin string) (err error) {
			if err := os.MkdirAll(filepath.Dir(c.Place.Vault), 0o700); err != nil {
				return fmt.Errorf("making the vault's folder: %w", err)
			}
			v, err = vault.Create(c.Place.Vault, pin)
			return err
		},
	}
	return &management{manage.Held(h), false, func() error {
		if v == nil {
			return nil
		}
		return v.Close()
	}}, nil
}

// with does something to the vault, and adds to errors what to do about them.
func (c *managed) with(s *session, do func(*management) error) error {
	m, err := c.open(s)
	if err == nil {
		err = errors.Join(do(m), m.close())
	}
	if errors.Is(err, context.Canceled) {
		// Not wrapped: to be told to end is well for what runs until then, and
		// no success for what was to be done.
		return fmt.Errorf("stopped before it was done: %v", err)
	}
	return advise(err, c.Place)
}

// asks is how often a person may be wrong before they have to begin anew.
const asks = 3

// proved does something that takes the secret. A person at a terminal who is
// wrong is asked again.
func (c *managed) proved(s *session, m *management, do func(secret string) error) error {
	st, err := m.Status(s.ctx)
	switch {
	case err != nil:
		return err
	case !st.Exists:
		return vault.ErrNone
	case st.Kind == vault.NoPIN:
		return do("")
	case st.Retries == 0:
		return vault.ErrBlocked
	}
	for n := 1; ; n++ {
		secret, err := s.secret(c.PINFile, "--pin-file", capital(nameOf(st.Kind))+": ")
		if err != nil {
			return err
		}
		err = do(secret)
		var wrong *vault.PINError
		again := c.PINFile == "" && n < asks
		switch {
		case errors.As(err, &wrong) && again && wrong.Retries > 1:
			fmt.Fprintf(s.errOut, "Wrong %s; %s left.\n", nameOf(st.Kind), plural(wrong.Retries, "try", "tries"))
		case errors.Is(err, errOfNew) || !errors.Is(err, vault.ErrPolicy) || !again:
			return err
		default: // it cannot be right, and no try was spent
			fmt.Fprintf(s.errOut, "%s.\n", capital(err.Error()))
		}
	}
}

// errOfNew marks an error about a new secret, which is not the one that is
// asked for.
var errOfNew = errors.New("new secret")

// nameOf is what people call a kind of secret.
func nameOf(k vault.Kind) string {
	if k == vault.Pattern {
		return "pattern, as digits 1 to 9"
	}
	return "PIN"
}
