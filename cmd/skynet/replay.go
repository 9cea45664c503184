package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skynet/journal/sqlite"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/simulate/recording"
)

// changed is a tick that is decided otherwise, as it is printed.
type changed struct {
	Time  time.Time        `json:"time"`
	Kinds []recording.Kind `json:"kinds"`
	Then  pleaded          `json:"then"`
	Now   pleaded          `json:"now"`
}

// pleaded is a decision and its arguments.
type pleaded struct {
	Action  string          `json:"action"`
	Deeds   string          `json:"deeds"` // launch 2, drain 3
	Have    int             `json:"have"`
	Want    int             `json:"want"`
	Reasons []policy.Reason `json:"reasons"`
}

func argue(d policy.Decision) pleaded {
	return pleaded{Action: d.Action(), Deeds: headline(d), Have: d.Have, Want: d.Want, Reasons: d.Reasons}
}

// replayed is what is printed for programs.
type replayed struct {
	Recording string `json:"recording"`
	Policy    string `json:"policy"`
	recording.Summary
	Changes []changed `json:"changes"`
}

// replay decides each tick of the recording that the flags name again, by a policy
// file, and lists what is decided otherwise.
func replay(c *cobra.Command, policyPath string, asJSON bool) error {
	j, o, err := recordingOf(c)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }()
	engine, err := engineFor(c.Context(), policyPath, j, o.Fleet)
	if err != nil {
		return err
	}
	out := replayed{Recording: o.Name, Policy: policyPath, Changes: []changed{}}
	out.Summary, err = recording.Replay(c.Context(), j, o, engine, func(ch recording.Change) error {
		one := changed{Time: ch.At, Kinds: ch.Kinds, Then: argue(ch.Then), Now: argue(ch.Now)}
		if asJSON {
			out.Changes = append(out.Changes, one)
			return nil
		}
		return one.print(c.OutOrStdout())
	})
	switch {
	case errors.Is(err, context.Canceled):
		return finding{errors.New("stopped")}
	case err != nil && out.Ticks > 0:
		return finding{err}
	case err != nil:
		return fmt.Errorf("--recording: %w", err)
	}
	if damaged := j.Degraded(); damaged != "" {
		fmt.Fprintln(c.ErrOrStderr(), "skynet: note:", damaged)
	}
	if asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(out)
	}
	out.print(c.OutOrStdout())
	return nil
}

// engineFor reads a policy file for the queues and signals that a recording has.
func engineFor(ctx context.Context, path string, j *sqlite.Reader, fleetName string) (e policy.Engine, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return e, fmt.Errorf("policy file: %w", err)
	}
	if fleetName == "" {
		if fleetName, err = onlyFleet(ctx, j); err != nil {
			return e, fmt.Errorf("--recording: %w", err)
		}
	}
	last, err := j.Between(ctx, fleetName, time.Unix(0, 0), forever, 1)
	if err != nil {
		return e, err
	}
	var names signals.Names
	for _, r := range last {
		names.Queues = r.Snapshot.Queues
		for _, s := range r.Snapshot.Signals {
			if _, ours := signals.KindOf(s.Name); !ours {
				names.User = append(names.User, s.Name)
			}
		}
	}
	read, err := file.Parse(path, data, names)
	return read.Engine, err
}

// print tells of one tick.
func (ch changed) print(out io.Writer) error {
	var kinds []string
	for _, k := range ch.Kinds {
		kinds = append(kinds, strings.ReplaceAll(string(k), "_", " "))
	}
	_, err := fmt.Fprintf(out, "%s  %s\n", localTime(ch.Time), strings.Join(kinds, ", "))
	for _, side := range []struct {
		who string
		pleaded
	}{{"then", ch.Then}, {"now", ch.Now}} {
		say(out, side.who, fmt.Sprintf("have %d, want %d: %s", side.Have, side.Want, side.Deeds))
		for _, r := range side.Reasons {
			say(out, "", r.By+": "+r.Said)
		}
	}
	fmt.Fprintln(out)
	return err
}

// print tells the sums.
func (r replayed) print(out io.Writer) {
	fmt.Fprintf(out, "recording %s, fleet %s, decided again by %s\n", r.Recording, r.Fleet, r.Policy)
	fmt.Fprintf(out, "%s ticks from %s to %s\n\n", thousands(float64(r.Ticks)), localTime(r.From), localTime(r.To))
	for _, l := range []struct {
		what string
		n    int
	}{
		{"same", r.Same}, {"  for other reasons", r.Reargued},
		{"changed", r.Changed}, {"  would have bought more", r.BuysMore}, {"  would have bought less", r.BuysLess},
		{"  would have let go more", r.LetsGoMore}, {"  would have let go less", r.LetsGoLess}, {"  otherwise", r.Otherwise},
		{"no decision then", r.Undecided},
	} {
		fmt.Fprintf(out, "%-24s %9s\n", l.what, thousands(float64(l.n)))
	}
	if r.Changed > 0 {
		fmt.Fprint(out, "\nEach tick is decided by what was known then: what would have followed from another\n"+
			"decision is not in it. For that, play the recording without --replay.\n")
	}
}
