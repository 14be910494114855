package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"cardea/authenticator/exchange"
)

type exportCommand struct {
	managed
	File        string `arg:"" type:"path" help:"Where to write the document."`
	Format      string `enum:"cxf" default:"cxf" help:"Format: cxf, FIDO's Credential Exchange Format 1.0."`
	Unencrypted bool   `help:"Say that you know: whoever reads the file can sign in as you."`
	Counted     bool   `help:"Export used passkeys too. Their sites have counted signatures, and may refuse the copy, or yours afterwards."`
	Force       bool   `help:"Replace a file that is there."`
}

// exporter is how we are named in a document. We have no domain; this one is
// nobody's and stays so (RFC 6761 §6.4).
const exporter = "cardea.invalid"

const exportWarning = `This writes the private keys of your passkeys into a file that is NOT encrypted.
Whoever reads it can sign in as you, until you delete the passkeys at their
sites. Give it to the other app, then destroy it. For a copy to keep, use:
cardea authenticator backup

Sites were told that these passkeys never leave this device. Some hold them to
it and will refuse the copy.
`

func (c *exportCommand) Run(s *session) error {
	if !c.Unencrypted {
		if !s.interactive() {
			return fmt.Errorf("the file would not be encrypted: whoever reads it can sign in as you; if that is what you want, add --unencrypted, and if you want a copy to keep: cardea authenticator backup")
		}
		fmt.Fprint(s.errOut, exportWarning)
		if sure, err := s.sure("Write it?"); err != nil || !sure {
			return err
		}
	}
	return c.with(s, func(m *management) error {
		return c.proved(s, m, func(secret string) error {
			all, err := m.Export(s.ctx, secret)
			if err != nil {
				return err
			}
			defer wipeAll(all)
			var n int
			var left []exchange.Left
			err = writeSecretFile(c.File, c.Force, func(w io.Writer) error {
				n, left, err = exchange.WriteCXF(w, exchange.Export{
					Exporter: exporter, DisplayName: "Cardea", At: time.Now(), Counted: c.Counted}, all)
				return err
			})
			if err != nil {
				return err
			}
			if left == nil {
				left = []exchange.Left{}
			}
			return s.tell(c.JSON, map[string]any{"file": c.File, "written": n, "left_out": left}, c.words(n, left))
		})
	})
}

func (c *exportCommand) words(n int, left []exchange.Left) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s, not encrypted.", plural(n, "passkey", "passkeys"), c.File)
	if len(left) == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "\nLeft out: %s", plural(len(left), "passkey", "passkeys"))
	sayLeft(&b, left)
	if !c.Counted {
		b.WriteString("\nTo export used passkeys too, add --counted; cardea authenticator export --help says what may come of it.")
	}
	return b.String()
}

// maxSaid is how many passkeys are named one by one.
const maxSaid = 20

func sayLeft(b *strings.Builder, left []exchange.Left) {
	for n, l := range left {
		if n == maxSaid {
			fmt.Fprintf(b, "\n  and %d more; --json names all", len(left)-n)
			return
		}
		about := strings.TrimSpace(string(l.Site) + " " + l.Account)
		if about != "" {
			about += ": "
		}
		fmt.Fprintf(b, "\n  %s%s", printable(about, false), l.Why)
	}
}
