package link_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http/httptest"
	"strings"
	"time"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/relay"
)

// Both devices in one program: a room with a radio, a relay, a client that
// shows a code and a phone that reads it.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	room := air.New()
	service := relay.New(relay.Config{Log: slog.New(slog.DiscardHandler)})
	defer service.Close()
	server := httptest.NewServer(service)
	defer server.Close()
	reach := &tunnel.Dialer{Base: func(domain string) string { return strings.Replace(server.URL, "http", "ws", 1) }}

	// The client makes a code and shows it.
	inv, err := hybrid.NewInvitation(hybrid.HintGetAssertion)
	if err != nil {
		log.Fatal(err)
	}
	code := inv.Text()

	// The phone's camera reads it.
	phone := make(chan error)
	go func() {
		qr, err := hybrid.ParseQR(code)
		if err != nil {
			phone <- err
			return
		}
		defer qr.Wipe()
		p, err := link.Answer(ctx, qr, link.AnswerConfig{
			Advertiser: room,
			Tunnel:     reach,
			Service:    hybrid.DevelopmentService,
			Info:       ctap.Info{Versions: []string{"FIDO_2_0"}, AAGUID: make([]byte, 16)},
		})
		if err != nil {
			phone <- err
			return
		}
		defer p.Close()
		phone <- p.Serve(ctx, func(ctx context.Context, request []byte) []byte {
			fmt.Println("the phone is asked for", ctap.Command(request[0]))
			return ctap.EncodeResponse(nil, ctap.NoCredentials)
		})
	}()

	client, err := link.Dial(ctx, inv, link.DialConfig{Scanner: room, Tunnel: reach})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the phone speaks", client.Info().Versions)
	_, err = ctap.GetAssertion(ctx, client, ctap.GetAssertionRequest{RPID: "example.com", ClientDataHash: make([]byte, 32)})
	fmt.Println(err)
	client.Close()
	fmt.Println("the phone is done:", <-phone)

	// Output:
	// the phone speaks [FIDO_2_0]
	// the phone is asked for getAssertion
	// getAssertion: authenticator answered NO_CREDENTIALS
	// the phone is done: <nil>
}

// What a client tells its person depends on the leg.
func ExampleDial() {
	inv, err := hybrid.NewInvitation(hybrid.HintGetAssertion)
	if err != nil {
		log.Fatal(err)
	}
	room := air.New()
	room.SetPower(false)

	_, err = link.Dial(context.Background(), inv, link.DialConfig{
		Scanner:  room,
		Progress: func(s link.Stage) { fmt.Println("stage:", s) },
	})
	if failed, ok := errors.AsType[*link.Error](err); ok {
		switch failed.Leg {
		case link.LegRadio:
			fmt.Println("Turn on Bluetooth.")
		case link.LegAdvert:
			fmt.Println("Hold the phone closer, and scan again.")
		case link.LegRelay:
			fmt.Println("Check the connection to the internet.")
		default:
			fmt.Println("Try again.")
		}
	}

	// Output:
	// stage: waiting
	// Turn on Bluetooth.
}

// A phone whose relay cannot be reached advertises nothing: it would have
// nothing to advertise.
func ExampleAnswer() {
	inv, err := hybrid.NewInvitation(hybrid.HintGetAssertion)
	if err != nil {
		log.Fatal(err)
	}
	qr, err := hybrid.ParseQR(inv.Text())
	if err != nil {
		log.Fatal(err)
	}

	_, err = link.Answer(context.Background(), qr, link.AnswerConfig{
		Advertiser: air.New(),
		Tunnel:     &tunnel.Dialer{Base: func(string) string { return "ws://127.0.0.1:1" }},
		Service:    hybrid.DevelopmentService,
		Progress:   func(s link.Stage) { fmt.Println("stage:", s) },
	})
	if failed, ok := errors.AsType[*link.Error](err); ok {
		fmt.Println("leg:", failed.Leg)
	}

	// Output:
	// leg: relay
}
