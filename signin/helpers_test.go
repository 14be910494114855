package signin_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cardea/signin"
)

func TestGitRequestIsRead(t *testing.T) {
	t.Parallel()
	q, err := signin.ReadGitRequest(strings.NewReader(
		"capability[]=authtype\nprotocol=https\nhost=git.example.org:8443\npath=a=b\nwwwauth[]=Basic realm=\"x\"\nusername=ana\n\nhost=evil.example\n"))
	if want := (signin.GitRequest{Protocol: "https", Host: "git.example.org:8443", Username: "ana"}); err != nil || q != want {
		t.Errorf("ReadGitRequest() = %+v, %v, want %+v", q, err, want)
	}
	for _, bad := range []string{"protocol", "host=a\x00b\n", "host=a\r\n", strings.Repeat("a=b\n", 2000), "host=" + strings.Repeat("x", 70<<10)} {
		if q, err := signin.ReadGitRequest(strings.NewReader(bad)); err == nil && q.Host != "a" {
			t.Errorf("ReadGitRequest(%.20q) = %+v", bad, q)
		}
	}
}

func TestTokensGoOnlyWhereTheyMay(t *testing.T) {
	t.Parallel()
	hosts := []string{"git.example.org", "localhost:3000"}
	for _, tt := range []struct {
		q    signin.GitRequest
		want bool
	}{
		{signin.GitRequest{Protocol: "https", Host: "git.example.org"}, true},
		{signin.GitRequest{Protocol: "http", Host: "localhost:3000"}, true},
		{signin.GitRequest{Protocol: "http", Host: "git.example.org"}, false},
		{signin.GitRequest{Protocol: "https", Host: "git.example.org:443"}, false},
		{signin.GitRequest{Protocol: "https", Host: "GIT.example.org"}, false},
		{signin.GitRequest{Protocol: "https", Host: "x.git.example.org"}, false},
		{signin.GitRequest{Protocol: "https", Host: ""}, false},
		{signin.GitRequest{Protocol: "ssh", Host: "git.example.org"}, false},
		{signin.GitRequest{Protocol: "", Host: "git.example.org"}, false},
	} {
		if got := tt.q.For(hosts); got != tt.want {
			t.Errorf("%+v.For() = %v", tt.q, got)
		}
	}
}

func TestGitAnswerHasNoSecondLine(t *testing.T) {
	t.Parallel()
	q := signin.GitRequest{Protocol: "https", Host: "git.example.org"}
	var b strings.Builder
	if err := q.WriteGit(&b, "ana", "token", 42); err != nil || b.String() != "protocol=https\nhost=git.example.org\nusername=ana\npassword=token\npassword_expiry_utc=42\n\n" {
		t.Errorf("WriteGit() wrote %q, %v", b.String(), err)
	}
	b.Reset()
	if err := q.WriteGit(&b, "ana\nhost=evil.example", "token", 42); err == nil || b.Len() > 0 {
		t.Errorf("WriteGit() of two lines wrote %q, %v", b.String(), err)
	}
}

func FuzzReadGitRequest(f *testing.F) {
	f.Add("protocol=https\nhost=git.example.org\n\n")
	f.Add("")
	f.Add("x")
	f.Fuzz(func(t *testing.T, s string) {
		q, err := signin.ReadGitRequest(strings.NewReader(s))
		if err == nil && strings.ContainsAny(q.Host+q.Protocol+q.Username+q.Password, "\n\x00") {
			t.Errorf("%q was read as %+v", s, q)
		}
	})
}

func TestExecCredential(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		info        string
		version     string // empty if it is refused
		interactive bool
	}{
		{"", "client.authentication.k8s.io/v1", true},
		{`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":true}}`, "client.authentication.k8s.io/v1", true},
		{`{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":{"interactive":false,"cluster":{"server":"x"}}}`, "client.authentication.k8s.io/v1beta1", false},
		{`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential"}`, "client.authentication.k8s.io/v1", false},
		{`{"apiVersion":"client.authentication.k8s.io/v1alpha1","kind":"ExecCredential"}`, "", false},
		{`{"apiVersion":"client.authentication.k8s.io/v1","kind":"Pod"}`, "", false},
		{`{`, "", false},
	} {
		q, err := signin.ReadExecInfo(tt.info)
		if (err == nil) != (tt.version != "") {
			t.Errorf("ReadExecInfo(%s) = %v", tt.info, err)
			continue
		}
		if err != nil {
			continue
		}
		var b strings.Builder
		tokens := signin.Tokens{IDToken: "id", IDExpires: time.Date(2026, 11, 22, 12, 0, 30, 0, time.UTC)}
		if err := q.WriteExec(&b, tokens); err != nil {
			t.Error(err)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
			t.Fatal(err)
		}
		status, _ := got["status"].(map[string]any)
		if got["apiVersion"] != tt.version || got["kind"] != "ExecCredential" || status["token"] != "id" || status["expirationTimestamp"] != "2026-11-22T12:00:00Z" || q.Interactive() != tt.interactive {
			t.Errorf("%s: answered %s, interactive %v", tt.info, b.String(), q.Interactive())
		}
	}
}
