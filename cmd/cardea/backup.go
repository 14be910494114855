package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/exchange"
)

// passphrase is that of a backup.
type passphrase struct {
	PassphraseFile string `name:"passphrase-file" type:"path" placeholder:"FILE" help:"File with the backup's passphrase on its first line, or - for standard input; without it you are asked."`
}

type backupCommand struct {
	managed
	passphrase
	File  string `arg:"" type:"path" help:"Where to write the backup."`
	Force bool   `help:"Replace a file that is there."`
}

const passphraseWords = `The backup is sealed under a passphrase of its own. Without it nobody can read
the backup: not who finds it, and not you.
`

func (c *backupCommand) Run(s *session) error {
	return c.with(s, func(m *management) error {
		return c.proved(s, m, func(secret string) error {
			all, err := m.Export(s.ctx, secret)
			if err != nil {
				return err
			}
			defer wipeAll(all)
			if c.PassphraseFile == "" {
				fmt.Fprint(s.errOut, passphraseWords)
			}
			phrase, err := s.newSecret(c.PassphraseFile, "--passphrase-file", "passphrase", exchange.CheckPassphrase)
			if err != nil {
				return err
			}
			err = writeSecretFile(c.File, c.Force, func(w io.Writer) error {
				return exchange.WriteBackup(w, phrase, exchange.DefaultCost, time.Now(), all)
			})
			if err != nil {
				return err
			}
			return s.tell(c.JSON, map[string]any{"file": c.File, "passkeys": len(all)},
				fmt.Sprintf("%s in %s. Passkeys that you make later are not in it.", plural(len(all), "passkey", "passkeys"), c.File))
		})
	})
}

func wipeAll(all []authenticator.Passkey) {
	for _, p := range all {
		p.PrivateKey.Wipe()
		p.HMACSecrets.Wipe()
		p.CredBlob.Wipe()
		p.LargeBlobKey.Wipe()
	}
}

type restoreCommand struct {
	managed
	passphrase
	File string `arg:"" type:"path" help:"The backup."`
}

func (c *restoreCommand) Run(s *session) error {
	return c.with(s, func(m *management) error {
		b, err := c.read(s)
		if err != nil {
			return err
		}
		defer wipeAll(b.Passkeys)
		return c.proved(s, m, func(secret string) error {
			counts, err := m.Import(s.ctx, secret, b.Passkeys)
			if err != nil {
				return err
			}
			text := fmt.Sprintf("From the backup of %s: %s.", b.Made.Local().Format("2006-01-02 15:04"), countWords(counts))
			return s.tell(c.JSON, struct {
				exchange.Counts
				Made time.Time `json:"made"`
			}{counts, b.Made}, text)
		})
	})
}

// read opens the backup; a person who is wrong is asked again.
func (c *restoreCommand) read(s *session) (exchange.Backup, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return exchange.Backup{}, err
	}
	defer f.Close()
	for n := 1; ; n++ {
		phrase, err := s.secret(c.PassphraseFile, "--passphrase-file", "Passphrase of the backup: ")
		if err != nil {
			return exchange.Backup{}, err
		}
		b, err := exchange.ReadBackup(f, phrase)
		if !errors.Is(err, exchange.ErrPassphrase) || c.PassphraseFile != "" || n == asks {
			return b, err
		}
		fmt.Fprintln(s.errOut, "Wrong passphrase.")
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return exchange.Backup{}, err
		}
	}
}

func countWords(c exchange.Counts) string {
	return fmt.Sprintf("%d added, %d brought up to date, %d here already and no older", c.Added, c.Replaced, c.Kept)
}
