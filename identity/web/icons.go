package web

import (
	"fmt"
	"html/template"
)

// icons are line icons on a grid of 24 with a line of 1.75, drawn in the color
// of the text around them.
var icons = map[string]string{
	"face":    `<path d="M4 8V6a2 2 0 0 1 2-2h2M16 4h2a2 2 0 0 1 2 2v2M20 16v2a2 2 0 0 1-2 2h-2M8 20H6a2 2 0 0 1-2-2v-2"/><path d="M9 9.5v1M15 9.5v1M12 9.5v3h-.9M9 15.2c1.7 1.5 4.3 1.5 6 0"/>`,
	"key":     `<rect x="7" y="2.8" width="10" height="13.7" rx="3"/><path d="M9.5 16.5v4.7h5v-4.7"/><circle cx="12" cy="9.5" r="2.3"/>`,
	"passkey": `<circle cx="8" cy="15.5" r="4.2"/><path d="m11.2 12.3 8.3-8.3M16 7.5l2.8 2.8M13.6 9.9l1.9 1.9"/>`,
	"phone":   `<rect x="6.5" y="2.8" width="11" height="18.4" rx="2.6"/><path d="M11 18h2"/>`,
	"laptop":  `<rect x="4.5" y="4.8" width="15" height="10.4" rx="2"/><path d="M2.5 18.8h19"/>`,
	"warning": `<path d="M12 4.2 2.9 19.3a.8.8 0 0 0 .7 1.2h16.8a.8.8 0 0 0 .7-1.2z" stroke-linejoin="round"/><path d="M12 10v4.3M12 17.3h.01" />`,
	"check":   `<path d="m5 12.6 4.6 4.6L19.2 7"/>`,
	"clock":   `<circle cx="12" cy="12" r="8.5"/><path d="M12 7.2V12l3.2 2"/>`,
	"next":    `<path d="m9.5 6 6 6-6 6"/>`,
	"back":    `<path d="m14.5 6-6 6 6 6"/>`,
	"plus":    `<path d="M12 5v14M5 12h14"/>`,
	"edit":    `<path d="M4.5 19.5h3.7L19 8.7a1.8 1.8 0 0 0 0-2.5L17.8 5a1.8 1.8 0 0 0-2.5 0L4.5 15.8z"/>`,
	"trash":   `<path d="M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7"/>`,
	"people":  `<circle cx="9" cy="8.5" r="3.5"/><path d="M2.8 19.5a6.2 6.2 0 0 1 12.4 0M15.5 5.3a3.5 3.5 0 0 1 0 6.4M17.7 14.2a6.2 6.2 0 0 1 3.5 5.3"/>`,
	"pass":    `<path d="M3.5 8.5v-1A1.5 1.5 0 0 1 5 6h14a1.5 1.5 0 0 1 1.5 1.5v1a3.5 3.5 0 0 0 0 7v1A1.5 1.5 0 0 1 19 18H5a1.5 1.5 0 0 1-1.5-1.5v-1a3.5 3.5 0 0 0 0-7z"/><path d="M14 9.5v5" stroke-dasharray="1.8 1.8"/>`,
	"list":    `<path d="M8.5 6.5h11.5M8.5 12h11.5M8.5 17.5h11.5M4.2 6.5h.01M4.2 12h.01M4.2 17.5h.01"/>`,
	"home":    `<path d="m4 11.5 8-7 8 7M6 10v9.5h12V10"/>`,
	"info":    `<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8h.01"/>`,
	"chip":    `<rect x="6.5" y="6.5" width="11" height="11" rx="2"/><path d="M9.5 3.5v3M14.5 3.5v3M9.5 17.5v3M14.5 17.5v3M3.5 9.5h3M3.5 14.5h3M17.5 9.5h3M17.5 14.5h3"/>`,
	"cloud":   `<path d="M7.2 18.5a4.2 4.2 0 0 1-.5-8.4 5.5 5.5 0 0 1 10.6 0 4.2 4.2 0 0 1-.5 8.4z"/>`,
	"out":     `<path d="M13.5 4.5H7A1.5 1.5 0 0 0 5.5 6v12A1.5 1.5 0 0 0 7 19.5h6.5M11 12h9M16.5 8.5 20 12l-3.5 3.5"/>`,
	"gear":    `<path d="M4 7.5h9M17 7.5h3M4 16.5h3M11 16.5h9"/><circle cx="15" cy="7.5" r="2"/><circle cx="9" cy="16.5" r="2"/>`,
	"apps":    `<rect x="4" y="4" width="6.5" height="6.5" rx="1.5"/><rect x="13.5" y="4" width="6.5" height="6.5" rx="1.5"/><rect x="4" y="13.5" width="6.5" height="6.5" rx="1.5"/><rect x="13.5" y="13.5" width="6.5" height="6.5" rx="1.5"/>`,
	"search":  `<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>`,
}

// icon returns one of icons, decorative, size CSS pixels wide and high.
func icon(name string, size int, class ...string) (template.HTML, error) {
	paths, ok := icons[name]
	if !ok {
		return "", fmt.Errorf("no icon is called %q", name)
	}
	var attr string
	if len(class) == 1 {
		attr = ` class="` + template.HTMLEscapeString(class[0]) + `"`
	}
	return template.HTML(fmt.Sprintf(`<svg%s width="%d" height="%[2]d" viewBox="0 0 24 24" fill="none" stroke="currentColor" `+
		`stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">%s</svg>`, attr, size, paths)), nil
}

// markPaths is two hinge leaves on one pin; the second leaf stands ajar.
const markPaths = `<path class="leaf-a" d="M4.5 4.5H11a1 1 0 0 1 1 1v21a1 1 0 0 1-1 1H4.5a2 2 0 0 1-2-2v-19a2 2 0 0 1 2-2z"/><path class="leaf-b" d="M21.3 4.6 28 7.2a2.3 2.3 0 0 1 1.5 2.2v18.2a1.8 1.8 0 0 1-2.5 1.7l-5.7-2.2a2 2 0 0 1-1.3-1.9V5.5a1 1 0 0 1 1.3-.9z"/><rect class="pin" x="13.7" y="3.5" width="4.6" height="7.2" rx="1.6"/><rect class="pin" x="13.7" y="12.4" width="4.6" height="7.2" rx="1.6"/><rect class="pin" x="13.7" y="21.3" width="4.6" height="7.2" rx="1.6"/>`

// mark returns Cardea's mark, decorative, size CSS pixels wide and high.
func mark(size int) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="mark" width="%d" height="%[1]d" viewBox="0 0 32 32" aria-hidden="true">%s</svg>`,
		size, markPaths))
}
