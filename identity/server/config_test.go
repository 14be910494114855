package server

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"cardea/internal/secret"
	"cardea/webauthn"
)

func TestConfigNamesTheFieldThatWillNotDo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, field string
		edit        func(*Config)
	}{
		{"no database", "database", func(c *Config) { c.Database = "" }},
		{"no login host", "login_url", func(c *Config) { c.LoginURL = "" }},
		{"a slash at the end", "login_url", func(c *Config) { c.LoginURL += "/" }},
		{"a path", "login_url", func(c *Config) { c.LoginURL += "/tenant" }},
		{"upper case", "login_url", func(c *Config) { c.LoginURL = "http://Login.cardea.localhost:8480" }},
		{"no scheme", "login_url", func(c *Config) { c.LoginURL = "login.cardea.localhost" }},
		{"another scheme", "login_url", func(c *Config) { c.LoginURL = "ftp://login.cardea.localhost" }},
		{"no TLS on the network", "login_url", func(c *Config) { c.LoginURL, c.RPID = "http://login.example.com", "example.com" }},
		{"a login host of another domain", "login_url", func(c *Config) { c.LoginURL = "https://login.example.com" }},
		{"a login host that only ends alike", "login_url", func(c *Config) { c.LoginURL = "http://loginxcardea.localhost" }},
		{"no account host", "account_url", func(c *Config) { c.AccountURL = "" }},
		{"one host for both", "account_url", func(c *Config) { c.AccountURL = c.LoginURL }},
		{"one host with two ports", "account_url", func(c *Config) { c.AccountURL = "http://login.cardea.localhost:8481" }},
		{"two schemes", "account_url", func(c *Config) { c.AccountURL = "https://myaccount.cardea.localhost" }},
		{"no RP ID", "rp_id", func(c *Config) { c.RPID = "" }},
		{"an RP ID with a port", "rp_id", func(c *Config) { c.RPID = "cardea.localhost:8480" }},
		{"an address as RP ID", "rp_id", func(c *Config) { c.RPID = "127.0.0.1" }},
		{"help that is no page", "help_url", func(c *Config) { c.HelpURL = "javascript:alert(1)" }},
		{"an accent that cannot be read", "branding.accent", func(c *Config) { c.Branding.Accent = "#ffd54f" }},
		{"a dark accent that cannot be read", "branding.accent_dark", func(c *Config) { c.Branding.AccentDark = "#102060" }},
		{"an accent that is a style sheet", "branding.accent", func(c *Config) { c.Branding.Accent = "red;}" }},
		{"a logo that is not there", "branding.logo", func(c *Config) { c.Branding.Logo = "/nowhere/logo.svg" }},
		{"icons that are not there", "provider_icons", func(c *Config) { c.ProviderIcons = "/nowhere/aaguids.json" }},
		{"icons that are no list", "provider_icons", func(c *Config) { c.ProviderIcons = "config_test.go" }},
		{"a contact without a scheme", "branding.contact", func(c *Config) { c.Branding.Contact = "help@example.org" }},
		{"a contact that is a script", "branding.contact", func(c *Config) { c.Branding.Contact = "javascript:alert(1)" }},
		{"terms that are no page", "branding.terms_url", func(c *Config) { c.Branding.TermsURL = "/terms" }},
		{"a security contact of two lines", "security_contact", func(c *Config) { c.SecurityContact = "mailto:a@example.org\nExpires: never" }},
		{"a security contact without TLS", "security_contact", func(c *Config) { c.SecurityContact = "http://example.org/" }},
		{"a language that is none", "security_languages", func(c *Config) { c.SecurityLanguages = []string{"en, de"} }},
		{"a related origin with a path", "related_origins", func(c *Config) { c.RelatedOrigins = []webauthn.Origin{"https://shop.example/"} }},
		{"a related origin without TLS", "related_origins", func(c *Config) { c.RelatedOrigins = []webauthn.Origin{"http://shop.example"} }},
		{"a kind of passkey that is no AAGUID", "passkeys.accept", func(c *Config) { c.Passkeys.Accept = []string{"YubiKey 5", "cb69481e-8ff7-4039-93ec-0a2729a154a"} }},
		{"a provider that nobody knows", "passkeys.refuse", func(c *Config) { c.Passkeys.Refuse = []string{"YubiKey 9000"} }},
		{"all that is accepted is refused", "passkeys.refuse", func(c *Config) {
			c.Passkeys.Accept, c.Passkeys.Refuse = []string{"yubikey bio"}, []string{"d8522d9f-575b-4866-88a9-ba99fa02f35b"}
		}},
		{"too many passkeys", "passkeys.max", func(c *Config) { c.Passkeys.Max = 21 }},
		{"fewer passkeys than none", "passkeys.max", func(c *Config) { c.Passkeys.Max = -1 }},
		{"a proxy by name", "trusted_proxies", func(c *Config) { c.TrustedProxies = []string{"proxy"} }},
		{"a back channel without a port", "back_channel", func(c *Config) { c.BackChannel = "127.0.0.1" }},
	}
	for _, tt := range tests {
		c := config("/nowhere")
		tt.edit(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), tt.field+": ") {
			t.Errorf("%s: Check() = %v, want it to name %s", tt.name, err, tt.field)
		}
	}
	good := Config{
		Database: "cardea.db", LoginURL: "https://example.com", AccountURL: "https://account.example.com:8443",
		RPID: "example.com", HelpURL: "https://help.example.com/", TrustedProxies: []string{"10.0.0.0/8"}, BackChannel: "[::1]:443",
		Passkeys: Passkeys{Accept: []string{"YubiKey 5", "windows hello", "00000000-0000-0000-0000-000000000000"}, Refuse: []string{"Samsung Pass"}, Max: 20},
	}
	if err := good.Check(); err != nil {
		t.Errorf("Check() = %v", err)
	}
}

