package noise_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"fmt"

	"cardea/hybrid/noise"
	"cardea/internal/secret"
)

// The two messages of a handshake, and a record in each direction.
func Example() {
	// From the QR code, and from what the phone has advertised.
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	psk := secret.Random(32)

	client := noise.NewKN(key, psk)
	message1, err := client.Start()
	if err != nil {
		fmt.Println(err)
		return
	}
	message2, phone, err := noise.AnswerKN(key.PublicKey(), psk).Respond(message1)
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := client.Finish(message2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(message1), len(message2), bytes.Equal(session.Hash(), phone.Hash()))

	sealed, err := session.Send.Seal([]byte("a request"))
	if err != nil {
		fmt.Println(err)
		return
	}
	request, err := phone.Receive.Open(sealed)
	fmt.Printf("%d bytes on the way: %q, %v\n", len(sealed), request, err)
	_, err = phone.Receive.Open(sealed)
	fmt.Println("played again:", err != nil)

	// Output:
	// 81 81 true
	// 48 bytes on the way: "a request", <nil>
	// played again: true
}
