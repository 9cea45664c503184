package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is one document with the commands that it tells people to type.
type page struct {
	name     string
	commands []command
	files    map[string]string // files that it has people write, by the comment in their first line
}

type command struct {
	line   int
	text   string
	inline bool // stands within a sentence
}

var (
	ours    = regexp.MustCompile(`(^|[ |(])(\./)?(bin/)?skynet(-worker)? `)
	spans   = regexp.MustCompile("`((?:sudo (?:-u skynet )?)?(?:bin/)?skynet(?:-worker)? [a-z][^`]*)`")
	input   = regexp.MustCompile(`< (\S+)`)
	prompt  = regexp.MustCompile(`^\$ `)
	remarks = regexp.MustCompile(`\s{2,}#.*$|\s{3,}[a-z].*$`) // "   decide for real" and "# why" behind a command
)

// pages reads README.md and docs.
func pages(t *testing.T) []page {
	t.Helper()
	names, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []page
	for _, name := range append(names, "../../README.md") {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, readPage(filepath.Base(name), string(body)))
	}
	return all
}

// readPage finds the commands in a page's fenced blocks that are not in a language.
func readPage(name, body string) page {
	p := page{name: name, files: map[string]string{}}
	fence, language, block := false, "", []string(nil)
	var open *command // goes on in the next line
	for i, line := range strings.Split(body, "\n") {
		if word, ok := strings.CutPrefix(strings.TrimSpace(line), "```"); ok {
			if fence && language == "yaml" && len(block) > 0 && strings.HasPrefix(block[0], "# ") {
				p.files[strings.TrimPrefix(block[0], "# ")] = strings.Join(block, "\n") + "\n"
			}
			fence, language, block, open = !fence, word, nil, nil
			continue
		}
		block = append(block, line)
		if !fence {
			for _, m := range spans.FindAllStringSubmatch(line, -1) {
				p.commands = append(p.commands, command{i + 1, m[1], true})
			}
			continue
		}
		if language != "" && language != "sh" && language != "console" {
			continue
		}
		text := prompt.ReplaceAllString(strings.TrimSpace(line), "")
		switch {
		case open != nil:
			open.text = strings.TrimSuffix(open.text, "\\") + " " + text
		case strings.HasPrefix(text, "skynet"), strings.HasPrefix(text, "bin/skynet"), strings.HasPrefix(text, "sudo skynet"), strings.HasPrefix(text, "sudo -u skynet "), strings.HasPrefix(text, "echo "):
			p.commands = append(p.commands, command{i + 1, text, false})
		default:
			continue
		}
		open = &p.commands[len(p.commands)-1]
		if !strings.HasSuffix(text, "\\") && !strings.HasSuffix(text, "|") {
			open.text = remarks.ReplaceAllString(open.text, "")
			open = nil
		}
	}
	p.commands = slices.DeleteFunc(p.commands, func(c command) bool { return !ours.MatchString(c.text + " ") })
	return p
}

