package app

import (
	"context"
	"errors"
	"sync"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
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

// A transaction is the answer to one QR code. Its fields are guarded by
// App.mu, all but stop.
type transaction struct {
	hint   hybrid.Hint
	stage  link.Stage
	status ctap.Status // of the last answer to a request for a passkey
	asked  bool        // there was such a request
	result result
	leg    link.Leg

	stop     chan struct{} // closed when the person gives up
	stopOnce sync.Once
}

func (t *transaction) running() bool { return t.result == resultNone }

func (t *transaction) cancel() { t.stopOnce.Do(func() { close(t.stop) }) }

// handled notes what became of a request. Only those for a passkey count: a
// getInfo before them says nothing of the outcome.
func (t *transaction) handled(request, response []byte) {
	if len(request) == 0 || len(response) == 0 {
		return
	}
	switch ctap.Command(request[0]) {
	case ctap.CmdMakeCredential, ctap.CmdGetAssertion:
		t.asked, t.status = true, ctap.Status(response[0])
	}
}

// end notes how the transaction ended. No error means that the other device
// has every answer, and went.
func (t *transaction) end(err error) {
	var broken *link.Error
	switch {
	case err == nil:
		t.result = t.outcome()
	case errors.As(err, &broken):
		t.result, t.leg = resultFailed, broken.Leg
	case errors.Is(err, context.Canceled):
		t.result = resultCancelled
	default:
		t.result, t.leg = resultFailed, link.LegPeer
	}
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
