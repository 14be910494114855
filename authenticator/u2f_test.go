package authenticator_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"slices"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/webauthn"
)

func (r keyRig) u2f(instruction, p1 byte, parts ...[]byte) (data []byte, status uint16) {
	r.Helper()
	body := bytes.Join(parts, nil)
	apdu := append([]byte{0, instruction, p1, 0, 0}, byte(len(body)>>8), byte(len(body)))
	if len(body) == 0 {
		apdu = apdu[:4]
	}
	out := r.a.HandleU2F(r.Context(), authtest.Local, append(apdu, body...))
	return out[:len(out)-2], binary.BigEndian.Uint16(out[len(out)-2:])
}

var challenge = bytes.Repeat([]byte{9}, 32)

// u2fRegister registers at rpID and checks what comes back.
func (r keyRig) u2fRegister() (id webauthn.CredentialID, pub *ecdsa.PublicKey) {
	r.Helper()
	out, status := r.u2f(1, 0, challenge, hashOf(rpID))
	if status != 0x9000 || out[0] != 5 {
		r.Fatalf("register: %04x", status)
	}
	point, n := out[1:66], int(out[66])
	id, rest := out[67:67+n], out[67+n:]
	// The certificate says itself how long it is.
	size := 4 + int(binary.BigEndian.Uint16(rest[2:]))
	certificate, err := x509.ParseCertificate(rest[:size])
	r.must(err)
	message := bytes.Join([][]byte{{0}, hashOf(rpID), challenge, id, point}, nil)
	r.must(certificate.CheckSignature(x509.ECDSAWithSHA256, message, rest[size:]))
	pub, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	r.must(err)
	return id, pub
}

func (r keyRig) u2fSign(p1 byte, id []byte) ([]byte, uint16) {
	r.Helper()
	return r.u2f(2, p1, challenge, hashOf(rpID), []byte{byte(len(id))}, id)
}

func TestU2F(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	if out, status := r.u2f(3, 0); string(out) != "U2F_V2" || status != 0x9000 {
		t.Errorf("version %q, %04x", out, status)
	}
	id, pub := r.u2fRegister()
	for i, p1 := range []byte{3, 8} {
		out, status := r.u2fSign(p1, id)
		if status != 0x9000 {
			t.Fatalf("%04x", status)
		}
		digest := sha256.Sum256(bytes.Join([][]byte{hashOf(rpID), out[:5], challenge}, nil))
		if !ecdsa.VerifyASN1(pub, digest[:], out[5:]) {
			t.Error("the signature does not verify")
		}
		if touched := out[0] == 1; touched != (p1 == 3) || out[4] != byte(i+1) {
			t.Errorf("presence and counter %x", out[:5])
		}
	}
	asked := len(r.person.Asked())
	for _, tt := range []struct {
		name string
		p1   byte
		id   []byte
		want uint16
	}{
		{"ours", 7, id, 0x6985},
		{"not ours", 7, []byte("elsewhere"), 0x6a80},
		{"not ours, to sign", 3, []byte("elsewhere"), 0x6a80},
		{"unknown control byte", 1, id, 0x6a80},
	} {
		if out, status := r.u2fSign(tt.p1, tt.id); status != tt.want || len(out) != 0 {
			t.Errorf("%s: %04x, want %04x", tt.name, status, tt.want)
		}
	}
	if _, status := r.u2f(2, 7, challenge, hashOf("other.example"), []byte{byte(len(id))}, id); status != 0x6a80 {
		t.Errorf("another application: %04x", status)
	}
	if len(r.person.Asked()) != asked {
		t.Error("asked for what needs no touch")
	}
	r.person.Script(authtest.Decline, authtest.Decline)
	if _, status := r.u2fSign(3, id); status != 0x6986 {
		t.Errorf("declined: %04x", status)
	}
	if _, status := r.u2f(1, 0, challenge, hashOf(rpID)); status != 0x6986 || len(r.stored()) != 1 {
		t.Errorf("declined: %04x, %d kept", status, len(r.stored()))
	}
}

