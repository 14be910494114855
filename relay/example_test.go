package relay_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"cardea/hybrid"
	"cardea/hybrid/tunnel"
	"cardea/relay"
)

// A relay in a program of one's own is an http.Handler. Where idle connections
// must be cheap, Config.Mode is relay.Epoll.
func Example() {
	r := relay.New(relay.Config{
		Limits: relay.Limits{Tunnels: 100},
		Log:    slog.New(slog.DiscardHandler),
	})
	server := httptest.NewServer(r) // or an http.Server with TLS
	defer server.Close()
	ctx := context.Background()
	dialer := &tunnel.Dialer{Base: func(string) string { return server.URL }}

	id := hybrid.TunnelID{1, 2, 3}
	phone, routing, err := dialer.New(ctx, hybrid.DevelopmentService, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := dialer.Connect(ctx, hybrid.DevelopmentService, routing, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	client.Write(ctx, []byte("sealed"))
	m, err := phone.Read(ctx)
	fmt.Printf("the phone reads %q, %v\n", m, err)
	client.Close()
	_, err = phone.Read(ctx)
	fmt.Println("then:", err != nil)

	// Shutdown takes no new tunnels and lets those that are joined finish.
	r.Shutdown(ctx)
	health, err := http.Get(server.URL + "/healthz")
	if err != nil {
		fmt.Println(err)
		return
	}
	health.Body.Close()
	fmt.Println(health.Status)

	// Output:
	// the phone reads "sealed", <nil>
	// then: true
	// 503 Service Unavailable
}
