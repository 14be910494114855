package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
	"cardea/internal/cbor"
	"cardea/internal/secret"
)

// damage closes v, changes one of its files, and returns what Open and then
// Unlock say.
func damage(t *testing.T, v *Vault, name string, change func([]byte) []byte) error {
	t.Helper()
	v.Close()
	path := filepath.Join(v.path, name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(v.path)
	if err != nil {
		return err
	}
	t.Cleanup(func() { again.Close() })
	return again.Unlock(t.Context(), rightPIN)
}

// refit gives a changed header a checksum that fits.
func refit(b []byte, change func(*header)) []byte {
	h, err := decodeHeader(b)
	if err != nil {
		panic(err)
	}
	change(&h)
	return h.encode()
}

func TestEveryBitOfTheHeaderCounts(t *testing.T) {
	t.Parallel()
	v := create(t)
	whole := readFile(t, v, headerFile)
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		if h, err := decodeHeader(b); err == nil {
			t.Fatalf("byte %d changed: %+v, want an error", i, h)
		}
		if h, err := decodeHeader(whole[:i]); err == nil {
			t.Fatalf("%d of %d bytes: %+v, want an error", i, len(whole), h)
		}
	}
	if err := damage(t, v, headerFile, func(b []byte) []byte { return b[:len(b)-1] }); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open = %v, want ErrDamaged", err)
	}
}

// With a checksum that fits, what the header says is still bound to the key.
func TestTheHeaderIsAuthenticated(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*header){
		"vault ID":   func(h *header) { h.VaultID[0] ^= 1 },
		"kind":       func(h *header) { h.Kind = Pattern },
		"passes":     func(h *header) { h.Time++ },
		"memory":     func(h *header) { h.Memory++ },
		"threads":    func(h *header) { h.Threads++ },
		"salt":       func(h *header) { h.Salt[0] ^= 1 },
		"sealed key": func(h *header) { h.Wrapped[30] ^= 1 },
		"nonce":      func(h *header) { h.Wrapped[0] ^= 1 },
		"no key":     func(h *header) { h.Wrapped = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := damage(t, create(t), headerFile, func(b []byte) []byte { return refit(b, change) })
			if err == nil {
				t.Error("Unlock = nil, want an error")
			}
		})
	}
	for name, change := range map[string]func(*header){
		"version":            func(h *header) { h.Version = 1 },
		"unknown kind":       func(h *header) { h.Kind = "face" },
		"more attempts":      func(h *header) { h.Retries = MaxRetries + 1 },
		"memory of a planet": func(h *header) { h.Memory = 1 << 31 },
		"no passes":          func(h *header) { h.Time = 0 },
		"no threads":         func(h *header) { h.Threads = 0 },
		"too little memory":  func(h *header) { h.Memory = 7 },
		"endless passes":     func(h *header) { h.Time = 1 << 30 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := damage(t, create(t), headerFile, func(b []byte) []byte { return refit(b, change) })
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("Open = %v, want ErrDamaged", err)
			}
		})
	}
}

func TestAHugeHeaderIsNotRead(t *testing.T) {
	t.Parallel()
	err := damage(t, create(t), headerFile, func(b []byte) []byte { return append(b, make([]byte, maxHeader)...) })
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("Open = %v, want ErrDamaged", err)
	}
}

// three returns a vault with three passkeys and where its records begin.
func three(t *testing.T) (*Vault, []int) {
	t.Helper()
	v := create(t)
	var starts []int
	for n := range byte(3) {
		starts = append(starts, int(v.open.journal.end))
		save(t, v, vaulttest.NewPasskey(n+1, "example.org", fmt.Sprint("user", n)))
	}
	return v, append(starts, int(v.open.journal.end))
}

