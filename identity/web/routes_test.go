package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cardea/identity/web/account"
	"cardea/identity/web/admin"
	"cardea/identity/web/signin"
)

// address makes an address of a pattern of http.ServeMux.
func address(origin, pattern string) (method, u string) {
	method, path, _ := strings.Cut(pattern, " ")
	return method, origin + strings.NewReplacer("{$}", "", "{id}", "x", "{passkey}", "x").Replace(path)
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	_, v, _ := signedIn(t)
	posts := 0
	for origin, patterns := range map[string][]string{
		v.login: signin.Routes(), v.account: append(account.Routes(), admin.Routes()...),
	} {
		for _, pattern := range patterns {
			method, u := address(origin, pattern)
			if method != http.MethodPost {
				continue
			}
			posts++
			for _, header := range []http.Header{
				{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}},
				{"Sec-Fetch-Site": {"none-such"}, "Origin": {"https://evil.example"}},
				// Browsers without Sec-Fetch-Site: the Origin is compared with the Host.
				{"Origin": {"https://evil.example"}}, {"Origin": {"null"}},
				{"Origin": {map[string]string{v.login: v.account, v.account: v.login}[origin]}},
			} {
				r := v.request(method, u, "application/x-www-form-urlencoded", strings.NewReader("a=b"))
				r.Header["Sec-Fetch-Site"], r.Header["Origin"] = header["Sec-Fetch-Site"], header["Origin"]
				if a := v.do(r); a.status != http.StatusForbidden || !strings.Contains(a.body, "That came from another site") {
					t.Errorf("%s with %v: %d: %s", pattern, header, a.status, text(a.body))
				}
			}
		}
	}
	if posts < 10 {
		t.Errorf("tried %d posts, want all of them", posts)
	}
	if a := v.get(v.account + "/"); a.at.Path != "/" {
		t.Errorf("after all that the visitor is at %s, want signed in still", a.at)
	}
}

func TestAddressFromElsewhereSaysNothingWasDone(t *testing.T) {
	t.Parallel()
	h, v, _ := signedIn(t)
	maia := h.passkeys("maia")[0]
	for path, banner := range map[string]string{
		"/security?deleted": "The passkey is deleted.", "/security?added=" + string(maia.ID): "is ready.",
		"/sessions?ended=7": "7 sessions are signed out.", "/admin/people/" + string(maia.UserID) + "?added": "is added.",
	} {
		for site, want := range map[string]bool{"same-origin": true, "cross-site": false, "same-site": false, "none": false, "": false} {
			r := v.request(http.MethodGet, v.account+path, "", nil)
			r.Header["Sec-Fetch-Site"] = nil
			if site != "" {
				r.Header.Set("Sec-Fetch-Site", site)
			}
			if a := v.do(r); a.status != http.StatusOK || strings.Contains(a.body, banner) != want {
				t.Errorf("%s from %q: %d, says %q: %v, want %v", path, site, a.status, banner, !want, want)
			}
		}
	}
}

func TestPostsOfOldBrowsersAreTakenFromTheirOwnPages(t *testing.T) {
	t.Parallel()
	_, v, _ := signedIn(t)
	r := v.request(http.MethodPost, v.account+"/sessions/others/end", "application/x-www-form-urlencoded", strings.NewReader(""))
	r.Header["Sec-Fetch-Site"], r.Header["Origin"] = nil, []string{v.account}
	if a := v.do(r); a.status != http.StatusSeeOther {
		t.Errorf("a post with an Origin of its own and no Sec-Fetch-Site: %d: %s", a.status, text(a.body))
	}
}

func TestAdministrationDoesNotExistForOthers(t *testing.T) {
	t.Parallel()
	h, maia, _ := signedIn(t)
	_, code := h.newcomer("jo")
	jo := h.visitor()
	jo.post(jo.login+"/signin/pass", url.Values{"username": {"jo"}, "code": {code}})
	jo.get(jo.account + "/security/add")
	if got := jo.register(newSoft(t)); got.Passkey == "" {
		t.Fatalf("jo's registration: %+v", got)
	}
	if a := jo.get(jo.account + "/"); strings.Contains(a.body, "Administration") {
		t.Error("jo is shown the way to the administration")
	}
	for _, pattern := range admin.Routes() {
		method, u := address(h.account, pattern)
		if a := jo.do(jo.request(method, u, "", nil)); a.status != http.StatusNotFound || !strings.Contains(a.body, "nothing here") {
			t.Errorf("%s by somebody else: %d: %s", pattern, a.status, text(a.body))
		}
		if a := h.visitor().do(h.visitor().request(method, u, "", nil)); a.status != http.StatusSeeOther && a.status != http.StatusUnauthorized {
			t.Errorf("%s by nobody: %d, want to be sent to sign in", pattern, a.status)
		}
		if a := maia.do(maia.request(method, u, "", nil)); a.status == http.StatusForbidden || strings.Contains(a.body, "There is no page") {
			t.Errorf("%s by an administrator: %d: %s", pattern, a.status, text(a.body))
		}
	}
}

func TestEveryPageOfMyAccountNeedsAVisitor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	open := map[string]bool{"GET /callback": true, "GET /signed-out": true, "POST /signout": true}
	for _, pattern := range account.Routes() {
		if open[pattern] {
			continue
		}
		method, u := address(h.account, pattern)
		v := h.visitor()
		a := v.do(v.request(method, u, "", nil))
		want := http.StatusSeeOther
		if method == http.MethodPost {
			want = http.StatusUnauthorized
		}
		if a.status != want {
			t.Errorf("%s by nobody: %d, want %d", pattern, a.status, want)
		}
	}
}

func TestPagesAndErrorsHaveSecurityHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visitor()
	for _, u := range []string{h.login + "/signin", h.login + "/nothing", h.account + "/nothing", h.account + "/callback", h.account + "/signed-out"} {
		a := v.do(v.request(http.MethodGet, u, "", nil))
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || a.header.Get("Cache-Control") != "no-store" ||
			a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: headers %v", u, a.header)
		}
		for _, c := range a.header.Values("Set-Cookie") {
			if !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || strings.Contains(c, "Domain") {
				t.Errorf("%s sets %s", u, c)
			}
		}
	}
	if a := v.get(h.login + "/nothing"); a.status != http.StatusNotFound || !strings.Contains(a.body, "Reference") {
		t.Errorf("an address without a page: %d: %s", a.status, text(a.body))
	}
}

func TestScriptsThatSendNonsenseAreToldSo(t *testing.T) {
	t.Parallel()
	v := newHouse(t).visitor()
	for _, tt := range []struct {
		name, contentType, body string
		want                    int
	}{
		{"a form", "application/x-www-form-urlencoded", "hint=", http.StatusUnsupportedMediaType},
		{"text", "text/plain", `{"hint":""}`, http.StatusUnsupportedMediaType},
		{"half of it", "application/json", `{"hint":`, http.StatusBadRequest},
		{"too much", "application/json", `{"hint":""} {}`, http.StatusBadRequest},
		{"something unknown", "application/json", `{"admin":true}`, http.StatusBadRequest},
		{"a book", "application/json", `{"hint":"` + strings.Repeat("a", 70<<10) + `"}`, http.StatusRequestEntityTooLarge},
	} {
		r := v.request(http.MethodPost, v.login+"/signin/passkey/begin", tt.contentType, strings.NewReader(tt.body))
		if a := v.do(r); a.status != tt.want || !strings.HasPrefix(a.body, `{"reason":`) {
			t.Errorf("%s: %d %s, want %d", tt.name, a.status, a.body, tt.want)
		}
	}
}
