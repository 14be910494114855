package tunnel

import (
	"context"
	"strings"
	"testing"

	"cardea/hybrid"
)

// Whatever a relay says, a phone takes it for a call or hangs up.
func FuzzRelayMessage(f *testing.F) {
	call := "\x01" + strings.Repeat("t", 16) + "rrr"
	f.Add([]byte(call))
	f.Add([]byte(call + "payload"))
	f.Add([]byte(call[:19]))
	f.Add([]byte("\x02" + call[1:]))
	f.Fuzz(func(t *testing.T, m []byte) {
		got := make(chan *Call, 1)
		l := &listener{ctx: t.Context(), answers: map[hybrid.TunnelID]byte{},
			contact: &Contact{Called: func(_ context.Context, c *Call) { got <- c }}}
		err := l.take(t.Context(), m)
		l.calls.Wait()
		switch want := len(m) >= len(call) && m[0] == msgCall; {
		case (err == nil) != want:
			t.Errorf("%x: %v", m, err)
		case want:
			c := <-got
			if again := string(append(append([]byte{msgCall}, c.tunnel[:]...), c.routing[:]...)) + string(c.Payload); again != string(m) {
				t.Errorf("%x was taken for %x", m, again)
			}
		}
	})
}
