package test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestMakeRefusesWhatIsNoNumber: a slip in an argument is told in a line, and plays
// nothing that was not asked for.
func TestMakeRefusesWhatIsNoNumber(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("no make here")
	}
	for args, want := range map[string]string{
		"faults SEED=x":                 "SEED=x is no number: give one such as 17",
		"faults SEEDS=-1":               "SEEDS=-1 is no number of at least 1",
		"faults SEEDS=0":                "SEEDS=0 is no number of at least 1",
		"faults HOURS=1.5":              "HOURS=1.5 is no number of at least 1",
		"soak FOR=abc":                  "FOR=abc is no time: give one such as 5m",
		"soak FOR=-5s":                  "FOR=-5s is no time",
		"soak FOR=300":                  "FOR=300 is no time",
		"faults SEED=0 HOURS=24 WIRE=1": "-hours 24 -wire",
		"faults SEEDS=400 FROM=1000":    "-seeds 400 -from 1000",
		"soak FOR=1h30m SEED=7":         "-for 1h30m -seed 7",
	} {
		c := exec.CommandContext(t.Context(), "make", append([]string{"-n"}, strings.Fields(args)...)...)
		c.Dir = ".."
		out, err := c.CombinedOutput()
		if said := string(out); !strings.Contains(said, want) || (err != nil) != strings.Contains(want, " is no ") {
			t.Errorf("make %s: %v: %s, want %q", args, err, said, want)
		}
	}
}
