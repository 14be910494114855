package provider_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/provider"
	"cardea/identity/session"
	"cardea/webauthn"
)

// challenged is what the challenge endpoint answers.
type challenged struct {
	Error       string          `json:"error"`
	Description string          `json:"error_description"`
	AuthSession string          `json:"auth_session"`
	Options     json.RawMessage `json:"webauthn"`
	ExpiresIn   int64           `json:"expires_in"`
	Code        string          `json:"authorization_code"`
}

// native is a good first request of the terminal, as edited.
func native(edits ...func(url.Values)) url.Values {
	f := url.Values{
		"client_id": {"cli"}, "response_type": {"code"}, "scope": {"openid profile offline_access"}, "nonce": {"n-1"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for _, edit := range edits {
		edit(f)
	}
	return f
}

func (h *house) challengePost(f url.Values) (int, challenged) {
	h.t.Helper()
	w := h.serve(post(provider.PathChallenge, f))
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		h.t.Errorf("Cache-Control = %q", got)
	}
	return w.Code, read[challenged](h.t, w)
}

// beginNative makes a good first request.
func (h *house) beginNative(edits ...func(url.Values)) challenged {
	h.t.Helper()
	status, got := h.challengePost(native(edits...))
	if status != http.StatusBadRequest || got.Error != "insufficient_authorization" || got.AuthSession == "" || got.ExpiresIn != 330 {
		h.t.Fatalf("first request = %d %+v", status, got)
	}
	return got
}

// assertion signs options at origin with the person's passkey.
func (h *house) assertion(options json.RawMessage, origin webauthn.Origin, flags webauthn.Flags) string {
	h.t.Helper()
	var o webauthn.RequestOptions
	if err := json.Unmarshal(options, &o); err != nil {
		h.t.Fatal(err)
	}
	client := webauthn.ClientData{Type: webauthn.TypeGet, Challenge: o.Challenge, Origin: origin}
	data := webauthn.AuthenticatorData{RPIDHash: sha256.Sum256([]byte(rpID)), Flags: flags}.Encode()
	hash := client.Hash()
	sum := sha256.Sum256(append(append([]byte(nil), data...), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, h.key, sum[:])
	if err != nil {
		h.t.Fatal(err)
	}
	b, err := json.Marshal(webauthn.AuthenticationResponse{
		ID: h.passkey.CredentialID.String(), RawID: h.passkey.CredentialID, Type: webauthn.PublicKeyType,
		Response: webauthn.AssertionResponse{
			ClientDataJSON: client.JSON(), AuthenticatorData: data, Signature: sig, UserHandle: h.user.Handle,
		},
		ClientExtensionResults: map[string]json.RawMessage{},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

const verified = webauthn.FlagUserPresent | webauthn.FlagUserVerified

func answerOf(client, authSession, response string) url.Values {
	return url.Values{"client_id": {client}, "auth_session": {authSession}, "webauthn_response": {response}}
}

// nativeCode signs in and returns the code.
func (h *house) nativeCode(edits ...func(url.Values)) string {
	h.t.Helper()
	begun := h.beginNative(edits...)
	status, got := h.challengePost(answerOf("cli", begun.AuthSession, h.assertion(begun.Options, cliOrigin, verified)))
	if status != http.StatusOK || got.Code == "" {
		h.t.Fatalf("second request = %d %+v", status, got)
	}
	return got.Code
}

func nativeExchange(code string, edits ...func(url.Values)) url.Values {
	return exchange(code, append([]func(url.Values){drop("redirect_uri"), set("client_id", "cli")}, edits...)...)
}

func TestTerminalSignsInWithoutAPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w, got := h.token(nativeExchange(h.nativeCode()))
	if w.Code != http.StatusOK || got.Scope != "openid profile offline_access" || !strings.HasPrefix(got.Refresh, "crt_") {
		t.Fatalf("tokens = %d %s", w.Code, w.Body)
	}
	claims := h.claims(got.IDToken)
	now := float64(h.clock().Unix())
	for name, want := range map[string]any{
		"iss": issuer, "sub": string(h.user.ID), "aud": "cli", "nonce": "n-1", "auth_time": now,
		"acr": "urn:cardea:acr:native", "amr": []any{"pop", "user", "mfa"},
	} {
		if diff := cmp.Diff(want, claims[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	events, err := audit.New(h.db).ByUser(t.Context(), h.user.ID, 2)
	if err != nil || len(events) != 2 || events[0].Kind != audit.ClientSignIn || events[1].Kind != audit.NativeSignIn ||
		events[1].Client != "cli" || events[1].Reference == "" || events[1].Address == "" {
		t.Errorf("events = %+v, %v; want the sign-in with its client and where it came from", events, err)
	}
	if strings.Contains(h.log.String(), got.Refresh) || strings.Contains(h.log.String(), got.AccessToken) {
		t.Error("a token stands in the log")
	}
}

func TestFirstRequestRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, tt := range []struct {
		name string
		edit func(url.Values)
		code string
	}{
		{"a client nobody registered", set("client_id", "stranger"), "invalid_client"},
		{"no client", drop("client_id"), "invalid_client"},
		{"a client with a secret", set("client_secret", "x"), "invalid_client"},
		{"a web application", set("client_id", "app"), "unauthorized_client"},
		{"a page of ours", set("client_id", "account"), "unauthorized_client"},
		{"a program of others", set("client_id", "foreign"), "unauthorized_client"},
		{"no PKCE", drop("code_challenge"), "invalid_request"},
		{"plain PKCE", set("code_challenge_method", "plain"), "invalid_request"},
		{"half a challenge", set("code_challenge", challenge[1:]), "invalid_request"},
		{"no response type", drop("response_type"), "invalid_request"},
		{"another response type", set("response_type", "token"), "unsupported_response_type"},
		{"no scope", drop("scope"), "invalid_scope"},
		{"only to stay", set("scope", "offline_access"), "invalid_scope"},
		{"silently", set("prompt", "none"), "login_required"},
		{"a request object", set("request", "e30"), "request_not_supported"},
		{"a hint", set("id_token_hint", "e30"), "invalid_request"},
		{"an endless nonce", set("nonce", strings.Repeat("n", 257)), "invalid_request"},
		{"an answer to nothing", set("webauthn_response", "{}"), "invalid_session"},
		{"a parameter twice", func(q url.Values) { q.Add("scope", "openid") }, "invalid_request"},
	} {
		if _, got := h.challengePost(native(tt.edit)); got.Error != tt.code || got.AuthSession != "" || got.Code != "" {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.code)
		}
	}
}

func TestSecondRequestRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		act    func(h *house, begun challenged) url.Values
		code   string
		reason ceremony.Reason // that is recorded; empty if nothing can be
	}{
		{"no answer", func(h *house, b challenged) url.Values { return answerOf("cli", b.AuthSession, "") }, "invalid_request", ""},
		{"what is no auth_session", func(h *house, b challenged) url.Values {
			return answerOf("cli", b.AuthSession+"A", h.assertion(b.Options, cliOrigin, verified))
		}, "invalid_session", ""},
		{"another client's auth_session", func(h *house, b challenged) url.Values {
			return answerOf("cli2", b.AuthSession, h.assertion(b.Options, "cardea-native://login.example/cli2", verified))
		}, "invalid_session", ceremony.ReasonOtherClient},
		{"a client that may not", func(h *house, b challenged) url.Values {
			return answerOf("app", b.AuthSession, h.assertion(b.Options, cliOrigin, verified))
		}, "unauthorized_client", ""},
		{"an assertion of a page", func(h *house, b challenged) url.Values {
			return answerOf("cli", b.AuthSession, h.assertion(b.Options, issuer, verified))
		}, "access_denied", ceremony.ReasonWrongOrigin},
		{"an assertion of another program", func(h *house, b challenged) url.Values {
			return answerOf("cli", b.AuthSession, h.assertion(b.Options, "cardea-native://login.example/cli2", verified))
		}, "access_denied", ceremony.ReasonWrongOrigin},
		{"a person who was not verified", func(h *house, b challenged) url.Values {
			return answerOf("cli", b.AuthSession, h.assertion(b.Options, cliOrigin, webauthn.FlagUserPresent))
		}, "access_denied", ceremony.ReasonNotVerified},
		{"an answer to another challenge", func(h *house, b challenged) url.Values {
			return answerOf("cli", b.AuthSession, h.assertion(h.beginNative().Options, cliOrigin, verified))
		}, "access_denied", ceremony.ReasonWrongChallenge},
		{"too late", func(h *house, b challenged) url.Values {
			f := answerOf("cli", b.AuthSession, h.assertion(b.Options, cliOrigin, verified))
			h.wait(time.Duration(b.ExpiresIn) * time.Second)
			return f
		}, "invalid_session", ceremony.ReasonChallengeExpired},
		{"a second time", func(h *house, b challenged) url.Values {
			f := answerOf("cli", b.AuthSession, h.assertion(b.Options, cliOrigin, verified))
			if _, got := h.challengePost(f); got.Code == "" {
				h.t.Errorf("the first time: %+v", got)
			}
			return f
		}, "invalid_session", ceremony.ReasonChallengeSpent},
		{"a person who is shut out", func(h *house, b challenged) url.Values {
			h.disable()
			return answerOf("cli", b.AuthSession, h.assertion(b.Options, cliOrigin, verified))
		}, "access_denied", ceremony.ReasonDisabled},
		{"a passkey that nobody has", func(h *house, b challenged) url.Values {
			h.passkey.CredentialID = webauthn.CredentialID(random(32))
			return answerOf("cli", b.AuthSession, h.assertion(b.Options, cliOrigin, verified))
		}, "access_denied", ceremony.ReasonUnknownPasskey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			_, got := h.challengePost(tt.act(h, h.beginNative()))
			if got.Error != tt.code || got.Code != "" {
				t.Errorf("answer = %+v, want %s", got, tt.code)
			}
			events, err := audit.New(h.db).Recent(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if tt.reason != "" && (len(events) != 1 || events[0].Kind != audit.NativeSignIn || events[0].Outcome != audit.Refused || events[0].Reason != string(tt.reason)) {
				t.Errorf("last event = %+v, want a refusal for %s", events, tt.reason)
			}
		})
	}
}

// What the ceremony of a page sealed is no auth_session, and what a page signed
// is no answer: the sign-in page's own state is tried here.
func TestPagesCeremonyIsNoAuthSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begun, err := h.ceremony.BeginSignIn(t.Context(), ceremony.Browser{Binding: strings.Repeat("b", 16), Origin: issuer}, "")
	if err != nil {
		t.Fatal(err)
	}
	_, got := h.challengePost(answerOf("cli", begun.Sealed, h.assertion(begun.Options, issuer, verified)))
	if got.Error != "invalid_session" {
		t.Errorf("answer = %+v", got)
	}
}

func TestDeletedPasskeySignsNobodyInAndEndsTheGrant(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, first := h.token(nativeExchange(h.nativeCode()))
	begun := h.beginNative()
	// The directory keeps the last way in; it is the deletion that is of interest.
	err := h.db.DeletePasskey(t.Context(), h.user.ID, h.passkey.ID, "", nil, directory.Change{Kind: directory.PasskeyDeleted, At: h.clock()})
	if err == nil {
		t.Fatal("the last passkey was deleted")
	}
	second := h.passkey
	second.ID, second.CredentialID = directory.NewPasskeyID(), webauthn.CredentialID(random(32))
	in, _ := h.signIn()
	err = h.db.Register(t.Context(), ceremony.Registration{
		Challenge: h.challenge(), Passkey: second, Most: 2, In: in.ID, Event: audit.Event{Time: h.clock(), Kind: audit.PasskeyAdded},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.db.DeletePasskey(t.Context(), h.user.ID, h.passkey.ID, "", nil, directory.Change{Kind: directory.PasskeyDeleted, At: h.clock()}); err != nil {
		t.Fatal(err)
	}
	if _, got := h.challengePost(answerOf("cli", begun.AuthSession, h.assertion(begun.Options, cliOrigin, verified))); got.Error != "access_denied" {
		t.Errorf("sign-in with a deleted passkey = %+v", got)
	}
	if _, got := h.token(refreshing(first.Refresh)); got.Error != "invalid_grant" {
		t.Errorf("refresh after the passkey was deleted = %+v", got)
	}
}

// A program is told that its person's passkey is of a kind that is not taken any
// more, so that it can ask for another; who holds it has proved that they do.
func TestProgramHearsThatTheKindIsNotTaken(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, issuer, policy.Passkeys{Accept: []webauthn.AAGUID{{1}}})
	begun := h.beginNative()
	_, got := h.challengePost(answerOf("cli", begun.AuthSession, h.assertion(begun.Options, cliOrigin, verified)))
	if got.Error != "access_denied" || !strings.Contains(got.Description, "not accepted here any more") || got.Code != "" {
		t.Errorf("sign-in with a kind that is not taken = %+v", got)
	}
}

func TestChallengeEndpointIsNotForPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, header := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode"} {
		r := post(provider.PathChallenge, native())
		r.Header.Set(header, "null")
		if w := h.serve(r); w.Code != http.StatusForbidden || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("with %s: %d, CORS %q", header, w.Code, w.Header().Get("Access-Control-Allow-Origin"))
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodOptions} {
		if w := h.serve(httptest.NewRequest(method, provider.PathChallenge+"?"+native().Encode(), nil)); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s = %d", method, w.Code)
		}
	}
}

