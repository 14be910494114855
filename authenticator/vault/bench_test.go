package vault

import (
	"encoding/binary"
	"fmt"
	"testing"

	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/cbor"
)

// fill puts n passkeys of as many accounts into a vault, without waiting for
// the disk each time, as if they had been there before.
func fill(b *testing.B, v *Vault, n int) {
	b.Helper()
	for i := range n {
		p := vaulttest.NewPasskey(byte(i), "example.org", fmt.Sprint("user", i))
		binary.BigEndian.PutUint64(p.ID, uint64(i))
		if i%10 != 0 {
			p.RPID = "other.example"
		}
		r := record{Save: store(p)}
		j := v.open.journal
		sealed := j.seal(nil, j.count, cbor.MustEncode(r))
		if _, err := j.f.WriteAt(sealed, j.end); err != nil {
			b.Fatal(err)
		}
		j.end += int64(len(sealed))
		j.count++
		v.open.add(r.Save)
	}
}

func BenchmarkSave(b *testing.B) {
	v := create(b)
	for i := 0; b.Loop(); i++ {
		p := vaulttest.NewPasskey(0, "example.org", fmt.Sprint("user", i))
		binary.BigEndian.PutUint64(p.ID, uint64(i))
		save(b, v, p)
	}
}

func BenchmarkUse(b *testing.B) {
	v := create(b)
	p := vaulttest.NewPasskey(1, "example.org", "ana")
	save(b, v, p)
	for b.Loop() {
		if _, err := v.Use(b.Context(), p.ID, p.CreatedAt); err != nil {
			b.Fatal(err)
		}
	}
}

// Unlock with the cost of a real vault, almost all of which is argon2id.
func BenchmarkUnlockDefaultCost(b *testing.B) {
	v := create(b, WithCost(DefaultCost))
	for b.Loop() {
		v.Lock()
		if err := v.Unlock(b.Context(), rightPIN); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnlockWithPasskeys(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			v := create(b)
			fill(b, v, n)
			for b.Loop() {
				v.Lock()
				if err := v.Unlock(b.Context(), rightPIN); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
