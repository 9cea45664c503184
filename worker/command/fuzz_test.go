package command

import (
	"strings"
	"testing"
)

// FuzzFill: whatever names and files an item brings, a program gets as many arguments
// as its recipe has, and one without braces as it stands there.
func FuzzFill(f *testing.F) {
	f.Add("-o {out}/x", "input", "/scratch/input-0")
	f.Add("{a}{out}", "a", "{out}; rm -rf /")
	f.Add("plain", "", "")
	f.Add("{{x}}", "x", "$(id)\n`id`")
	f.Fuzz(func(t *testing.T, arg, name, file string) {
		got := fill([]string{"first", arg}, "/folder", map[string]string{name: file})
		if len(got) != 2 || got[0] != "first" || !strings.Contains(arg, "{") && got[1] != arg {
			t.Errorf("%q with %q = %q is %q", arg, name, file, got)
		}
		if plain(name) && strings.ContainsAny(name, `/\`) {
			t.Errorf("%q is taken for a name in a folder", name)
		}
	})
}
