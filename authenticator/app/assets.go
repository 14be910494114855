package app

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"cardea/internal/look"
)

//go:embed assets
var assetFiles embed.FS

//go:embed templates
var templateFiles embed.FS

// Assets serves the style sheets, scripts and pictures of the pages below
// /assets/.
func Assets() http.Handler {
	own := http.FileServerFS(assetFiles)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/assets/")
		if b, ok := look.File(name); ok {
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
			return
		}
		own.ServeHTTP(w, r)
	})
}

// templates has one set per page: the frame, the sheet, and the page's own
// content.
var templates = parseTemplates()

func parseTemplates() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(template.FuncMap{"icon": icon, "mark": mark}).
		ParseFS(templateFiles, "templates/frame.html", "templates/sheet.html"))
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic("app: internal error: " + err.Error())
	}
	sets := map[string]*template.Template{}
	for _, f := range files {
		name := strings.TrimSuffix(path.Base(f), ".html")
		if name == "frame" || name == "sheet" {
			continue
		}
		sets[name] = template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, f))
	}
	return sets
}

// render writes a whole page. Nothing is written if the template fails.
func (a *App) render(w http.ResponseWriter, status int, name string, data any) error {
	b, err := execute(name, "page", data)
	if err != nil {
		return err
	}
	writeHTML(w, status, b)
	return nil
}

func execute(set, name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := templates[set].ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", set, err)
	}
	return b.Bytes(), nil
}

func writeHTML(w http.ResponseWriter, status int, b []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the browser has gone if this fails
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the browser has gone if this fails
}

func wantsJSON(r *http.Request) bool { return r.Header.Get("Accept") == "application/json" }
