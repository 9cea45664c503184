package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"skynet/config/strict"
	"skynet/policy"
	"skynet/simulate"
)

// print writes a table: a line for each figure, a column for each policy.
func (s simulated) print(out io.Writer) {
	fmt.Fprintf(out, "scenario %s, seed %d\n\n", s.Scenario, s.Seed)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := s.columns()
	const across = 4 // columns that fit into a hundred characters
	for i := 0; i < len(columns); i += across {
		some := columns[i:min(i+across, len(columns))]
		for _, l := range figures {
			writeLine(w, l.name, l.of, some)
		}
		if slices.ContainsFunc(columns, tallied.foreseen) {
			for _, l := range foresights {
				writeLine(w, l.name, l.of, some)
			}
		}
		_ = w.Flush()
		if i+across < len(columns) {
			fmt.Fprintln(out)
		}
	}
	if slices.ContainsFunc(columns, tallied.under) {
		fmt.Fprint(out, "\nLess than the clairvoyant, which starts every item in time, has no maximum and no faults:\n"+
			"docs/simulate.md tells what else it bears that a policy need not.\n")
	}
}

func writeLine(w io.Writer, name string, of func(tallied) string, columns []tallied) {
	fmt.Fprint(w, name+"\t")
	for _, c := range columns {
		fmt.Fprint(w, of(c)+"\t")
	}
	fmt.Fprintln(w)
}

// columns are those of the table: a policy's, then those of its fleets. Two files
// of one name are told apart by their folders.
func (s simulated) columns() (list []tallied) {
	named := map[string]int{}
	for _, r := range s.Results {
		named[short(r.Policy)]++
	}
	for i, r := range s.Results {
		name, promised := short(r.Policy), "-"
		if named[name] > 1 {
			name = fitting(r.Policy)
		}
		if i < len(s.promised) {
			promised = promise(s.promised[i])
		}
		list = append(list, tallied{name, r.Figures, promised, r.Ticks, r.ClairvoyantInstanceSeconds})
		for _, f := range r.Fleets {
			list = append(list, tallied{fitting(name + ": " + f.Fleet), f.Figures, promised, r.Ticks, nil})
		}
	}
	return list
}

// promise is an objective in few words: 99% in 2m, or in 2m to 30m where queues
// have their own.
func promise(o policy.Objective) string {
	least, most := o.Wait, o.Wait
	for _, w := range o.Queues {
		least, most = min(least, w), max(most, w)
	}
	text := fmt.Sprintf("%.4g%% in %s", 100*o.Quantile, strict.Duration(least))
	if most > least {
		text += fmt.Sprintf(" to %s", strict.Duration(most))
	}
	return text
}

// short is a policy's name without its folder and what every policy file ends in,
// cut where it would not fit.
func short(path string) string {
	name := filepath.Base(path)
	for _, end := range []string{".yaml", ".yml", ".policy"} {
		name = strings.TrimSuffix(name, end)
	}
	if r := []rune(name); len(r) > widest {
		name = string(r[:widest-1]) + "…"
	}
	return name
}

// widest is a column's name: four of them fit into a hundred characters.
const widest = 18

// fitting keeps the end of a name that would not fit.
func fitting(name string) string {
	if r := []rune(name); len(r) > widest {
		name = "…" + string(r[len(r)-widest+1:])
	}
	return name
}

// tallied is a column of the table.
type tallied struct {
	name string
	simulate.Figures
	promised string
	ticks    int
	ideal    *int64
}

// figures are the lines of the table.
var figures = []struct {
	name string
	of   func(tallied) string
}{
	{"", func(c tallied) string { return c.name }},
	{"items", func(c tallied) string { return thousands(float64(c.Items)) }},
	{"objective", func(c tallied) string { return c.promised }},
	{"within objective", func(c tallied) string {
		return orDash(c.WithinObjective, simulate.Percent)
	}},
	{"wait p50", func(c tallied) string { return c.wait(func(w simulate.Wait) float64 { return w.P50 }) }},
	{"wait p95", func(c tallied) string { return c.wait(func(w simulate.Wait) float64 { return w.P95 }) }},
	{"wait p99", func(c tallied) string { return c.wait(func(w simulate.Wait) float64 { return w.P99 }) }},
	{"wait max", func(c tallied) string { return c.wait(func(w simulate.Wait) float64 { return w.Max }) }},
	{"instance hours", func(c tallied) string { return fmt.Sprintf("%.2f", float64(c.InstanceSeconds)/3600) }},
	{"work hours", func(c tallied) string { return fmt.Sprintf("%.2f", c.WorkSeconds/3600) }},
	{"efficiency", func(c tallied) string {
		return orDash(c.Efficiency, func(v float64) string { return fmt.Sprintf("%.1f%%", 100*v) })
	}},
	{"over clairvoyant", func(c tallied) string {
		if c.ideal == nil || *c.ideal == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f x", float64(c.InstanceSeconds)/float64(*c.ideal))
	}},
	{"cost", func(c tallied) string {
		return orDash(c.Cost, func(v float64) string { return fmt.Sprintf("%.2f", v) })
	}},
	{"launches", func(c tallied) string { return thousands(float64(c.Launches)) }},
	{"wakes", func(c tallied) string { return thousands(float64(c.Wakes)) }},
	{"sleeps", func(c tallied) string { return thousands(float64(c.Sleeps)) }},
	{"terminations", func(c tallied) string { return thousands(float64(c.Terminations)) }},
	{"interruptions", func(c tallied) string { return thousands(float64(c.Interruptions)) }},
	{"peak instances", func(c tallied) string { return thousands(float64(c.Peak)) }},
	{"ticks", func(c tallied) string { return thousands(float64(c.ticks)) }},
}

// foresights are the lines of a table in which forecasts were scored.
var foresights = []struct {
	name string
	of   func(tallied) string
}{
	{"forecast error 15m", func(c tallied) string {
		return c.forecast(func(f *simulate.Forecast) string { return inOthers(f.In15Minutes) })
	}},
	{"forecast error 60m", func(c tallied) string {
		return c.forecast(func(f *simulate.Forecast) string { return inOthers(f.In60Minutes) })
	}},
	{"held p99 15m, 60m", func(c tallied) string {
		return c.forecast(func(f *simulate.Forecast) string {
			return fmt.Sprintf("%.1f%%, %.1f%%", 100*f.In15Minutes.WithinP99, 100*f.In60Minutes.WithinP99)
		})
	}},
}

func (c tallied) foreseen() bool { return c.Forecast != nil }

func (c tallied) forecast(said func(*simulate.Forecast) string) string {
	if c.Forecast == nil {
		return "-"
	}
	return said(c.Forecast)
}

// inOthers is an error in that of "same as last week", or else of "last value".
func inOthers(f simulate.Foresight) string {
	switch {
	case f.OverLastWeek != nil:
		return fmt.Sprintf("%.2f x last week", *f.OverLastWeek)
	case f.OverLastValue != nil:
		return fmt.Sprintf("%.2f x last value", *f.OverLastValue)
	}
	return "-"
}

// under reports whether less was billed than to the clairvoyant.
func (c tallied) under() bool { return c.ideal != nil && c.InstanceSeconds < *c.ideal }

func (c tallied) wait(of func(simulate.Wait) float64) string {
	if c.Wait == nil {
		return "-"
	}
	d := time.Duration(of(*c.Wait) * float64(time.Second))
	switch {
	case d >= time.Hour:
		return d.Round(time.Minute).String()
	case d >= time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

func orDash(v *float64, said func(float64) string) string {
	if v == nil {
		return "-"
	}
	return said(*v)
}
