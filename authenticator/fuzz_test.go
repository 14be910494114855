package authenticator_test

import (
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/internal/cbor"
)

// Two messages, one after the other, to a key with all that one can have, whose
// person agrees to everything: whatever comes, there is a status or an answer
// that can be read, and the next message is answered too.
func FuzzHandleSeries(f *testing.F) {
	attestation, _, err := authtest.NewAttestation(authenticator.AAGUIDComputer)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range seriesSeeds() {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		sensor := authtest.NewSensor()
		sensor.Touch("x", "x", "x", "x", "x", "x")
		a := authenticator.New(authenticator.Config{
			AAGUID: authenticator.AAGUIDComputer, Profile: authenticator.SecurityKey,
			Vault: new(vaulttest.Memory), Person: authtest.NewPerson(), Sensor: sensor,
			BuiltInUV: true, LargeBlobExtension: len(first)%2 == 0, Attestation: attestation,
			PromptTimeout: 50 * time.Millisecond, // for a finger that does not come
		})
		for _, request := range [][]byte{first, second} {
			response := a.Handle(t.Context(), authtest.Local, request)
			var v any
			if err := ctap.DecodeResponse(response, &v); err != nil && ctap.Status(response[0]) == ctap.OK {
				t.Fatalf("%x: answered %x: %v", request, response, err)
			}
		}
		if got := a.Handle(t.Context(), authtest.Local, []byte{byte(ctap.CmdGetInfo)}); ctap.Status(got[0]) != ctap.OK {
			t.Fatalf("getInfo answered %x after all that", got)
		}
	})
}

func seriesSeeds() [][2][]byte {
	get, silent := getRequest(), getRequest()
	get.Extensions = exts(map[string]any{"largeBlob": map[string]any{"read": true}, "credBlob": true})
	silent.Options = map[string]bool{"up": false}
	make := makeRequest()
	make.Extensions = exts(map[string]any{"credProtect": 2, "credBlob": []byte{1}, "hmac-secret": true, "largeBlobKey": true})
	_, key, err := pinuv.Encapsulate(pinuv.Two, testKeyAgreement())
	if err != nil {
		panic(err)
	}
	permissions := ctap.PermitManagement
	return [][2][]byte{
		{message(ctap.CmdMakeCredential, make), message(ctap.CmdGetAssertion, get)},
		{message(ctap.CmdMakeCredential, make), message(ctap.CmdGetAssertion, silent)},
		{message(ctap.CmdGetAssertion, get), {byte(ctap.CmdGetNextAssertion)}},
		{message(ctap.CmdClientPIN, ctap.ClientPINRequest{Protocol: 2, SubCommand: ctap.PINGetTokenUsingUV, KeyAgreement: key, Permissions: &permissions}),
			message(ctap.CmdCredentialManagement, ctap.ManagementRequest{SubCommand: 1, PinUvAuthProtocol: 2, PinUvAuthParam: []byte{1}})},
		{message(ctap.CmdClientPIN, ctap.ClientPINRequest{SubCommand: ctap.PINGetUVRetries}), message(ctap.CmdConfig, ctap.ConfigRequest{SubCommand: 2})},
		{message(ctap.CmdBioEnrollment, ctap.BioRequest{Modality: 1, SubCommand: ctap.BioEnrollBegin, PinUvAuthProtocol: 2, PinUvAuthParam: []byte{1}}),
			message(ctap.CmdBioEnrollment, map[int]any{6: true})},
		{message(ctap.CmdLargeBlobs, map[int]any{1: 100, 3: 0}), {byte(ctap.CmdReset)}},
		{{byte(ctap.CmdSelection)}, {byte(ctap.CmdGetInfo)}},
	}
}

// testKeyAgreement is an authenticator's key.
func testKeyAgreement() cbor.Raw {
	k, err := pinuv.NewKeyAgreement()
	if err != nil {
		panic(err)
	}
	return k.PublicKey()
}
