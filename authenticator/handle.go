package authenticator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/webauthn"
)

// handle waits for its turn, answers, and writes the one record of it.
func (a *Authenticator) handle(ctx context.Context, caller Caller, request []byte) (response any, err error) {
	request = withoutPreview(request)
	r, err := ctap.ParseRequest(request)
	if len(request) != 0 && !a.speaks(ctap.Command(request[0])) {
		err = ctap.InvalidCommand
	}
	if err == nil && r == ctap.Request(ctap.CmdGetInfo) {
		return a.Info(), nil // must not wait for a person who is thinking
	}
	response, err = a.inTurn(ctx, &visit{a: a, caller: caller}, r, err)
	a.record(ctx, caller, request, err)
	return response, err
}

func (a *Authenticator) inTurn(ctx context.Context, v *visit, r ctap.Request, wrong error) (any, error) {
	if err := a.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer a.endTurn()
	if wrong != nil {
		a.forgetSeries()
		return nil, wrong
	}
	return a.act(ctx, v, r)
}

func (a *Authenticator) takeTurn(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctap.KeepaliveCancel // select would toss a coin
	}
	select {
	case a.turn <- struct{}{}:
		a.forgetOld()
		return nil
	case <-ctx.Done():
		return ctap.KeepaliveCancel
	}
}

func (a *Authenticator) endTurn() { <-a.turn }

func (a *Authenticator) act(ctx context.Context, v *visit, r ctap.Request) (any, error) {
	// CTAP §6: the state of a series of assertions ends with any other command.
	next, listing, upload, enroll := a.next, a.listing, a.upload, a.enroll
	a.forgetSeries()
	switch r := r.(type) {
	case ctap.MakeCredentialRequest:
		return v.makeCredential(ctx, r)
	case ctap.GetAssertionRequest:
		return v.getAssertion(ctx, r)
	case ctap.ClientPINRequest:
		return v.clientPIN(ctx, r)
	case ctap.ManagementRequest:
		return v.manage(ctx, r, listing)
	case ctap.ConfigRequest:
		return nil, v.configure(ctx, r)
	case ctap.BioRequest:
		return v.bioEnrollment(ctx, r, enroll)
	case ctap.LargeBlobsRequest:
		return v.largeBlobs(ctx, r, upload)
	}
	switch r.Command() {
	case ctap.CmdReset:
		return nil, v.reset(ctx)
	case ctap.CmdGetNextAssertion:
		return v.getNextAssertion(ctx, next)
	case ctap.CmdSelection:
		return nil, v.selection(ctx)
	}
	return nil, ctap.InvalidCommand
}

// speaks reports whether this profile has the command.
func (a *Authenticator) speaks(c ctap.Command) bool {
	switch c {
	case ctap.CmdClientPIN, ctap.CmdCredentialManagement, ctap.CmdConfig, ctap.CmdReset:
		return a.keys != nil
	case ctap.CmdLargeBlobs:
		return a.keys != nil && !a.largeBlobExtension
	case ctap.CmdBioEnrollment:
		return a.sensor != nil
	}
	return true // or unknown, which parsing finds
}

