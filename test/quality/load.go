package main

import (
	"path/filepath"
	"strings"
	"time"

	"skynet/simulate/scenario"
)

// arrivals are a series, scaled.
type arrivals struct {
	name      string // of the file, without its ending
	from      time.Time
	perMinute []float64
}

const (
	longest = 28 * 24 * time.Hour
	rate    = 20 * slots / seconds // items/s on the mean: 20 workers are busy
)

// load reads at most four weeks of a series, and scales it.
func load(path string) (a arrivals, err error) {
	a.name, _, _ = strings.Cut(filepath.Base(path), ".")
	var steps scenario.Series
	if strings.HasPrefix(filepath.Base(path), "jobs_") {
		t, err := scenario.ReadTrace(path)
		if err != nil {
			return a, err
		}
		a.from = t.Began
		for _, j := range t.Jobs {
			steps.Steps = append(steps.Steps, scenario.Step{At: j.At.Truncate(time.Minute), For: time.Minute, Items: 1})
		}
	} else if steps, err = scenario.ReadSeries(path); err != nil {
		return a, err
	}
	if a.from.IsZero() {
		a.from = steps.Began
	}
	sum := 0.0
	for _, s := range steps.Steps {
		if s.At >= longest {
			break
		}
		end := min(s.At+s.For, longest)
		for at := s.At.Truncate(time.Minute); at < end; at += time.Minute {
			i := int(at / time.Minute)
			for len(a.perMinute) <= i {
				a.perMinute = append(a.perMinute, 0)
			}
			part := min(end, at+time.Minute) - max(s.At, at)
			a.perMinute[i] += s.Items * float64(part) / float64(s.For)
			sum += s.Items * float64(part) / float64(s.For)
		}
	}
	k := rate * 60 * float64(len(a.perMinute)) / sum
	for i := range a.perMinute {
		a.perMinute[i] *= k
	}
	return a, nil
}
