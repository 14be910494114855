package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type manCommand struct{}

func (manCommand) Help() string {
	return "To read it: cardea man | man -l -\n\nTo install it: cardea man > ~/.local/share/man/man1/cardea.1"
}

func (manCommand) Run(s *session) error { return writeMan(s.out, s.model) }

// writeMan writes cardea(1) in the man macros, which every man understands,
// from the description that the command line is parsed by.
func writeMan(w io.Writer, app *kong.Application) error {
	m := &manual{}
	m.line(`.TH CARDEA 1 "` + manDate + `" "Cardea" "User Commands"`)
	m.section("NAME")
	m.text(app.Name + ` \- passkey sign\-in, whole and your own`)
	m.section("SYNOPSIS")
	m.text(`.B ` + roff(app.Name))
	m.text(`.I command`)
	m.text(`[\fIflag\fR ...] [\fIargument\fR ...]`)
	m.section("DESCRIPTION")
	m.text(roff(manDescription))
	m.section("FLAGS OF EVERY COMMAND")
	m.flags(app.Flags)
	m.section("COMMANDS")
	for _, c := range app.Children {
		m.command(c)
	}
	m.section("EXIT STATUS")
	for _, e := range exits {
		m.line(".TP")
		m.line(fmt.Sprintf(".B %d", e.status))
		m.text(roff(e.says))
	}
	for _, s := range manSections {
		m.section(s.title)
		for n, p := range s.text {
			if n > 0 {
				m.line(".PP")
			}
			m.text(roff(p))
		}
	}
	_, err := io.WriteString(w, m.b.String())
	return err
}

// manDate is when the words below were last looked at.
const manDate = "2026-11-22"

const manDescription = "Cardea lets people sign in with passkeys. One program is the identity provider, the relay between two devices, " +
	"and the passkey app with its vault. Without a command it shows help."

var manSections = []struct {
	title string
	text  []string
}{
	{"SECRETS", []string{
		"PINs and passphrases are asked for at the terminal and not shown, or read from the first line of a file (--pin-file, --new-pin-file, --passphrase-file). " +
			"The file - is standard input; several secrets come from it line by line, in the order PIN, new PIN or passphrase; restore reads the passphrase first. They are never arguments.",
		"Every command that tells of passkeys or changes them wants the PIN, each time. After eight wrong ones in a row the vault is blocked for good.",
	}},
	{"LEAVING AND ARRIVING", []string{
		"backup and restore make and read a file that is sealed under a passphrase of its own (at least twelve characters). A restore never takes an older passkey for a newer one; " +
			"one that was cut short is done again and goes on.",
		"export writes FIDO's Credential Exchange Format 1.0, which is not encrypted. The sites were told that these passkeys stay on one device and count signatures; " +
			"used ones are left out unless --counted is given, and some sites refuse any copy.",
	}},
	{"FILES", []string{
		"~/.local/share/cardea/vault: the passkeys. ~/.local/share/cardea/agent.sock: where the running app is asked. Flags and environment variables name others.",
	}},
	{"EXAMPLES", []string{
		"cardea authenticator passkeys list",
		"cardea authenticator passkeys rename example.org/ana \"work\"",
		"cardea authenticator backup ~/passkeys.cardea",
		"pass show cardea | cardea authenticator passkeys list --json --pin-file -",
	}},
}

type manual struct{ b strings.Builder }

func (m *manual) line(s string) { m.b.WriteString(s + "\n") }

func (m *manual) text(s string) {
	for _, l := range strings.Split(strings.TrimSpace(s), "\n") {
		if l = strings.TrimSpace(l); l != "" {
			m.line(l)
		}
	}
}

func (m *manual) section(title string) { m.line(".SH " + title) }

// command describes c and all that is below it.
func (m *manual) command(c *kong.Node) {
	if c.Hidden {
		return
	}
	m.line(".SS " + roff(strings.TrimPrefix(c.FullPath(), "cardea ")) + positionals(c))
	m.text(roff(c.Help))
	if c.Detail != "" && c.Detail != c.Help {
		for _, p := range strings.Split(c.Detail, "\n\n") {
			m.line(".PP")
			m.text(roff(p))
		}
	}
	for _, p := range c.Positional {
		m.line(".TP")
		m.line(`.I ` + strings.ToUpper(roff(p.Name)))
		m.text(roff(p.Help))
	}
	m.flags(c.Flags)
	for _, child := range c.Children {
		m.command(child)
	}
}

func positionals(c *kong.Node) string {
	var b strings.Builder
	for _, p := range c.Positional {
		name := strings.ToUpper(roff(p.Name))
		if p.Required {
			fmt.Fprintf(&b, " %s", name)
		} else {
			fmt.Fprintf(&b, " [%s]", name)
		}
	}
	return b.String()
}

func (m *manual) flags(flags []*kong.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		name := `\fB` + roff("--"+f.Name) + `\fR`
		if !f.IsBool() {
			name += ` \fI` + roff(cmp.Or(f.PlaceHolder, strings.ToUpper(f.Name))) + `\fR`
		}
		m.line(".TP")
		m.line(name)
		help := f.Help
		if len(f.Envs) > 0 {
			help += " Environment: " + strings.Join(f.Envs, ", ") + "."
		}
		if f.HasDefault && f.Default != "" && !f.IsBool() {
			help += " Default: " + f.Default + "."
		}
		m.text(roff(help))
	}
}

// roff escapes what the macros would take for their own.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "\t", " ").Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
