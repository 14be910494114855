package browser

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cardea/internal/look"
)

// ExtensionID is the extension's name in the browser. It follows from the key
// in the manifest, so it is the same wherever the extension is loaded from.
const ExtensionID = "fkjacecdoknnnnlkdokofogncdeflabo"

//go:embed extension
var extensionFiles embed.FS

// WriteExtension writes the unpacked extension into the folder dir, for
// --load-extension or "Load unpacked". Files of an older version are replaced;
// other files in dir stay.
func WriteExtension(dir string) error {
	files, err := fs.Sub(extensionFiles, "extension")
	if err != nil {
		return fmt.Errorf("writing the extension: %w", err)
	}
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(path, 0o755)
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return replace(path, b, 0o644)
	})
	if err != nil {
		return fmt.Errorf("writing the extension: %w", err)
	}
	for _, name := range look.Names() {
		b, _ := look.File(name)
		if err := replace(filepath.Join(dir, name), b, 0o644); err != nil {
			return fmt.Errorf("writing the extension: %w", err)
		}
	}
	return nil
}

// replace writes a file so that nobody ever reads half of it.
func replace(path string, b []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
