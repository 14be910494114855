package app

import (
	"context"
	"fmt"

	"cardea/authenticator"
	"cardea/authenticator/agent"
	"cardea/webauthn"
)

// newAuthenticator makes the authenticator of a's model.
func newAuthenticator(a *App) *authenticator.Authenticator {
	return authenticator.New(authenticator.Config{
		AAGUID: a.aaguid(), Vault: watched{a.keeper, a.news}, Person: person{a}, Now: a.cfg.Now, Log: a.cfg.Log,
	})
}

// aaguid names the model: one for each style.
func (a *App) aaguid() webauthn.AAGUID {
	if a.cfg.Style == Android {
		return authenticator.AAGUIDAndroid
	}
	return authenticator.AAGUIDIOS
}

// watched tells the pages of what the authenticator does to the vault.
type watched struct {
	*keeper
	news *news
}

// Save implements authenticator.Vault.
func (w watched) Save(ctx context.Context, p authenticator.Passkey) error {
	defer w.news.tell()
	return w.keeper.Save(ctx, p)
}

// runAgent offers the authenticator to programs of the same user until ctx
// ends.
func (a *App) runAgent(ctx context.Context) error {
	if a.cfg.AgentSocket == "" {
		<-ctx.Done()
		return nil
	}
	l, err := agent.Listen(a.cfg.AgentSocket)
	if err != nil {
		return fmt.Errorf("phone app: offering the authenticator: %w", err)
	}
	if err := agent.Serve(ctx, l, a.auth, a.PromptURL()); err != nil && ctx.Err() == nil {
		return fmt.Errorf("phone app: offering the authenticator: %w", err)
	}
	return nil
}
