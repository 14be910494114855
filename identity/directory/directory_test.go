package directory_test

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
	"cardea/identity/storage"
	"cardea/internal/secret"
	"cardea/webauthn"
)

var now = time.UnixMilli(1_790_000_000_000)

func open(t *testing.T) (*directory.Directory, *storage.DB) {
	t.Helper()
	db, err := storage.Open(t.Context(), filepath.Join(t.TempDir(), "cardea.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return directory.New(directory.Config{Store: db, PassKey: secret.Random(32), Now: func() time.Time { return now }}), db
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		user, display string
		want          error
	}{
		{"maia", "Maia", nil},
		{" Maia.Dell+x@Example.ORG ", " Maia  Dell ", nil},
		{strings.Repeat("a", 64), strings.Repeat("é", 64), nil},
		{"maia", "Ма́йя 👩‍🚒", nil},
		{"", "Maia", directory.ErrUsername},
		{strings.Repeat("a", 65), "Maia", directory.ErrUsername},
		{"ma ia", "Maia", directory.ErrUsername},
		{"mаia", "Maia", directory.ErrUsername}, // a Cyrillic a
		{"maia\x00", "Maia", directory.ErrUsername},
		{"maia", "  ", directory.ErrDisplayName},
		{"maia", strings.Repeat("é", 65), directory.ErrDisplayName},
		{"maia", "Maia\nAdmin", directory.ErrDisplayName},
		{"maia", "Maia\u202e", directory.ErrDisplayName},
		{"maia", "Maia\u3164", directory.ErrDisplayName},
		{"maia", "\u2800Maia", directory.ErrDisplayName},
		{"maia", "\u200d", directory.ErrDisplayName},
		{"maia", "\u0301\ufe0f", directory.ErrDisplayName},
		{"maia", "\U0001f9d1\u200d\U0001f4bb \u2764\ufe0f", nil},
		{"maia", "まいあ", nil},
		{"maia", "Maia\xff", directory.ErrDisplayName},
	} {
		u, err := directory.NewUser{Username: tt.user, DisplayName: tt.display}.Make(now)
		if !errors.Is(err, tt.want) {
			t.Errorf("%q, %q: %v, want %v", tt.user, tt.display, err, tt.want)
		}
		if err == nil && (len(u.Handle) != 64 || u.Username != strings.ToLower(strings.TrimSpace(tt.user)) || u.ID == "") {
			t.Errorf("%q: made %+v", tt.user, u)
		}
	}
}

func TestPasskeyNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		" Maia's phone ": "Maia's phone", strings.Repeat("é", 64): strings.Repeat("é", 64),
		"": "", "  ": "", strings.Repeat("é", 65): "", "a\tb": "", "\u2066x": "",
	} {
		got, err := directory.CleanPasskeyName(name)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("CleanPasskeyName(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestOfferedNames(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"3fd0e7a2-5c1b-4b0e-9d57-0c4f5a2e17a1": "Cardea Authenticator on iPhone",
		"8c61b9d4-02f7-4e53-8a9e-6b1d4e7c3f52": "Cardea Authenticator on Android",
		"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
		"00000000-0000-0000-0000-000000000000": "Passkey",
		"01020304-0506-0708-090a-0b0c0d0e0f10": "Passkey",
	} {
		if got := directory.OfferName(webauthn.MustParseAAGUID(id)); got != want {
			t.Errorf("OfferName(%s) = %q, want %q", id, got, want)
		}
	}
}

