package phone_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http/httptest"
	"strings"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/qrimage"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/platform"
	"cardea/platform/phone"
	"cardea/relay"
	"cardea/webauthn"
)

// A window shows the code to a camera. Where there are more ways than the phone,
// it would let its person choose (platform.ScreenChoose).
type window struct {
	camera  chan string
	actions chan platform.Action
}

func (w window) Show(s platform.Screen) {
	switch {
	case s.Sort == platform.ScreenFailed: // Failed says on which leg, for words about it
		w.actions <- platform.Action{Do: platform.DoCancel}
	case s.Sort == platform.ScreenProgress && s.Progress.Stage == platform.StageShowCode:
		// A program draws s.Progress.Code, and the phone's camera makes text of it.
		text, err := qrimage.Decode(picture(s.Progress.Code))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("a code is on the screen")
		w.camera <- text
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

// A browser's part with a passkey on a phone, and the phone's. The two programs
// share a radio and a relay here. With Bluetooth, Scanner and Advertiser are a Radio
// of hybrid/radio/bluez; without Tunnel, each relay is at its own name.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	room := air.New()
	service := relay.New(relay.Config{Log: slog.New(slog.DiscardHandler)})
	defer service.Close()
	server := httptest.NewServer(service)
	defer server.Close()
	reach := &tunnel.Dialer{Base: func(string) string { return strings.Replace(server.URL, "http", "ws", 1) }}

	// The phone. What its camera reads goes to its authenticator, which asks its
	// person; this one says yes.
	holder, _, _ := authtest.New()
	camera := make(chan string, 1)
	go func() {
		for code := range camera {
			qr, err := hybrid.ParseQR(code)
			if err != nil {
				log.Fatal(err)
			}
			p, err := link.Answer(ctx, qr, link.AnswerConfig{
				Advertiser: room, Tunnel: reach, Service: hybrid.DevelopmentService, Info: holder.Info(),
			})
			if err != nil {
				log.Fatal(err)
			}
			_ = p.Serve(ctx, func(ctx context.Context, request []byte) []byte {
				return holder.Handle(ctx, authenticator.Caller{Via: authenticator.ViaHybrid}, request)
			})
			p.Close()
		}
	}()
	defer close(camera)

	// The browser.
	client := &platform.Client{
		Routes: []platform.Route{&phone.Route{Scanner: room, Tunnel: reach}},
		Open: func(context.Context, platform.Request) (platform.Dialog, error) {
			return window{camera, make(chan platform.Action, 1)}, nil
		},
	}
	page := platform.Caller{Origin: "https://login.example.com", SameOriginWithAncestors: true}
	made, err := client.Create(ctx, page, webauthn.CreationOptions{
		RP:               webauthn.RPEntity{ID: "example.com", Name: "Example"},
		User:             webauthn.UserEntity{ID: []byte{1}, Name: "ada", DisplayName: "Ada"},
		Challenge:        []byte("made by the site, once"),
		PubKeyCredParams: []webauthn.CredentialParameters{{Type: webauthn.PublicKeyType, Alg: webauthn.ES256}},

		AuthenticatorSelection: &webauthn.AuthenticatorSelection{ResidentKey: "required"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("made:", made.Type, made.AuthenticatorAttachment)
	used, err := client.Get(ctx, page, webauthn.RequestOptions{Challenge: []byte("another, made by the site"), RPID: "example.com"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same passkey signed:", used.ID == made.ID)

	// Output:
	// a code is on the screen
	// made: public-key cross-platform
	// a code is on the screen
	// the same passkey signed: true
}
