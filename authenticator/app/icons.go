package app

import (
	"fmt"
	"html/template"
)

// iconPaths are line icons on a 24 px grid, drawn with the colour of the text
// around them.
var iconPaths = map[string]template.HTML{
	"face":        `<path d="M4 8V6a2 2 0 0 1 2-2h2M16 4h2a2 2 0 0 1 2 2v2M20 16v2a2 2 0 0 1-2 2h-2M8 20H6a2 2 0 0 1-2-2v-2"/><path d="M9 9.5v1M15 9.5v1M12 9.5v3h-.9M9 15.2c1.7 1.5 4.3 1.5 6 0"/>`,
	"fingerprint": `<path d="M6 8.2A7 7 0 0 1 19 12v2.2"/><path d="M5 12.2v-.4"/><path d="M5 15.5c0-1 .2-1.6.2-3.5"/><path d="M8.2 19c.6-1.8.6-4 .6-6.6a3.2 3.2 0 0 1 6.4 0c0 3-.1 5-.7 7.2"/><path d="M12 12.5c0 3.3-.1 5.6-1 8"/><path d="M18.7 17.5c-.1.8-.3 1.5-.5 2.2"/>`,
	"pin":         `<rect x="3" y="6" width="18" height="12" rx="3"/><path d="M7.5 12h.01M12 12h.01M16.5 12h.01" stroke-width="2.6"/>`,
	"passkey":     `<circle cx="8" cy="15.5" r="4.2"/><path d="m11.2 12.3 8.3-8.3M16 7.5l2.8 2.8M13.6 9.9l1.9 1.9"/>`,
	"phone":       `<rect x="6.5" y="2.8" width="11" height="18.4" rx="2.6"/><path d="M11 18h2"/>`,
	"laptop":      `<rect x="4.5" y="4.8" width="15" height="10.4" rx="2"/><path d="M2.5 18.8h19"/>`,
	"warning":     `<path d="M12 4.2 2.9 19.3a.8.8 0 0 0 .7 1.2h16.8a.8.8 0 0 0 .7-1.2z" stroke-linejoin="round"/><path d="M12 10v4.3M12 17.3h.01" />`,
	"check":       `<path d="m5 12.6 4.6 4.6L19.2 7"/>`,
	"camera":      `<path d="M4.5 7.5h3l1.6-2.5h5.8l1.6 2.5h3a1.5 1.5 0 0 1 1.5 1.5v8.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5V9a1.5 1.5 0 0 1 1.5-1.5z"/><circle cx="12" cy="13" r="3.5"/>`,
	"clock":       `<circle cx="12" cy="12" r="8.5"/><path d="M12 7.2V12l3.2 2"/>`,
	"globe":       `<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c2.6 2.5 3.6 5.4 3.6 8.5S14.6 18 12 20.5C9.4 18 8.4 15.1 8.4 12S9.4 6 12 3.5z"/>`,
	"next":        `<path d="m9.5 6 6 6-6 6"/>`,
	"back":        `<path d="m14.5 6-6 6 6 6"/>`,
	"close":       `<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>`,
	"edit":        `<path d="M4.5 19.5h3.7L19 8.7a1.8 1.8 0 0 0 0-2.5L17.8 5a1.8 1.8 0 0 0-2.5 0L4.5 15.8z"/>`,
	"trash":       `<path d="M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7"/>`,
	"near":        `<path d="M7.5 16.5a6.4 6.4 0 0 1 0-9M16.5 7.5a6.4 6.4 0 0 1 0 9M4.7 19.3a10.3 10.3 0 0 1 0-14.6M19.3 4.7a10.3 10.3 0 0 1 0 14.6"/><circle cx="12" cy="12" r="1.7" fill="currentColor"/>`,
	"info":        `<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8h.01"/>`,
	"gear":        `<path d="M4 7.5h9M17 7.5h3M4 16.5h3M11 16.5h9"/><circle cx="15" cy="7.5" r="2"/><circle cx="9" cy="16.5" r="2"/>`,
	"scan":        `<path d="M4 8.5V6a2 2 0 0 1 2-2h2.5M15.5 4H18a2 2 0 0 1 2 2v2.5M20 15.5V18a2 2 0 0 1-2 2h-2.5M8.5 20H6a2 2 0 0 1-2-2v-2.5M4 12h16"/>`,
	"pattern":     `<path d="M6.5 6.5h11L6.5 17.5h11" /><path d="M6.5 6.5h.01M12 6.5h.01M17.5 6.5h.01M6.5 12h.01M12 12h.01M17.5 12h.01M6.5 17.5h.01M12 17.5h.01M17.5 17.5h.01" stroke-width="3.2"/>`,
	"wait":        `<path d="M6 12h.01M12 12h.01M18 12h.01" stroke-width="3"/>`,
}

// icon returns a decorative icon of the given size in CSS pixels. An unknown
// name is a fault of the template that asks for it.
func icon(name string, size int) (template.HTML, error) {
	paths, ok := iconPaths[name]
	if !ok {
		return "", fmt.Errorf("no icon %q", name)
	}
	return template.HTML(fmt.Sprintf(`<svg class="i-%s" width="%d" height="%d" viewBox="0 0 24 24" fill="none" stroke="currentColor" `+
		`stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">`, name, size, size)) + paths + "</svg>", nil
}

// mark returns the two leaves on one hinge.
func mark(size int) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="mark" width="%d" height="%d" viewBox="0 0 32 32" aria-hidden="true">`, size, size)) +
		`<path class="leaf-a" d="M4.5 4.5H11a1 1 0 0 1 1 1v21a1 1 0 0 1-1 1H4.5a2 2 0 0 1-2-2v-19a2 2 0 0 1 2-2z"/>` +
		`<path class="leaf-b" d="M21.3 4.6 28 7.2a2.3 2.3 0 0 1 1.5 2.2v18.2a1.8 1.8 0 0 1-2.5 1.7l-5.7-2.2a2 2 0 0 1-1.3-1.9V5.5a1 1 0 0 1 1.3-.9z"/>` +
		`<rect class="pin" x="13.7" y="3.5" width="4.6" height="7.2" rx="1.6"/><rect class="pin" x="13.7" y="12.4" width="4.6" height="7.2" rx="1.6"/>` +
		`<rect class="pin" x="13.7" y="21.3" width="4.6" height="7.2" rx="1.6"/></svg>`
}
