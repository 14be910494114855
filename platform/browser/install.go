package browser

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// hostName is what the extension calls the Host by.
const hostName = "org.cardea.platform"

// An Installation tells browsers where the Host is. A browser gives a native
// host no arguments of ours, so a small script stands between the two.
type Installation struct {
	// Profiles are the user data folders of the browsers; empty means
	// DefaultProfiles.
	Profiles []string
	// Folder is where the script and the unpacked extension are written. It
	// must stay where it is.
	Folder string
	// Command is the program and the arguments that run the Host, the program
	// by its full path.
	Command []string
}

// Extension is the folder of the unpacked extension.
func (i Installation) Extension() string { return filepath.Join(i.Folder, "extension") }

func (i Installation) script() string { return filepath.Join(i.Folder, "browser-host") }

// ErrNoProfiles says that no browser was found to install for.
var ErrNoProfiles = errors.New("no Chromium or Chrome profile was found")

// hostManifest is the file that a browser reads to find a native host.
type hostManifest struct {
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Path           string   `json:"path"`
	Type           string   `json:"type"`
	AllowedOrigins []string `json:"allowed_origins"`
}

// Install writes script, extension, and a manifest for each profile. Doing it
// again replaces what is there.
func (i Installation) Install() error {
	if len(i.Command) == 0 || !filepath.IsAbs(i.Command[0]) {
		return errors.New("installing the browser host: want the full path of a program")
	}
	folder, err := filepath.Abs(i.Folder)
	if err != nil {
		return fmt.Errorf("installing the browser host: %w", err)
	}
	i.Folder = folder
	manifests, err := i.manifests()
	if err != nil {
		return fmt.Errorf("installing the browser host: %w", err)
	}
	if err := WriteExtension(i.Extension()); err != nil {
		return fmt.Errorf("installing the browser host: %w", err)
	}
	if err := replace(i.script(), i.scriptText(), 0o755); err != nil {
		return fmt.Errorf("installing the browser host: %w", err)
	}
	for _, path := range manifests {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("installing the browser host: %w", err)
		}
		if err := replace(path, i.manifestText(), 0o644); err != nil {
			return fmt.Errorf("installing the browser host: %w", err)
		}
	}
	return nil
}

// Uninstall removes what Install has written, and nothing else. What is gone
// already is no error.
func (i Installation) Uninstall() error {
	manifests, err := i.manifests()
	if errors.Is(err, ErrNoProfiles) {
		err = nil
	}
	for _, path := range append(manifests, i.script()) {
		if rm := os.Remove(path); !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}
	if err = errors.Join(err, os.RemoveAll(i.Extension())); err != nil {
		return fmt.Errorf("uninstalling the browser host: %w", err)
	}
	return nil
}

func (i Installation) manifests() ([]string, error) {
	profiles := i.Profiles
	if len(profiles) == 0 {
		var err error
		if profiles, err = DefaultProfiles(); err != nil {
			return nil, err
		}
	}
	var paths []string
	for _, p := range profiles {
		paths = append(paths, filepath.Join(p, "NativeMessagingHosts", hostName+".json"))
	}
	return paths, nil
}

func (i Installation) scriptText() []byte {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Started by the browser for the Cardea extension.\nexec")
	for _, arg := range i.Command {
		// Within single quotes the shell reads everything as it stands.
		b.WriteString(" '" + strings.ReplaceAll(arg, "'", `'\''`) + "'")
	}
	b.WriteString("\n")
	return []byte(b.String())
}

func (i Installation) manifestText() []byte {
	b, err := json.MarshalIndent(hostManifest{
		Name: hostName, Description: "Cardea passkeys", Path: i.script(), Type: "stdio",
		AllowedOrigins: []string{"chrome-extension://" + ExtensionID + "/"},
	}, "", "  ")
	if err != nil {
		panic("browser: internal error: " + err.Error())
	}
	return append(b, '\n')
}

// DefaultProfiles returns the user data folders of Chromium and Chrome that
// this person has, ErrNoProfiles if there is none.
func DefaultProfiles() ([]string, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("looking for browsers: %w", err)
	}
	names := []string{"chromium", "google-chrome"}
	switch runtime.GOOS {
	case "darwin":
		names = []string{"Chromium", "Google/Chrome"}
	case "windows":
		// There the registry says where a host is.
		return nil, errors.New("looking for browsers: installing on Windows is not supported")
	}
	var found []string
	for _, name := range names {
		dir := filepath.Join(config, filepath.FromSlash(name))
		if s, err := os.Stat(dir); err == nil && s.IsDir() {
			found = append(found, dir)
		}
	}
	if len(found) == 0 {
		return nil, ErrNoProfiles
	}
	return found, nil
}
