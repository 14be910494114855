package signin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
)

// A GitRequest is what git asks of a credential helper (git-credential(1),
// "INPUT/OUTPUT FORMAT"). What is not here is passed over, as git wants it.
type GitRequest struct {
	Protocol string
	Host     string // with its port, if the address has one
	Username string
	Password string // of store and erase
}

// maxGitLine is the longest line that git sends, in bytes, and maxGitLines how
// many are read.
const (
	maxGitLine  = 64 << 10
	maxGitLines = 1000
)

// ReadGitRequest reads a request up to its empty line or its end.
func ReadGitRequest(r io.Reader) (q GitRequest, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxGitLine)
	for n := 0; s.Scan() && s.Text() != ""; n++ {
		name, value, ok := strings.Cut(s.Text(), "=")
		if !ok || n > maxGitLines || strings.ContainsAny(value, "\x00\r") {
			return GitRequest{}, errors.New("git asks in a way that cannot be understood")
		}
		switch name {
		case "protocol":
			q.Protocol = value
		case "host":
			q.Host = value
		case "username":
			q.Username = value
		case "password":
			q.Password = value
		}
	}
	if err := s.Err(); err != nil {
		return GitRequest{}, fmt.Errorf("reading what git asks: %w", err)
	}
	return q, nil
}

// For reports whether tokens may go where q is about: one of hosts, to the
// letter, over https, or over http to this machine. Whoever made git ask may
// have written the address.
func (q GitRequest) For(hosts []string) bool {
	if !slices.Contains(hosts, q.Host) {
		return false
	}
	name := q.Host
	if h, _, err := net.SplitHostPort(q.Host); err == nil {
		name = h
	}
	return q.Protocol == "https" || q.Protocol == "http" && local(name)
}

// WriteGit answers a request with a token as the password. until is when git
// should ask again, in Unix seconds.
func (q GitRequest) WriteGit(w io.Writer, username, token string, until int64) error {
	if q.Username != "" {
		username = q.Username
	}
	if strings.ContainsAny(username+token, "\n\x00") {
		return errors.New("a line break in a credential")
	}
	_, err := fmt.Fprintf(w, "protocol=%s\nhost=%s\nusername=%s\npassword=%s\npassword_expiry_utc=%d\n\n",
		q.Protocol, q.Host, username, token, until)
	return err
}