func TestReadConfigIsStrict(t *testing.T) {
	t.Parallel()
	const good = `{"database":"c.db","login_url":"https://login.example.com","account_url":"https://my.example.com","rp_id":"example.com"`
	if c, err := ReadConfig(strings.NewReader(good + "}")); err != nil || c.RPID != "example.com" {
		t.Errorf("ReadConfig() = %+v, %v", c, err)
	}
	for name, text := range map[string]string{
		"an unknown member":        good + `,"databse":"x"}`,
		"something that follows":   good + `}{}`,
		"a cut":                    good,
		"a field that will not do": `{"database":"c.db"}`,
		"an unknown rule":          good + `,"passkeys":{"allow":[]}}`,
	} {
		if _, err := ReadConfig(strings.NewReader(text)); err == nil {
			t.Errorf("%s: ReadConfig() = nil error", name)
		}
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add(`{"database":"c.db","login_url":"https://login.example.com","account_url":"https://my.example.com","rp_id":"example.com"}`)
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadConfig(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, origin := range []string{c.LoginURL, c.AccountURL} {
			if u := mustHost(origin); u.Path != "" || u.RawQuery != "" || u.User != nil {
				t.Errorf("accepted the origin %q", origin)
			}
		}
	})
}

func TestKeyFileIsMadeOnceForItsOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cardea.db.key")
	first, err := keyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := keyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Equal(second) || first.Len() != keySize {
		t.Error("two keys")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, want 0600", info.Mode())
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDerivedKeysSayNothingOfEachOther(t *testing.T) {
	t.Parallel()
	file, other := secret.Random(keySize), secret.Random(keySize)
	seen := map[string]string{string(file.Expose()): "the file itself"}
	for _, label := range []string{labelCookies, labelSignIn, labelCeremonies, labelPasses, labelMarkers} {
		key := derive(file, label)
		if !key.Equal(derive(file, label)) || key.Len() != keySize {
			t.Errorf("%s: another key each time", label)
		}
		if key.Equal(derive(other, label)) {
			t.Errorf("%s: one key for two files", label)
		}
		if twin, ok := seen[string(key.Expose())]; ok {
			t.Errorf("%s has the key of %s", label, twin)
		}
		seen[string(key.Expose())] = label
	}
}

func TestKeyFileIsRefused(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("A", 43) + "\n"
	tests := []struct {
		name, text string
		mode       os.FileMode
		ok         bool
	}{
		{"as it should be", good, 0o600, true},
		{"readable by others", good, 0o644, false},
		{"empty", "", 0o600, false},
		{"cut short", good[:20], 0o600, false},
		{"too long", "AAAA" + good, 0o600, false},
		{"not base64url", strings.Repeat("!", 43), 0o600, false},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(tt.text), tt.mode); err != nil {
			t.Fatal(err)
		}
		_, err := keyFile(path)
		if (err == nil) != tt.ok {
			t.Errorf("%s: keyFile() = %v", tt.name, err)
		}
		if err != nil && tt.text != "" && strings.Contains(err.Error(), strings.TrimSpace(tt.text)) {
			t.Errorf("%s: the error tells the key: %v", tt.name, err)
		}
	}
	if _, err := keyFile(filepath.Join(t.TempDir(), "missing", "key")); err == nil {
		t.Error("keyFile() in a folder that is not there = nil error")
	}
}

func TestHostsAreComparedInOneForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ host, scheme, want string }{
		{"login.example.com", "https", "login.example.com"},
		{"LOGIN.example.com:443", "https", "login.example.com"},
		{"login.example.com.:443", "https", "login.example.com"},
		{"login.example.com.", "https", "login.example.com"},
		{"login.example.com:80", "https", "login.example.com:80"},
		{"login.example.com:80", "http", "login.example.com"},
		{"login.example.com:8480", "http", "login.example.com:8480"},
		{"", "https", ""},
	} {
		if got := hostOf(tt.host, tt.scheme); got != tt.want {
			t.Errorf("hostOf(%q, %s) = %q, want %q", tt.host, tt.scheme, got, tt.want)
		}
	}
}
