package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/manage"
	"cardea/webauthn"
)

type passkeysCommand struct {
	List   passkeysListCommand   `cmd:"" help:"List the passkeys, by site."`
	Show   passkeysShowCommand   `cmd:"" help:"Show all that is known of a passkey but its key."`
	Rename passkeysRenameCommand `cmd:"" help:"Give a passkey a name of your own."`
	Delete passkeysDeleteCommand `cmd:"" help:"Delete a passkey. Sites are not told."`
}

// which is the words that name a passkey.
type which struct {
	Passkey string `arg:"" help:"The passkey: the beginning of its ID in the list, your name for it, its site, its account, or SITE/ACCOUNT."`
}

// A told is a passkey as it is told in JSON. Times that are not known are left
// out.
type told struct {
	ID           string        `json:"id"`
	CredentialID string        `json:"credential_id"` // base64url
	Site         webauthn.RPID `json:"site"`
	SiteName     string        `json:"site_name,omitempty"`
	Account      string        `json:"account"`
	DisplayName  string        `json:"display_name,omitempty"`
	Name         string        `json:"name,omitempty"` // the person's own
	Algorithm    string        `json:"algorithm"`
	SignCount    uint32        `json:"sign_count"`
	Discoverable bool          `json:"discoverable"`
	Created      *time.Time    `json:"created,omitempty"`
	LastUsed     *time.Time    `json:"last_used,omitempty"`
}

func tell(p authenticator.Passkey) told {
	known := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return told{
		ID: manage.Ref(p), CredentialID: p.ID.String(), Site: p.RPID, SiteName: p.RPName,
		Account: p.Account.Name, DisplayName: p.Account.DisplayName, Name: p.Nickname,
		Algorithm: algorithmName(p.Algorithm), SignCount: p.SignCount, Discoverable: p.Discoverable,
		Created: known(p.CreatedAt), LastUsed: known(p.LastUsed),
	}
}

func algorithmName(a webauthn.COSEAlgorithm) string {
	names := map[webauthn.COSEAlgorithm]string{webauthn.ES256: "ES256", webauthn.ES384: "ES384", webauthn.EdDSA: "EdDSA", webauthn.RS256: "RS256"}
	return cmp.Or(names[a], fmt.Sprint(int(a)))
}

// bySite sorts as people look for them.
func bySite(all []authenticator.Passkey) {
	slices.SortFunc(all, func(a, b authenticator.Passkey) int {
		return cmp.Or(strings.Compare(string(a.RPID), string(b.RPID)), strings.Compare(a.Account.Name, b.Account.Name), a.CreatedAt.Compare(b.CreatedAt))
	})
}

type passkeysListCommand struct {
	managed
	Site webauthn.RPID `arg:"" optional:"" help:"Only those for this site."`
}

func (c *passkeysListCommand) Run(s *session) error {
	return c.with(s, func(m *management) error {
		return c.proved(s, m, func(secret string) error {
			all, err := m.List(s.ctx, secret)
			if err != nil {
				return err
			}
			if c.Site != "" {
				all = slices.DeleteFunc(all, func(p authenticator.Passkey) bool { return !strings.EqualFold(string(p.RPID), string(c.Site)) })
			}
			bySite(all)
			if !c.JSON {
				return table(s.out, all)
			}
			list := make([]told, len(all))
			for n, p := range all {
				list[n] = tell(p)
			}
			return s.tell(true, map[string]any{"passkeys": list}, "")
		})
	})
}

