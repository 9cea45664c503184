package supply

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
)

// About says what a bill of materials is of.
type About struct {
	Program string // the file
	Deb     string // the package that holds it, where the bill is the package's
	Version string
	Made    time.Time // zero leaves the time out
}

// Bill is the bill of materials of a program, or of the Debian package that holds it, as
// CycloneDX JSON 1.6 (https://cyclonedx.org/docs/1.6/json/): the modules that the linker
// wrote into the file, the parts of the web pages, the libraries that the file asks the
// system for, and the programs that it runs. The same file gives the same bytes.
func (s Supply) Bill(about About) ([]byte, error) {
	info, err := buildinfo.ReadFile(about.Program)
	if err != nil {
		return nil, err
	}
	program, err := of(about.Program, about.Version)
	if err != nil {
		return nil, err
	}
	parts, err := s.linked(info)
	if err != nil {
		return nil, err
	}
	if filepath.Base(about.Program) == "skynet" {
		parts = append(parts, s.inPages()...)
	}
	system, err := onSystem(about)
	if err != nil {
		return nil, err
	}
	parts = append(parts, system...)
	whole := program
	if about.Deb != "" {
		if whole, err = deb(about, program); err != nil {
			return nil, err
		}
		parts = append([]cyclonedx.Component{program}, parts...)
	}
	return encode(whole, parts, about.Made)
}

func encode(whole cyclonedx.Component, parts []cyclonedx.Component, made time.Time) ([]byte, error) {
	refs := make([]string, len(parts))
	for i, p := range parts {
		refs[i] = p.BOMRef
	}
	slices.Sort(refs)
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &whole}
	if !made.IsZero() {
		bom.Metadata.Timestamp = made.Format(time.RFC3339)
	}
	bom.Components = &parts
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: whole.BOMRef, Dependencies: &refs}}
	// The number tells bills apart: it is that of what is in this one, so that the same
	// bill made again has the same.
	var text bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON).EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return nil, err
	}
	bom.SerialNumber = uuid.NewSHA1(uuid.NameSpaceOID, text.Bytes()).URN()
	text.Reset()
	err := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cyclonedx.SpecVersion1_6)
	return text.Bytes(), err
}

// of is a program of ours as a component, with the hash of its file.
func of(file, version string) (cyclonedx.Component, error) {
	name := filepath.Base(file)
	hash, err := hashed(file)
	return cyclonedx.Component{
		BOMRef: "program:" + name, Type: cyclonedx.ComponentTypeApplication, Name: name, Version: version,
		Hashes: hash, Licenses: licensed("Apache-2.0"), PackageURL: "pkg:generic/" + name + "@" + url.QueryEscape(version),
	}, err
}

// deb is a package of ours as a component.
func deb(about About, program cyclonedx.Component) (cyclonedx.Component, error) {
	hash, err := hashed(about.Deb)
	if err != nil {
		return cyclonedx.Component{}, err
	}
	out, err := exec.Command("dpkg-deb", "--field", about.Deb, "Version").Output()
	if err != nil {
		return cyclonedx.Component{}, fmt.Errorf("dpkg-deb --field %s: %w", about.Deb, err)
	}
	version := strings.TrimSpace(string(out))
	purl := "pkg:deb/skynet/" + program.Name + "@" + url.QueryEscape(version) + "?arch=" + runtime.GOARCH
	return cyclonedx.Component{
		BOMRef: purl, Type: cyclonedx.ComponentTypeApplication, Name: program.Name, Version: version,
		Description: "Debian package " + filepath.Base(about.Deb), Hashes: hash, Licenses: licensed("Apache-2.0"), PackageURL: purl,
	}, nil
}

func hashed(file string) (*[]cyclonedx.Hash, error) {
	text, err := os.ReadFile(file)
	sum := sha256.Sum256(text)
	return &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}}, err
}

// linked are Go's library and the modules that the linker wrote into a program. One that
// go.mod does not name at that version comes from elsewhere, which is an error.
func (s Supply) linked(info *debug.BuildInfo) ([]cyclonedx.Component, error) {
	version := strings.TrimPrefix(info.GoVersion, "go")
	parts := []cyclonedx.Component{component("pkg:golang/std@"+version, "std", version, "BSD-3-Clause")}
	var all []error
	for _, d := range info.Deps {
		at := slices.IndexFunc(s.Modules, func(m Module) bool { return m.Path == d.Path && m.Version == d.Version })
		if at < 0 || d.Replace != nil {
			all = append(all, fmt.Errorf("%s %s is in the program but not in go.mod: build it from this source", d.Path, d.Version))
			continue
		}
		// Package URLs of Go are in lower case (https://github.com/package-url/purl-spec).
		purl := "pkg:golang/" + strings.ToLower(d.Path) + "@" + url.QueryEscape(d.Version)
		c := component(purl, d.Path, d.Version, IDs(s.Texts[d.Path])...)
		c.Properties = &[]cyclonedx.Property{{Name: "go.sum", Value: d.Sum}}
		parts = append(parts, c)
	}
	return parts, errors.Join(all...)
}

// inPages are the npm packages that the built pages hold.
func (s Supply) inPages() (parts []cyclonedx.Component) {
	seen := map[string]bool{}
	for _, page := range Locked {
		for _, p := range s.Parts[page] {
			purl := "pkg:npm/" + strings.Replace(p.Name, "@", "%40", 1) + "@" + p.Version
			if p.Use != Linked || seen[purl] {
				continue
			}
			seen[purl] = true
			c := component(purl, p.Name, p.Version, p.Licence)
			if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.Integrity, "sha512-")); err == nil {
				c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA512, Value: hex.EncodeToString(sum)}}
			}
			parts = append(parts, c)
		}
	}
	return parts
}

// onSystem are the Debian packages that a program is linked with or runs: not part of
// the file, at the version that it was built beside.
func onSystem(about About) (parts []cyclonedx.Component, err error) {
	needs, err := Needs(about.Program)
	if err != nil {
		return nil, err
	}
	if filepath.Base(about.Program) == "skynet-worker" {
		needs = append(needs, named("ffmpeg"))
	}
	for _, p := range needs {
		version, err := Installed(p.Name)
		if err != nil {
			return nil, err
		}
		purl := "pkg:deb/debian/" + p.Name
		if version != "" {
			purl += "@" + url.QueryEscape(version)
		}
		purl += "?arch=" + runtime.GOARCH
		if release := Release(); release != "" {
			purl += "&distro=" + release
		}
		c := component(purl, p.Name, version, p.Licence)
		c.Description = "Debian package, not part of the file: " + p.How
		parts = append(parts, c)
	}
	return parts, nil
}

func named(name string) Package {
	return Debian[slices.IndexFunc(Debian, func(p Package) bool { return p.Name == name })]
}

func component(purl, name, version string, ids ...string) cyclonedx.Component {
	return cyclonedx.Component{
		BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: name, Version: version,
		Licenses: licensed(ids...), PackageURL: purl,
	}
}

func licensed(ids ...string) *cyclonedx.Licenses {
	list := make(cyclonedx.Licenses, len(ids))
	for i, id := range ids {
		list[i] = cyclonedx.LicenseChoice{License: &cyclonedx.License{ID: id}}
	}
	return &list
}
