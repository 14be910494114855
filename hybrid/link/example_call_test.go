package link_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/relay"
)

// A pocketPhone is a phone that lets itself be remembered: it gives links and
// answers the calls of who has one. What it must keep are root and contact.Key
// (hybrid.KeyFrom takes them back), and which links have ended.
type pocketPhone struct {
	cfg     link.AnswerConfig
	root    hybrid.Key
	contact tunnel.Contact
	ended   atomic.Bool // by its person
}

var theLink = [8]byte{1} // a phone draws one for each client

func (p *pocketPhone) offer() hybrid.LinkOffer {
	id, err := p.contact.ID()
	if err != nil {
		log.Fatal(err)
	}
	return hybrid.LinkOffer{ContactID: id[:], LinkID: theLink, Name: "Ada's phone",
		Secret: hybrid.LinkSecret(p.root, id[:], theLink), Identity: hybrid.IdentityKey(p.root)}
}

// answer answers the code of a client, and gives it a link if it asks for one.
func (p *pocketPhone) answer(ctx context.Context, code string) error {
	qr, err := hybrid.ParseQR(code)
	if err != nil {
		return err
	}
	defer qr.Wipe()
	cfg, offer := p.cfg, p.offer()
	cfg.Link = &offer
	phone, err := link.Answer(ctx, qr, cfg)
	if err != nil {
		return err
	}
	defer phone.Close()
	return phone.Serve(ctx, p.handle)
}

// called is told of each call by the phone's relay.
func (p *pocketPhone) called(ctx context.Context, c *tunnel.Call) {
	call, err := hybrid.ParseCall(c.Payload)
	if err != nil || call.LinkID != theLink || p.ended.Load() {
		c.Gone(ctx) // 410: the client forgets its link
		return
	}
	phone, err := link.AnswerCall(ctx, link.Linked{Call: call, Offer: p.offer(), Join: c.Accept}, p.cfg)
	if err != nil {
		return
	}
	defer phone.Close()
	phone.Serve(ctx, p.handle)
}

func (p *pocketPhone) handle(context.Context, []byte) []byte {
	return ctap.EncodeResponse(nil, ctap.NoCredentials) // or ask the person
}

// A phone is remembered once, and called by name from then on.
func ExampleCall() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	service := relay.New(relay.Config{Log: slog.New(slog.DiscardHandler)})
	defer service.Close()
	server := httptest.NewServer(service)
	defer server.Close()
	room := air.New()
	reach := &tunnel.Dialer{Base: func(string) string { return strings.Replace(server.URL, "http", "ws", 1) }}

	reachable := make(chan error, 1)
	phone := &pocketPhone{root: hybrid.NewRoot(), cfg: link.AnswerConfig{
		Advertiser: room, Tunnel: reach, Service: hybrid.DevelopmentService,
		Info: ctap.Info{Versions: []string{"FIDO_2_0"}, AAGUID: make([]byte, 16)},
	}}
	phone.contact = tunnel.Contact{Dialer: reach, Service: hybrid.DevelopmentService, Key: hybrid.NewContactKey(),
		Called: phone.called, Changed: func(err error) { reachable <- err }}

	// Once by code. The client asks for a link, and keeps it.
	inv, err := hybrid.NewLinkingInvitation(hybrid.HintGetAssertion)
	if err != nil {
		log.Fatal(err)
	}
	answered := make(chan error)
	go func() { answered <- phone.answer(ctx, inv.Text()) }()
	client, err := link.Dial(ctx, inv, link.DialConfig{Scanner: room, Tunnel: reach})
	if err != nil {
		log.Fatal(err)
	}
	client.Send(ctx, []byte{byte(ctap.CmdGetAssertion), 0xa0})
	client.Linger(ctx) // a phone may give its link at any time until the end
	l, ok := client.Linking()
	if !ok {
		log.Fatal("there is no link")
	}
	kept := l.Encode()
	fmt.Println("remembered:", l.Name, <-answered)

	// From then on the phone waits at its relay, and the client needs no code.
	listening, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- phone.contact.Listen(listening) }()
	if err := <-reachable; err != nil {
		log.Fatal(err)
	}
	for range 2 {
		l, err := hybrid.ParseLink(kept)
		if err != nil {
			log.Fatal(err)
		}
		client, err := link.Call(ctx, l, hybrid.HintGetAssertion, link.DialConfig{Scanner: room, Tunnel: reach})
		if errors.Is(err, tunnel.ErrContactGone) {
			fmt.Println("the phone has ended the link: forget it, and show a code")
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("the phone has come, and speaks", client.Info().Versions)
		client.Close()
		phone.ended.Store(true) // its person forgets the computer
	}
	stop()
	<-ended

	// Output:
	// remembered: Ada's phone <nil>
	// the phone has come, and speaks [FIDO_2_0]
	// the phone has ended the link: forget it, and show a code
}
