package supply

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Locked are the folders with a package-lock.json: of the web pages, which are in skynet,
// and of the policy simulator that make policies asks.
var Locked = []string{"dashboard/page", "simulate/report/page", "deploy/simulator"}

// Part is one npm package of a page.
type Part struct {
	Name, Version string
	Licence       string // as its own package.json says, an SPDX expression
	Integrity     string // "sha512-" and the hash of its archive in base64
	Resolved      string // where it is fetched; "" is the registry
	Use           Use    // Linked where the built page holds it
}

// Parts lists what a page is built from, by name. Page is its folder.
func Parts(page string) (parts []Part, err error) {
	text, err := os.ReadFile(filepath.Join(page, "package-lock.json"))
	if err != nil {
		return nil, err
	}
	var lock struct {
		LockfileVersion int
		Packages        map[string]struct {
			Version, License, Integrity, Resolved string
			Dev, Link                             bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("%s/package-lock.json: %w", page, err)
	}
	if lock.LockfileVersion != 3 {
		return nil, fmt.Errorf("%s/package-lock.json: version %d, only 3 is read here: npm 7 or newer writes it", page, lock.LockfileVersion)
	}
	for at, p := range lock.Packages {
		if at == "" {
			continue // the page itself
		}
		_, name, _ := strings.Cut(at, "node_modules/")
		part := Part{Name: name, Version: p.Version, Licence: p.License, Integrity: p.Integrity, Resolved: p.Resolved, Use: Linked}
		if p.Dev {
			part.Use = Tool
		}
		parts = append(parts, part)
	}
	slices.SortFunc(parts, func(a, b Part) int { return strings.Compare(a.Name, b.Name) })
	return parts, nil
}

// Pinned says what keeps a part from being the same bytes tomorrow; nil is nothing.
func (p Part) Pinned() error {
	switch {
	case !strings.HasPrefix(p.Integrity, "sha512-"):
		return fmt.Errorf("%s %s has no sha512 integrity in package-lock.json: npm would take whatever it is sent", p.Name, p.Version)
	case p.Resolved != "" && !strings.HasPrefix(p.Resolved, "https://registry.npmjs.org/"):
		return fmt.Errorf("%s %s is fetched from %q, not from the npm registry", p.Name, p.Version, p.Resolved)
	}
	return nil
}
