// Package layers checks that the rooms of the house import only what they may
// (docs/ARCHITECTURE.md). It reads the files itself: go test caches what go
// list says.
package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A room is a package of ours, without the module's name. Every room may
// import internal/secret and itself; what else it may import stands here. A
// name that ends in /... stands for all that is below it too.
var rooms = map[string][]string{
	"internal/secret":   {},
	"internal/cbor":     {},
	"internal/httpd":    {},
	"internal/look":     {},
	"internal/layers":   {},
	"internal/doctests": {},
	"internal/chromium": {},
	"internal/firefox":  {},
	"internal/axe":      {"internal/chromium"},

	"webauthn":            {"internal/cbor"},
	"ctap":                {"webauthn", "internal/cbor"},
	"ctap/pinuv":          {"ctap", "webauthn", "internal/cbor"},
	"ctap/ctaphid":        {"ctap"},
	"ctap/ctaphid/socket": {"ctap/ctaphid"},

	"hybrid":                 {"internal/cbor"},
	"hybrid/qrimage":         {"hybrid"},
	"hybrid/noise":           {},
	"hybrid/tunnel":          {"hybrid"},
	"hybrid/radio/air":       {"hybrid"},
	"hybrid/radio/bluez":     {"hybrid"},
	"hybrid/radio/radiotest": {"hybrid"},
	"hybrid/link":            {"hybrid", "hybrid/noise", "hybrid/tunnel", "ctap", "internal/cbor"},

	"authenticator":                 {"ctap", "ctap/pinuv", "webauthn", "internal/cbor"},
	"authenticator/authtest":        {"authenticator", "authenticator/vault/vaulttest", "webauthn", "ctap"},
	"authenticator/vault":           {"authenticator", "webauthn", "internal/cbor"},
	"authenticator/vault/vaulttest": {"authenticator", "webauthn"},
	"authenticator/vault/tpm":       {"authenticator/vault"},
	"authenticator/vault/keyring":   {"authenticator/vault"},
	"authenticator/exchange":        {"authenticator", "webauthn", "internal/cbor"},
	"authenticator/manage":          {"authenticator", "authenticator/exchange", "authenticator/vault", "webauthn"},
	"authenticator/agent": {"authenticator", "authenticator/exchange", "authenticator/manage", "ctap", "webauthn",
		"internal/cbor"},
	"authenticator/uhid":     {"authenticator", "ctap", "ctap/ctaphid"},
	"authenticator/vpcd":     {"authenticator", "ctap", "ctap/ctaphid/socket"},
	"authenticator/desktop":  {},
	"authenticator/terminal": {"authenticator", "ctap"},
	"authenticator/testkey":  {"authenticator", "authenticator/uhid", "authenticator/vpcd", "authenticator/vault/vaulttest", "webauthn", "ctap/ctaphid/socket"},
	"authenticator/app": {"authenticator", "authenticator/vault", "authenticator/agent", "authenticator/desktop", "authenticator/terminal", "authenticator/manage", "ctap", "webauthn",
		"hybrid", "hybrid/qrimage", "hybrid/tunnel", "hybrid/link", "internal/httpd", "internal/look"},

	"platform":                       {"webauthn", "ctap", "ctap/pinuv", "internal/cbor"},
	"platform/local":                 {"platform", "authenticator", "authenticator/agent", "ctap", "webauthn"},
	"platform/phone":                 {"platform", "hybrid", "hybrid/qrimage", "hybrid/link", "hybrid/tunnel", "ctap", "webauthn"},
	"platform/securitykey":           {"platform", "ctap", "ctap/ctaphid", "webauthn"},
	"platform/routetest":             {"platform", "ctap", "webauthn"},
	"platform/terminal":              {"platform", "webauthn"},
	"platform/terminal/terminaltest": {},
	"platform/browser":               {"platform/...", "webauthn", "hybrid", "hybrid/link", "hybrid/tunnel", "hybrid/radio/...", "internal/look"},
	"platform/doctor":                {"platform", "hybrid", "hybrid/tunnel"},

	"identity/directory":           {"webauthn"},
	"identity/policy":              {"identity/directory", "webauthn"},
	"identity/audit":               {"identity/directory"},
	"identity/session":             {"identity/directory"},
	"identity/ceremony":            {"identity/directory", "identity/policy", "identity/audit", "identity/session", "webauthn"},
	"identity/grant":               {"identity/directory"},
	"identity/provider":            {"identity/grant", "identity/session", "identity/directory", "identity/policy", "identity/audit", "identity/ceremony", "internal/httpd"},
	"identity/web/capability":      {},
	"identity/web":                 webMay,
	"identity/web/words":           {},
	"identity/web/signin":          webMay,
	"identity/web/account":         webMay,
	"identity/web/admin":           webMay,
	"identity/storage":             {"identity/...", "webauthn"},
	"identity/storage/storagetest": {"identity/...", "webauthn"},
	"identity/server":              {"identity/...", "relay", "internal/httpd", "internal/look", "webauthn"},

	"signin": {"webauthn"},

	"relay":           {"hybrid", "internal/httpd"},
	"relay/relayload": {"relay", "hybrid", "internal/httpd"},

	"internal/world": {"..."},
	"cmd/cardea":     {"..."},

	"lab/visitor": {"internal/chromium"},
}

