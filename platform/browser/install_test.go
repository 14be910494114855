package browser

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExtensionIDFollowsFromItsKey(t *testing.T) {
	t.Parallel()
	b, err := extensionFiles.ReadFile("extension/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Key         string
		Permissions []string
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(m.Key)
	if err != nil {
		t.Fatal(err)
	}
	var id strings.Builder
	hash := sha256.Sum256(key)
	for _, b := range hash[:16] {
		id.WriteByte('a' + b>>4)
		id.WriteByte('a' + b&15)
	}
	if id.String() != ExtensionID {
		t.Errorf("ExtensionID = %s, the key says %s", ExtensionID, id.String())
	}
	if diff := cmp.Diff([]string{"webAuthenticationProxy", "nativeMessaging", "alarms", "storage", "webNavigation"}, m.Permissions); diff != "" {
		t.Errorf("permissions (-want +got)\n%s", diff)
	}
}

// Extension pages run under a policy without inline code; none may creep in.
func TestExtensionHasNothingInline(t *testing.T) {
	t.Parallel()
	b, err := extensionFiles.ReadFile("extension/dialog.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<style", "style=", "onclick", "javascript:", "http://", "https://"} {
		if strings.Contains(string(b), bad) {
			t.Errorf("dialog.html has %q", bad)
		}
	}
	for _, script := range []string{"worker.js", "dialog.js", "icons.js"} {
		b, err := extensionFiles.ReadFile("extension/" + script)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"innerHTML", "eval(", "insertAdjacentHTML", "document.write"} {
			if strings.Contains(string(b), bad) {
				t.Errorf("%s has %q", script, bad)
			}
		}
	}
}

func TestInstalledHostIsFoundAndRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	echo, err := exec.LookPath("echo")
	if err != nil {
		t.Skip(err)
	}
	args := []string{echo, "browser-host", "a 'quoted' $HOME `path`", "--config", filepath.Join(dir, "it's.json")}
	i := Installation{Profiles: []string{filepath.Join(dir, "one"), filepath.Join(dir, "two")}, Folder: filepath.Join(dir, "a b"), Command: args}
	for range 2 { // again is as good as once
		if err := i.Install(); err != nil {
			t.Fatal(err)
		}
	}
	for _, profile := range i.Profiles {
		b, err := os.ReadFile(filepath.Join(profile, "NativeMessagingHosts", "org.cardea.platform.json"))
		if err != nil {
			t.Fatal(err)
		}
		var m hostManifest
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		if m.Name != "org.cardea.platform" || m.Type != "stdio" ||
			!cmp.Equal(m.AllowedOrigins, []string{"chrome-extension://" + ExtensionID + "/"}) {
			t.Errorf("manifest %+v", m)
		}
		out, err := exec.Command(m.Path).Output()
		if want := strings.Join(args[1:], " ") + "\n"; err != nil || string(out) != want {
			t.Errorf("the script runs %q, %v; want %q", out, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(i.Extension(), "manifest.json")); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := i.Uninstall(); err != nil {
			t.Fatal(err)
		}
	}
	var left []string
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			left = append(left, path)
		}
		return err
	}); err != nil || left != nil {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestProgramMustBeNamedByItsFullPath(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{nil, {"cardea", "browser-host"}} {
		i := Installation{Profiles: []string{t.TempDir()}, Folder: t.TempDir(), Command: command}
		if err := i.Install(); err == nil {
			t.Errorf("Install() with %q succeeded", command)
		}
	}
}

func TestDefaultProfilesAreThoseThatAreThere(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	t.Setenv("HOME", config)
	if _, err := DefaultProfiles(); !errors.Is(err, ErrNoProfiles) {
		t.Errorf("DefaultProfiles() = %v, want ErrNoProfiles", err)
	}
	at, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(at, "chromium")
	if err := os.MkdirAll(want, 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := DefaultProfiles()
	if diff := cmp.Diff([]string{want}, got); err != nil || diff != "" {
		t.Errorf("DefaultProfiles() = %v (-want +got)\n%s", err, diff)
	}
}
