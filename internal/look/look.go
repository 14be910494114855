// Package look holds what every page of Cardea shares, whoever serves it: the
// design tokens (colors, type and space by their roles, each pair of ink and
// ground with its contrast) and the mark.
package look

import (
	"embed"
	"io/fs"
)

//go:embed tokens.css mark.svg
var files embed.FS

// Names are the names of the shared files.
func Names() []string {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		panic("look: internal error: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// File returns the shared file of that name, if there is one.
func File(name string) (b []byte, ok bool) {
	b, err := files.ReadFile(name)
	return b, err == nil
}