var webMay = []string{"identity/web", "identity/web/capability", "identity/web/words", "identity/ceremony", "identity/session", "identity/directory", "identity/policy",
	"identity/grant", "identity/audit", "internal/httpd", "internal/look", "webauthn"}

// Packages of others that only these rooms may import.
var reserved = map[string][]string{
	"database/sql": {"identity/storage"},
	"net/http": {"internal/httpd", "identity/provider", "identity/web", "identity/web/signin", "identity/web/account",
		"identity/web/admin", "identity/server", "relay", "relay/relayload", "hybrid/tunnel", "authenticator/app", "platform/browser",
		"signin",
		"cmd/cardea", "internal/world", "lab/visitor"},
	"github.com/godbus/dbus/v5":        {"hybrid/radio/bluez", "authenticator/desktop", "authenticator/vault/keyring"},
	"github.com/google/go-tpm":         {"authenticator/vault/tpm"},
	"github.com/fxamacker/cbor/v2":     {"internal/cbor"},
	"github.com/go-webauthn/webauthn":  {"identity/ceremony"},
	"github.com/go-jose/go-jose/v4":    {"identity/provider"},
	"github.com/nicksnyder/go-i18n/v2": {"identity/web/words"},
	"golang.org/x/text":                {"identity/web/words", "identity/directory"},
	"github.com/coreos/go-oidc/v3":     {"identity/web/account", "signin"},
	"github.com/zalando/go-keyring":    {"signin"},
	"golang.org/x/oauth2":              {"identity/web/account", "signin"},
	"github.com/gobwas/ws":             {"relay", "relay/relayload"},
	"github.com/coder/websocket":       {"hybrid/tunnel", "internal/firefox"},
	"github.com/makiuchi-d/gozxing":    {"hybrid/qrimage"},
	"rsc.io/qr":                        {"hybrid/qrimage"},
	"github.com/pressly/goose/v3":      {"identity/storage"},
	"modernc.org/sqlite":               {"identity/storage"},
	"golang.org/x/crypto/argon2":       {"authenticator/vault", "authenticator/exchange"},
	"golang.org/x/net/publicsuffix":    {"platform"},
	"github.com/alecthomas/kong":       {"cmd/cardea"},
	"golang.org/x/term":                {"cmd/cardea", "authenticator/terminal"},
	"github.com/creack/pty":            {},
	"github.com/chromedp":              {"internal/chromium"},
	"github.com/flynn/noise":           {},
	"github.com/google/go-cmp":         {},
	"unsafe":                           {},
	"math/rand":                        {},
	"github.com/stretchr/testify":      {},
}

const module = "cardea"

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	root := filepath.Join("..", "..")
	for room, imports := range readImports(t, root) {
		may, known := rooms[room]
		if !known {
			t.Errorf("%s: no rule for this room; add it to the rules here and to docs/ARCHITECTURE.md", room)
			continue
		}
		for path, file := range imports {
			if ours, ok := strings.CutPrefix(path, module+"/"); ok {
				if ours != room && ours != "internal/secret" && !matches(may, ours) {
					t.Errorf("%s: %s must not import %s", file, room, ours)
				}
				continue
			}
			for prefix, who := range reserved {
				if (path == prefix || strings.HasPrefix(path, prefix+"/")) && !slices.Contains(who, room) {
					t.Errorf("%s: only %v may import %s", file, who, path)
				}
			}
		}
	}
}

// A test may stand in two rooms, but not in both halves of the house at once
// without saying so in its package.
func TestTwoHalvesMeetOnlyOnTheWire(t *testing.T) {
	for _, pair := range [][2]string{{"identity", "authenticator"}, {"identity", "platform"}, {"authenticator", "identity"}, {"platform", "identity"}} {
		for room, may := range rooms {
			if !strings.HasPrefix(room+"/", pair[0]+"/") {
				continue
			}
			for _, m := range may {
				if strings.HasPrefix(m+"/", pair[1]+"/") {
					t.Errorf("rule lets %s import %s", room, m)
				}
			}
		}
	}
}

func matches(may []string, path string) bool {
	return slices.ContainsFunc(may, func(m string) bool {
		if below, ok := strings.CutSuffix(m, "..."); ok {
			return strings.HasPrefix(path, below) || path == strings.TrimSuffix(below, "/")
		}
		return m == path
	})
}

// readImports returns, for each package below root, the import paths of its
// files that are not tests, with one file that has each.
func readImports(t *testing.T, root string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "build") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") && filepath.Base(filepath.Dir(path)) != "layers" {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		room := filepath.ToSlash(rel)
		if all[room] == nil {
			all[room] = map[string]string{}
		}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			all[room][p] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("read %d packages below %s, want the whole module", len(all), root)
	}
	return all
}
