package ctap_test

import (
	"bytes"
	"errors"
	"maps"
	"testing"

	"cardea/ctap"
	"cardea/internal/cbor"
)

// swapped replaces one encoded member by another of the same meaning.
func swapped(t *testing.T, in []byte, from, to string) []byte {
	t.Helper()
	if !bytes.Contains(in, unhex(t, from)) {
		t.Fatalf("%x is not in the request", from)
	}
	return bytes.Replace(in, unhex(t, from), unhex(t, to), 1)
}

// Firefox writes uv before up.
func TestOptionsMayComeInAnyOrder(t *testing.T) {
	t.Parallel()
	const sorted, firefox = "a2627570f5627576f5", "a2627576f5627570f5"
	both := map[string]bool{"up": true, "uv": true}
	for _, tt := range []struct {
		command ctap.Command
		params  map[int]any
		key     int
	}{
		{ctap.CmdMakeCredential, makeParams(), 7},
		{ctap.CmdGetAssertion, getParams(), 5},
	} {
		in := message(tt.command, change(tt.params, tt.key, both))
		request, err := ctap.ParseRequest(swapped(t, in, sorted, firefox))
		if err != nil {
			t.Errorf("%v: %v", tt.command, err)
			continue
		}
		var options map[string]bool
		switch r := request.(type) {
		case ctap.MakeCredentialRequest:
			options = r.Options
		case ctap.GetAssertionRequest:
			options = r.Options
		}
		if !maps.Equal(options, both) {
			t.Errorf("%v: options %v", tt.command, options)
		}
		twice := swapped(t, in, sorted, "a2627570f5627570f5")
		if _, err := ctap.ParseRequest(twice); !errors.Is(err, ctap.InvalidCBOR) {
			t.Errorf("%v: an option twice: %v", tt.command, err)
		}
	}
}

// All other maps stay in order, in the same requests and in others.
func TestNoOtherMapMayBeOutOfOrder(t *testing.T) {
	t.Parallel()
	const sorted, unsorted = "a2627570f5627576f5", "a2627576f5627570f5"
	both := map[string]bool{"up": true, "uv": true}
	for name, in := range map[string][]byte{
		"extensions of makeCredential": message(ctap.CmdMakeCredential, change(makeParams(), 6, both)),
		"an extension":                 message(ctap.CmdMakeCredential, change(makeParams(), 6, map[string]any{"x": both})),
		"inside an option":             message(ctap.CmdMakeCredential, change(makeParams(), 7, map[string]any{"x": both})),
		"extensions of getAssertion":   message(ctap.CmdGetAssertion, change(getParams(), 4, both)),
		"a member that nobody knows":   message(ctap.CmdGetAssertion, change(getParams(), 22, both)),
		"member 5 of clientPIN":        message(ctap.CmdClientPIN, map[int]any{2: 1, 5: both}),
		"member 7 of clientPIN":        message(ctap.CmdClientPIN, map[int]any{2: 1, 7: both}),
	} {
		if _, err := ctap.ParseRequest(swapped(t, in, sorted, unsorted)); !errors.Is(err, ctap.InvalidCBOR) {
			t.Errorf("%s: %v, want INVALID_CBOR", name, err)
		}
	}
	swap := message(ctap.CmdMakeCredential, change(makeParams(), 2, map[string]any{"id": "a", "x": 1}))
	if _, err := ctap.ParseRequest(swapped(t, swap, "a2"+"6178"+"01"+"626964"+"6161", "a2"+"626964"+"6161"+"6178"+"01")); !errors.Is(err, ctap.InvalidCBOR) {
		t.Errorf("rp: %v, want INVALID_CBOR", err)
	}
}

// prf with evalByCredential, as browsers send it to a phone: five levels.
func TestPRFMayBeOneLevelDeeper(t *testing.T) {
	t.Parallel()
	salt := bytes.Repeat([]byte{1}, 32)
	prf := map[string]any{"prf": map[string]any{
		"eval": map[string]any{"first": salt}, "evalByCredential": map[string]any{"AQID": map[string]any{"first": salt, "second": salt}},
	}}
	request, err := ctap.ParseRequest(message(ctap.CmdGetAssertion, change(getParams(), 4, prf)))
	if err != nil {
		t.Fatal(err)
	}
	if got := request.(ctap.GetAssertionRequest).Extensions["prf"]; !bytes.Equal(got, cbor.MustEncode(prf["prf"])) {
		t.Errorf("prf = %x", got)
	}
	deeper := map[string]any{"prf": prf}
	for name, in := range map[string][]byte{
		"six levels":            message(ctap.CmdGetAssertion, change(getParams(), 4, deeper)),
		"five in another place": message(ctap.CmdGetAssertion, change(getParams(), 5, prf)),
		"five in the rp":        message(ctap.CmdMakeCredential, rp(map[string]any{"id": "example.org", "x": prf["prf"]})),
		"five in clientPIN":     message(ctap.CmdClientPIN, map[int]any{2: 1, 4: prf}),
	} {
		if _, err := ctap.ParseRequest(in); !errors.Is(err, ctap.InvalidCBOR) {
			t.Errorf("%s: %v, want INVALID_CBOR", name, err)
		}
	}
}
