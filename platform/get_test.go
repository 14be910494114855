package platform

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/ctap"
	"cardea/webauthn"
)

func TestGetSignsWhatCreateMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice))
	made, err := w.Create(t.Context(), testCaller, creation())
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]webauthn.CredentialDescriptor{
		"found without its ID": nil,
		"named by the page":    {{Type: "public-key", ID: []byte("another")}, {Type: "public-key", ID: made.RawID}},
	} {
		t.Run(name, func(t *testing.T) {
			o := request()
			o.AllowCredentials = list
			r, err := w.Get(t.Context(), testCaller, o)
			if err != nil {
				t.Fatal(err)
			}
			const wantData = `{"type":"webauthn.get","challenge":"ZmVkY2JhOTg3NjU0MzIxMA","origin":"https://login.example.org","crossOrigin":false}`
			if got := string(r.Response.ClientDataJSON); got != wantData {
				t.Errorf("clientDataJSON = %s\nwant             %s", got, wantData)
			}
			if r.ID != made.ID || r.AuthenticatorAttachment != "platform" || !slices.Equal(r.Response.UserHandle, []byte{1, 2, 3}) {
				t.Errorf("id %s, attachment %s, user handle %x", r.ID, r.AuthenticatorAttachment, []byte(r.Response.UserHandle))
			}
			checkSignature(t, made, r)
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			checkMembers(t, b, "authenticatorAttachment", "clientExtensionResults", "id", "rawId", "response", "type")
		})
	}
}

func checkSignature(t *testing.T, made webauthn.RegistrationResponse, r webauthn.AuthenticationResponse) {
	t.Helper()
	key, err := x509.ParsePKIXPublicKey(made.Response.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	client := sha256.Sum256(r.Response.ClientDataJSON)
	signed := sha256.Sum256(slices.Concat([]byte(r.Response.AuthenticatorData), client[:]))
	if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), signed[:], r.Response.Signature) {
		t.Error("the signature does not verify")
	}
}

func TestRequestsThatNoAuthenticatorShouldSee(t *testing.T) {
	t.Parallel()
	one := []webauthn.CredentialDescriptor{{Type: "public-key", ID: []byte{1}}}
	for name, tt := range map[string]struct {
		ext, input string
		list       []webauthn.CredentialDescriptor
		want       Name
	}{
		"prf by passkey without a list":      {"prf", `{"evalByCredential":{"AQ":{"first":"AA"}}}`, nil, NotSupportedError},
		"prf by a passkey not in the list":   {"prf", `{"evalByCredential":{"Ag":{"first":"AA"}}}`, one, SyntaxError},
		"prf by what is no passkey":          {"prf", `{"evalByCredential":{"=":{"first":"AA"}}}`, one, SyntaxError},
		"large blob support":                 {"largeBlob", `{"support":"preferred"}`, nil, NotSupportedError},
		"large blob read and write":          {"largeBlob", `{"read":true,"write":"AA"}`, one, NotSupportedError},
		"large blob write, nobody in sight":  {"largeBlob", `{"write":"AA"}`, nil, NotSupportedError},
		"65 allowed, which is one too many":  {"", ``, make([]webauthn.CredentialDescriptor, 65), NotSupportedError},
		"prf in the right shape is let pass": {"prf", `{"evalByCredential":{"AQ":{"first":"AA"}}}`, one, ""},
		"an unknown extension is let pass":   {"cmtgKey", `true`, one, ""},
		"a wrong shape counts as not given":  {"largeBlob", `7`, one, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := request()
			o.AllowCredentials = tt.list
			if tt.ext != "" {
				o.Extensions = map[string]json.RawMessage{tt.ext: json.RawMessage(tt.input)}
			}
			err := checkRequest(o)
			if tt.want == "" {
				if err != nil {
					t.Errorf("checkRequest() = %v", err)
				}
				return
			}
			wantName(t, err, tt.want)
		})
	}
}