// table prints passkeys, each on a line.
func table(w io.Writer, all []authenticator.Passkey) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "There are no passkeys.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSITE\tACCOUNT\tNAME\tCREATED\tLAST USED")
	size := refSize(all)
	for _, p := range all {
		row := []string{manage.Ref(p)[:size], authenticator.SiteName(p.RPID), accountOf(p), cmp.Or(p.Nickname, "-"), day(p.CreatedAt), day(p.LastUsed)}
		for n := range row {
			row[n] = printable(row[n], false)
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// refSize is how much of a reference tells all of them apart; eight digits if
// they do.
func refSize(all []authenticator.Passkey) int {
	const usual, whole = 8, 16
	for size := usual; size < whole; size += 2 {
		seen := map[string]bool{}
		for _, p := range all {
			seen[manage.Ref(p)[:size]] = true
		}
		if len(seen) == len(all) {
			return size
		}
	}
	return whole
}

func accountOf(p authenticator.Passkey) string {
	return cmp.Or(p.Account.Name, p.Account.DisplayName, "(no name)")
}

func day(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format(time.DateOnly)
}

// found does something with the passkey that the words name.
func (c *managed) found(s *session, words string, do func(*management, string, authenticator.Passkey) error) error {
	return c.with(s, func(m *management) error {
		return c.proved(s, m, func(secret string) error {
			all, err := m.List(s.ctx, secret)
			if err != nil {
				return err
			}
			p, err := manage.Find(all, words)
			if several := (*manage.AmbiguousError)(nil); errors.As(err, &several) {
				bySite(several.Matches)
				fmt.Fprintln(s.errOut, "Say which one by its ID:")
				err = errors.Join(err, table(s.errOut, several.Matches))
			}
			if err != nil {
				return err
			}
			return do(m, secret, p)
		})
	})
}

type passkeysShowCommand struct {
	managed
	which
}

func (c *passkeysShowCommand) Run(s *session) error {
	return c.found(s, c.Passkey, func(_ *management, _ string, p authenticator.Passkey) error {
		return s.tell(c.JSON, tell(p), strings.TrimSuffix(details(p), "\n"))
	})
}

func details(p authenticator.Passkey) string {
	var b strings.Builder
	say := func(what, how string) {
		if how != "" {
			fmt.Fprintf(&b, "%-14s%s\n", what, printable(how, false))
		}
	}
	moment := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Local().Format("2006-01-02 15:04")
	}
	say("Site", authenticator.SiteName(p.RPID))
	if p.RPName != string(p.RPID) {
		say("Calls itself", p.RPName)
	}
	say("Account", accountOf(p))
	say("Displayed as", p.Account.DisplayName)
	say("Your name", p.Nickname)
	say("Created", moment(p.CreatedAt))
	say("Last used", moment(p.LastUsed))
	say("Signatures", fmt.Sprint(p.SignCount))
	say("Algorithm", algorithmName(p.Algorithm))
	say("Found", pick(p.Discoverable, "by the site alone", "only if the site names it"))
	say("ID", manage.Ref(p))
	say("Credential ID", p.ID.String())
	return b.String()
}

type passkeysRenameCommand struct {
	managed
	which
	Name string `arg:"" help:"Your name for it; \"\" takes the name away."`
}

// maxName is what fits a row of the app's list too.
const maxName = 30

func (c *passkeysRenameCommand) Run(s *session) error {
	name := strings.Join(strings.Fields(c.Name), " ")
	if len([]rune(name)) > maxName {
		return fmt.Errorf("the name has more than %d characters", maxName)
	}
	return c.found(s, c.Passkey, func(m *management, secret string, p authenticator.Passkey) error {
		if err := m.Rename(s.ctx, secret, p.ID, name); err != nil {
			return err
		}
		p.Nickname = name
		what := fmt.Sprintf("The passkey for %s at %s ", accountOf(p), authenticator.SiteName(p.RPID))
		return s.tell(c.JSON, tell(p), what+pick(name == "", "has no name of yours now.", "is called "+name+" now."))
	})
}

type passkeysDeleteCommand struct {
	managed
	which
	Yes bool `help:"Do not ask whether you are sure."`
}

func (c *passkeysDeleteCommand) Run(s *session) error {
	return c.found(s, c.Passkey, func(m *management, secret string, p authenticator.Passkey) error {
		if !c.Yes {
			sure, err := s.sure(fmt.Sprintf("Delete the passkey for %s at %s? If it is your only way in, you lose the account.", accountOf(p), authenticator.SiteName(p.RPID)))
			if err != nil || !sure {
				return err
			}
		}
		if err := m.Delete(s.ctx, secret, p.ID); err != nil {
			return err
		}
		return s.tell(c.JSON, tell(p), fmt.Sprintf("Deleted here. Delete it in your account at %s too.", authenticator.SiteName(p.RPID)))
	})
}

// sure asks yes or no. Where nobody can be asked, --yes has to be given.
func (s *session) sure(question string) (bool, error) {
	if !s.interactive() {
		return false, fmt.Errorf("%w whether you are sure; if you are, add --yes", errNoTerminal)
	}
	answer, err := s.ask(printable(question, false) + " [y/N] ")
	if err != nil {
		return false, err
	}
	if answer = strings.ToLower(answer); answer != "y" && answer != "yes" {
		fmt.Fprintln(s.errOut, "Nothing was changed.")
		return false, errShown
	}
	return true, nil
}
