package authenticator

import "context"

// selection is authenticatorSelection (CTAP §6.9): the person shows that this
// is the authenticator they mean.
func (v *visit) selection(ctx context.Context) error {
	_, err := v.ask(ctx, Prompt{Kind: Select})
	return err
}
