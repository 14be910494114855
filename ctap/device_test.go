package ctap_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/ctap"
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// answer is a Device that always gives the same response and keeps the request.
type answer struct {
	response []byte
	err      error
	request  []byte
}

func (a *answer) Send(_ context.Context, request []byte) ([]byte, error) {
	a.request = request
	return a.response, a.err
}

func ok(body []byte) []byte { return append([]byte{byte(ctap.OK)}, body...) }

func TestResponsesOfOthers(t *testing.T) {
	t.Parallel()
	read := map[string]int{}
	for _, s := range samples(t) {
		if !strings.HasPrefix(s.Kind, "response") {
			continue
		}
		d := &answer{response: ok(unhex(t, s.Hex))}
		switch s.Command {
		case "getInfo":
			info, err := ctap.GetInfo(t.Context(), d)
			if err != nil || len(info.AAGUID) != 16 || len(info.Versions) == 0 {
				t.Errorf("getInfo %s: %+v, %v", s.Hex, info, err)
			}
		case "makeCredential":
			r, err := ctap.MakeCredential(t.Context(), d, ctap.MakeCredentialRequest{})
			if err != nil {
				t.Errorf("makeCredential %s: %v", s.Hex, err)
				continue
			}
			wantAttested(t, s, r)
		case "getAssertion":
			r, err := ctap.GetAssertion(t.Context(), d, ctap.GetAssertionRequest{})
			if err != nil || len(r.Signature) == 0 {
				t.Errorf("getAssertion %s: %+v, %v", s.Hex, r, err)
			}
		default:
			continue
		}
		read[s.Command]++
	}
	if d := cmp.Diff(map[string]int{"getInfo": 3, "makeCredential": 3, "getAssertion": 2}, read); d != "" {
		t.Error(d)
	}
}

func wantAttested(t *testing.T, s sample, r ctap.MakeCredentialResponse) {
	t.Helper()
	data, err := webauthn.ParseAuthenticatorData(r.AuthData)
	if err != nil || data.Attested == nil {
		t.Fatalf("authenticator data %+v, %v", data, err)
	}
	if s.ClientDataHash == "" {
		return
	}
	var statement struct {
		Sig []byte   `cbor:"sig"`
		X5C [][]byte `cbor:"x5c"`
	}
	if err := cbor.Decode(r.Statement, &statement); err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(statement.X5C[0])
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(append(bytes.Clone(r.AuthData), unhex(t, s.ClientDataHash)...))
	if !ecdsa.VerifyASN1(cert.PublicKey.(*ecdsa.PublicKey), digest[:], statement.Sig) {
		t.Error("the attestation does not verify")
	}
}

func TestUnknownMembersOfInfoAreSkipped(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		if !strings.Contains(s.Remark, "unknown key 99") {
			continue
		}
		info, err := ctap.GetInfo(t.Context(), &answer{response: ok(unhex(t, s.Hex))})
		if err != nil || info.MaxMsgSize != 1200 {
			t.Errorf("GetInfo = %+v, %v", info, err)
		}
		return
	}
	t.Error("sample not found")
}

func TestCommandsSendTheirByte(t *testing.T) {
	t.Parallel()
	d := &answer{response: []byte{byte(ctap.OK)}}
	for c, call := range map[ctap.Command]func() error{
		ctap.CmdSelection:        func() error { return ctap.Selection(t.Context(), d) },
		ctap.CmdGetInfo:          func() error { _, err := ctap.GetInfo(t.Context(), d); return err },
		ctap.CmdGetNextAssertion: func() error { _, err := ctap.GetNextAssertion(t.Context(), d); return err },
	} {
		if err := call(); err != nil || !bytes.Equal(d.request, []byte{byte(c)}) {
			t.Errorf("%v: sent %x, %v", c, d.request, err)
		}
	}
}

func TestWhatOneSideEncodesTheOtherReads(t *testing.T) {
	t.Parallel()
	want := ctap.GetAssertionResponse{
		Credential: &ctap.CredentialDescriptor{ID: []byte{1}, Type: "public-key"},
		AuthData:   []byte{2}, Signature: []byte{3},
		User: &ctap.UserEntity{ID: []byte{4}}, NumberOfCredentials: 2, UserSelected: true,
	}
	d := &answer{response: ctap.EncodeResponse(want, nil)}
	got, err := ctap.GetAssertion(t.Context(), d, ctap.GetAssertionRequest{RPID: "example.org", ClientDataHash: make([]byte, 32)})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("GetAssertion: %v\n%s", err, diff)
	}
	if r, err := ctap.ParseRequest(d.request); err != nil || r.(ctap.GetAssertionRequest).RPID != "example.org" {
		t.Errorf("the request parses as %+v, %v", r, err)
	}
}

func TestStatusesTravelAsErrors(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("asking: %w", ctap.OperationDenied)
	for _, tt := range []struct {
		name string
		err  error
		want ctap.Status
	}{
		{"a status", ctap.NoCredentials, ctap.NoCredentials},
		{"a wrapped status", wrapped, ctap.OperationDenied},
		{"any other error", errors.New("disk on fire"), ctap.Other},
		{"OK as an error", ctap.OK, ctap.Other},
	} {
		response := ctap.EncodeResponse(nil, tt.err)
		if !bytes.Equal(response, []byte{byte(tt.want)}) {
			t.Errorf("%s: EncodeResponse = %x, want %x", tt.name, response, byte(tt.want))
		}
		_, err := ctap.GetInfo(t.Context(), &answer{response: response})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: GetInfo = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestResponsesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		in   []byte
	}{
		{"nothing", nil},
		{"not CBOR", []byte{0, 0xff}},
		{"a list", []byte{0, 0x80}},
		{"a byte too many", []byte{0, 0xa0, 0}},
		{"not canonical", []byte{0, 0xa1, 0x18, 1, 0x80}},
	} {
		if info, err := ctap.GetInfo(t.Context(), &answer{response: tt.in}); err == nil {
			t.Errorf("%s: GetInfo = %+v, want an error", tt.name, info)
		}
	}
	lost := errors.New("line lost")
	if _, err := ctap.GetInfo(t.Context(), &answer{err: lost}); !errors.Is(err, lost) {
		t.Errorf("GetInfo = %v, want the error of the way", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]fmt.Stringer{
		"makeCredential": ctap.CmdMakeCredential, "command 0x41": ctap.Command(0x41),
		"NO_CREDENTIALS": ctap.NoCredentials, "status 0xe0": ctap.Status(0xe0),
	} {
		if got.String() != want {
			t.Errorf("String = %q, want %q", got, want)
		}
	}
	if got := ctap.OperationDenied.Error(); got != "authenticator answered OPERATION_DENIED" {
		t.Errorf("Error = %q", got)
	}
}

func FuzzDecodeResponse(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(ok(unhex(f, s.Hex)))
	}
	f.Add([]byte{byte(ctap.NoCredentials)})
	f.Fuzz(func(t *testing.T, in []byte) {
		var r, again ctap.GetAssertionResponse
		if ctap.DecodeResponse(in, &r) != nil {
			return
		}
		out := ctap.EncodeResponse(r, nil)
		if err := ctap.DecodeResponse(out, &again); err != nil {
			t.Fatalf("%x reads as %+v, which does not: %v", in, r, err)
		}
		if !bytes.Equal(ctap.EncodeResponse(again, nil), out) {
			t.Fatalf("%+v came back as %+v", r, again)
		}
	})
}
