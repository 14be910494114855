package authtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	gowebauthn "github.com/go-webauthn/webauthn/webauthn"

	"cardea/authenticator/authtest"
	"cardea/ctap"
)

// Ana is an account of a site that knows nothing of Cardea.
type Ana struct{ credentials []gowebauthn.Credential }

func (Ana) WebAuthnID() []byte                             { return []byte("1") }
func (Ana) WebAuthnName() string                           { return "ana" }
func (Ana) WebAuthnDisplayName() string                    { return "Ana" }
func (a Ana) WebAuthnCredentials() []gowebauthn.Credential { return a.credentials }

// A site's own tests, with a passkey of ours and go-webauthn to check it.
func Example() {
	ctx := context.Background()
	browser, person := authtest.NewBrowser("https://example.org")

	site, err := gowebauthn.New(&gowebauthn.Config{
		RPID: "example.org", RPDisplayName: "Example", RPOrigins: []string{"https://example.org"},
	})
	if err != nil {
		log.Fatal(err)
	}

	// Registration: what the site sends, what the browser answers, what the site keeps.
	var ana Ana
	creation, session, err := site.BeginRegistration(ana)
	if err != nil {
		log.Fatal(err)
	}
	options, _ := json.Marshal(creation)
	response, err := browser.Create(ctx, options)
	if err != nil {
		log.Fatal(err)
	}
	made, err := protocol.ParseCredentialCreationResponseBody(bytes.NewReader(response))
	if err != nil {
		log.Fatal(err)
	}
	credential, err := site.CreateCredential(ana, *session, made)
	if err != nil {
		log.Fatal(err)
	}
	ana.credentials = append(ana.credentials, *credential)
	fmt.Println("made a passkey for", person.Asked()[0].Account.Name)

	// Sign-in.
	request, session, err := site.BeginLogin(ana)
	if err != nil {
		log.Fatal(err)
	}
	options, _ = json.Marshal(request)
	response, err = browser.Get(ctx, options)
	if err != nil {
		log.Fatal(err)
	}
	used, err := protocol.ParseCredentialRequestResponseBody(bytes.NewReader(response))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := site.ValidateLogin(ana, *session, used); err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in")

	// And once more, but the person says no.
	person.Script(authtest.Decline)
	_, err = browser.Get(ctx, options)
	fmt.Println("declined:", errors.Is(err, ctap.OperationDenied))
	// Output:
	// made a passkey for ana
	// signed in
	// declined: true
}

func TestABrowserTakesOptionsWithoutTheirWrapping(t *testing.T) {
	t.Parallel()
	browser, person := authtest.NewBrowser("https://login.example.org:8443")
	options := `{"rp":{"name":"Example"},"user":{"id":"MQ","name":"ana","displayName":"Ana"},"challenge":"AAAA",
		"pubKeyCredParams":[{"type":"public-key","alg":-7}],"authenticatorSelection":{"userVerification":"required"}}`
	if _, err := browser.Create(t.Context(), []byte(options)); err != nil {
		t.Fatal(err)
	}
	if got := person.Asked()[0].RPID; got != "login.example.org" {
		t.Errorf("the person was asked for %q", got)
	}
	if _, err := browser.Get(t.Context(), []byte(`{"challenge":"AAAA","userVerification":"required"}`)); err != nil {
		t.Error(err)
	}
	if _, err := browser.Get(t.Context(), []byte(`{"challenge":"AAAA","rpId":"other.example"}`)); !errors.Is(err, ctap.NoCredentials) {
		t.Errorf("another site: %v, want NO_CREDENTIALS", err)
	}
	for _, bad := range []string{"", "[]", `{"publicKey":7}`} {
		if _, err := browser.Create(t.Context(), []byte(bad)); err == nil {
			t.Errorf("options %q were taken", bad)
		}
		if _, err := browser.Get(t.Context(), []byte(bad)); err == nil {
			t.Errorf("options %q were taken", bad)
		}
	}
}