func TestBothProtocolsUseEachOthersPasskeys(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	id, pub := r.u2fRegister()
	got, err := r.get(touched(func(g *ctap.GetAssertionRequest) { g.AllowList = []ctap.CredentialDescriptor{descriptor(id)} }))
	r.must(err)
	digest := sha256.Sum256(append(bytes.Clone(got.AuthData), getRequest().ClientDataHash...))
	if !ecdsa.VerifyASN1(pub, digest[:], got.Signature) || !bytes.Equal(got.AuthData[:32], hashOf(rpID)) || got.User != nil {
		t.Errorf("assertion %+v", got)
	}
	_, err = r.get(touched(nil)) // not found without its ID
	wantStatus(t, err, ctap.NoCredentials)
	_, err = r.make(func(m *ctap.MakeCredentialRequest) {
		m.Options, m.ExcludeList = nil, []ctap.CredentialDescriptor{descriptor(id)}
	})
	wantStatus(t, err, ctap.CredentialExcluded)
	for level, want := range map[int]uint16{0: 0x9000, 1: 0x9000, 2: 0x6a80, 3: 0x6a80} {
		made, err := r.make(func(m *ctap.MakeCredentialRequest) {
			m.Options, m.User.ID = map[string]bool{"rk": true}, []byte{byte(level), 1}
			if level != 0 {
				m.Extensions = exts(map[string]any{"credProtect": level})
			}
		})
		r.must(err)
		if _, status := r.u2fSign(3, authData(t, made.AuthData).Attested.ID); status != want {
			t.Errorf("credProtect %d: %04x, want %04x", level, status, want)
		}
	}
	made, err := r.make(func(m *ctap.MakeCredentialRequest) {
		m.Options, m.PubKeyCredParams = nil, []ctap.CredentialParameters{{Alg: webauthn.EdDSA, Type: "public-key"}}
	})
	r.must(err)
	if _, status := r.u2fSign(3, authData(t, made.AuthData).Attested.ID); status != 0x6a80 {
		t.Errorf("EdDSA: %04x", status)
	}
}

