package vault

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

var sizes = []int{1, 1000, 100_000}

// numbered is the passkey of account n. One in ten is for example.org.
func numbered(n int) authenticator.Passkey {
	p := vaulttest.NewPasskey(byte(n), "example.org", fmt.Sprint("user", n))
	p.CreatedAt = time.UnixMilli(1_790_000_000_000 + int64(n)).UTC()
	p.PrivateKey = secret.New(make([]byte, 138)) // as long as a P-256 key in PKCS #8
	binary.BigEndian.PutUint64(p.ID, uint64(n))
	if n%10 != 0 {
		p.RPID = webauthn.RPID(fmt.Sprintf("site%d.example", n%5000))
	}
	return p
}

// fill puts n passkeys of as many accounts into a vault, without waiting for
// the disk each time, as if they had been there before.
func fill(tb testing.TB, v *Vault, n int) {
	tb.Helper()
	j := v.open.journal
	for i := range n {
		b := cbor.MustEncode(record{Save: store(numbered(i))})
		j.waiting = j.seal(j.waiting, j.count, b)
		j.count++
		e, err := decodeEntry(b)
		if err == nil {
			err = v.open.take(e)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := j.flush(); err != nil {
		tb.Fatal(err)
	}
}

// settle has the log written anew, and waits until it is.
func settle(v *Vault) {
	v.mu.Lock()
	slack := v.slack
	v.slack = -1 << 30
	v.tidy()
	v.slack = slack
	v.mu.Unlock()
	v.background.Wait()
}

// withVaults runs a benchmark with vaults of each size.
func withVaults(b *testing.B, run func(b *testing.B, v *Vault, n int)) {
	for _, n := range sizes {
		v := create(b)
		fill(b, v, n)
		settle(v)
		b.Run(fmt.Sprint(n), func(b *testing.B) { run(b, v, n) })
		v.Close()
	}
}

func BenchmarkSave(b *testing.B) {
	next := 1 << 32
	withVaults(b, func(b *testing.B, v *Vault, _ int) {
		for b.Loop() {
			next++
			save(b, v, numbered(next))
		}
	})
}

func BenchmarkUse(b *testing.B) {
	withVaults(b, func(b *testing.B, v *Vault, n int) {
		p := numbered(n / 2)
		for b.Loop() {
			if _, err := v.Use(b.Context(), p.ID, p.CreatedAt); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDelete(b *testing.B) {
	next := 1 << 32
	withVaults(b, func(b *testing.B, v *Vault, n int) {
		for b.Loop() {
			b.StopTimer()
			next++
			save(b, v, numbered(next))
			b.StartTimer()
			if err := v.Delete(b.Context(), numbered(next).ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	withVaults(b, func(b *testing.B, v *Vault, n int) {
		id := numbered(n / 2).ID
		for b.Loop() {
			if _, err := v.Find(b.Context(), id); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Passkeys of a site that has few of them, whatever else there is.
func BenchmarkPasskeysOfASite(b *testing.B) {
	withVaults(b, func(b *testing.B, v *Vault, n int) {
		save(b, v, vaulttest.NewPasskey(200, "few.example", "ana"), vaulttest.NewPasskey(201, "few.example", "ben"))
		for b.Loop() {
			if got, err := v.Passkeys(b.Context(), "few.example"); err != nil || len(got) != 2 {
				b.Fatal(len(got), err)
			}
		}
	})
}

// Unlock with the cost of a real vault, almost all of which is argon2id.
func BenchmarkUnlockDefaultCost(b *testing.B) {
	v := create(b, WithCost(DefaultCost))
	benchmarkUnlock(b, v)
}

func BenchmarkUnlock(b *testing.B) {
	withVaults(b, func(b *testing.B, v *Vault, _ int) { benchmarkUnlock(b, v) })
}

// The same with a log of single records, as an older program left it.
func BenchmarkUnlockSingles(b *testing.B) {
	v := create(b)
	fill(b, v, 100_000)
	v.slack = 1 << 30
	benchmarkUnlock(b, v)
}

func benchmarkUnlock(b *testing.B, v *Vault) {
	v.Lock()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		v.Lock()
		if err := v.Unlock(b.Context(), rightPIN); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB-kept")
}

// How long a change waits at worst while the log of 100,000 passkeys is written
// anew beside it, and how long that takes.
func BenchmarkUseWhileRewriting(b *testing.B) {
	v := create(b)
	fill(b, v, 100_000)
	id := numbered(1).ID
	var worst, whole time.Duration
	for b.Loop() {
		begin := time.Now()
		var rewriting sync.WaitGroup
		rewriting.Go(func() { settle(v) })
		finished := make(chan struct{})
		go func() {
			rewriting.Wait()
			close(finished)
		}()
		for done := false; !done; {
			one := time.Now()
			if _, err := v.Use(b.Context(), id, one); err != nil {
				b.Fatal(err)
			}
			worst = max(worst, time.Since(one))
			select {
			case <-finished:
				done = true
			default:
			}
		}
		whole += time.Since(begin)
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst-Use")
	b.ReportMetric(float64(whole.Microseconds())/1000/float64(b.N), "ms-rewrite")
}
