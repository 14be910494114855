// Package axe asks axe-core, the accessibility checker, about a page that a
// real Chromium shows. Only tests use it.
//
// The script is not part of this module: .ci/test-deps fetches the one version
// that is pinned here and there, checks it against its hash, and keeps it in the
// user's cache folder.
package axe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"cardea/internal/chromium"
)

// Version is the version of axe-core that the tests go by.
const Version = "4.14.1"

// digest is the SHA-256 of that version's axe.min.js.
const digest = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"

// ErrNotInstalled says that there is no axe-core in the cache.
var ErrNotInstalled = errors.New("no axe-core found; run .ci/test-deps, or set CARDEA_AXE to the path of axe.min.js " + Version)

// Load returns the script.
func Load() (string, error) {
	path := os.Getenv("CARDEA_AXE")
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("finding axe-core: %w", err)
		}
		path = filepath.Join(cache, "cardea", "axe-core-"+Version, "axe.min.js")
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", ErrNotInstalled
	}
	if err != nil {
		return "", fmt.Errorf("reading axe-core: %w", err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != digest {
		return "", fmt.Errorf("%s is not axe-core %s as it was published", path, Version)
	}
	return string(b), nil
}

// Inject brings the script into the page, until it is left. The policy of the
// page does not hold for what a debugger does.
func Inject(ctx context.Context, p *chromium.Page, script string) error {
	if _, err := chromium.Eval[bool](ctx, p, script+";true"); err != nil {
		return fmt.Errorf("bringing axe-core into the page: %w", err)
	}
	return nil
}

// ask runs the rules of WCAG 2.0, 2.1 and 2.2, levels A and AA, and the best
// practices, and returns one line for each element that breaks one.
const ask = `axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  resultTypes: ['violations'],
}).then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + v.help + ': ' + n.html.slice(0, 160))))`

// Violations returns what is wrong with the page as it is shown now, nothing if
// all is well. Inject comes first.
func Violations(ctx context.Context, p *chromium.Page) ([]string, error) {
	found, err := chromium.Eval[[]string](ctx, p, ask)
	if err != nil {
		return nil, fmt.Errorf("asking axe-core: %w", err)
	}
	return found, nil
}
