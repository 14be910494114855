package app

import (
	"context"

	"cardea/authenticator/manage"
	"cardea/authenticator/vault"
)

// manager lets the person's own commands manage the vault while it is open
// here. What they change, the pages show at once.
func (a *App) manager() manage.Manager {
	return managed{a.held(), a.keeper}
}

// managed is a manager whose secrets go the way of those chosen on the pages.
type managed struct {
	manage.Manager
	keeper *keeper
}

// SetSecret implements manage.Manager.
func (m managed) SetSecret(ctx context.Context, old, new string) error {
	defer m.keeper.renewed() // also where only a part of it was done
	return m.Manager.SetSecret(ctx, old, new)
}

// Unlock implements manage.Manager.
func (m managed) Unlock(ctx context.Context, secret string) error {
	err := m.Manager.Unlock(ctx, secret)
	if err == nil {
		m.keeper.proved()
	}
	return err
}

func (a *App) held() manage.Manager {
	return manage.Held(manage.Holder{
		Vault: func() (*vault.Vault, error) {
			if v := a.keeper.vault(); v != nil {
				return v, nil
			}
			return nil, vault.ErrNone
		},
		Create: func(pin string) error {
			if a.old { // the vault is not opened, and may be there
				return vault.ErrExists
			}
			return a.keeper.Create(vault.PIN, pin)
		},
		Erase:     a.keeper.Erase,
		Changed:   a.news.tell,
		Computers: func() int { return len(a.links.list()) },
	})
}
