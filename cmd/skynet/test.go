package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/spf13/cobra"

	"skynet/decide"
	"skynet/decide/suite"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/exec"
)

func testCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run unit tests of policies",
		Long: `Run unit tests of policy files: signals over time, and what is to be decided. The
decisions are the daemon's own, by the same code. A test that fails shows what was
decided, what was expected, and the reasons.

  # render.test.yaml
  policy: render.policy.yaml
  tests:
    - name: a burst buys at once
      signals:
        - {name: queue.visible, values: "0x4 120"}      # promtool's notation: five zeros, then 120
        - {name: queue.in_flight, values: "0"}          # the last value holds on
        - {name: queue.completed, values: "0"}
        - {name: fleet.running, values: "1"}
        - {name: fleet.pending, values: "0"}
        - {name: fleet.slots, values: "4"}
        - {name: work.seconds_mean, values: "90"}
      expect:
        - {at: 4m, want: 0, action: drain}
        - {at: 5m, action: launch, reasons: ["slo: "]}

The status is 1 if a test fails, 2 if a file cannot be used.`,
		Example: "  skynet test render.test.yaml\n  skynet test --run burst --output json *.test.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE:    runTests,
	}
	c.Flags().String("run", "", "only tests whose name matches this regular expression")
	addOutputFlag(c)
	return c
}

func runTests(c *cobra.Command, paths []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	text, _ := c.Flags().GetString("run")
	only, err := regexp.Compile(text)
	if err != nil {
		return fmt.Errorf("--run %q: %w", text, err)
	}
	ran, failed := 0, 0
	for _, path := range paths {
		list, err := runSuite(c.Context(), path, only)
		if err != nil {
			return err
		}
		for _, r := range list {
			ran++
			if !r.OK {
				failed++
			}
			r.print(c.OutOrStdout(), asJSON)
		}
	}
	switch {
	case ran == 0:
		return fmt.Errorf("--run %q: no test has such a name", text)
	case failed > 0:
		return finding{fmt.Errorf("%d of %d tests failed", failed, ran)}
	case !asJSON:
		fmt.Fprintf(c.OutOrStdout(), "%d passed\n", ran)
	}
	return nil
}

// tested is a test's result and the file that it is in.
type tested struct {
	File string `json:"file"`
	suite.Result
}

// runSuite runs the tests of one file whose names match.
func runSuite(ctx context.Context, path string, only *regexp.Regexp) (list []tested, err error) {
	f, err := suite.Load(path)
	if err != nil {
		return nil, err
	}
	p, err := file.Load(f.Policy, signals.Names{Open: true})
	if err != nil {
		return nil, fmt.Errorf("%s: policy: %w", path, err)
	}
	if err := f.Know(p.Engine.Policies); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, t := range f.Tests {
		if !only.MatchString(t.Name) {
			continue
		}
		r, err := runTest(ctx, t, f, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, tested{path, r})
	}
	return list, nil
}

// runTest gives each test a session of its own: no history leaks from one into
// the next.
func runTest(ctx context.Context, t suite.Test, f suite.File, p file.Policy) (suite.Result, error) {
	s, programs := decide.New(p, "test"), exec.New(programsOf(p)...)
	s.Advisers = programs
	r, err := t.Run(ctx, s, f.Interval.Std())
	return r, errors.Join(err, programs.Close())
}

func (t tested) print(out io.Writer, asJSON bool) {
	if asJSON {
		_ = json.NewEncoder(out).Encode(t)
		return
	}
	if t.OK {
		fmt.Fprintf(out, "ok    %s: %s (%d ticks)\n", t.File, t.Test, t.Ticks)
		return
	}
	fmt.Fprintf(out, "FAIL  %s: %s\n", t.File, t.Test)
	for _, f := range t.Failures {
		fmt.Fprintf(out, "  at %s (%s)\n", f.At, f.Time.Format("2006-01-02T15:04:05Z07:00"))
		for _, w := range f.Wrong {
			fmt.Fprintf(out, "    %s\n", w)
		}
		fmt.Fprintln(out, "    the reasons were:")
		for _, r := range f.Reasons {
			fmt.Fprintf(out, "      %-10s %s\n", r.By+":", r.Said)
		}
	}
}
