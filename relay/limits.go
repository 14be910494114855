package relay

import "time"

// Limits bounds what strangers can make the relay hold. A field that is zero
// has the default of [DefaultLimits].
type Limits struct {
	// Tunnels is how many can be open at once. One more is refused with 503.
	Tunnels int

	// Wait is how long an opened tunnel waits for the other end. A phone
	// advertises for one to three minutes.
	Wait time.Duration

	// Lifetime is how long a tunnel lives after it was opened, joined or not.
	// A person who looks for their PIN needs minutes; a client keeps the
	// tunnel for three more, in case the phone has something to add.
	Lifetime time.Duration

	// MessageSize bounds one message in bytes. Answers to requests for digital
	// credentials are the large ones.
	MessageSize int

	// Messages and Bytes bound what one end may send in the life of a tunnel.
	// A sign-in takes about ten messages and five kilobytes.
	Messages int
	Bytes    int64

	// Controls bounds the pings and pongs one end may send. They are not
	// messages, but each ping costs us an answer.
	Controls int

	// Queue and QueueBytes bound what one end may send before the other is
	// there. In practice that is the first message of a handshake.
	Queue      int
	QueueBytes int

	// PerAddress is how many connections one network address may hold. An
	// IPv6 address counts as its /64. Offices share one address.
	PerAddress int

	// Rate is how many connections per second one address may open in the long
	// run, Burst how many at once.
	Rate  float64
	Burst int

	// Addresses is how many addresses are remembered for the two limits above.
	Addresses int

	// Ping is how long an end may be silent before it is pinged; after twice
	// that it counts as gone.
	Ping time.Duration

	// Message is how long the rest of a message may take once it has begun, in
	// or out. It ends tunnels whose other end stopped reading.
	Message time.Duration

	// Close is how long an end has to answer our close frame.
	Close time.Duration

	// Phones is how many can be registered at once to be called by the clients
	// that they are linked with. One more is refused with 503.
	Phones int

	// Standing is Ping for registered phones, which stay for days.
	Standing time.Duration

	// Reconnect is how long a phone may be away before its calls are refused.
	Reconnect time.Duration

	// Answer is how long a client waits for the word of the phone it calls.
	Answer time.Duration

	// Calls is how many clients may wait for one phone, CallRate how many per
	// second may call it in the long run, CallBurst how many at once. Payload
	// bounds what each may tell it, in bytes.
	Calls     int
	CallRate  float64
	CallBurst int
	Payload   int

	// Retired is how many dead contact IDs are remembered.
	Retired int

	// Drain is how long [Relay.Close] lets joined tunnels finish.
	Drain time.Duration
}

// DefaultLimits are the limits of a zero Config.
var DefaultLimits = Limits{
	Tunnels:     4096,
	Wait:        3 * time.Minute,
	Lifetime:    10 * time.Minute,
	MessageSize: 256 << 10,
	Messages:    128,
	Bytes:       2 << 20,
	Controls:    1024,
	Queue:       6,
	QueueBytes:  64 << 10,
	PerAddress:  256,
	Rate:        10,
	Burst:       100,
	Addresses:   1 << 16,
	Ping:        25 * time.Second,
	Message:     20 * time.Second,
	Close:       5 * time.Second,
	Phones:      1 << 16,
	Standing:    2 * time.Minute,
	Reconnect:   15 * time.Second,
	Answer:      10 * time.Second,
	Calls:       4,
	CallRate:    0.2,
	CallBurst:   10,
	Payload:     1 << 10,
	Retired:     1 << 16,
	Drain:       8 * time.Second,
}

// orDefaults fills the fields that are zero.
func (l Limits) orDefaults() Limits {
	d := DefaultLimits
	fill(&l.Tunnels, d.Tunnels)
	fill(&l.Wait, d.Wait)
	fill(&l.Lifetime, d.Lifetime)
	fill(&l.MessageSize, d.MessageSize)
	fill(&l.Messages, d.Messages)
	fill(&l.Bytes, d.Bytes)
	fill(&l.Controls, d.Controls)
	fill(&l.Queue, d.Queue)
	fill(&l.QueueBytes, d.QueueBytes)
	fill(&l.PerAddress, d.PerAddress)
	fill(&l.Rate, d.Rate)
	fill(&l.Burst, d.Burst)
	fill(&l.Addresses, d.Addresses)
	fill(&l.Ping, d.Ping)
	fill(&l.Message, d.Message)
	fill(&l.Close, d.Close)
	fill(&l.Phones, d.Phones)
	fill(&l.Standing, d.Standing)
	fill(&l.Reconnect, d.Reconnect)
	fill(&l.Answer, d.Answer)
	fill(&l.Calls, d.Calls)
	fill(&l.CallRate, d.CallRate)
	fill(&l.CallBurst, d.CallBurst)
	fill(&l.Payload, d.Payload)
	fill(&l.Retired, d.Retired)
	fill(&l.Drain, d.Drain)
	return l
}

func fill[T int | int64 | float64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
