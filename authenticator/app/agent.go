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
	c := authenticator.Config{
		AAGUID: a.aaguid(), Vault: watched{a.keeper, a.news}, Person: person{a}, Now: a.cfg.Now, Log: a.cfg.Log,
	}
	if !a.words.Camera { // a passkey here can't be reached by a code shown elsewhere
		c.Transports = []string{webauthn.TransportInternal}
	}
	return authenticator.New(c)
}

// newKey makes the other face of the same passkeys: a security key, which takes
// a PIN from clients that send one and otherwise verifies the person here.
func newKey(a *App) *authenticator.Authenticator {
	return authenticator.New(authenticator.Config{
		AAGUID: a.aaguid(), Profile: authenticator.SecurityKey,
		Vault: watched{a.keeper, a.news}, Person: person{a}, Now: a.cfg.Now, Log: a.cfg.Log,
		U2F: true, BuiltInUV: true, UVModality: authenticator.UVPasscode | authenticator.UVFingerprint,
	})
}

// aaguid names the model: one for each style.
func (a *App) aaguid() webauthn.AAGUID {
	switch a.cfg.Style {
	case Android:
		return authenticator.AAGUIDAndroid
	case Computer:
		return authenticator.AAGUIDComputer
	default:
		return authenticator.AAGUIDIOS
	}
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

// Delete implements authenticator.Vault.
func (w watched) Delete(ctx context.Context, id webauthn.CredentialID) error {
	defer w.news.tell()
	return w.keeper.Delete(ctx, id)
}

// UnlockHash implements authenticator.PINVault. A question that waits for the
// vault to be opened goes on waiting: this client's PIN was for this client.
func (w watched) UnlockHash(ctx context.Context, hash []byte) error {
	defer w.news.tell()
	return w.keeper.UnlockHash(ctx, hash)
}

// SetPINHash implements authenticator.PINVault.
func (w watched) SetPINHash(ctx context.Context, hash []byte, length int, settings []byte) error {
	defer w.news.tell()
	return w.keeper.SetPINHash(ctx, hash, length, settings)
}

// Reset implements authenticator.PINVault.
func (w watched) Reset(ctx context.Context) error {
	defer w.news.tell()
	return w.keeper.Reset(ctx)
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
	if err := agent.Serve(ctx, l, a.auth, "", agent.WithPage(a.PromptURL), agent.WithManager(a.manager())); err != nil && ctx.Err() == nil {
		return fmt.Errorf("phone app: offering the authenticator: %w", err)
	}
	return nil
}
