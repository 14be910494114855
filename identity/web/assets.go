package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"cardea/internal/httpd"
	"cardea/internal/look"
)

//go:embed assets/*
var assetFiles embed.FS

// AssetPrefix is the path below which every host serves the style sheets, the
// scripts and the mark.
const AssetPrefix = "/assets/"

// assetVersion is the folder that the assets appear in. It changes whenever one
// of them does, so they can be kept for ever; and because all are in one folder,
// scripts find each other by relative names.
var assetVersion = func() string {
	sum := sha256.New()
	for _, name := range assetNames() {
		b, err := readAsset(name)
		if err != nil {
			panic("web: internal error: " + err.Error())
		}
		sum.Write([]byte(name + "\x00"))
		sum.Write(b)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}()

func assetNames() []string {
	entries, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		panic("web: internal error: " + err.Error())
	}
	names := look.Names()
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// readAsset returns a file of these pages, or one that all of Cardea's pages share.
func readAsset(name string) ([]byte, error) {
	if b, ok := look.File(name); ok {
		return b, nil
	}
	return assetFiles.ReadFile("assets/" + name)
}

// AssetURL returns the path of an asset. A name that does not exist is a fault
// of a template and panics.
func AssetURL(name string) string {
	if _, err := readAsset(name); err != nil {
		panic("web: internal error: " + err.Error())
	}
	return AssetPrefix + assetVersion + "/" + name
}

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// assetZips are the assets, compressed once.
var assetZips = sync.OnceValue(func() map[string][]byte {
	zips := map[string][]byte{}
	for _, name := range assetNames() {
		if b, err := readAsset(name); err == nil {
			zips[name] = httpd.Gzip(b)
		}
	}
	return zips
})

// Assets serves the assets below AssetPrefix. An address of another version is
// not found rather than answered with content that does not belong to it.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, AssetPrefix+assetVersion+"/")
		b, err := readAsset(name)
		if !ok || err != nil || strings.Contains(name, "/") {
			w.Header().Set("Cache-Control", "no-store")
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", assetTypes[path.Ext(name)])
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Add("Vary", "Accept-Encoding")
		// They are public, the same for everyone, and hold nothing that a
		// request says: their length tells nothing.
		if zip := assetZips()[name]; len(zip) < len(b) && httpd.AcceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			b = zip
		}
		if r.Method == http.MethodHead {
			return
		}
		_, _ = w.Write(b) // the reader left; nobody to tell
	})
}
