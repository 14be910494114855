package relay

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"
)

// outcomes are the ways a tunnel ends, as the log and the metrics name them.
var outcomes = [...]string{"closed", "lost", "breach", "expired", "nobody joined", "not opened", "refused by phone", "phone silent", "shutdown"}

// counts are the running totals of a Relay.
type counts struct {
	began    time.Time
	opened   atomic.Int64
	joined   atomic.Int64
	messages atomic.Int64
	bytes    atomic.Int64
	refused  atomic.Int64 // requests answered with 4xx or 5xx
	calls    atomic.Int64
	ended    [len(outcomes)]atomic.Int64
}

// end counts the end of a tunnel.
func (c *counts) end(outcome string) {
	for i, o := range outcomes {
		if o == outcome {
			c.ended[i].Add(1)
			return
		}
	}
	panic("relay: internal error: unknown outcome " + outcome)
}

// Metrics answers with the relay's numbers in the text form that Prometheus
// reads. They name no tunnel and no address. Serve it where only the operator
// can ask.
func (r *Relay) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		r.writeMetrics(w)
	})
}

func (r *Relay) writeMetrics(w io.Writer) {
	r.mu.Lock()
	tunnels, phones, draining := len(r.tunnels), len(r.contacts.phones), 0
	if r.draining {
		draining = 1
	}
	r.mu.Unlock()
	one := func(name, kind, help string, value int64) {
		fmt.Fprintf(w, "# HELP cardea_relay_%s %s\n# TYPE cardea_relay_%s %s\ncardea_relay_%s %d\n", name, help, name, kind, name, value)
	}
	c := &r.count
	one("tunnels", "gauge", "Tunnels open now, joined or waiting.", int64(tunnels))
	one("phones", "gauge", "Phones registered now.", int64(phones))
	one("connections", "gauge", "WebSockets open now.", r.open.Load())
	one("draining", "gauge", "1 while no new tunnels are taken.", int64(draining))
	one("tunnels_opened_total", "counter", "Tunnels opened.", c.opened.Load())
	one("tunnels_joined_total", "counter", "Tunnels that got both ends.", c.joined.Load())
	one("messages_total", "counter", "Messages taken to pass on.", c.messages.Load())
	one("bytes_total", "counter", "Payload of those messages.", c.bytes.Load())
	one("calls_total", "counter", "Linked phones called.", c.calls.Load())
	one("refused_total", "counter", "Requests answered with an error.", c.refused.Load())
	one("goroutines", "gauge", "Goroutines of the process.", int64(runtime.NumGoroutine()))
	one("uptime_seconds", "gauge", "Time since the start.", int64(time.Since(c.began).Seconds()))
	fmt.Fprint(w, "# HELP cardea_relay_tunnels_ended_total Tunnels ended, by outcome.\n# TYPE cardea_relay_tunnels_ended_total counter\n")
	for i, o := range outcomes {
		fmt.Fprintf(w, "cardea_relay_tunnels_ended_total{outcome=%q} %d\n", o, c.ended[i].Load())
	}
}
