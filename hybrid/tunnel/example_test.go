package tunnel_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"

	"cardea/hybrid"
	"cardea/hybrid/tunnel"
	"cardea/relay"
)

// A phone waits for the clients that it is linked with, and one calls.
func ExampleContact() {
	service := relay.New(relay.Config{Log: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(service)
	defer server.Close()
	defer service.Close()
	dialer := &tunnel.Dialer{Base: func(string) string { return server.URL }} // a relay of one's own

	// The phone keeps the key, and puts the ID into its links.
	reachable := make(chan error, 10)
	phone := &tunnel.Contact{Dialer: dialer, Service: hybrid.DevelopmentService, Key: hybrid.NewContactKey(),
		Changed: func(err error) { reachable <- err },
		Called: func(ctx context.Context, call *tunnel.Call) {
			conn, err := call.Accept(ctx)
			if err != nil {
				return
			}
			defer conn.Close()
			m, _ := conn.Read(ctx) // a handshake would begin here
			fmt.Printf("the phone was called with %q and read %q\n", call.Payload, m)
		}}
	id, err := phone.ID()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- phone.Listen(ctx) }()
	<-reachable

	client, err := dialer.Contact(ctx, hybrid.DevelopmentService, id[:], []byte("payload"))
	if err != nil {
		fmt.Println(err)
		return
	}
	client.Write(ctx, []byte("hello"))
	client.Read(ctx) // until the phone closes
	stop()
	fmt.Println(<-done)
	// Output:
	// the phone was called with "payload" and read "hello"
	// context canceled
}
