package supply

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Supply is all that the programs are made of.
type Supply struct {
	Modules []Module
	Texts   map[string][]Text // of a module, by its path
	Parts   map[string][]Part // of a page, by its folder
}

// Gather reads what the programs below a folder are made of, as far as a use (Tool is
// all), and judges it: the errors are every licence that is missing, unknown or not
// permitted.
func Gather(root string, until Use) (s Supply, err error) {
	s.Texts, s.Parts = map[string][]Text{}, map[string][]Part{}
	if s.Modules, err = Modules(root, until); err != nil {
		return s, err
	}
	var all []error
	for _, m := range s.Modules {
		texts, err := Texts(m)
		if err == nil {
			err = Judge(m.Path+" "+m.Version, m.Use, IDs(texts))
		}
		s.Texts[m.Path] = texts
		all = append(all, err)
	}
	for _, page := range Locked {
		parts, err := Parts(filepath.Join(root, page))
		all = append(all, err)
		for _, p := range parts {
			all = append(all, Judge("npm "+p.Name+" "+p.Version, p.Use, []string{p.Licence}))
		}
		s.Parts[page] = parts
	}
	return s, errors.Join(all...)
}

// Document is THIRD_PARTY.md: the same bytes for the same supply.
func (s Supply) Document() string {
	var d strings.Builder
	d.WriteString(documentHead)
	d.WriteString("\n## In the programs\n\n| module | version | licence | in |\n|---|---|---|---|\n")
	d.WriteString("| the Go standard library | of the Go that builds | BSD-3-Clause | skynet, skynet-worker |\n")
	for _, m := range s.Modules {
		if m.Use == Linked {
			fmt.Fprintf(&d, "| %s | %s | %s | %s |\n", m.Path, m.Version, strings.Join(IDs(s.Texts[m.Path]), ", "), strings.Join(m.In, ", "))
		}
	}
	d.WriteString("\n## In the web pages, which are in skynet\n\n| npm package | version | licence | in |\n|---|---|---|---|\n")
	s.parts(&d, Linked)
	d.WriteString(documentDebian)
	for _, p := range Debian {
		fmt.Fprintf(&d, "| %s | %s | %s |\n", p.Name, p.Licence, p.How)
	}
	d.WriteString("\n## In tests\n\n| module | version | licence |\n|---|---|---|\n")
	s.modules(&d, Tested)
	d.WriteString(documentTools)
	s.modules(&d, Tool)
	d.WriteString("\n| npm package | version | licence | for |\n|---|---|---|---|\n")
	s.parts(&d, Tool)
	return d.String()
}

func (s Supply) modules(d *strings.Builder, use Use) {
	for _, m := range s.Modules {
		if m.Use == use {
			fmt.Fprintf(d, "| %s | %s | %s |\n", m.Path, m.Version, strings.Join(IDs(s.Texts[m.Path]), ", "))
		}
	}
}

func (s Supply) parts(d *strings.Builder, use Use) {
	for _, page := range Locked {
		for _, p := range s.Parts[page] {
			if p.Use == use {
				fmt.Fprintf(d, "| %s | %s | %s | %s |\n", p.Name, p.Version, p.Licence, page)
			}
		}
	}
}

// Notices are the licences and notices that a program is given away with: of Go itself
// and of every module in it, each text once.
func (s Supply) Notices(root, program string) (string, error) {
	// What this was built with does not know its own folder, having no paths in it.
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	goLicence, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goRoot)), "LICENSE"))
	if err != nil {
		return "", fmt.Errorf("the licence of Go: %w", err)
	}
	var order []string
	of := map[string][]string{}
	say := func(name, body string) {
		body = strings.TrimSpace(body)
		if of[body] == nil {
			order = append(order, body)
		}
		of[body] = append(of[body], name)
	}
	say("Go and its standard library", string(goLicence))
	for _, m := range s.Modules {
		for _, t := range s.Texts[m.Path] {
			if strings.Contains(" "+strings.Join(m.In, " ")+" ", " "+program+" ") {
				say(m.Path+" "+m.Version+" ("+t.File+")", t.Body)
			}
		}
	}
	if program == "skynet" {
		pages, err := os.ReadFile(filepath.Join(root, "dashboard/page/dist/licences.txt"))
		if err != nil {
			return "", fmt.Errorf("the licences of the dashboard's parts: %w", err)
		}
		say("the web pages", string(pages))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s is made of its own source (Apache-2.0) and of the following.\n", program)
	for _, body := range order {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(of[body], "\n"), body)
	}
	return b.String(), nil
}

const documentHead = `# What SkyNet is made of

<!-- Written by "make licences" (deploy/supply); "make test" fails where it is not what go.mod and the lock files say. -->

SkyNet itself is under the Apache License, version 2.0 ([LICENSE](LICENSE)). This page lists everything else: what is in the
programs that are given away, what they need on a machine, and what tests and tools are built from. Versions are
pinned, and their bytes by ` + "`go.sum`, `package-lock.json` and `deploy/moto-requirements.txt`" + `. Which licences may be where is in
[deploy/supply/allowed.go](deploy/supply/allowed.go); anything else, or no licence at all, fails the tests. The packages carry the licences' texts in
` + "`/usr/share/doc/…/third-party-licences.gz`" + `.
`

const documentDebian = `
## On the machine, from Debian

None of these is in what we give away; apt installs them from Debian. The worker is linked with libvips, which is under the
LGPL: as a shared library, so that it can be replaced without asking us. Debian's ffmpeg is built with parts under the GPL:
the worker starts it as a program of its own and shares no memory with it.

| package | licence of what is used | how |
|---|---|---|
`

const documentTools = `
The stand-in for AWS in ` + "`make conformance`" + ` (moto, Python) lives in an environment of its own; ` + "`deploy/moto-requirements.txt`" + ` lists it with
hashes. It is neither given away nor linked with anything, and its licences are not checked.

## In tools

Run by make on our source; not linked with a program of ours, not given to anybody. golangci-lint and some of its linters are under the GPL, the
policy simulator of ` + "`make policies`" + ` under the AGPL.

| module | version | licence |
|---|---|---|
`