func TestAccessPassLifetimes(t *testing.T) {
	t.Parallel()
	d, _ := open(t)
	u, err := d.AddUser(t.Context(), "admin", directory.NewUser{Username: "theo", DisplayName: "Theo"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ ttl, want time.Duration }{
		{0, time.Hour}, {10 * time.Minute, 10 * time.Minute}, {30 * 24 * time.Hour, 30 * 24 * time.Hour},
		{10*time.Minute - 1, 0}, {30*24*time.Hour + 1, 0}, {-time.Hour, 0},
	} {
		code, p, err := d.IssueAccessPass(t.Context(), "admin", u.ID, tt.ttl)
		if tt.want == 0 {
			if !errors.Is(err, directory.ErrPassTTL) {
				t.Errorf("ttl %v: %v, want %v", tt.ttl, err, directory.ErrPassTTL)
			}
			continue
		}
		if err != nil || p.Expires.Sub(now) != tt.want || !p.Live(now) || p.Live(p.Expires) {
			t.Errorf("ttl %v: %+v, %v, want one that lives %v", tt.ttl, p, err, tt.want)
		}
		if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$`).MatchString(code) {
			t.Errorf("code has another form than XXXXX-XXXXX: %d characters", len(code))
		}
	}
	if _, _, err := d.IssueAccessPass(t.Context(), "admin", "nobody", 0); !errors.Is(err, directory.ErrNoUser) {
		t.Errorf("a pass for nobody: %v, want %v", err, directory.ErrNoUser)
	}
}

func TestPassNeedsAKey(t *testing.T) {
	t.Parallel()
	_, db := open(t)
	d := directory.New(directory.Config{Store: db})
	u, err := d.AddUser(t.Context(), "", directory.NewUser{Username: "theo", DisplayName: "Theo"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.IssueAccessPass(t.Context(), "admin", u.ID, 0); err == nil {
		t.Error("a pass was issued whose code is hashed without a key")
	}
}

func TestCodesAreForgivingButTheirOwn(t *testing.T) {
	t.Parallel()
	key := secret.Random(32)
	code := "01ABC-89XYZ"
	want := directory.HashAccessPass(key, "u", code)
	for _, same := range []string{"01abc-89xyz", " 01ABC 89XYZ\t", "O1ABC89XYZ", "oiabc89xyz", "0lABC-89XYZ"} {
		if directory.HashAccessPass(key, "u", same) != want {
			t.Errorf("%q is not taken for %q", same, code)
		}
	}
	if directory.HashAccessPass(key, "v", code) == want {
		t.Error("two people's codes hash alike")
	}
	if directory.HashAccessPass(secret.Random(32), "u", code) == want {
		t.Error("two keys hash alike")
	}
	if directory.HashAccessPass(key, "u", "01ABC-89XYY") == want {
		t.Error("two codes hash alike")
	}
}

func TestGuessersAreTheirNetworkAndTheNameTheyTry(t *testing.T) {
	t.Parallel()
	key := secret.Random(32)
	for _, tt := range []struct {
		name, address, other, from string
		same                       bool
	}{
		{" Theo ", "192.0.2.7", "theo", "192.0.2.7", true},
		{"theo", "192.0.2.7", "theo", "192.0.2.8", false},
		{"theo", "192.0.2.7", "maia", "192.0.2.7", false},
		{"theo", "192.0.2.7", "theo", "::ffff:192.0.2.7", true},
		{"theo", "2001:db8:1:2::1", "theo", "2001:db8:1:2:ffff::9", true},
		{"theo", "2001:db8:1:2::1", "theo", "2001:db8:1:3::1", false},
		{"theo", "fe80::1%eth0", "theo", "fe80::2%eth1", true},
		{"theo", "nowhere", "theo", "", true},
		{"theo", "nowhere", "theo", "192.0.2.7", false},
	} {
		same := directory.HashGuesser(key, tt.name, tt.address) == directory.HashGuesser(key, tt.other, tt.from)
		if same != tt.same {
			t.Errorf("%q from %s and %q from %s are one guesser: %v, want %v", tt.name, tt.address, tt.other, tt.from, same, tt.same)
		}
	}
	if directory.HashName(key, " Theo ") != directory.HashName(key, "theo") || directory.HashName(key, "theo") == directory.HashGuesser(key, "theo", "") {
		t.Error("a name is not counted once, by itself")
	}
}

func TestEveryChangeIsRecordedWithWhoMadeIt(t *testing.T) {
	t.Parallel()
	d, db := open(t)
	ctx := audit.With(t.Context(), audit.Request{Reference: "7F3C", Address: "192.0.2.7"})
	u, err := d.AddUser(ctx, "admin", directory.NewUser{Username: "theo", DisplayName: "Theo"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.IssueAccessPass(ctx, "admin", u.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.SetDisabled(ctx, "admin", u.ID, false); err != nil {
		t.Fatal(err)
	}
	events, err := audit.New(db).ByUser(ctx, u.ID, 10)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []audit.Kind
	for _, e := range events {
		kinds = append(kinds, e.Kind)
		if e.By != "admin" || e.Reference != "7F3C" || e.Address != "192.0.2.7" || !e.Time.Equal(now) {
			t.Errorf("event = %+v, want by whom, from where and when", e)
		}
	}
	if len(kinds) != 3 || kinds[0] != audit.UserEnabled || kinds[1] != audit.PassIssued || kinds[2] != audit.UserAdded {
		t.Errorf("kinds = %v", kinds)
	}
}

func TestNameIsFoundInAnyCase(t *testing.T) {
	t.Parallel()
	d, _ := open(t)
	u, err := d.AddUser(t.Context(), "", directory.NewUser{Username: "Theo", DisplayName: "Theo"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.UserByName(t.Context(), " THEO "); err != nil || got.ID != u.ID {
		t.Errorf("UserByName() = %v, %v", got, err)
	}
	_, err = d.AddUser(t.Context(), "", directory.NewUser{Username: "theO", DisplayName: "Other"})
	if !errors.Is(err, directory.ErrNameTaken) {
		t.Errorf("the name in another case: %v, want %v", err, directory.ErrNameTaken)
	}
}

func TestClientRedirectsExactly(t *testing.T) {
	t.Parallel()
	c := directory.Client{RedirectURIs: []string{"https://a.example/cb"}}
	for uri, want := range map[string]bool{
		"https://a.example/cb": true, "https://a.example/cb/": false, "https://a.example/cb?x": false, "HTTPS://a.example/cb": false, "": false,
	} {
		if got := c.Redirects(uri); got != want {
			t.Errorf("Redirects(%q) = %v, want %v", uri, got, want)
		}
	}
}

func FuzzCodeForms(f *testing.F) {
	f.Add("01ABC-89XYZ")
	f.Add("")
	key := secret.New(make([]byte, 32))
	f.Fuzz(func(t *testing.T, code string) {
		once := directory.HashAccessPass(key, "u", code)
		if directory.HashAccessPass(key, "u", " "+code+" ") != once {
			t.Errorf("%q with blanks around it is another code", code)
		}
	})
}
