package web

import (
	"bytes"
	"fmt"
	"html/template"
	"runtime"
	"sync"
	"time"

	"cardea/identity/web/words"
)

// A press is the templates of all pages, parsed. Their functions speak for the
// UI that has the press at the time, in its language and by its clock.
//
// Parsing takes thirty times longer than rendering. If each language and
// each clock had templates of its own, anybody could have the server parse for
// them by saying that they live somewhere else.
type press struct {
	ui    *UI
	pages map[string]*template.Template
}

func newPress() *press {
	p := &press{pages: map[string]*template.Template{}}
	frames := template.Must(template.New("").Funcs(p.funcs()).ParseFS(templateFiles,
		"templates/frame_*.html", "templates/part_*.html"))
	for _, page := range pages {
		name, _ := page.template()
		t := template.Must(frames.Clone())
		p.pages[name] = template.Must(t.ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return p
}

// maxPresses is how many pages are rendered at the same moment. Rendering does
// not wait for anything, so more than there are processors would not help.
const maxPresses = 8

// presses are those of the process: templates know nothing of a site. One that
// was used before is taken before another is made.
type presses struct {
	free   chan *press
	unmade chan struct{}
}

var house = sync.OnceValue(func() *presses {
	n := min(runtime.GOMAXPROCS(0), maxPresses)
	all := &presses{free: make(chan *press, n), unmade: make(chan struct{}, n)}
	for range n {
		all.unmade <- struct{}{}
	}
	all.put(all.take()) // a mistake in a template is found at the start
	return all
})

func (all *presses) take() *press {
	select {
	case p := <-all.free:
		return p
	default:
	}
	select {
	case p := <-all.free:
		return p
	case <-all.unmade:
		return newPress()
	}
}

func (all *presses) put(p *press) {
	p.ui = nil
	all.free <- p
}

// html returns p as a document, as ui says it.
func (all *presses) html(ui *UI, p Page) ([]byte, error) {
	press := all.take()
	defer all.put(press)
	press.ui = ui
	name, frame := p.template()
	t, ok := press.pages[name]
	if !ok {
		return nil, fmt.Errorf("page %s: no such template", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, frame, view{S: ui.site, P: p, Now: ui.now(), L: ui.Language(), Frame: frame}); err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

func (p *press) funcs() template.FuncMap {
	return template.FuncMap{
		"icon":       icon,
		"mark":       mark,
		"asset":      AssetURL,
		"contact":    contactLink,
		"initials":   initials,
		"maker":      func(k PasskeyRow) string { return p.ui.MakerOf(k) },
		"drawn":      func(k PasskeyRow) Drawn { return p.ui.drawnAs(k) },
		"t":          func(key string, args ...any) (string, error) { return p.ui.printer.T(key, args...) },
		"say":        func(t words.Text) (string, error) { return p.ui.printer.Say(t) },
		"when":       func(t time.Time) string { return p.ui.When(t) },
		"at":         func(t time.Time) string { return p.ui.At(t) },
		"moment":     func(t time.Time) string { return p.ui.Moment(t) },
		"day":        func(t time.Time) string { return p.ui.Day(t) },
		"stamp":      func(t time.Time) string { return p.ui.Stamp(t) },
		"zone":       func() string { return p.ui.zoneName() },
		"zoneCookie": func() string { return p.ui.zoneCookie() },
		"stampForm":  func() string { return p.ui.stampForm() },
		"months":     func() string { return p.ui.months() },
		"iso":        func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"failures":   func() []string { return scriptFailures },
		"minus":      func(a, b int) int { return a - b },
		"to":         withQuery,
	}
}
