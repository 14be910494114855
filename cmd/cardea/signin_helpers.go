package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cardea/signin"
)

// gitHelperName is what git calls a helper that its configuration calls
// "cardea".
const gitHelperName = "git-credential-cardea"

// asHelper turns the arguments of a program that was called by gitHelperName,
// through a link to this one, into ours.
func asHelper(program string, args []string) []string {
	if name := strings.TrimSuffix(filepath.Base(program), ".exe"); name != gitHelperName {
		return args
	}
	return append([]string{"signin", "git-credential"}, args...)
}

type signinGitCommand struct {
	Place signinPlace `embed:""`
	How   signinHow   `embed:""`
	Hosts []string    `name:"host" required:"" placeholder:"HOST" help:"Host that your token may go to, with its port if it has one; repeat for several." env:"CARDEA_GIT_HOSTS"`
	Token string      `enum:"access,id" default:"access" help:"Which token is the password."`
	User  string      `default:"" help:"User name to give; the default is yours at the identity provider."`
	Do    string      `arg:"" help:"What git asks for: get, store or erase."`
}

// Run answers git. What is not for us is no error: git asks the next helper.
func (c *signinGitCommand) Run(s *session) error {
	q, err := signin.ReadGitRequest(os.Stdin)
	if err != nil {
		return err
	}
	if !q.For(c.Hosts) {
		return nil
	}
	switch c.Do {
	case "get":
		return c.get(s, q)
	case "erase":
		return c.erase(s, q)
	}
	return nil // store: it is kept. Others that git may have one day are not for us.
}

func (c *signinGitCommand) get(s *session, q signin.GitRequest) error {
	need := signin.Need(c.Token)
	ask := os.Getenv("GIT_TERMINAL_PROMPT") != "0" // gitcredentials(7)
	t, _, err := current(s, &c.Place, &c.How, need, ask)
	if err != nil {
		return err
	}
	token, until := t.AccessToken, t.AccessExpires
	if need == signin.NeedID {
		token, until = t.IDToken, t.IDExpires
	}
	user := c.User
	if user == "" {
		user = t.Who()
	}
	return q.WriteGit(s.out, user, token, until.Unix())
}

// erase is said when a host has refused what it was given. The sign-in is still
// good; the token is not, and the next one will be another.
func (c *signinGitCommand) erase(s *session, q signin.GitRequest) error {
	a, err := c.Place.account()
	if err != nil {
		return err
	}
	t, err := a.Store.Load(c.Place.Issuer)
	if mustSignIn(err) || err == nil && q.Password != t.AccessToken && q.Password != t.IDToken {
		return nil
	}
	if err == nil {
		_, err = a.Renew(s.ctx, t.AccessToken)
	}
	if mustSignIn(err) {
		return nil
	}
	return err
}

type signinKubectlCommand struct {
	Place signinPlace `embed:""`
	How   signinHow   `embed:""`
}

// Run answers kubectl. It asks its person on the terminal, never on the standard
// streams: those are kubectl's.
func (c *signinKubectlCommand) Run(s *session) error {
	if c.Place.Store == "none" {
		return errors.New("kubectl asks again for each command; tokens have to be kept: use --store file")
	}
	q, err := signin.ReadExecInfo(os.Getenv("KUBERNETES_EXEC_INFO"))
	if err != nil {
		return err
	}
	t, _, err := current(s, &c.Place, &c.How, signin.NeedID, q.Interactive())
	if err != nil {
		return fmt.Errorf("kubectl: %w", err)
	}
	return q.WriteExec(s.out, t)
}
