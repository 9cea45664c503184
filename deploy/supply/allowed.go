package supply

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// permitted may be in a program that is given away under Apache-2.0, by SPDX identifier
// (https://spdx.org/licenses/). They ask for their text to be passed on, which the
// packages do; the Mozilla licence also for changes to its own files to be published,
// and we change none.
var permitted = []string{
	"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0",
	"MPL-2.0", "Unlicense", "Zlib", "blessing",
}

// permittedTools may be in a tool besides: make runs it on our source, and it is neither
// linked with a program of ours nor given to anybody, so that what these ask for on
// passing on does not arise. golangci-lint and some of its linters are under the GPL, the
// policy simulator under the AGPL, which asks it of those who let others use a changed one.
var permittedTools = []string{"AGPL-3.0-or-later", "GPL-3.0", "GPL-3.0-or-later", "OFL-1.1"}

// readByHand are licence files that no known text matches, by their SHA-256, so that a
// change is read again, and what they were found to be.
var readByHand = map[string][]string{
	// github.com/DataDog/sketches-go LICENSE-3rdparty.csv: what its tests import.
	"d8f382aa5bfc1e41278ca09f51f865922c2ddf15115d28bea150b6cd82aafbc4": {"Apache-2.0", "MIT"},
	// github.com/alecthomas/go-check-sumtype COPYING: either of the two.
	"01c266bced4a434da0051174d6bee16a4c82cf634e2679b6155d40d75012390f": {"MIT"},
	// modernc.org/libc LICENSE-3RD-PARTY.md: Go, musl with its parts, go-netdb, Nixpkgs.
	"f597097efe3d97021f89170746bd3a0fb9a8b6fb26b82043ed68a4e0283bee6c": {"BSD-2-Clause", "BSD-3-Clause", "MIT"},
	// modernc.org/memory LICENSE-LOGO: where its logo comes from, which is no part of it.
	"5ae5bee3072a841376451b48d8cfcec7188e10543926d5870828d36c8a750dc5": nil,
	// modernc.org/sqlite LICENSE-SQLITE: in the public domain.
	"8438c9c89b849131ead81d5435cb97fcf052df5b0b286dda8a2d4c29e6cb3fd0": {"blessing"},
	// modernc.org/sqlite LICENSE-3RD-PARTY.md, section 1: SQLite is in the public domain.
	"b4366b9c27a9364633e015011a231913ed19bf1228f335bf617e50a6f7b168a6": {"BSD-3-Clause", "MIT", "blessing"},
}

// uncovered are tools with packages that no licence lies beside or above, and why that
// is not minded.
var uncovered = map[string]string{
	"github.com/golangci/gofmt": "a call of gofmt, whose licence lies below internal",
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Judge says what speaks against using something under these licences; nil is nothing.
func Judge(name string, use Use, ids []string) error {
	may := permitted
	if use == Tool {
		may = append(slices.Clip(may), permittedTools...)
	}
	for _, id := range ids {
		if !slices.Contains(may, id) {
			return fmt.Errorf("%s (%s) is under %s, which is not permitted there (%s are): do without it, or argue for it in deploy/supply/allowed.go",
				name, use, id, strings.Join(may, ", "))
		}
	}
	return nil
}
