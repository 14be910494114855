package authtest_test

import (
	"context"
	"errors"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
)

func TestAPersonFollowsTheScriptAndThenApproves(t *testing.T) {
	t.Parallel()
	p := authtest.NewPerson(authtest.Decline, authtest.Choose(2))
	ask := func() (authenticator.Answer, error) {
		return p.Ask(t.Context(), authenticator.Prompt{Kind: authenticator.Select, Verify: true})
	}
	if _, err := ask(); !errors.Is(err, authenticator.ErrDeclined) {
		t.Errorf("first answer %v, want ErrDeclined", err)
	}
	if a, err := ask(); err != nil || a.Choice != 2 || !a.Verified {
		t.Errorf("second answer %+v, %v", a, err)
	}
	if a, err := ask(); err != nil || a.Choice != 0 || !a.Verified {
		t.Errorf("third answer %+v, %v", a, err)
	}
	if got := len(p.Kinds()); got != 3 {
		t.Errorf("%d prompts noted, want 3", got)
	}
}

// This is what lets other tests trust that prompts take turns.
func TestAPersonPanicsAtTwoPromptsAtOnce(t *testing.T) {
	t.Parallel()
	p := authtest.NewPerson()
	p.Then = func(ctx context.Context, prompt authenticator.Prompt) (authenticator.Answer, error) {
		defer func() {
			if recover() == nil {
				t.Error("the second prompt did not panic")
			}
		}()
		return p.Ask(ctx, prompt)
	}
	_, _ = p.Ask(t.Context(), authenticator.Prompt{Kind: authenticator.Select})
}
