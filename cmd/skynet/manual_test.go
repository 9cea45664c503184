package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"skynet/cmd/internal/manual"
)

// Every command has a page and an example, and what shells and man are given is in
// order as far as they are there to say.
func TestManualPagesAndCompletions(t *testing.T) {
	folder := t.TempDir()
	c := root()
	if err := manual.Write(c, folder); err != nil {
		t.Fatal(err)
	}
	for _, c := range all(c) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		text, err := os.ReadFile(filepath.Join(folder, "man/man1", name+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		if c.Example == "" && !c.HasSubCommands() && !strings.Contains(name, "-completion") {
			t.Errorf("%s has no example", name)
		}
		for _, part := range []string{".SH NAME", c.Short[:10]} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s.1 has no %q", name, part)
			}
		}
		says(t, "man", "--warnings", "-E", "UTF-8", "-l", "-Z", filepath.Join(folder, "man/man1", name+".1"))
	}
	says(t, "bash", "-n", filepath.Join(folder, "bash-completion/completions/skynet"))
	says(t, "zsh", "-n", filepath.Join(folder, "zsh/vendor-completions/_skynet"))
	says(t, "fish", "-n", filepath.Join(folder, "fish/vendor_completions.d/skynet.fish"))
}

func all(c *cobra.Command) (list []*cobra.Command) {
	if !c.IsAvailableCommand() && c.HasParent() {
		return nil
	}
	list = append(list, c)
	for _, sub := range c.Commands() {
		list = append(list, all(sub)...)
	}
	return list
}

// says nothing on standard error, where the program is there.
func says(t *testing.T, program string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Logf("%s is not here to look at %s", program, args[len(args)-1])
		return
	}
	var said strings.Builder
	cmd := exec.Command(path, args...)
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil || said.Len() > 0 {
		t.Errorf("%s: %v: %s", cmd, err, said.String())
	}
}
