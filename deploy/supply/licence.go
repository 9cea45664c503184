package supply

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// Text is a file that came with a module: a licence, or a notice to be passed on.
type Text struct {
	File string   // below the module's root
	IDs  []string // SPDX identifiers of the licences in it, sorted; none in a notice
	Body string
}

// ErrNoLicence is that of a module with a package that no licence covers.
var ErrNoLicence = errors.New("no licence file")

var (
	licenceFile = regexp.MustCompile(`(?i)licen[cs]e|copying|copyright`)
	noticeFile  = regexp.MustCompile(`(?i)^(notice|patents)(\.(txt|md))?$`)
	codeFile    = regexp.MustCompile(`(?i)\.(go|ya?ml|json|toml|sh|tmpl|header)$`)
)

// known is the share of a licence file, in percent, that must be the text of known
// licences. What is left is names and years; a clause of somebody's own is more.
const known = 75

// Texts are the licences and notices of a module: those beside its packages in use,
// and above them up to its root. Every such package must be covered by one. A file
// that reads as no known licence is an error that names it.
func Texts(m Module) (texts []Text, err error) {
	read := map[string]bool{}
	licensed := map[string]bool{}
	for _, dir := range m.Dirs {
		covered := false
		for _, at := range upTo(m.Root, dir) {
			if !read[at] {
				read[at] = true
				here, err := textsIn(m.Root, at)
				if err != nil {
					return nil, fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
				}
				licensed[at] = slices.ContainsFunc(here, func(t Text) bool { return len(t.IDs) > 0 })
				texts = append(texts, here...)
			}
			covered = covered || licensed[at]
		}
		if _, known := uncovered[m.Path]; !covered && (!known || m.Use != Tool) {
			return nil, fmt.Errorf("%s %s: %w covers %s", m.Path, m.Version, ErrNoLicence, dir)
		}
	}
	slices.SortFunc(texts, func(a, b Text) int { return strings.Compare(a.File, b.File) })
	return texts, nil
}

// textsIn are the licences and notices in one folder.
func textsIn(root, dir string) (texts []Text, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		name := f.Name()
		licence := licenceFile.MatchString(name)
		if !f.Type().IsRegular() || codeFile.MatchString(name) || !licence && !noticeFile.MatchString(name) {
			continue
		}
		text, err := readText(root, filepath.Join(dir, name), licence)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func readText(root, path string, licence bool) (Text, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return Text{}, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return Text{}, err
	}
	t := Text{File: rel, Body: strings.ReplaceAll(string(body), "\r\n", "\n")}
	if licence {
		t.IDs, err = Recognise(body)
	}
	if err != nil {
		err = &fs.PathError{Op: "licence", Path: rel, Err: err}
	}
	return t, err
}

// Recognise are the licences whose text this is, by SPDX identifier, sorted. Text that
// is not mostly that of known licences is an error.
func Recognise(text []byte) (ids []string, err error) {
	if ids, ok := readByHand[digest(text)]; ok {
		return ids, nil
	}
	found := licensecheck.Scan(text)
	if found.Percent < known {
		return nil, fmt.Errorf("only %.0f%% of it is the text of a known licence: read it, and say in allowed.go what it is", found.Percent)
	}
	for _, m := range found.Match {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// IDs are the licences in these texts, each once, sorted.
func IDs(texts []Text) (ids []string) {
	for _, t := range texts {
		ids = append(ids, t.IDs...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
