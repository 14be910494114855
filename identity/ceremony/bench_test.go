package ceremony_test

import (
	"sync/atomic"
	"testing"

	"cardea/identity/ceremony"
)

// A whole FinishSignIn: opening, verifying, one transaction. The responses are
// made beforehand; their signatures are the client's work. Callers that come
// together share a flush of the disk.
func BenchmarkFinishSignIn(b *testing.B) {
	for _, g := range []struct {
		name     string
		parallel int
	}{{"g=1", 0}, {"g=16", 8}} {
		b.Run(g.name, func(b *testing.B) {
			h := newHouse(b)
			maia := h.setUp(newSoft(b))
			who := browser("b")
			type prepared struct {
				sealed   string
				response []byte
			}
			work := make([]prepared, b.N)
			for i := range work {
				begun := h.begin(who)
				work[i] = prepared{begun.Sealed, maia.key.get(begun.Options)}
			}
			var next atomic.Int64
			finish := func() {
				w := work[next.Add(1)-1]
				if _, err := h.ceremony.FinishSignIn(b.Context(), who, w.sealed, w.response); err != nil {
					b.Error(err)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			if g.parallel == 0 {
				for range b.N {
					finish()
				}
				return
			}
			b.SetParallelism(g.parallel)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					finish()
				}
			})
		})
	}
}

func BenchmarkBeginSignIn(b *testing.B) {
	h := newHouse(b)
	who := browser("b")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.ceremony.BeginSignIn(b.Context(), who, ceremony.Hint("")); err != nil {
			b.Fatal(err)
		}
	}
}
