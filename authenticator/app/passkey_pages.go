package app

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"cardea/authenticator"
	"cardea/internal/httpd"
)

type passkeysPage struct {
	Frame  frame
	Sites  []siteGroup
	Notice string
}

// A siteGroup is the passkeys of one site.
type siteGroup struct {
	Name     string
	Passkeys []passkeyRow
}

type passkeyRow struct {
	Name, Detail, Href string
}

type passkeyPage struct {
	Frame                frame
	Name, Site, SiteSays string
	Account              string
	Created, LastUsed    string
	Nickname, Href       string
	Notice, Problem      string
}

type deletePage struct {
	Frame               frame
	Account, Site, Href string
	Field               secretField
	Problem             string
}

func (a *App) passkeysPage(w http.ResponseWriter, r *http.Request, notice string) error {
	all, err := a.keeper.Passkeys(r.Context(), "")
	if errors.Is(err, authenticator.ErrLocked) {
		return a.lockScreen(w, r, http.StatusOK, "")
	}
	if err != nil {
		return fmt.Errorf("listing passkeys: %w", err)
	}
	if r.URL.Query().Get("deleted") != "" && notice == "" {
		notice = "Deleted here. Delete it in your account on the site too."
	}
	return a.render(w, http.StatusOK, "passkeys", passkeysPage{
		Frame: a.frame("Passkeys", tabPasskeys).live(), Sites: bySite(all), Notice: notice,
	})
}

// bySite groups passkeys by site, in the alphabet of their names.
func bySite(all []authenticator.Passkey) []siteGroup {
	groups := map[string]*siteGroup{}
	for _, p := range all {
		id := string(p.RPID)
		if groups[id] == nil {
			groups[id] = &siteGroup{Name: siteName(p)}
		}
		r := rowOf(p.Account, p.Nickname)
		groups[id].Passkeys = append(groups[id].Passkeys, passkeyRow{r.Name, r.Detail, hrefOf(p)})
	}
	sites := make([]siteGroup, 0, len(groups))
	for _, g := range groups {
		sites = append(sites, *g)
	}
	slices.SortFunc(sites, func(x, y siteGroup) int { return strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)) })
	return sites
}

// siteName is what the site calls itself and, always, who it is: the first
// alone is anybody's to choose.
func siteName(p authenticator.Passkey) string {
	if p.RPName == "" || p.RPName == string(p.RPID) {
		return authenticator.SiteName(p.RPID)
	}
	return p.RPName + " · " + string(p.RPID)
}

// hrefOf is the page of p. Its name is short and says nothing of the
// credential to who reads over a shoulder.
func hrefOf(p authenticator.Passkey) string {
	sum := sha256.Sum256(p.ID)
	return "/passkeys/" + hex.EncodeToString(sum[:8])
}

// passkeyOf finds the passkey that the path names.
func (a *App) passkeyOf(r *http.Request) (authenticator.Passkey, error) {
	all, err := a.keeper.Passkeys(r.Context(), "")
	if err != nil {
		return authenticator.Passkey{}, fmt.Errorf("finding a passkey: %w", err)
	}
	for _, p := range all {
		if hrefOf(p) == "/passkeys/"+r.PathValue("ref") {
			return p, nil
		}
	}
	return authenticator.Passkey{}, httpd.Errorf(http.StatusNotFound, "That passkey isn't on this "+a.words.Device+".", "no such passkey")
}

func (a *App) passkeyPage(w http.ResponseWriter, r *http.Request) error {
	p, err := a.passkeyOf(r)
	if err != nil {
		return err
	}
	notice := ""
	if r.URL.Query().Get("saved") != "" {
		notice = "Saved."
	}
	return a.renderPasskey(w, http.StatusOK, p, p.Nickname, notice, "")
}

func (a *App) renderPasskey(w http.ResponseWriter, status int, p authenticator.Passkey, nickname, notice, problem string) error {
	page := passkeyPage{
		Frame: a.frame("Passkey", ""), Name: rowOf(p.Account, p.Nickname).Name, Site: authenticator.SiteName(p.RPID), Account: accountName(p.Account),
		Created: a.day(p.CreatedAt), LastUsed: a.day(p.LastUsed), Nickname: nickname, Href: hrefOf(p), Notice: notice, Problem: problem,
	}
	if p.RPName != page.Site {
		page.SiteSays = p.RPName
	}
	return a.render(w, status, "passkey", page)
}

// maxNickname is how many characters a name may have; it must fit a row.
const maxNickname = 30

func (a *App) renamePasskey(w http.ResponseWriter, r *http.Request) error {
	p, err := a.passkeyOf(r)
	if err != nil {
		return err
	}
	name := strings.Join(strings.Fields(r.PostFormValue("name")), " ")
	if utf8.RuneCountInString(name) > maxNickname {
		return a.renderPasskey(w, http.StatusUnprocessableEntity, p, name, "", "That name is longer than 30 characters.")
	}
	if err := a.keeper.Rename(r.Context(), p.ID, name); err != nil {
		return fmt.Errorf("renaming a passkey: %w", err)
	}
	a.news.tell()
	return see(w, r, hrefOf(p)+"?saved=1")
}

func (a *App) deletePage(w http.ResponseWriter, r *http.Request) error {
	p, err := a.passkeyOf(r)
	if err != nil {
		return err
	}
	return a.renderDelete(w, http.StatusOK, p, "")
}

func (a *App) renderDelete(w http.ResponseWriter, status int, p authenticator.Passkey, problem string) error {
	kind := a.keeper.Kind()
	return a.render(w, status, "delete", deletePage{
		Frame: a.frame("Delete this passkey?", ""), Account: accountName(p.Account), Site: authenticator.SiteName(p.RPID), Href: hrefOf(p),
		Field: a.secretField("secret", a.words.secret(kind).Label, kind, problem), Problem: problem,
	})
}

// deletePasskey wants the secret, as the command for it does: there is no way
// back, and a page cannot tell a person from a program.
func (a *App) deletePasskey(w http.ResponseWriter, r *http.Request) error {
	p, err := a.passkeyOf(r)
	if err != nil {
		return err
	}
	if err := a.keeper.Prove(r.Context(), r.PostFormValue("secret")); err != nil {
		problem, err := a.secretProblem(err, a.keeper.Kind())
		if err != nil {
			return fmt.Errorf("deleting a passkey: %w", err)
		}
		if a.keeper.Locked() {
			return see(w, r, "/")
		}
		return a.renderDelete(w, http.StatusUnprocessableEntity, p, problem)
	}
	if err := a.keeper.Delete(r.Context(), p.ID); err != nil {
		return fmt.Errorf("deleting a passkey: %w", err)
	}
	a.news.tell()
	return see(w, r, "/?deleted=1")
}