// Wherever a crash cuts the log, what was acknowledged before the cut is there,
// and the vault can be used.
func TestACutLogLosesOnlyItsLastRecord(t *testing.T) {
	t.Parallel()
	v, starts := three(t)
	v.Close()
	whole := readFile(t, v, logFile)
	for cut := starts[2]; cut <= starts[3]; cut++ {
		err := os.WriteFile(filepath.Join(v.path, logFile), whole[:cut], 0o600)
		if err != nil {
			t.Fatal(err)
		}
		again := openAt(t, v.path)
		if err := again.Unlock(t.Context(), rightPIN); err != nil {
			t.Fatalf("cut at %d of %d: Unlock = %v", cut, len(whole), err)
		}
		want := 2
		if cut == starts[3] {
			want = 3
		}
		if got := len(list(t, again)); got != want {
			t.Fatalf("cut at %d: %d passkeys, want %d", cut, got, want)
		}
		save(t, again, vaulttest.NewPasskey(9, "example.com", "new"))
		again = reopen(t, again)
		if got := len(list(t, again)); got != want+1 {
			t.Fatalf("cut at %d: %d passkeys after one more, want %d", cut, got, want+1)
		}
		again.Close()
	}
}

// The same for a log that was written anew and gone on with. What it began with
// was on the disk before it was the log: if that is cut, it is damage.
func TestACutOfALogWithSnapshots(t *testing.T) {
	t.Parallel()
	v, _ := three(t)
	settle(v)
	if v.open.singles != 0 || v.open.journal.count != 2 {
		t.Fatalf("%d records, %d single", v.open.journal.count, v.open.singles)
	}
	start := int(v.open.journal.end)
	save(t, v, vaulttest.NewPasskey(8, "example.org", "late"))
	v.Close()
	whole := readFile(t, v, logFile)
	for cut := logHeadSize; cut < start; cut += 11 {
		if err := os.WriteFile(filepath.Join(v.path, logFile), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again := openAt(t, v.path)
		err := again.Unlock(t.Context(), rightPIN)
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("snapshots cut at %d of %d: Unlock = %v, want ErrDamaged", cut, start, err)
		}
		again.Close()
	}
	for cut := start; cut < len(whole); cut += 7 {
		if err := os.WriteFile(filepath.Join(v.path, logFile), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again := openAt(t, v.path)
		if err := again.Unlock(t.Context(), rightPIN); err != nil || len(list(t, again)) != 3 {
			t.Fatalf("cut at %d of %d: Unlock = %v", cut, len(whole), err)
		}
		again.Close()
	}
}

// Wherever the writing of a header was cut short, the one before it counts.
func TestACutHeaderIsNotTheHeader(t *testing.T) {
	t.Parallel()
	v := create(t)
	if err := v.ChangePIN(t.Context(), rightPIN, "another"); err != nil {
		t.Fatal(err)
	}
	next := readFile(t, v, headerFile)
	if err := v.ChangePIN(t.Context(), "another", rightPIN); err != nil {
		t.Fatal(err)
	}
	v.Close()
	for cut := range len(next) + 1 {
		if err := os.WriteFile(filepath.Join(v.path, headerFile+tmpSuffix), next[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again := openAt(t, v.path)
		if err := again.Unlock(t.Context(), rightPIN); err != nil {
			t.Fatalf("cut at %d of %d: Unlock = %v", cut, len(next), err)
		}
		again.Close()
	}
}

func TestATornRecordIsKeptAside(t *testing.T) {
	t.Parallel()
	v, starts := three(t)
	whole := readFile(t, v, logFile)
	if err := damage(t, v, logFile, func(b []byte) []byte { return b[:len(b)-5] }); err != nil {
		t.Fatal(err)
	}
	if got, want := readFile(t, v, logFile+tornSuffix), whole[starts[2]:len(whole)-5]; !bytes.Equal(got, want) {
		t.Errorf("kept %x, want %x", got, want)
	}
}

func TestALastRecordOfZerosIsTorn(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b []byte, last int) []byte{
		"grown, and nothing written": func(b []byte, _ int) []byte { return append(b, make([]byte, 300)...) },
		"its content missing":        func(b []byte, last int) []byte { clear(b[last+recordHead:]); return b },
	} {
		v, starts := three(t)
		if err := damage(t, v, logFile, func(b []byte) []byte { return change(b, starts[2]) }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamageBeforeTheLastRecordIsTold(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b []byte, starts []int) []byte{
		"magic":                 func(b []byte, _ []int) []byte { b[0] ^= 1; return b },
		"log ID":                func(b []byte, _ []int) []byte { b[len(logMagic)] ^= 1; return b },
		"length":                func(b []byte, s []int) []byte { b[s[1]+3] ^= 1; return b },
		"huge length":           func(b []byte, s []int) []byte { b[s[1]] ^= 0x40; return b },
		"checksum of length":    func(b []byte, s []int) []byte { b[s[1]+4] ^= 1; return b },
		"length of last record": func(b []byte, s []int) []byte { b[s[2]+3] ^= 1; return b },
		"nonce":                 func(b []byte, s []int) []byte { b[s[1]+recordHead] ^= 1; return b },
		"content":               func(b []byte, s []int) []byte { b[s[1]+60] ^= 1; return b },
		"tag":                   func(b []byte, s []int) []byte { b[s[2]-1] ^= 1; return b },
		"a record left out":     func(b []byte, s []int) []byte { return append(b[:s[0]:s[0]], b[s[1]:]...) },
		"a record twice": func(b []byte, s []int) []byte {
			return append(append(b[:s[1]:s[1]], b[s[0]:s[1]]...), b[s[1]:]...)
		},
		"records exchanged": func(b []byte, s []int) []byte {
			return bytes.Join([][]byte{b[:s[0]], b[s[1]:s[2]], b[s[0]:s[1]], b[s[2]:]}, nil)
		},
		"nothing at all": func([]byte, []int) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, starts := three(t)
			err := damage(t, v, logFile, func(b []byte) []byte { return change(bytes.Clone(b), starts) })
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("Unlock = %v, want ErrDamaged", err)
			}
		})
	}
}

func TestTheLogOfAnotherVaultIsRefused(t *testing.T) {
	t.Parallel()
	other, _ := three(t)
	v, _ := three(t)
	theirs := readFile(t, other, logFile)
	if err := damage(t, v, logFile, func([]byte) []byte { return theirs }); !errors.Is(err, ErrDamaged) {
		t.Errorf("Unlock = %v, want ErrDamaged", err)
	}
}

func TestHalfWrittenReplacementsAreRemoved(t *testing.T) {
	t.Parallel()
	v, _ := three(t)
	v.Close()
	for _, name := range []string{headerFile, logFile} {
		if err := os.WriteFile(filepath.Join(v.path, name+tmpSuffix), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v = openAt(t, v.path)
	if left, _ := filepath.Glob(filepath.Join(v.path, "*"+tmpSuffix)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := v.Unlock(t.Context(), rightPIN); err != nil || len(list(t, v)) != 3 {
		t.Errorf("Unlock = %v", err)
	}
}

func TestTheLogIsWrittenAnewWhenItIsMostlyHistory(t *testing.T) {
	t.Parallel()
	v := create(t)
	v.slack = 20
	p := vaulttest.NewPasskey(1, "example.org", "ana")
	save(t, v, p, vaulttest.NewPasskey(2, "example.org", "ben"))
	before := v.open.journal.id
	for range 100 {
		if _, err := v.Use(t.Context(), p.ID, p.CreatedAt); err != nil {
			t.Fatal(err)
		}
		v.background.Wait() // what comes while a log is written anew stays until the next time
	}
	if n := v.open.journal.count; n > 2*2+20 {
		t.Errorf("%d records for two passkeys", n)
	}
	if bytes.Equal(before, v.open.journal.id) {
		t.Error("the new log has the ID of the old one")
	}
	got := list(t, reopen(t, v))
	if len(got) != 2 || got[1].SignCount != 100 {
		t.Errorf("after tidying: %+v", got)
	}
}

func TestALogThatCannotBeReplacedIsStillWritten(t *testing.T) {
	t.Parallel()
	v := create(t)
	v.slack = 0
	p := vaulttest.NewPasskey(1, "example.org", "ana")
	save(t, v, p)
	v.background.Wait()
	if err := os.Mkdir(filepath.Join(v.path, logFile+tmpSuffix), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := v.Use(t.Context(), p.ID, p.CreatedAt); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(t, reopen(t, v))[0]; got.SignCount != 10 {
		t.Errorf("count %d, want 10", got.SignCount)
	}
}

// If a log was moved into the place of ours and that could not be synced, what
// we appended would be lost with the old file.
func TestNothingIsWrittenToALogThatWasReplaced(t *testing.T) {
	t.Parallel()
	v, _ := three(t)
	if err := replaceFile(filepath.Join(v.path, logFile), readFile(t, v, logFile)); err != nil {
		t.Fatal(err)
	}
	v.open.journal.checkInPlace()
	if err := v.Save(t.Context(), vaulttest.NewPasskey(9, "example.org", "new")); err == nil {
		t.Error("Save = nil, want an error")
	}
}

func TestAFailedWriteLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	v, starts := three(t)
	file := v.open.journal.f
	readOnly, err := os.Open(v.open.journal.path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	v.open.journal.f = readOnly
	if err := v.Save(t.Context(), vaulttest.NewPasskey(9, "example.org", "new")); err == nil {
		t.Fatal("Save to a file that cannot be written = nil")
	}
	if got := len(list(t, v)); got != 3 {
		t.Errorf("%d passkeys in memory, want 3: nothing was acknowledged", got)
	}
	v.open.journal.f = file
	if info, _ := file.Stat(); info.Size() != int64(starts[3]) {
		t.Errorf("log of %d bytes, want %d", info.Size(), starts[3])
	}
	// The repair failed too, for the same reason, so the log stays as it is.
	if err := v.Save(t.Context(), vaulttest.NewPasskey(9, "example.org", "new")); err == nil {
		t.Error("Save after a repair that failed = nil")
	}
	if got := len(list(t, reopen(t, v))); got != 3 {
		t.Errorf("%d passkeys, want 3", got)
	}
}

func TestRecordsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]any{
		"nothing happened":    record{},
		"two things happened": record{Delete: []byte{1}, Use: &use{ID: []byte{1}}},
		"a list":              []int{1},
		"wrong type":          map[int]any{3: "x"},
	} {
		if got, err := decodeRecord(cbor.MustEncode(r)); err == nil {
			t.Errorf("%s: %+v, want an error", name, got)
		}
	}
}

func FuzzDecodeHeader(f *testing.F) {
	h, err := newHeader(PIN, TestCost)
	if err != nil {
		f.Fatal(err)
	}
	if err := h.wrap(rightPIN, secret.Random(keySize)); err != nil {
		f.Fatal(err)
	}
	s, err := newSlot(h.VaultID, "tpm", secret.Random(keySize), secret.Random(keySize), []byte("blob"))
	if err != nil {
		f.Fatal(err)
	}
	h.Slots = []slot{s}
	// The fuzzer cannot find checksums, so it is spared them.
	body := h.encode()
	f.Add(body[:len(body)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		in := append(bytes.Clone(body), sum[:]...)
		h, err := decodeHeader(in)
		if err != nil {
			return
		}
		again, err := decodeHeader(h.encode())
		if err != nil || !bytes.Equal(again.encode(), h.encode()) {
			t.Fatalf("%+v came back as %+v, %v", h, again, err)
		}
	})
}

func FuzzReadJournal(f *testing.F) {
	aead, err := recordAEAD(secret.New(make([]byte, keySize)))
	if err != nil {
		f.Fatal(err)
	}
	j := &journal{aead: aead, id: make([]byte, idSize)}
	head := append([]byte(logMagic), j.id...)
	one := j.seal(bytes.Clone(head), 0, cbor.MustEncode(record{Delete: []byte("first")}))
	f.Add(head)
	f.Add(one)
	f.Add(j.seal(bytes.Clone(one), 1, cbor.MustEncode(record{Save: store(vaulttest.NewPasskey(1, "example.org", "ana"))})))
	f.Add(append(bytes.Clone(one), 0, 0, 0, 0, 0, 0, 0, 0, 0))
	anew := append([]byte(rewrittenMagic), j.id...)
	block, _ := snapshot(group{})
	f.Add(j.seal(j.seal(anew, 0, block), 1, cbor.MustEncode(record{Whole: 2})))
	f.Fuzz(func(t *testing.T, in []byte) {
		j := &journal{aead: aead}
		records := 0
		err := j.read(bytes.Clone(in), func(entry) error { records++; return nil })
		if err != nil {
			return
		}
		if uint64(records) != j.count || j.end > int64(len(in)) {
			t.Fatalf("%d records, count %d, end %d of %d", records, j.count, j.end, len(in))
		}
		// What was kept reads again, with nothing torn.
		again := &journal{aead: aead}
		if err := again.read(bytes.Clone(in[:j.end]), func(entry) error { return nil }); err != nil || again.end != j.end {
			t.Fatalf("the kept part: end %d, want %d, %v", again.end, j.end, err)
		}
	})
}

// What scan takes package cbor takes too, and reads the same in it.
func FuzzScan(f *testing.F) {
	full := vaulttest.NewPasskey(1, "example.org", "ana")
	full.CredProtect, full.ThirdPartyPayment, full.Shared, full.CredBlob = 3, true, true, secret.New([]byte("blob"))
	full.HMACSecrets, full.LargeBlobKey = secret.New(make([]byte, 64)), secret.New(make([]byte, 32))
	full.Nickname, full.SignCount, full.LastUsed = "blue", 7, full.CreatedAt
	f.Add(cbor.MustEncode(store(full)))
	f.Add(cbor.MustEncode(store(vaulttest.NewPasskey(200, "x", ""))))
	f.Add(cbor.MustEncode(map[int]int{7: -257, 9: 1 << 31, 12: -5, 14: 255}))
	f.Fuzz(func(t *testing.T, in []byte) {
		i, err := scanItem(in)
		var want stored
		if err != nil {
			// It refuses what package cbor would let pass: unknown members.
			if cbor.Decode(in, &want) == nil && bytes.Equal(cbor.MustEncode(want), in) {
				t.Fatalf("refused %x: %v", in, err)
			}
			return
		}
		if err := cbor.Decode(in, &want); err != nil {
			t.Fatalf("took %x, package cbor says %v", in, err)
		}
		i.changed = true // have it written anew
		got, out := i.passkey(), i.encoded()
		if got.PrivateKey.Len() != len(want.PrivateKey) || !bytes.Equal(out, cbor.MustEncode(store(want.passkeyForTest()))) {
			t.Fatalf("%x came back as %x", in, out)
		}
		block, rest := snapshot(group{&i, &i})
		if again, err := decodeEntry(block); err != nil || len(rest) != 0 || len(again.items) != 2 || !bytes.Equal(again.items[1].raw, out) {
			t.Fatalf("a snapshot of it came back as %+v, %v", again, err)
		}
	})
}

// passkeyForTest is the plain way to do what item.passkey does.
func (s *stored) passkeyForTest() authenticator.Passkey {
	return authenticator.Passkey{
		ID: s.ID, RPID: s.RPID, RPName: s.RPName,
		Account:   authenticator.Account{Handle: s.Handle, Name: s.Name, DisplayName: s.DisplayName},
		Algorithm: s.Algorithm, PrivateKey: secret.New(s.PrivateKey), SignCount: s.SignCount,
		Discoverable: s.Discoverable, Nickname: s.Nickname,
		CreatedAt: fromMillis(s.CreatedAt), LastUsed: fromMillis(s.LastUsed), CredProtect: s.CredProtect,
		HMACSecrets: keyOf(s.HMACSecrets), CredBlob: keyOf(s.CredBlob), LargeBlobKey: keyOf(s.LargeBlobKey),
		ThirdPartyPayment: s.Payment, Shared: s.Shared,
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, r := range []record{
		{Save: store(vaulttest.NewPasskey(1, "example.org", "ana"))},
		{Use: &use{ID: []byte{1}, Count: 2, At: 3}}, {Delete: []byte{1}},
		{Rename: &rename{ID: []byte{1}, Nickname: "x"}}, {Note: &note{Name: "n", Text: []byte("t")}},
		{Snapshot: []stored{*store(vaulttest.NewPasskey(1, "example.org", "ana"))}},
	} {
		f.Add(cbor.MustEncode(r))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := decodeRecord(in)
		if err != nil {
			return
		}
		out := cbor.MustEncode(r)
		again, err := decodeRecord(out)
		if err != nil || !bytes.Equal(cbor.MustEncode(again), out) {
			t.Fatalf("%+v came back as %+v, %v", r, again, err)
		}
	})
}

func TestTheHeadOfARecordIsWhatTheDocumentationSays(t *testing.T) {
	t.Parallel()
	v, starts := three(t)
	b := readFile(t, v, logFile)
	if string(b[:16]) != "CARDEA-LOG-0001\n" || starts[0] != 32 {
		t.Errorf("log begins %q, records at %d", b[:16], starts[0])
	}
	if n := binary.BigEndian.Uint32(b[starts[0]:]); int(n)+8 != starts[1]-starts[0] {
		t.Errorf("length %d, want %d", n, starts[1]-starts[0]-8)
	}
	if h := readFile(t, v, headerFile); string(h[:16]) != "CARDEA-VAULT-01\n" {
		t.Errorf("header begins %q", h[:16])
	}
}