func TestAssertionsThatAPageMustNotGet(t *testing.T) {
	t.Parallel()
	named := []webauthn.CredentialDescriptor{{Type: "public-key", ID: []byte("named")}}
	for name, tt := range map[string]struct {
		change func(*testing.T, *ctap.GetAssertionResponse)
		list   []webauthn.CredentialDescriptor
		reason Reason
	}{
		"nobody was verified": {func(t *testing.T, r *ctap.GetAssertionResponse) {
			r.AuthData = withData(t, r.AuthData, func(d *webauthn.AuthenticatorData) { d.Flags &^= webauthn.FlagUserVerified })
		}, nil, ReasonNotUnlock},
		"another relying party": {func(t *testing.T, r *ctap.GetAssertionResponse) {
			r.AuthData = withData(t, r.AuthData, func(d *webauthn.AuthenticatorData) { d.RPIDHash[31]++ })
		}, nil, ReasonUnexpected},
		"no signature":               {func(_ *testing.T, r *ctap.GetAssertionResponse) { r.Signature = nil }, nil, ReasonUnexpected},
		"no user handle":             {func(_ *testing.T, r *ctap.GetAssertionResponse) { r.User = nil }, nil, ReasonUnexpected},
		"an empty user handle":       {func(_ *testing.T, r *ctap.GetAssertionResponse) { r.User.ID = nil }, nil, ReasonUnexpected},
		"no word on which passkey":   {func(_ *testing.T, r *ctap.GetAssertionResponse) { r.Credential = nil }, nil, ReasonUnexpected},
		"a passkey that isn't named": {func(_ *testing.T, r *ctap.GetAssertionResponse) { r.Credential.ID = []byte("x") }, named, ReasonUnexpected},
		"authenticator data cut":     {func(_ *testing.T, r *ctap.GetAssertionResponse) { r.AuthData = r.AuthData[:36] }, nil, ReasonUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, take(ThisDevice))
			if _, err := w.Create(t.Context(), testCaller, creation()); err != nil {
				t.Fatal(err)
			}
			w.local.wrap = func(c ctap.Command, b []byte) []byte {
				var r ctap.GetAssertionResponse
				if c != ctap.CmdGetAssertion || ctap.DecodeResponse(b, &r) != nil {
					return b
				}
				tt.change(t, &r)
				return ctap.EncodeResponse(r, nil)
			}
			w.local.device = withoutList{w.local.device}
			o := request()
			o.AllowCredentials = tt.list
			_, err := w.Get(t.Context(), testCaller, o)
			wantName(t, err, NotAllowedError)
			last := w.dialog.shown[len(w.dialog.shown)-1]
			if last.Failed == nil || last.Failed.Reason != tt.reason {
				t.Errorf("the person saw %+v, want the reason %s", last.Failed, tt.reason)
			}
		})
	}
}

// withoutList is an authenticator that does not look at the allow list.
type withoutList struct{ ctap.Device }

func (d withoutList) Send(ctx context.Context, request []byte) ([]byte, error) {
	if ctap.Command(request[0]) != ctap.CmdGetAssertion {
		return d.Device.Send(ctx, request)
	}
	r, err := decodeAssertion(request)
	if err != nil {
		return nil, err
	}
	r.AllowList = nil
	return d.Device.Send(ctx, encodeAssertion(r))
}

func TestUnnamedPasskeyIsTheOnlyOneOfTheList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice))
	made, err := w.Create(t.Context(), testCaller, creation())
	if err != nil {
		t.Fatal(err)
	}
	w.local.wrap = func(c ctap.Command, b []byte) []byte {
		var r ctap.GetAssertionResponse
		if c != ctap.CmdGetAssertion || ctap.DecodeResponse(b, &r) != nil {
			return b
		}
		r.Credential = nil // CTAP §6.2.2 allows that
		return ctap.EncodeResponse(r, nil)
	}
	o := request()
	o.AllowCredentials = []webauthn.CredentialDescriptor{{Type: "public-key", ID: made.RawID}}
	r, err := w.Get(t.Context(), testCaller, o)
	if err != nil || r.ID != made.ID {
		t.Errorf("Get() = %s, %v; want %s", r.ID, err, made.ID)
	}
}

func TestListOfUnknownTypesIsNotAnEmptyList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, take(ThisDevice))
	if _, err := w.Create(t.Context(), testCaller, creation()); err != nil {
		t.Fatal(err)
	}
	o := request()
	o.AllowCredentials = []webauthn.CredentialDescriptor{{Type: "future-key", ID: []byte{1}}}
	_, err := w.Get(t.Context(), testCaller, o)
	wantName(t, err, NotAllowedError)
}

// key is a security key: it has limits, no screen, and counts its commands.
type key struct {
	holds    [][]byte
	accounts int
	requests []ctap.GetAssertionRequest
	next     int
}

func (k *key) Send(_ context.Context, request []byte) ([]byte, error) {
	switch ctap.Command(request[0]) {
	case ctap.CmdGetInfo:
		return ctap.EncodeResponse(ctap.Info{
			Versions: []string{"FIDO_2_1"}, AAGUID: make([]byte, 16), Options: map[string]bool{"rk": true, "uv": true},
			MaxCredentialCountInList: 2, MaxCredentialIDLength: 8,
		}, nil), nil
	case ctap.CmdGetNextAssertion:
		k.next++
		return ctap.EncodeResponse(k.assertion([]byte{byte(k.next)}), nil), nil
	}
	r, err := decodeAssertion(request)
	if err != nil {
		return nil, err
	}
	k.requests = append(k.requests, r)
	if len(r.AllowList) == 0 {
		a := k.assertion([]byte{0})
		a.NumberOfCredentials = uint(k.accounts)
		return ctap.EncodeResponse(a, nil), nil
	}
	for _, d := range r.AllowList {
		if slices.ContainsFunc(k.holds, func(id []byte) bool { return string(id) == string(d.ID) }) {
			return ctap.EncodeResponse(k.assertion(d.ID), nil), nil
		}
	}
	return ctap.EncodeResponse(nil, ctap.NoCredentials), nil
}

