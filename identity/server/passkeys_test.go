package server

import (
	"net/http"
	"strings"
	"testing"
)

// Who writes a rule that shuts people out hears it at the start, and hears it
// louder if nobody is left who could let them in again.
func TestRuleThatLocksPeopleOutIsWarnedOf(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	first := start(t, cfg)
	first.setUp(first.browser(), setupCode(t, first.Server))
	first.stop()
	if log := first.log.String(); strings.Contains(log, "passkeys are chosen") {
		t.Errorf("without a rule, the log speaks of one: %s", log)
	}
	no := false
	for _, tt := range []struct {
		name  string
		rule  Passkeys
		wants []string
		lacks []string
	}{
		{"that lets all stay", Passkeys{DeviceBoundOnly: true}, []string{"nothing proves it"}, []string{"level=WARN", "level=ERROR"}},
		{"that is not about kinds", Passkeys{SelfService: &no, Max: 3}, nil, []string{"nothing proves it", "level=WARN", "level=ERROR"}},
		{"that nobody meets", Passkeys{Accept: []string{"YubiKey 5"}},
			[]string{"nothing proves it", "level=WARN", "people=1 administrators=1", "level=ERROR", "no administrator who can sign in"}, nil},
	} {
		cfg.Passkeys = tt.rule
		s := start(t, cfg)
		s.stop()
		log := s.log.String()
		for _, want := range tt.wants {
			if !strings.Contains(log, want) {
				t.Errorf("a rule %s: the log lacks %q: %s", tt.name, want, log)
			}
		}
		for _, lack := range tt.lacks {
			if strings.Contains(log, lack) {
				t.Errorf("a rule %s: the log has %q: %s", tt.name, lack, log)
			}
		}
	}
}

// What the file says reaches the pages.
func TestRuleOfTheConfigurationHolds(t *testing.T) {
	t.Parallel()
	cfg, err := ReadConfig(strings.NewReader(`{"database":"` + t.TempDir() + `/c.db",
		"login_url":"http://login.cardea.localhost:8480","account_url":"http://myaccount.cardea.localhost:8480","rp_id":"cardea.localhost",
		"passkeys":{"accept":["Yubikey 5","53414d53-554e-4700-0000-000000000000"],"refuse":["samsung pass"],"self_service":false,"max":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	r := cfg.Passkeys.rule()
	if len(r.Accept) != 5 || len(r.Refuse) != 1 || len(r.Accepted()) != 4 || !r.NoSelfService || r.Max != 2 || r.DeviceBoundOnly {
		t.Errorf("rule = %+v", r)
	}
	s := start(t, cfg)
	c := s.browser()
	s.setUp(c, setupCode(t, s.Server))
	res, body := get(t, c, cfg.AccountURL+"/security/add")
	if res.StatusCode != http.StatusForbidden || !strings.Contains(body, "Here, passkeys are added with an access pass.") {
		t.Errorf("adding a passkey: %d %s", res.StatusCode, body)
	}
}
