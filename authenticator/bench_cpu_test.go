//go:build unix

package authenticator_test

import (
	"syscall"
	"testing"
)

// loop is b.Loop with the time of the processor reported beside that of the
// clock: on a machine that does other things too, only the former compares.
func loop(b *testing.B, f func() error) {
	b.Helper()
	var from syscall.Rusage
	for n := 0; b.Loop(); n++ {
		if n == 0 {
			from = usage(b)
		}
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	to := usage(b)
	spent := to.Utime.Nano() + to.Stime.Nano() - from.Utime.Nano() - from.Stime.Nano()
	b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
}

func usage(b *testing.B) (u syscall.Rusage) {
	b.Helper()
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u
}
