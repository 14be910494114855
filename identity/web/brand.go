package web

import (
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"net/http"

	"cardea/internal/httpd"
	"cardea/internal/look"
)

// BrandPrefix is the path below which each host serves what an organization has
// brought: its colors and its logo.
const BrandPrefix = AssetPrefix + "brand/"

// brandCSP goes with files that others have made. One that is opened by itself
// is a document, and this one can do nothing (CSP 3 §6.3.2).
const brandCSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

// A Brand is a look.Brand as the pages need it.
type Brand struct {
	Stylesheet string // address of the colors; empty for Cardea's own
	LogoURL    string // address of the logo; empty for Cardea's mark
	logo       *look.Logo
	files      map[string]brandFile
}

type brandFile struct {
	contentType string
	content     []byte
}

// LogoWidth is how wide the logo is at height, in CSS pixels: pages say so that
// nothing moves when it arrives.
func (b Brand) LogoWidth(height int) int { return b.logo.Width(height) }

// NewBrand gives b its addresses, each with a hash of what is there.
func NewBrand(b look.Brand) Brand {
	brand := Brand{logo: b.Logo, files: map[string]brandFile{}}
	if css := b.CSS(); css != nil {
		sum := sha256.Sum256(css)
		brand.Stylesheet = BrandPrefix + hex.EncodeToString(sum[:8]) + ".css"
		brand.files[brand.Stylesheet] = brandFile{"text/css; charset=utf-8", css}
	}
	if b.Logo != nil {
		brand.LogoURL = BrandPrefix + b.Logo.Hash() + "." + b.Logo.Ext
		brand.files[brand.LogoURL] = brandFile{b.Logo.Type, b.Logo.Content}
	}
	return brand
}

// ServeHTTP answers below BrandPrefix.
func (b Brand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	httpd.Headers(brandCSP, serveHashed(b.files)).ServeHTTP(w, r)
}

// serveHashed serves files that others have made, whose addresses change with
// their content.
func serveHashed(files map[string]brandFile) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", f.contentType)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		if r.Method != http.MethodHead {
			_, _ = w.Write(f.content) // the reader left; nobody to tell
		}
	})
}

// contactLink lets mailto: and tel: through, which templates take for unsafe in
// part, and nothing else that look.CheckContact would not.
func contactLink(s string) template.URL {
	if look.CheckContact(s) != nil {
		return ""
	}
	return template.URL(s)
}
