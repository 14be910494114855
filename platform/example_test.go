package platform_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"cardea/authenticator/agent"
	"cardea/authenticator/authtest"
	"cardea/platform"
	"cardea/platform/local"
	"cardea/webauthn"
)

// window is a dialog in the least of words: it takes the first way that can be
// taken, and gives up when one fails.
type window struct{ actions chan platform.Action }

func (w window) Show(s platform.Screen) {
	switch s.Sort {
	case platform.ScreenChoose:
		for _, way := range s.Ways {
			if way.Usable {
				w.actions <- platform.Action{Do: platform.DoChoose, Kind: way.Kind, ID: way.ID}
				return
			}
		}
		w.actions <- platform.Action{Do: platform.DoCancel}
	case platform.ScreenProgress:
		fmt.Println("step:", s.Progress.Stage)
	case platform.ScreenFailed:
		fmt.Println("failed:", s.Failed.Leg, s.Failed.Reason)
		w.actions <- platform.Action{Do: platform.DoCancel}
	}
}

func (w window) Act(ctx context.Context) (platform.Action, error) {
	select {
	case a := <-w.actions:
		return a, nil
	case <-ctx.Done():
		return platform.Action{}, context.Cause(ctx)
	}
}

func (window) Close() {}

// A browser's part in a few lines: a client, the way to the authenticator in
// this device, and a window. The authenticator is one for tests, whose person
// says yes.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	socket := filepath.Join(folder, "agent.sock")
	l, err := agent.Listen(socket)
	if err != nil {
		log.Fatal(err)
	}
	authenticator, _, _ := authtest.New()
	served := make(chan error)
	go func() { served <- agent.Serve(ctx, l, authenticator, "") }()
	defer func() { cancel(); <-served }()

	client := &platform.Client{
		Routes: []platform.Route{&local.Route{Socket: socket, Name: "Example"}},
		Open: func(context.Context, platform.Request) (platform.Dialog, error) {
			return window{make(chan platform.Action, 1)}, nil
		},
	}
	page := platform.Caller{Origin: "https://login.example.com", SameOriginWithAncestors: true}
	made, err := client.Create(ctx, page, webauthn.CreationOptions{
		RP:               webauthn.RPEntity{ID: "example.com", Name: "Example"},
		User:             webauthn.UserEntity{ID: []byte{1}, Name: "ada", DisplayName: "Ada"},
		Challenge:        []byte("made by the site, once"),
		PubKeyCredParams: []webauthn.CredentialParameters{{Type: webauthn.PublicKeyType, Alg: webauthn.ES256}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("made:", made.Type, made.AuthenticatorAttachment)

	used, err := client.Get(ctx, page, webauthn.RequestOptions{
		Challenge: []byte("another, made by the site"), RPID: "example.com",
		AllowCredentials: []webauthn.CredentialDescriptor{{Type: webauthn.PublicKeyType, ID: made.RawID}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same passkey signed:", used.ID == made.ID)

	// A page learns no more than it may.
	_, err = client.Get(ctx, platform.Caller{Origin: "https://evil.example", SameOriginWithAncestors: true},
		webauthn.RequestOptions{Challenge: []byte("of somebody else"), RPID: "example.com"})
	var refused *platform.Error
	fmt.Println("another site:", errors.As(err, &refused) && refused.Name == platform.SecurityError)

	// Output:
	// step: ask-here
	// made: public-key platform
	// step: ask-here
	// the same passkey signed: true
	// another site: true
}
