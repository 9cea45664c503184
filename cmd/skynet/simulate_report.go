package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skynet/policy"
	"skynet/simulate"
	"skynet/simulate/report"
	"skynet/simulate/scenario"
	"skynet/simulate/sweep"
)

// reportable finds out before anything is played whether a report can be written.
// A name without the ending of a page is more likely a policy file given by
// mistake, which would be overwritten.
func reportable(path string) error {
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".html" && ext != ".htm" {
		return fmt.Errorf("--report %q: write the name of a page, such as report.html", path)
	}
	if at, err := os.Stat(path); err == nil && !at.Mode().IsRegular() {
		return fmt.Errorf("--report %s is not a file that can be written: name another", path)
	}
	if at, err := os.Stat(filepath.Dir(path)); err != nil || !at.IsDir() {
		return fmt.Errorf("--report %s: there is no folder %s: create it", path, filepath.Dir(path))
	}
	return nil
}

// writeReport writes the HTML file, if one is asked for: whole, or not at all.
func writeReport(c *cobra.Command, sc *scenario.Scenario, p *contest) (err error) {
	path, _ := c.Flags().GetString("report")
	if path == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("--report: %w", err)
		}
	}()
	if err := errors.Join(report.Write(f, p.reportOf(sc)), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (p *contest) reportOf(sc *scenario.Scenario) report.Report {
	r := report.Report{Scenario: sc.Name, Seed: p.Seed, Start: sc.Start.Time, Notes: sc.Notes}
	for i, res := range p.Results {
		if p.swept == nil {
			r.Runs = append(r.Runs, report.Run{Result: res, Moments: p.moments[i], Peer: p.peers[i], Missed: missed(res, p.promised[i])})
		}
	}
	for n, key := range p.ideals.order {
		if n > 0 {
			break // each policy is drawn beside what the first one's objective would have cost
		}
		one := p.ideals.known[key]
		r.Curves = append(r.Curves, curveOf(sc, one.result, one.courses))
	}
	frontier := sweep.Frontier(p.swept)
	for i, o := range p.swept {
		r.Sweep = append(r.Sweep, sweepPoint(o, slices.Contains(frontier, i)))
	}
	return r
}

// missed reports whether fewer items started in time than was promised.
func missed(r simulate.Result, o policy.Objective) bool {
	return r.WithinObjective != nil && *r.WithinObjective < o.Quantile
}

func sweepPoint(o sweep.Outcome, best bool) report.SweepPoint {
	s := report.SweepPoint{Label: o.Point.String(), Cost: float64(o.Result.InstanceSeconds) / 3600, Frontier: best}
	if o.Result.Cost != nil {
		s.Cost = *o.Result.Cost
	}
	if o.Result.Wait != nil {
		s.Wait = o.Result.Wait.P99
	}
	if o.Result.WithinObjective != nil {
		s.Within = *o.Result.WithinObjective
	}
	return s
}

// curveOf adds up the courses of all fleets.
func curveOf(sc *scenario.Scenario, res simulate.Result, courses []simulate.Course) report.Curve {
	c := report.Curve{Name: res.Policy}
	if len(courses) == 0 {
		return c
	}
	price := 0.0 // an hour, on the mean over what was bought
	if res.Cost != nil && res.InstanceSeconds > 0 {
		price = *res.Cost / float64(res.InstanceSeconds)
	}
	const points = 4000
	n, step := len(courses[0].Capacity), courses[0].Step
	every := max(1, n/points)
	for i := 0; i < n; i += every {
		capacity, billed := 0.0, 0.0
		for _, of := range courses {
			capacity += mean(of.Capacity[i:min(i+every, n)])
			if i > 0 {
				billed += float64(of.Billed[i-1])
			}
		}
		c.At = append(c.At, sc.Start.Add(time.Duration(i)*step))
		c.Instances, c.Seconds = append(c.Instances, capacity), append(c.Seconds, billed)
		if res.Cost != nil {
			c.Cost = append(c.Cost, billed*price)
		}
	}
	return c
}

func mean(counts []int) float64 {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return float64(sum) / float64(len(counts))
}
