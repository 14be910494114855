//go:build unix

package link_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/radio/air"
	"cardea/relay"
)

// role is the environment variable that makes this test binary the phone or the
// relay of BenchmarkHybridSignIn.
const role = "CARDEA_BENCH_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "phone":
		benchPhone()
	case "relay":
		benchRelay()
	default:
		os.Exit(m.Run())
	}
}

// cpu returns what this process has computed so far, in user mode and in the
// kernel, in microseconds.
func cpu() (us float64) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e3
}

// benchRelay is a relay that says its URL, and its CPU time for each line.
func benchRelay() {
	r := relay.New(relay.Config{Log: slog.New(slog.DiscardHandler), Limits: relay.Limits{Rate: 1e6, Burst: 1e6}})
	fmt.Println(httptest.NewServer(r).URL)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(cpu())
	}
}

// benchPhone answers the code in each line, and says its CPU time after each.
func benchPhone() {
	radio, ctx := air.Dial(os.Args[1]), context.Background()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if code := in.Text(); code != "" {
			qr, err := hybrid.ParseQR(code)
			if err == nil {
				err = <-servePhone(ctx, qr, link.AnswerConfig{
					Advertiser: radio, Tunnel: dialerTo(os.Args[2]), Service: hybrid.DevelopmentService, Info: phoneInfo,
				}, echo)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
		}
		fmt.Println(cpu())
	}
}

// A party is a process that answers each line with one.
type party struct {
	in  io.Writer
	out *bufio.Scanner
}

func startParty(b *testing.B, as string, args ...string) party {
	b.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env, c.Stderr = append(os.Environ(), role+"="+as), os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = c.Wait() })
	return party{in, bufio.NewScanner(out)}
}

func (p party) line(b *testing.B) string {
	if !p.out.Scan() {
		b.Fatal("a party has gone")
	}
	return p.out.Text()
}

func (p party) cpu(b *testing.B) (us float64) {
	fmt.Fprintln(p.in)
	if _, err := fmt.Sscan(p.line(b), &us); err != nil {
		b.Fatal(err)
	}
	return us
}

// One sign-in from the code's making to the end of the tunnel, each party in a
// process of its own: the time for all, and the CPU time of each. The air is one
// of processes, its server the client's; there is no person and no provider, and
// the phone echoes the request instead of signing.
func BenchmarkHybridSignIn(b *testing.B) {
	socket := filepath.Join(b.TempDir(), "air")
	l, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	room := air.New()
	go func() { _ = air.Serve(b.Context(), l, room) }()
	relayed := startParty(b, "relay")
	url := relayed.line(b)
	phone := startParty(b, "phone", socket, strings.TrimSpace(url))
	request := make([]byte, 200)

	client0, phone0, relay0 := cpu(), phone.cpu(b), relayed.cpu(b)
	for b.Loop() {
		inv := invite(b)
		fmt.Fprintln(phone.in, inv.Text())
		c, err := link.Dial(b.Context(), inv, link.DialConfig{Scanner: room, Tunnel: dialerTo(url)})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Send(b.Context(), request); err != nil {
			b.Fatal(err)
		}
		c.Close()
		phone.line(b)
	}
	n := float64(b.N)
	b.ReportMetric((cpu()-client0)/n, "cpu-us/client")
	b.ReportMetric((phone.cpu(b)-phone0)/n, "cpu-us/phone")
	b.ReportMetric((relayed.cpu(b)-relay0)/n, "cpu-us/relay")
}
