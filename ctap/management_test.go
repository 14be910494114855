package ctap_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/ctap"
	"cardea/internal/cbor"
)

func pinParams() map[int]any {
	return map[int]any{
		1: 2, 2: 9, 3: map[int]any{1: 2, 3: -25}, 4: []byte{4}, 5: []byte{5}, 6: []byte{6}, 9: 3, 10: "example.org",
	}
}

func manageParams() map[int]any {
	return map[int]any{1: 7, 2: map[int]any{
		1: bytes.Repeat([]byte{7}, 32),
		2: map[string]any{"id": []byte{3}, "type": "public-key"},
		3: map[string]any{"id": []byte{1}, "name": "ana"},
	}, 3: 1, 4: []byte{4}}
}

func configParams() map[int]any {
	return map[int]any{1: 3, 2: map[int]any{1: 6, 2: []string{"example.org"}, 3: true, 4: true}, 3: 2, 4: []byte{4}}
}

func blobParams() map[int]any {
	return map[int]any{2: []byte{1, 2}, 3: 0, 4: 20, 5: []byte{5}, 6: 2}
}

func bioParams() map[int]any {
	return map[int]any{1: 1, 2: 5, 3: map[int]any{1: []byte{3}, 2: "thumb", 3: 1000}, 4: 2, 5: []byte{4}}
}

func TestWholeRequestsOfASecurityKey(t *testing.T) {
	t.Parallel()
	all, min, length := ctap.Permission(3), uint(6), uint(20)
	for _, tt := range []struct {
		command ctap.Command
		params  map[int]any
		want    ctap.Request
	}{
		{ctap.CmdClientPIN, pinParams(), ctap.ClientPINRequest{
			Protocol: 2, SubCommand: 9, KeyAgreement: cbor.MustEncode(map[int]any{1: 2, 3: -25}),
			PinUvAuthParam: []byte{4}, NewPINEnc: []byte{5}, PINHashEnc: []byte{6}, Permissions: &all, RPID: "example.org",
		}},
		{ctap.CmdCredentialManagement, manageParams(), ctap.ManagementRequest{
			SubCommand: 7, RawParams: cbor.MustEncode(manageParams()[2]), PinUvAuthProtocol: 1, PinUvAuthParam: []byte{4},
			Params: ctap.ManagementParams{
				RPIDHash:   bytes.Repeat([]byte{7}, 32),
				Credential: &ctap.CredentialDescriptor{ID: []byte{3}, Type: "public-key"},
				User:       &ctap.UserEntity{ID: []byte{1}, Name: "ana"},
			},
		}},
		{ctap.CmdConfig, configParams(), ctap.ConfigRequest{
			SubCommand: 3, RawParams: cbor.MustEncode(configParams()[2]), PinUvAuthProtocol: 2, PinUvAuthParam: []byte{4},
			Params: ctap.MinPINLengthParams{NewMin: &min, RPIDs: []string{"example.org"}, Force: true, Complexity: true},
		}},
		{ctap.CmdLargeBlobs, blobParams(), ctap.LargeBlobsRequest{
			Set: []byte{1, 2}, Length: &length, PinUvAuthParam: []byte{5}, PinUvAuthProtocol: 2,
		}},
		{ctap.CmdBioEnrollment, bioParams(), ctap.BioRequest{
			Modality: 1, SubCommand: 5, RawParams: cbor.MustEncode(bioParams()[3]), PinUvAuthProtocol: 2, PinUvAuthParam: []byte{4},
			Params: ctap.BioParams{TemplateID: []byte{3}, Name: "thumb", Timeout: 1000},
		}},
		{ctap.CmdBioEnrollment, map[int]any{6: true}, ctap.BioRequest{GetModality: true}},
	} {
		got, err := ctap.ParseRequest(message(tt.command, tt.params))
		if err != nil {
			t.Errorf("%v: %v", tt.command, err)
			continue
		}
		if d := cmp.Diff(tt.want, got); d != "" || got.Command() != tt.command {
			t.Errorf("%v: %s", tt.command, d)
		}
	}
}

