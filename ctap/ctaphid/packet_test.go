package ctaphid

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A recording is what a security key sent, as reports and as messages.
type recording struct {
	Name     string
	Reports  []string
	Messages []struct{ Command, Payload string }
}

func recordings(t testing.TB) []recording {
	t.Helper()
	b, err := os.ReadFile("testdata/wiredata.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []recording }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 10 {
		t.Fatalf("%d recordings, want all", len(file.Vectors))
	}
	return file.Vectors
}

func (rec recording) find(t testing.TB, name string) recording {
	t.Helper()
	for _, r := range recordings(t) {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no recording %s", name)
	return rec
}

// wire is the recording as reports. One ends in the middle of a report, which
// is left out.
func (rec recording) wire(t testing.TB) (reports []Report) {
	t.Helper()
	for _, s := range rec.Reports {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == ReportSize {
			reports = append(reports, Report(b))
		}
	}
	return reports
}

// assemble puts messages together, one after the other.
func assemble(t testing.TB, reports []Report) (messages []Message) {
	t.Helper()
	var a *assembly
	var err error
	for i := range reports {
		if a == nil {
			a, err = begin(&reports[i])
		} else {
			err = a.add(&reports[i])
		}
		if err != nil {
			t.Fatalf("report %d: %v", i, err)
		}
		if a.complete() {
			messages = append(messages, a.message)
			a = nil
		}
	}
	if a != nil {
		t.Fatalf("message incomplete: %d of %d bytes", len(a.message.Payload), a.want)
	}
	return messages
}

func TestRecordingsOfSecurityKeys(t *testing.T) {
	t.Parallel()
	for _, rec := range recordings(t) {
		t.Run(rec.Name, func(t *testing.T) {
			t.Parallel()
			wire := rec.wire(t)
			messages := assemble(t, wire)
			var got []struct{ Command, Payload string }
			var again []Report
			for _, m := range messages {
				got = append(got, struct{ Command, Payload string }{
					hex.EncodeToString([]byte{initBit | byte(m.Command)}), hex.EncodeToString(m.Payload),
				})
				reports, err := m.Reports()
				if err != nil {
					t.Fatal(err)
				}
				again = append(again, reports...)
			}
			if d := cmp.Diff(rec.Messages[:len(got)], got); d != "" || len(rec.Messages)-len(got) > 1 {
				t.Errorf("%d of %d messages (-want +got):\n%s", len(got), len(rec.Messages), d)
			}
			if rec.Name == "WIREDATA_CTAP_CBOR_ASSERT" {
				return // spliced: its continuation packets are of another channel
			}
			if d := cmp.Diff(wire, again); d != "" {
				t.Errorf("cut into reports again (-want +got):\n%s", d)
			}
		})
	}
}

func TestMessagesOfEveryShapeRoundTrip(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 56, 57, 58, 115, 116, 117, 1024, MaxMessage - 1, MaxMessage} {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = byte(i)
		}
		want := Message{0x01020304, CBOR, payload}
		reports, err := want.Reports()
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got := assemble(t, reports); !cmp.Equal([]Message{want}, got) {
			t.Errorf("%d bytes do not come back", n)
		}
		for k := 1; k < len(reports); k++ {
			a, err := begin(&reports[0])
			for i := 1; i < k && err == nil; i++ {
				err = a.add(&reports[i])
			}
			if err != nil || a.complete() {
				t.Errorf("%d of %d reports: complete %v, error %v", k, len(reports), a.complete(), err)
			}
		}
	}
	if _, err := (Message{Payload: make([]byte, MaxMessage+1)}).Reports(); err == nil {
		t.Error("a message that is too long was cut into reports")
	}
}

func TestNamesOfCodesNobodyKnows(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Command(0x77).String(): "command 0x77",
		Error(0x77).Error():    "device answered error 0x77",
		Init.String():          "INIT",
		ChannelBusy.Error():    "device answered CHANNEL_BUSY",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What is put together is never longer than a message can be, and cut up again
// it gives the same bytes.
func FuzzAssembly(f *testing.F) {
	for _, rec := range recordings(f) {
		var b []byte
		for _, r := range rec.wire(f) {
			b = append(b, r[:]...)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var a *assembly
		for ; len(in) >= ReportSize; in = in[ReportSize:] {
			r := Report(in[:ReportSize])
			var err error
			if a == nil && r.isInit() {
				a, err = begin(&r)
			} else if a != nil {
				err = a.add(&r)
			}
			if err != nil {
				a = nil
				continue
			}
			if a == nil || !a.complete() {
				continue
			}
			reports, err := a.message.Reports()
			if err != nil {
				t.Fatalf("a message of %d bytes was put together: %v", len(a.message.Payload), err)
			}
			if got := assemble(t, reports); !cmp.Equal(got, []Message{a.message}) {
				t.Fatalf("message %+v came back as %+v", a.message, got)
			}
			a = nil
		}
	})
}

func BenchmarkAssembleLongest(b *testing.B) {
	reports, err := Message{1, CBOR, bytes.Repeat([]byte{1}, MaxMessage)}.Reports()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(MaxMessage)
	for b.Loop() {
		a, _ := begin(&reports[0])
		for i := 1; i < len(reports); i++ {
			a.add(&reports[i])
		}
		if !a.complete() {
			b.Fatal("incomplete")
		}
	}
}