// TestEveryCommandInTheDocumentsIsUnderstood has the real programs read each command
// line: a command or flag that does not exist is told. What can run without AWS is
// run by the stories below.
func TestEveryCommandInTheDocumentsIsUnderstood(t *testing.T) {
	t.Parallel()
	bin := readers(t)
	count := map[string]int{}
	for _, p := range pages(t) {
		for _, c := range p.commands {
			count[p.name]++
			sh := exec.CommandContext(t.Context(), "/bin/sh", "-ec", strings.ReplaceAll(strings.ReplaceAll(c.text, "bin/skynet", "skynet"), "…", "x"))
			sh.Dir, sh.Env = t.TempDir(), []string{"PATH=" + bin}
			for _, m := range input.FindAllStringSubmatch(c.text, -1) {
				if err := os.WriteFile(filepath.Join(sh.Dir, m[1]), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if out, err := sh.CombinedOutput(); err != nil {
				t.Errorf("%s:%d: %s: %v\n%s", p.name, c.line, c.text, err, out)
			}
		}
	}
	t.Logf("%v", count)
	if len(count) < 8 || count["README.md"] < 10 {
		t.Errorf("commands found: %v", count)
	}
}

// readers are programs under the names of ours that read their arguments and no more.
func readers(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for name, program := range map[string]string{"skynet": skynet, "skynet-worker": worker} {
		script := fmt.Sprintf("#!/bin/sh\nexec %s \"$@\" --help >/dev/null\n", program)
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(bin, "sudo"), []byte("#!/bin/sh\n[ \"$1\" != -u ] || shift 2\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return bin
}

// find returns a page.
func find(t *testing.T, name string) page {
	t.Helper()
	for _, p := range pages(t) {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("there is no %s", name)
	return page{}
}

// story types a page's commands, in order, in a folder that stands for the machine.
type story struct {
	t    *testing.T
	page page
	root string
	left []command
}

// newStory prepares one: places that the page names are folders of the test's.
func newStory(t *testing.T, name string) *story {
	p := find(t, name)
	s := &story{t: t, page: p, root: t.TempDir(), left: slices.DeleteFunc(slices.Clone(p.commands), func(c command) bool { return c.inline })}
	for _, d := range []string{"etc/skynet", "srv/media", "srv/results", "var/lib"} {
		if err := os.MkdirAll(filepath.Join(s.root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { endAll(s.root) })
	return s
}

// here puts the test's folders in the place of the machine's.
func (s *story) here(text string) string {
	for _, d := range []string{"/etc/skynet", "/srv/media", "/srv/results", "/var/lib/skynet"} {
		text = regexp.MustCompile(`(^|[^a-z])`+regexp.QuoteMeta(d)).ReplaceAllString(text, "${1}"+s.root+d)
	}
	return strings.ReplaceAll(text, "bin/skynet", "skynet")
}

// unprivileged is a command by whoever runs the tests, whose folders these are.
func unprivileged(text string) string {
	return strings.TrimPrefix(strings.TrimPrefix(text, "sudo "), "-u skynet ")
}

// types runs the page's next command that begins like this, and returns what it said.
func (s *story) types(begins string) string {
	s.t.Helper()
	i := slices.IndexFunc(s.left, func(c command) bool { return strings.HasPrefix(unprivileged(c.text), begins) })
	if i < 0 {
		s.t.Fatalf("%s has no command %q; it has %v", s.page.name, begins, s.left)
	}
	c := s.left[i]
	s.left = slices.Delete(s.left, i, i+1)
	sh := exec.CommandContext(s.t.Context(), "/bin/sh", "-ec", s.here(unprivileged(c.text)))
	sh.Dir = s.root
	sh.Env = append(os.Environ(), "PATH="+filepath.Dir(skynet)+":"+os.Getenv("PATH"), "SKYNET_LISTEN=127.0.0.1:0")
	out, err := sh.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s:%d: %s: %v\n%s", s.page.name, c.line, c.text, err, out)
	}
	return string(out)
}

// writes writes a file as the page shows it.
func (s *story) writes(name string) {
	s.t.Helper()
	text, ok := s.page.files[name]
	if !ok {
		s.t.Fatalf("%s shows no %s; it shows %q", s.page.name, name, slices.Sorted(maps.Keys(s.page.files)))
	}
	file := filepath.Join(s.root, name)
	if !strings.HasPrefix(name, "/") {
		file = filepath.Join(s.root, "etc/skynet", name)
	}
	if err := os.WriteFile(file, []byte(s.here(text)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// TestFromNothingToAService is docs/getting-started.md, typed as it stands, but that
// systemd starts nothing.
func TestFromNothingToAService(t *testing.T) {
	t.Parallel()
	s := newStory(t, "getting-started.md")
	s.writes("/etc/skynet/skynet.yaml")
	s.writes("/etc/skynet/render.policy.yaml")
	s.types("skynet check")
	config := filepath.Join(s.root, "etc/skynet/skynet.yaml")
	state := filepath.Join(s.root, "var/lib/skynet")
	start(t, s.root, "daemon", skynet, "run", "--config", config, "--state-dir", state, "--interval", "1s", "--listen", "127.0.0.1:0")
	await(t, "the daemon to tick", patient, func() error {
		if got := call(t, skynet, "explain", "--config", config, "--state-dir", state, "--all"); got.status != 0 || got.out == "" {
			return fmt.Errorf("%s%s", got.out, got.err)
		}
		return nil
	})
	s.state(config, state)
	for i := range 3 {
		body, err := os.ReadFile(media.photo)
		if err == nil {
			err = os.WriteFile(filepath.Join(s.root, "srv/media", fmt.Sprintf("%d.jpg", i)), body, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.types("skynet-worker submit")
	if said := s.types("skynet-worker batch"); !strings.Contains(said, "3") {
		t.Errorf("the batch: %s", said)
	}
	if said := s.types("skynet status"); !strings.Contains(said, "render") {
		t.Errorf("the status: %s", said)
	}
	for _, begins := range []string{"skynet explain", "skynet signals", "skynet forecast", "skynet simulate"} {
		if said := s.types(begins); len(said) < 100 {
			t.Errorf("%s said %q", begins, said)
		}
	}
	if len(s.left) > 0 {
		t.Errorf("nobody typed %v", s.left)
	}
}

// state has the settings name the state folder, which the page leaves at its default.
func (s *story) state(config, state string) {
	s.t.Helper()
	f, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintf(f, "state_dir: %s\n", state)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		s.t.Fatal(err)
	}
}