func (a *Authenticator) record(ctx context.Context, caller Caller, request []byte, err error) {
	attrs := []slog.Attr{slog.String("via", caller.Via)}
	if len(request) != 0 {
		attrs = append(attrs, slog.String("command", ctap.Command(request[0]).String()))
	}
	status := ctap.OK
	if err != nil {
		if !errors.As(err, &status) {
			status = ctap.Other
		}
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	attrs = append(attrs, slog.String("status", status.String()))
	a.log.LogAttrs(ctx, slog.LevelInfo, "authenticator request", attrs...)
}

func (a *Authenticator) recordU2F(ctx context.Context, caller Caller, apdu []byte, status u2fStatus, err error) {
	attrs := []slog.Attr{slog.String("via", caller.Via)}
	if len(apdu) > 1 {
		attrs = append(attrs, slog.String("command", fmt.Sprintf("U2F %#02x", apdu[1])))
	}
	if err != nil {
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	attrs = append(attrs, slog.String("status", fmt.Sprintf("%04x", uint16(status))))
	a.log.LogAttrs(ctx, slog.LevelInfo, "authenticator request", attrs...)
}

// A visit is one request and what the person has done in it so far.
type visit struct {
	a        *Authenticator
	caller   Caller
	present  bool // the person answered
	verified bool // the person was verified
	// agreed says that they have just answered, when the token was issued, that
	// it may be used for this: nothing is left to ask.
	agreed bool
}

// flags are the flags of what has happened in this visit.
func (v *visit) flags() (f webauthn.Flags) {
	if v.present {
		f |= webauthn.FlagUserPresent
	}
	if v.verified {
		f |= webauthn.FlagUserVerified
	}
	return f
}

// ask puts one question to the person. Its error is or wraps the Status to
// answer with. Who was verified a moment ago is not verified again.
func (v *visit) ask(ctx context.Context, p Prompt) (Answer, error) {
	p.Caller = v.caller
	p.Verify = p.Verify && !v.verified
	p.Deadline = v.a.now().Add(v.a.promptTimeout)
	asking, cancel := context.WithTimeout(ctx, v.a.promptTimeout)
	defer cancel()
	answer, err := v.put(asking, p)
	switch {
	case ctx.Err() != nil:
		// Also after a yes: who withdrew the request no longer waits for a
		// passkey, and would never learn that there is one.
		return Answer{}, ctap.KeepaliveCancel
	case errors.Is(err, ErrDeclined):
		return Answer{}, fmt.Errorf("%w: %w", ctap.OperationDenied, ErrDeclined)
	case errors.Is(err, ErrNotVerified):
		return Answer{}, v.notVerified(ctx)
	case errors.Is(err, ErrNoAnswer), errors.Is(err, context.DeadlineExceeded):
		return Answer{}, ctap.UserActionTimeout
	case err != nil:
		return Answer{}, fmt.Errorf("asking the person: %w", err)
	}
	v.present = true
	v.verified = v.verified || answer.Verified
	if p.Verify && !answer.Verified {
		return Answer{}, v.notVerified(ctx)
	}
	if p.Verify && v.a.builtInUV {
		return answer, v.countUV(ctx, true)
	}
	return answer, nil
}

// consent asks for the touch that makes or uses a passkey, unless the person
// has agreed to it with the token.
func (v *visit) consent(ctx context.Context, p Prompt) error {
	if v.agreed {
		v.present = true
		return nil
	}
	_, err := v.ask(ctx, p)
	return err
}

// acknowledge tells the person something. Any answer will do, a no as well as
// a yes; only silence and withdrawal are errors. If it is for a verified person
// alone, a no tells the client nothing more.
func (v *visit) acknowledge(ctx context.Context, p Prompt) error {
	err := v.consent(ctx, p)
	if errors.Is(err, ErrDeclined) && (!p.Verify || v.verified) {
		return nil
	}
	return err
}

// unlock sees to it that the vault can be read. To unlock it the person gives
// their PIN or pattern, and so is verified.
func (v *visit) unlock(ctx context.Context, rp webauthn.RPID) error {
	if !v.a.vault.Locked() {
		return nil
	}
	if _, err := v.ask(ctx, Prompt{Kind: Unlock, RPID: rp, Verify: true}); err != nil {
		return err
	}
	if v.a.vault.Locked() {
		return fmt.Errorf("%w: the vault is still locked", ctap.OperationDenied)
	}
	return nil
}

// unlockFor is unlock for a request that may want secrets of hmac-secret. A
// client that did not ask for verification gets the same secret whether the vault
// was locked or not: a disk is to open again. So unlocking on the way does not
// count as verification then.
func (v *visit) unlockFor(ctx context.Context, rp webauthn.RPID, s *salts, verify bool) error {
	proved := v.verified
	if err := v.unlock(ctx, rp); err != nil {
		return err
	}
	if s != nil && !verify {
		v.verified = proved
	}
	return nil
}

// checkPinUvAuth answers clients that offer proof of a PIN, before it is looked
// at. Where there is no client PIN, no proof can be right.
func (v *visit) checkPinUvAuth(ctx context.Context, param []byte, protocol uint) error {
	switch {
	case param == nil:
		return nil
	case len(param) == 0:
		// CTAP §6.1.2 step 1: an empty one asks only which authenticator the
		// person means, and whether it has a PIN.
		if err := v.selection(ctx); err != nil {
			return err
		}
		if v.a.keys != nil && v.a.keys.PINSet() {
			return ctap.PINInvalid
		}
		return ctap.PINNotSet
	case protocol == 0:
		return ctap.MissingParameter
	case v.a.keys != nil && pinuv.Protocol(protocol).Known():
		return nil
	}
	return ctap.InvalidParameter // step 2: no protocol is supported
}

// vaultStatus gives an error of the vault the Status to answer with.
func vaultStatus(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w: %w", doing, ctap.KeepaliveCancel, err)
	case errors.Is(err, ErrLocked): // locked by its person in the meantime
		return fmt.Errorf("%s: %w: %w", doing, ctap.NotAllowed, err)
	case errors.Is(err, errNoSpace):
		return fmt.Errorf("%s: %w: %w", doing, ctap.KeyStoreFull, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
