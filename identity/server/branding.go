package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"cardea/identity/web"
	"cardea/internal/look"
)

// Branding is what an organization changes in the pages. All of it may be
// empty: the pages then look as Cardea's own.
type Branding struct {
	// Logo is the path of an SVG or PNG of at most 64 KB. It stands where
	// Cardea's mark would, beside the name.
	Logo string `json:"logo"`
	// Accent and AccentDark are the color of buttons and links on a light and on
	// a dark page, as #rrggbb. A color that cannot be read is an error.
	Accent     string `json:"accent"`
	AccentDark string `json:"accent_dark"`
	// Contact is where people ask for help who cannot open HelpURL: a page,
	// mailto: or tel:.
	Contact string `json:"contact"`
	// The legal pages that footers lead to.
	PrivacyURL string `json:"privacy_url"`
	TermsURL   string `json:"terms_url"`
	ImprintURL string `json:"imprint_url"`
}

func (b Branding) check(report func(field string, err error)) {
	var l, d look.Brand
	l.Accent, d.AccentDark = b.Accent, b.AccentDark
	report("branding.accent", l.Check())
	report("branding.accent_dark", d.Check())
	report("branding.contact", look.CheckContact(b.Contact))
	report("branding.privacy_url", checkPage(b.PrivacyURL))
	report("branding.terms_url", checkPage(b.TermsURL))
	report("branding.imprint_url", checkPage(b.ImprintURL))
	if b.Logo != "" {
		_, err := readLogo(b.Logo)
		report("branding.logo", err)
	}
}

// open reads the logo and gives the brand that the pages have. Check has
// accepted the rest.
func (b Branding) open() (look.Brand, error) {
	brand := look.Brand{Accent: b.Accent, AccentDark: b.AccentDark}
	if b.Logo == "" {
		return brand, nil
	}
	logo, err := readLogo(b.Logo)
	if err != nil {
		return look.Brand{}, fmt.Errorf("branding.logo: %w", err)
	}
	brand.Logo = logo
	return brand, nil
}

func readLogo(path string) (*look.Logo, error) {
	content, err := readUpTo(path, look.MaxLogo)
	if err != nil {
		return nil, err
	}
	return look.ParseLogo(content)
}

func readProviders(path string) (*web.ProviderBook, error) {
	content, err := readUpTo(path, web.MaxProviderBook)
	if err != nil {
		return nil, err
	}
	return web.ParseProviderBook(content)
}

// readUpTo returns what is in the file, and one byte more than most if there is
// more: who reads it says that it is too much.
func readUpTo(path string, most int64) ([]byte, error) {
	if i, err := os.Stat(path); err != nil || !i.Mode().IsRegular() {
		return nil, errors.New("no such file: " + path) // a pipe would keep us waiting
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the file: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return content, nil
}

// maxLeftOut is how many of the icons that were refused go to the log.
const maxLeftOut = 5

// openProviders reads the names and icons of passkey providers. Icons that are
// left out only go to the log.
func (s *Server) openProviders(ctx context.Context) (err error) {
	if s.cfg.ProviderIcons == "" {
		return nil
	}
	if s.providers, err = readProviders(s.cfg.ProviderIcons); err != nil {
		return fmt.Errorf("provider_icons: %w", err)
	}
	if out := s.providers.LeftOut; len(out) > 0 {
		s.log.WarnContext(ctx, "icons of passkey providers are left out", "count", len(out), "first", out[:min(len(out), maxLeftOut)])
	}
	return nil
}

// site is what the pages say about where they are. What will work in part only
// goes to the log.
func (s *Server) site(ctx context.Context) (web.Site, error) {
	for _, w := range s.cfg.Warnings() {
		s.log.WarnContext(ctx, "configuration", "warning", w)
	}
	brand, err := s.cfg.Branding.open()
	if err != nil {
		return web.Site{}, err
	}
	s.brand = web.NewBrand(brand)
	if err := s.openProviders(ctx); err != nil {
		return web.Site{}, err
	}
	b := s.cfg.Branding
	return web.Site{
		Name: s.cfg.Name, RPID: s.cfg.RPID, LoginURL: s.cfg.LoginURL, AccountURL: s.cfg.AccountURL, HelpURL: s.cfg.HelpURL,
		Contact: b.Contact, PrivacyURL: b.PrivacyURL, TermsURL: b.TermsURL, ImprintURL: b.ImprintURL, Brand: s.brand, Providers: s.providers,
	}, nil
}
