package agent

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzReadFrame(f *testing.F) {
	for _, q := range []question{
		{Kind: askHello}, {Kind: askCTAP, Caller: "Browser", Request: []byte{4}}, {Kind: askHas, RPID: "example.org"},
	} {
		var b bytes.Buffer
		if err := writeFrame(&b, q); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var q, again question
		if readFrame(bytes.NewReader(in), &q) != nil {
			return
		}
		var b bytes.Buffer
		if err := writeFrame(&b, q); err != nil {
			t.Fatal(err)
		}
		if err := readFrame(&b, &again); err != nil {
			t.Fatalf("%+v came back with %v", q, err)
		}
		if q.Request != nil && len(q.Request) == 0 {
			q.Request = nil // empty and absent are the same here
		}
		if d := cmp.Diff(q, again); d != "" {
			t.Fatal(d)
		}
	})
}
