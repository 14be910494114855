package app

import (
	"context"
	"errors"

	"cardea/authenticator/terminal"
	"cardea/authenticator/vault"
)

// Gate is where a person at a terminal proves themself.
func (a *App) Gate() terminal.Gate { return gate{a} }

type gate struct{ *App }

func (g gate) Ready() bool { return g.keeper.Exists() }

func (g gate) Noun() string { return g.words.secret(g.keeper.Kind()).Noun }

func (g gate) SetUp(ctx context.Context, secret string) (problem string, err error) {
	if err := g.keeper.Create(vault.PIN, secret); err != nil {
		return g.secretProblem(err, vault.PIN)
	}
	g.settle()
	return "", nil
}

func (g gate) Prove(ctx context.Context, secret string) (problem string, final bool, err error) {
	if err := g.keeper.Prove(ctx, secret); err != nil {
		problem, wrong := g.secretProblem(err, g.keeper.Kind())
		return problem, errors.Is(err, vault.ErrBlocked), wrong
	}
	return "", false, nil
}
