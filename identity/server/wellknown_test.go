package server

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cardea/identity/web"
	"cardea/webauthn"
)

const atRP = "http://cardea.localhost:8480"

func TestDocumentsOfPasskeysStandAtTheRPIDOnly(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.RelatedOrigins = []webauthn.Origin{"https://alder.example", "https://alder.example"}
	c := once(start(t, cfg).browser())
	for path, want := range map[string]string{
		pathOrigins:   `{"origins":["` + cfg.LoginURL + `","` + cfg.AccountURL + `","https://alder.example"]}`,
		pathEndpoints: `{"enroll":"` + cfg.AccountURL + `/security/add","manage":"` + cfg.AccountURL + `/security"}`,
	} {
		res, body := get(t, c, atRP+path)
		h := res.Header
		if res.StatusCode != http.StatusOK || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "public, max-age=300" ||
			h.Get("X-Content-Type-Options") != "nosniff" || body != want {
			t.Errorf("%s = %d %v %s, want %s", path, res.StatusCode, h, body, want)
		}
		if res, _ := get(t, c, cfg.LoginURL+path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s at the login host = %d, want 404", path, res.StatusCode)
		}
	}
}

func TestSecurityTxt(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.SecurityContact, cfg.SecurityLanguages = "mailto:security@alder.example", []string{"en", "de"}
	cfg.SecurityPolicyURL = "https://alder.example/security"
	r := start(t, cfg)
	for _, origin := range []string{cfg.LoginURL, cfg.AccountURL, atRP} {
		res, body := get(t, once(r.browser()), origin+pathSecurity)
		until := time.Now().UTC().Truncate(24 * time.Hour).Add(securityLifetime).Format(time.RFC3339)
		want := "Contact: mailto:security@alder.example\nExpires: " + until + "\nPreferred-Languages: en, de\nCanonical: " +
			origin + pathSecurity + "\nPolicy: https://alder.example/security\n"
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" || body != want {
			t.Errorf("%s: %d %q\n%s\nwant\n%s", origin, res.StatusCode, res.Header.Get("Content-Type"), body, want)
		}
	}
	res, _ := get(t, once(start(t, config(t.TempDir())).browser()), cfg.LoginURL+pathSecurity)
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("without a contact: %d, want 404", res.StatusCode)
	}
}

// Who asks for change-password tries an address first that cannot be there, and
// goes on only if it is not (W3C change-password-url §4).
func TestChangePasswordLeadsToSecurityInfoAndNothingElseDoes(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	c := once(start(t, cfg).browser())
	for _, origin := range []string{cfg.LoginURL, cfg.AccountURL, atRP} {
		res, _ := get(t, c, origin+pathChange)
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != cfg.AccountURL+"/security" {
			t.Errorf("%s: %d to %q", origin, res.StatusCode, res.Header.Get("Location"))
		}
		if res, _ := get(t, c, origin+"/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: what is not there is %d, want 404", origin, res.StatusCode)
		}
	}
	if res, _ := get(t, c, atRP+"/"); res.Header.Get("Location") != cfg.AccountURL+"/" {
		t.Errorf("start page of the RP ID = %d to %q, want My Account", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestSearchEnginesAreKeptOff(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	c := once(start(t, cfg).browser())
	if _, body := get(t, c, cfg.LoginURL+pathRobots); body != "User-agent: *\nAllow: /support$\nAllow: /assets/\nDisallow: /\n" {
		t.Errorf("robots.txt = %q", body)
	}
	if _, body := get(t, c, cfg.LoginURL+"/signin"); !strings.Contains(body, `<meta name="robots" content="noindex">`) {
		t.Error("the sign-in page may be indexed")
	}
}

func TestTooManyRelatedOriginsAreWarnedOf(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	for _, name := range []string{"one", "two", "three", "four"} {
		cfg.RelatedOrigins = append(cfg.RelatedOrigins, webauthn.Origin("https://"+name+".example"), webauthn.Origin("https://www."+name+".example"))
	}
	if w := cfg.Warnings(); w != nil {
		t.Errorf("five names: Warnings() = %q", w)
	}
	cfg.RelatedOrigins = append(cfg.RelatedOrigins, "https://five.example")
	r := start(t, cfg)
	if len(cfg.Warnings()) != 1 || !strings.Contains(r.log.String(), "related_origins") {
		t.Errorf("six names: Warnings() = %q, and the log has none", cfg.Warnings())
	}
}

func TestBrandIsServedOnBothHosts(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.Branding = Branding{Accent: "#5b2a86", Logo: filepath.Join(t.TempDir(), "logo.svg"), Contact: "tel:+4930123"}
	logo := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><path d="M0 0h40v20z"/></svg>`
	if err := os.WriteFile(cfg.Branding.Logo, []byte(logo), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, cfg)
	c := r.browser()
	_, page := get(t, c, cfg.LoginURL+"/signin")
	_, rest, ok := strings.Cut(page, `<img class="logo" src="`)
	if !ok || !strings.Contains(page, `href="tel:`) {
		t.Fatalf("the page has no logo or no contact:\n%s", page)
	}
	path, _, _ := strings.Cut(rest, `"`)
	for _, origin := range []string{cfg.LoginURL, cfg.AccountURL} {
		if res, body := get(t, c, origin+path); res.StatusCode != http.StatusOK || body != logo || !strings.HasPrefix(path, web.BrandPrefix) {
			t.Errorf("%s%s: %d", origin, path, res.StatusCode)
		}
	}
	if err := os.WriteFile(cfg.Branding.Logo, []byte(strings.Replace(logo, "<path", "<script/><path", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "branding.logo: the SVG has a <script>") {
		t.Errorf("Check() with a script in the logo = %v", err)
	}
}

func TestIconsOfProvidersAreServedAndThoseLeftOutAreSaid(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.ProviderIcons = filepath.Join(t.TempDir(), "aaguids.json")
	const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M0 0h24v24z"/></svg>`
	list := `{"01020304-0506-0708-090a-0b0c0d0e0f10": {"name": "Owl Keys", "icon_light": "data:image/svg+xml;base64,` +
		base64.StdEncoding.EncodeToString([]byte(icon)) + `", "icon_dark": "https://evil.example/x.svg"}}`
	if err := os.WriteFile(cfg.ProviderIcons, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, cfg)
	if log := r.log.String(); !strings.Contains(log, "left out") || !strings.Contains(log, "icon_dark") {
		t.Errorf("the log does not say what was left out: %s", log)
	}
	book, err := web.ParseProviderBook([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	path, _ := book.Icon(webauthn.MustParseAAGUID("01020304-0506-0708-090a-0b0c0d0e0f10"))
	for _, origin := range []string{cfg.LoginURL, cfg.AccountURL} {
		if res, body := get(t, r.browser(), origin+path); res.StatusCode != http.StatusOK || body != icon || !strings.Contains(res.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s%s: %d %v", origin, path, res.StatusCode, res.Header)
		}
	}
}
