package app

import (
	"cardea/authenticator/manage"
	"cardea/authenticator/vault"
)

// manager lets the person's own commands manage the vault while it is open
// here. What they change, the pages show at once.
func (a *App) manager() manage.Manager {
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
