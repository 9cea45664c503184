package supply

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Package is a Debian package that a program of ours needs on a user's machine. None is
// given away by us: apt fetches them from Debian, with their own copyright files.
type Package struct {
	Name    string
	Licence string   // of what we use of it, by its /usr/share/doc/…/copyright
	How     string   // what we do with it
	Shared  []string // libraries that it holds, by soname
}

// Debian lists those packages. A program linked with a library that is not here has no
// bill of materials, and a package of ours that depends on another fails the tests.
var Debian = []Package{
	{"libvips42", "LGPL-2.1-or-later", "linked at run time, as a shared library that anybody may replace", []string{"libvips.so.42"}},
	{"libglib2.0-0", "LGPL-2.1-or-later", "linked at run time, as a shared library that anybody may replace", []string{"libglib-2.0.so.0", "libgobject-2.0.so.0"}},
	{"libc6", "LGPL-2.1-or-later", "linked at run time, as a shared library that anybody may replace", []string{"libc.so.6", "libm.so.6", "libpthread.so.0", "libresolv.so.2", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}},
	{"ffmpeg", "GPL-2.0-or-later", "run as a process of its own, never linked", nil},
	{"adduser", "GPL-2.0-or-later", "run when a package is installed", nil},
	{"ca-certificates", "MPL-2.0", "certificates that are read", nil},
}

// Needs are the Debian packages of the libraries that a program is linked with, in the
// order of Debian. A program without any (not from cgo) needs none.
func Needs(program string) (needs []Package, err error) {
	f, err := elf.Open(program)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	for _, p := range Debian {
		before := len(libraries)
		libraries = slices.DeleteFunc(libraries, func(l string) bool { return slices.Contains(p.Shared, l) })
		if len(libraries) < before {
			needs = append(needs, p)
		}
	}
	if len(libraries) > 0 {
		return nil, fmt.Errorf("%s is linked with %s: add its Debian package and licence in deploy/supply/debian.go", program, strings.Join(libraries, ", "))
	}
	return needs, nil
}

// Installed is the version of a Debian package on this machine, which is what a program
// built here was linked with, or "" where it is not installed or dpkg is not known.
func Installed(name string) (version string, err error) {
	out, err := exec.Command("dpkg-query", "--show", "--showformat=${Version}", name).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) || errors.Is(err, exec.ErrNotFound) {
		return "", nil
	}
	return string(out), err
}

// Release is this machine's distribution as package URLs name it: debian-12; or "".
func Release() string {
	f, err := os.Open("/etc/os-release")
	if err != nil {
		return ""
	}
	defer f.Close()
	is := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		is[key] = strings.Trim(value, `"`)
	}
	return strings.Trim(is["ID"]+"-"+is["VERSION_ID"], "-")
}
