package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"cardea/authenticator/exchange"
)

type importCommand struct {
	managed
	File string `arg:"" type:"path" help:"The document (CXF 1.0, not encrypted)."`
}

// An imported is what import tells.
type imported struct {
	exchange.Counts
	Exporter   string          `json:"exporter,omitempty"`
	Duplicates int             `json:"duplicates"`
	Other      map[string]int  `json:"other"`    // credentials that are no passkeys, by kind
	Left       []exchange.Left `json:"left_out"` // passkeys that cannot be taken
	Dropped    []exchange.Left `json:"lost"`     // what those that were taken lost
}

func (c *importCommand) Run(s *session) error {
	return c.with(s, func(m *management) error {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		r := bufio.NewReader(f)
		if start, _ := r.Peek(len("CARDEA-BACKUP")); string(start) == "CARDEA-BACKUP" {
			return fmt.Errorf("%s is a backup; run: cardea authenticator restore", c.File)
		}
		in, err := exchange.ReadCXF(r)
		if err != nil {
			return err
		}
		defer wipeAll(in.Passkeys)
		return c.proved(s, m, func(secret string) error {
			counts, err := m.Import(s.ctx, secret, in.Passkeys)
			if err != nil {
				return err
			}
			done := imported{counts, in.Exporter, in.Duplicates, in.Other, orNone(in.Left), orNone(in.Dropped)}
			return s.tell(c.JSON, done, done.words(c.File))
		})
	})
}

func orNone(l []exchange.Left) []exchange.Left {
	if l == nil {
		return []exchange.Left{}
	}
	return l
}

func (i imported) words(file string) string {
	var b strings.Builder
	b.WriteString("Passkeys")
	if i.Exporter != "" {
		b.WriteString(" from " + printable(i.Exporter, false))
	}
	b.WriteString(": " + countWords(i.Counts) + ".")
	if i.Duplicates > 0 {
		fmt.Fprintf(&b, "\n%s there more than once.", plural(i.Duplicates, "passkey was", "passkeys were"))
	}
	if len(i.Other) > 0 {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(i.Other)) {
			kinds = append(kinds, fmt.Sprintf("%s (%d)", printable(kind, false), i.Other[kind]))
		}
		b.WriteString("\nNot passkeys, and not taken: " + strings.Join(kinds, ", ") + ".")
	}
	if len(i.Left) > 0 {
		fmt.Fprintf(&b, "\nNot taken: %s", plural(len(i.Left), "passkey", "passkeys"))
		sayLeft(&b, i.Left)
	}
	if len(i.Dropped) > 0 {
		b.WriteString("\nTaken, but without")
		sayLeft(&b, i.Dropped)
	}
	fmt.Fprintf(&b, "\nTry them, then destroy %s: it holds private keys that are not encrypted.", printable(file, false))
	return b.String()
}