func TestU2FIsRefused(t *testing.T) {
	t.Parallel()
	r := withPIN(t)
	id, _ := r.u2fRegister() // a PIN does not bar it
	r.powerCycle()
	if _, status := r.u2fSign(7, id); status != 0x6986 {
		t.Errorf("locked: %04x", status)
	}
	r.token(pinuv.Two, ctap.PermitManagement, "")
	r.must(r.configureWithPIN(ctap.ConfigAlwaysUV, nil))
	for _, instruction := range []byte{1, 2, 3} {
		if _, status := r.u2f(instruction, 7, challenge, hashOf(rpID)); status != 0x6986 {
			t.Errorf("alwaysUv, instruction %d: %04x", instruction, status)
		}
	}
	phone, _, _ := authtest.New()
	without := enterpriseKey(t) // its transport has no U2F
	for _, a := range []*authenticator.Authenticator{phone, without.a} {
		if out := a.HandleU2F(t.Context(), authtest.Local, []byte{0, 3, 0, 0}); !bytes.Equal(out, []byte{0x6d, 0}) {
			t.Errorf("without U2F: %x", out)
		}
		if slices.Contains(a.Info().Versions, "U2F_V2") {
			t.Error("U2F_V2 without U2F")
		}
	}
	if !slices.Contains(newKeyRig(t).a.Info().Versions, "U2F_V2") {
		t.Error("no U2F_V2 with U2F")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	open := newKeyRig(t)
	if out := open.a.HandleU2F(ended, authtest.Local, append([]byte{0, 1, 0, 0, 64}, make([]byte, 64)...)); !bytes.Equal(out, []byte{0x69, 0x85}) {
		t.Errorf("withdrawn: %x", out)
	}
}

func TestAPDUs(t *testing.T) {
	t.Parallel()
	r := newKeyRig(t)
	data := make([]byte, 64)
	short := append([]byte{0, 1, 3, 0, 64}, data...)
	for _, tt := range []struct {
		name string
		in   []byte
		want uint16
	}{
		{"nothing", nil, 0x6700},
		{"three bytes", []byte{0, 3, 0}, 0x6700},
		{"class", []byte{1, 3, 0, 0}, 0x6e00},
		{"instruction", []byte{0, 0x40, 0, 0}, 0x6d00},
		{"version", []byte{0, 3, 0, 0}, 0x9000},
		{"version, short answer length", []byte{0, 3, 0, 0, 0}, 0x9000},
		{"version, extended answer length", []byte{0, 3, 0, 0, 0, 0, 0}, 0x9000},
		{"version with data", []byte{0, 3, 0, 0, 1, 0}, 0x6700},
		{"two bytes of an extended length", []byte{0, 3, 0, 0, 0, 0}, 0x6700},
		{"short", short, 0x9000},
		{"short, with answer length", append(bytes.Clone(short), 0), 0x9000},
		{"short, cut", short[:len(short)-1], 0x6700},
		{"short, two bytes more", append(bytes.Clone(short), 0, 0), 0x6700},
		{"extended, with answer length", append(append([]byte{0, 1, 3, 0, 0, 0, 64}, data...), 0, 0), 0x9000},
		{"register with 63 bytes", append([]byte{0, 1, 3, 0, 63}, data[1:]...), 0x6700},
		{"authenticate with a handle that is cut", append(append([]byte{0, 2, 3, 0, 66}, data...), 2, 0), 0x6700},
	} {
		out := r.a.HandleU2F(t.Context(), authtest.Local, tt.in)
		if got := binary.BigEndian.Uint16(out[len(out)-2:]); got != tt.want {
			t.Errorf("%s: %04x, want %04x", tt.name, got, tt.want)
		}
	}
}

// Whatever comes, there is a status, and nothing is kept unasked.
func FuzzHandleU2F(f *testing.F) {
	f.Add([]byte{0, 3, 0, 0})
	f.Add(append([]byte{0, 1, 3, 0, 64}, make([]byte, 64)...))
	f.Add(append(append([]byte{0, 2, 7, 0, 0, 0, 67}, make([]byte, 64)...), 2, 1, 1))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, vault, person := authtest.NewKey(nil)
		person.Then = authtest.Decline
		if out := a.HandleU2F(t.Context(), authenticator.Caller{}, in); len(out) < 2 {
			t.Fatalf("%x: answered %x", in, out)
		}
		if passkeys, _ := vault.Passkeys(t.Context(), ""); len(passkeys) != 0 {
			t.Fatalf("%x: a passkey was kept", in)
		}
	})
}

// The same for a security key's messages.
func FuzzHandleKey(f *testing.F) {
	for _, seed := range []struct {
		c      ctap.Command
		params any
	}{
		{ctap.CmdMakeCredential, makeRequest()}, {ctap.CmdGetAssertion, getRequest()},
		{ctap.CmdClientPIN, ctap.ClientPINRequest{SubCommand: 1}},
		{ctap.CmdClientPIN, ctap.ClientPINRequest{Protocol: 2, SubCommand: 9, KeyAgreement: []byte{0xa0}, PINHashEnc: []byte{1}}},
		{ctap.CmdCredentialManagement, ctap.ManagementRequest{SubCommand: 1, PinUvAuthProtocol: 1, PinUvAuthParam: []byte{1}}},
		{ctap.CmdConfig, ctap.ConfigRequest{SubCommand: 3, RawParams: []byte{0xa1, 1, 6}}},
		{ctap.CmdLargeBlobs, map[int]any{2: blobArray(10), 3: 0, 4: 26}},
	} {
		f.Add(message(seed.c, seed.params))
	}
	f.Add([]byte{byte(ctap.CmdReset)})
	f.Fuzz(func(t *testing.T, request []byte) {
		a, vault, person := authtest.NewKey(nil)
		person.Then = authtest.Decline
		response := a.Handle(t.Context(), authtest.Local, request)
		var v any
		if err := ctap.DecodeResponse(response, &v); err != nil && ctap.Status(response[0]) == ctap.OK {
			t.Fatalf("%x: answered %x: %v", request, response, err)
		}
		if passkeys, _ := vault.Passkeys(t.Context(), ""); len(passkeys) != 0 || vault.PINSet() {
			t.Fatalf("%x: a passkey or a PIN was kept", request)
		}
	})
}