func TestChallengeEndpointIsLimited(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 100 {
		h.beginNative()
	}
	w := h.serve(post(provider.PathChallenge, native()))
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("request 101 = %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	h.wait(time.Second)
	h.beginNative()
}

func TestNativeCodeIsBound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.nativeCode()
	for name, edit := range map[string]func(url.Values){
		"without its verifier":    drop("code_verifier"),
		"with another verifier":   set("code_verifier", strings.Repeat("v", 43)),
		"by another client":       set("client_id", "cli2"),
		"with a redirect_uri":     set("redirect_uri", "http://127.0.0.1/callback"),
		"with what it never said": set("redirect_uri", redirectURI),
	} {
		if _, got := h.token(nativeExchange(code, edit)); got.Error != "invalid_grant" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if w, _ := h.token(nativeExchange(code)); w.Code != http.StatusOK {
		t.Errorf("by the program itself = %d %s", w.Code, w.Body)
	}
}

func TestSessionOfAProgramOpensNoPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.nativeCode()
	list, err := h.sessions.List(t.Context(), h.user.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.ACR != session.ACRNative {
			continue
		}
		for _, guess := range []string{"", string(s.ID)} {
			if w := h.authorize(request(), &http.Cookie{Name: cookie, Value: guess}); !strings.HasPrefix(w.Header().Get("Location"), "/signin?") {
				t.Errorf("authorize with cookie %q = %q, want the sign-in page", guess, w.Header().Get("Location"))
			}
		}
		return
	}
	t.Errorf("sessions = %+v, want one of a program", list)
}
