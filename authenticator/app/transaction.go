package app

import (
	"context"
	"errors"
	"sync"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/tunnel"
)

// A result is how a transaction ended.
type result string

const (
	resultNone      result = ""         // still going on
	resultSent      result = "sent"     // the other device has a passkey's answer
	resultDeclined  result = "declined" // the person said no, or nothing
	resultNoPasskey result = "no-passkey"
	resultExcluded  result = "excluded" // the passkey was here already
	resultRefused   result = "refused"  // the request was one we do not serve
	resultFailed    result = "failed"   // on the way; leg says where
	resultCancelled result = "cancelled"
)

// A transaction is the answer to one QR code, or to the call of a computer. Its
// fields are guarded by App.mu, all but hint, computer and stop.
type transaction struct {
	hint     hybrid.Hint
	computer string // that has called, as the person calls it; empty after a code

	link       *linkID // given to the computer, and not kept yet
	remembered string  // what the computer is called since its link is kept

	stage  link.Stage
	status ctap.Status // of the last answer to a request for a passkey
	asked  bool        // there was such an answer
	sent   bool        // and it is on its way
	saved  bool        // a passkey was made here
	result result
	leg    link.Leg
	// Of a failure on link.LegRelay, why; tunnel.NoTrouble if the relay was there
	// and the connection broke.
	trouble tunnel.Trouble

	stop     chan struct{} // closed when the person gives up
	stopOnce sync.Once
}

func (t *transaction) running() bool { return t.result == resultNone }

func (t *transaction) cancel() { t.stopOnce.Do(func() { close(t.stop) }) }

// forPasskey reports whether a request is for a passkey. Only those count: a
// getInfo before them says nothing of the outcome.
func forPasskey(request []byte) bool {
	if len(request) == 0 {
		return false
	}
	c := ctap.Command(request[0])
	return c == ctap.CmdMakeCredential || c == ctap.CmdGetAssertion
}

// begun notes that a request has come. What was sent before it was not the end:
// some devices first ask silently which passkeys there are.
func (t *transaction) begun(request []byte) {
	if forPasskey(request) {
		t.sent = false
	}
}

// handled notes what became of a request.
func (t *transaction) handled(request, response []byte) {
	if len(response) == 0 || !forPasskey(request) {
		return
	}
	t.asked, t.status = true, ctap.Status(response[0])
	if ctap.Command(request[0]) == ctap.CmdMakeCredential && t.status == ctap.OK {
		t.saved = true
	}
}

// reach notes a stage.
func (t *transaction) reach(s link.Stage) {
	if s == link.StageSent {
		t.sent = t.asked
		return
	}
	t.stage = s
}

// told is the outcome once the other device has been told it, even if the two
// are still connected: it may be a minute before it goes. What may be the answer
// to a silent question is none yet.
func (t *transaction) told() result {
	if !t.sent {
		return resultNone
	}
	switch r := t.outcome(); {
	case r == resultSent && (t.saved || t.hint != hybrid.HintMakeCredential), r == resultDeclined, r == resultExcluded:
		return r
	}
	return resultNone
}

// good reports whether the other device got what it wanted.
func (t *transaction) good() bool { return t.told() == resultSent || t.result == resultSent }

// end notes how the transaction ended. No error means that the other device
// has every answer, and went. Who gives up when the answer is on its way does
// not call it back.
func (t *transaction) end(err error) {
	var broken *link.Error
	switch {
	case err == nil, t.sent && errors.Is(err, context.Canceled):
		t.result = t.outcome()
	case errors.As(err, &broken):
		t.result, t.leg = resultFailed, broken.Leg
		if t.leg == link.LegRelay && t.stage == "" {
			t.trouble = troubleOf(broken)
		}
	case errors.Is(err, context.Canceled):
		t.result = resultCancelled
	default:
		t.result, t.leg = resultFailed, link.LegPeer
	}
}

// troubleUnknown: the other device doesn't know this phone's relay, so none was
// asked.
const troubleUnknown tunnel.Trouble = "unknown"

func troubleOf(err error) tunnel.Trouble {
	if errors.Is(err, link.ErrServiceUnknown) {
		return troubleUnknown
	}
	return tunnel.TroubleOf(err)
}

func (t *transaction) outcome() result {
	switch {
	case !t.asked:
		return resultRefused
	case t.status == ctap.OK:
		return resultSent
	case t.status == ctap.NoCredentials:
		return resultNoPasskey
	case t.status == ctap.CredentialExcluded:
		return resultExcluded
	case t.status == ctap.OperationDenied, t.status == ctap.UserActionTimeout, t.status == ctap.ActionTimeout:
		return resultDeclined
	default:
		return resultRefused
	}
}