func TestStatusesOfASecurityKeysRequests(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		command ctap.Command
		params  map[int]any
		want    ctap.Status
	}{
		{"no subcommand", ctap.CmdClientPIN, map[int]any{1: 2}, ctap.MissingParameter},
		{"key that is no map", ctap.CmdClientPIN, change(pinParams(), 3, 1), ctap.CBORUnexpectedType},
		{"permissions as text", ctap.CmdClientPIN, change(pinParams(), 9, "mc"), ctap.CBORUnexpectedType},
		{"hash as text", ctap.CmdClientPIN, change(pinParams(), 6, "x"), ctap.CBORUnexpectedType},
		{"no subcommand", ctap.CmdCredentialManagement, map[int]any{3: 1}, ctap.MissingParameter},
		{"subcommand 256", ctap.CmdCredentialManagement, change(manageParams(), 1, 256), ctap.InvalidSubcommand},
		{"parameters as a list", ctap.CmdCredentialManagement, change(manageParams(), 2, []int{1}), ctap.CBORUnexpectedType},
		{"descriptor without ID", ctap.CmdCredentialManagement,
			change(manageParams(), 2, map[int]any{2: map[string]any{"type": "public-key"}}), ctap.MissingParameter},
		{"user without ID", ctap.CmdCredentialManagement,
			change(manageParams(), 2, map[int]any{3: map[string]any{"name": "x"}}), ctap.MissingParameter},
		{"no subcommand", ctap.CmdConfig, map[int]any{}, ctap.MissingParameter},
		{"length as text", ctap.CmdConfig, change(configParams(), 2, map[int]any{1: "x"}), ctap.CBORUnexpectedType},
		{"sites as text", ctap.CmdConfig, change(configParams(), 2, map[int]any{2: "x"}), ctap.CBORUnexpectedType},
		{"no offset", ctap.CmdLargeBlobs, map[int]any{1: 2}, ctap.InvalidParameter},
		{"offset of 33 bits", ctap.CmdLargeBlobs, change(blobParams(), 3, 1<<32), ctap.InvalidParameter},
		{"set as text", ctap.CmdLargeBlobs, change(blobParams(), 2, "x"), ctap.CBORUnexpectedType},
		{"no subcommand", ctap.CmdBioEnrollment, map[int]any{1: 1}, ctap.MissingParameter},
		{"no modality asked for", ctap.CmdBioEnrollment, map[int]any{6: false}, ctap.MissingParameter},
		{"subcommand 256", ctap.CmdBioEnrollment, change(bioParams(), 2, 256), ctap.InvalidSubcommand},
		{"parameters as a list", ctap.CmdBioEnrollment, change(bioParams(), 3, []int{1}), ctap.CBORUnexpectedType},
		{"name as bytes", ctap.CmdBioEnrollment, change(bioParams(), 3, map[int]any{2: []byte{1}}), ctap.CBORUnexpectedType},
		{"get as text", ctap.CmdLargeBlobs, change(blobParams(), 1, "x"), ctap.CBORUnexpectedType},
	} {
		if _, err := ctap.ParseRequest(message(tt.command, tt.params)); err != tt.want {
			t.Errorf("%v, %s: %v, want %v", tt.command, tt.name, err, tt.want)
		}
	}
}

// The text spells these out; a client that differs is refused everywhere.
func TestWhatIsAuthenticated(t *testing.T) {
	t.Parallel()
	ff := bytes.Repeat([]byte{0xff}, 32)
	for name, tt := range map[string]struct{ got, want []byte }{
		"management": {ctap.ManagementRequest{SubCommand: 4, RawParams: []byte{0xa0}}.Authenticated(), []byte{4, 0xa0}},
		"fingers":    {ctap.BioRequest{Modality: 1, SubCommand: 6, RawParams: []byte{0xa0}}.Authenticated(), []byte{1, 6, 0xa0}},
		"config":     {ctap.ConfigRequest{SubCommand: 2}.Authenticated(), append(bytes.Clone(ff), 0x0d, 2)},
		"blobs": {ctap.LargeBlobsRequest{Offset: 0x0102}.Authenticated([32]byte{9}),
			append(append(bytes.Clone(ff), 0x0c, 0, 2, 1, 0, 0, 9), make([]byte, 31)...)},
	} {
		if !bytes.Equal(tt.got, tt.want) {
			t.Errorf("%s: %x, want %x", name, tt.got, tt.want)
		}
	}
}
