package authenticator_test

import (
	"bytes"
	"testing"

	"cardea/authenticator/authtest"
	"cardea/ctap"
)

func TestManagementHasItsOldNumberToo(t *testing.T) {
	t.Parallel()
	a, _, _ := authtest.NewKey(nil)
	request := message(ctap.CmdCredentialManagement, ctap.ManagementRequest{SubCommand: 1})
	want := a.Handle(t.Context(), authtest.Local, request)
	request[0] = 0x41
	if got := a.Handle(t.Context(), authtest.Local, request); !bytes.Equal(got, want) || ctap.Status(got[0]) == ctap.InvalidCommand {
		t.Errorf("0x41 answered %x, 0x0a %x", got, want)
	}
	if request[0] != 0x41 {
		t.Error("the caller's request was changed")
	}
	phone, _, _ := authtest.New()
	if got := phone.Handle(t.Context(), authtest.Local, request); ctap.Status(got[0]) != ctap.InvalidCommand {
		t.Errorf("a phone answered %x", got)
	}
}
