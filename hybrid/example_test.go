package hybrid_test

import (
	"fmt"

	"cardea/hybrid"
)

// What a client shows, what a phone advertises who has read it, and what the
// client learns from that. Package link does all this in order.
func Example() {
	inv, err := hybrid.NewInvitation(hybrid.HintGetAssertion)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer inv.Wipe()

	// The phone reads the code, and opens a tunnel at its service, which tells
	// it the routing ID.
	qr, err := hybrid.ParseQR(inv.Text())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the phone will be asked for:", qr.Hint)
	fmt.Println("the client finds service 257:", hybrid.Service(257).KnownTo(qr.KnownDomains))
	advert := hybrid.EIDKeyFor(qr.Secret, nil).Seal(hybrid.NewEID(hybrid.RoutingID{1, 2, 3}, 257))

	// The client tries every advertisement in the room.
	key := hybrid.EIDKeyFor(inv.Secret, nil)
	if _, _, ok := key.Open(make([]byte, hybrid.AdvertSize)); !ok {
		fmt.Println("not for us")
	}
	eid, _, ok := key.Open(advert[:])
	domain, err := eid.Service().Domain()
	fmt.Println(ok, domain, eid.RoutingID(), err)

	// Both know the tunnel and the key of the handshake.
	fmt.Println(hybrid.TunnelIDFor(inv.Secret) == hybrid.TunnelIDFor(qr.Secret),
		hybrid.PSKFor(inv.Secret, eid).Equal(hybrid.PSKFor(qr.Secret, eid)))

	// Output:
	// the phone will be asked for: ga
	// the client finds service 257: true
	// not for us
	// true cable.4a6bwmj6hiyyd.net [1 2 3] <nil>
	// true true
}