func (k *key) assertion(id []byte) ctap.GetAssertionResponse {
	data := webauthn.AuthenticatorData{
		RPIDHash: sha256.Sum256([]byte(testRP)), Flags: webauthn.FlagUserPresent | webauthn.FlagUserVerified,
	}
	return ctap.GetAssertionResponse{
		Credential: &ctap.CredentialDescriptor{Type: "public-key", ID: id}, AuthData: data.Encode(), Signature: []byte{1},
		User: &ctap.UserEntity{ID: []byte{byte(len(id))}, Name: "account " + string('A'+rune(id[0]))},
	}
}

func keyWorld(t *testing.T, k *key, answer func(Screen) Action) *world {
	w := newWorld(t, answer)
	w.Routes = []Route{&fakeRoute{kind: SecurityKey, ready: Readiness{Usable: true}, transport: "usb", device: k}}
	return w
}

func TestKeyIsAskedInPiecesForWhatItHolds(t *testing.T) {
	t.Parallel()
	list := []webauthn.CredentialDescriptor{}
	for _, id := range []string{"a", "b", "far too long for it", "c", "d", "e"} {
		list = append(list, webauthn.CredentialDescriptor{Type: "public-key", ID: []byte(id)})
	}
	for name, tt := range map[string]struct {
		holds [][]byte
		want  []string // the lists that were sent, the last one with a touch
		name  Name
	}{
		"in the second piece": {[][]byte{[]byte("c")}, []string{"ab", "cd", "c"}, ""},
		"in none":             {nil, []string{"ab", "cd", "e", "a"}, NotAllowedError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &key{holds: tt.holds}
			w := keyWorld(t, k, take(SecurityKey))
			o := request()
			o.AllowCredentials = list
			r, err := w.Get(t.Context(), testCaller, o)
			if tt.name == "" && (err != nil || string(r.RawID) != "c") {
				t.Fatalf("Get() = %s, %v", r.RawID, err)
			}
			if tt.name != "" {
				wantName(t, err, tt.name)
			}
			var sent []string
			for i, q := range k.requests {
				s := ""
				for _, d := range q.AllowList {
					s += string(d.ID)
				}
				sent = append(sent, s)
				up, silent := q.Options["up"]
				if touch := i == len(k.requests)-1; touch == (silent && !up) {
					t.Errorf("request %d: options %v", i, q.Options)
				}
				own := webauthn.ClientData{Type: webauthn.TypeGet, Challenge: o.Challenge, Origin: testOrigin}.Hash()
				if touch := i == len(k.requests)-1; touch != slices.Equal(q.ClientDataHash, own[:]) {
					t.Errorf("request %d: hash %x; a silent one must not be worth anything", i, q.ClientDataHash)
				}
			}
			if diff := cmp.Diff(tt.want, sent); diff != "" {
				t.Errorf("lists (-want +got)\n%s", diff)
			}
		})
	}
}

func TestPersonChoosesAmongTheAccountsOfAKey(t *testing.T) {
	t.Parallel()
	w := keyWorld(t, &key{accounts: 3}, func(s Screen) Action {
		if s.Sort == ScreenAccounts {
			if diff := cmp.Diff([]string{"account A", "account B", "account C"}, s.Accounts); diff != "" {
				t.Errorf("accounts (-want +got)\n%s", diff)
			}
			return Action{Do: DoAccount, Index: 2}
		}
		return take(SecurityKey)(s)
	})
	r, err := w.Get(t.Context(), testCaller, request())
	if err != nil || !slices.Equal(r.RawID, []byte{2}) || r.AuthenticatorAttachment != "cross-platform" {
		t.Errorf("Get() = %x, %s, %v", []byte(r.RawID), r.AuthenticatorAttachment, err)
	}
	if got := w.dialog.shown[1].Progress.Stage; got != StageTouchKey {
		t.Errorf("before the command the person saw %q, want to be asked for a touch", got)
	}
}

func TestTooManyAccountsAreNotAskedFor(t *testing.T) {
	t.Parallel()
	k := &key{accounts: 65}
	w := keyWorld(t, k, take(SecurityKey))
	_, err := w.Get(t.Context(), testCaller, request())
	wantName(t, err, NotAllowedError)
	if k.next != 0 {
		t.Errorf("%d more were fetched", k.next)
	}
}
