package scenario_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/config/strict"
	"skynet/config/strict/stricttest"
	"skynet/simulate/scenario"
)

var update = flag.Bool("update", false, "write the .error files anew")

// promised is the example of the format, word for word.
const promised = `name: sunday
start: 2026-03-01T00:00:00Z
seed: 1
queues:
  - {name: photos, arrivals: {csv: trace.csv, scale: 2.5}, seconds: {median: 4s, p95: 12s}, visibility: 5m, feeds: assembly}
fleet: {slots: 4, boot: {median: 90s, p95: 180s}, wake: {median: 30s, p95: 60s}, start: 1, price: 0.17,
        types: [{name: c7i.xlarge, price: 0.1785, spot: 0.07}], zones: [{name: a, out: [{from: 17h, for: 2h}]}, {name: b}],
        billing: {unit: 1s, minimum: 60s}}
faults: {dead_on_arrival: 1%, launch_refused: 2%, interruptions_per_hour: 0.5%, heartbeat_loss: 1%, api_errors: 1%}
`

// folder holds a scenario and what it names.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestThePromisedExample(t *testing.T) {
	dir := folder(t, map[string]string{"s.yaml": promised, "trace.csv": "timestamp,value\n2020-01-01T00:00:00Z,4\n2020-01-01T00:05:00Z,6\n"})
	s, err := scenario.Load(filepath.Join(dir, "s.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sec := strict.Duration(time.Second)
	want := []scenario.Fleet{{
		Name: "fleet", Queues: []string{"photos"}, Slots: 4, Start: 1, Price: new(.17), Serves: []int{0},
		Boot: scenario.Length{Median: 90 * sec, P95: 180 * sec}, Wake: scenario.Length{Median: 30 * sec, P95: 60 * sec},
		Types:   []scenario.Type{{Name: "c7i.xlarge", Price: new(.1785), Spot: new(.07)}},
		Zones:   []scenario.Zone{{Name: "a", Out: []scenario.Window{{From: 17 * 3600 * sec, For: 2 * 3600 * sec}}}, {Name: "b"}},
		Billing: scenario.Billing{Unit: sec, Minimum: 60 * sec},
	}}
	if d := cmp.Diff(want, s.Fleets); d != "" {
		t.Error(d)
	}
	if s.Interval.Std() != time.Minute || s.End != 10*time.Minute || s.Faults.InterruptionsPerHour != .5 || s.Queues[0].Visibility.Std() != 5*time.Minute ||
		s.Queues[0].Next != -1 || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "photos feeds assembly, which is not in the scenario") {
		t.Errorf("%+v", s)
	}
	steps := []scenario.Step{{At: 0, For: 5 * time.Minute, Items: 4}, {At: 5 * time.Minute, For: 5 * time.Minute, Items: 6}}
	if d := cmp.Diff(steps, s.Queues[0].Series.Steps); d != "" {
		t.Error(d)
	}
}

const rest = "fleet: {slots: 1}\n"

// When it begins and ends.
func TestTimes(t *testing.T) {
	series := "timestamp,value\n2026-03-01T10:00:00Z,1\n2026-03-01T10:05:00Z,1\n"
	jobs := "timestamp,duration_seconds,kind\n2026-03-01T10:01:00Z,2.5,a\n2026-03-01T10:01:00Z,3,\n2026-03-01T11:00:00Z,1,b\n"
	queues := "name: x\nqueues: [{name: a, arrivals: {csv: s.csv}, seconds: {mean: 1s}}, {name: b, jobs: {csv: j.csv}}]\n" + rest
	for name, c := range map[string]struct {
		head      string
		start     string
		end, jobs time.Duration
	}{
		"as recorded":  {"", "2026-03-01T10:00:00Z", time.Hour + time.Millisecond, time.Minute},
		"shifted":      {"start: 2027-01-01T00:00:00+01:00\n", "2026-12-31T23:00:00Z", 59*time.Minute + time.Millisecond, 0},
		"until a time": {"start: 2027-01-01T00:00:00Z\nuntil: 2027-01-01T00:30:00Z\n", "2027-01-01T00:00:00Z", 30 * time.Minute, 0},
		"for a time":   {"until: 1d\n", "2026-03-01T10:00:00Z", 24 * time.Hour, time.Minute},
	} {
		dir := folder(t, map[string]string{"s.csv": series, "j.csv": jobs, "s.yaml": c.head + queues})
		s, err := scenario.Load(filepath.Join(dir, "s.yaml"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		took := []time.Duration{}
		for _, j := range s.Queues[1].Trace.Jobs {
			took = append(took, j.Took)
		}
		if s.Start.Format(time.RFC3339) != c.start || s.End != c.end || s.Queues[1].Trace.Jobs[0].At != c.jobs || took[0] != 2500*time.Millisecond {
			t.Errorf("%s: %s to %s, jobs from %s, %v", name, s.Start, s.End, s.Queues[1].Trace.Jobs[0].At, took)
		}
	}
}

// A gap is no long step, and gzip is found by its first bytes.
func TestSeries(t *testing.T) {
	dir := t.TempDir()
	f, _ := os.Create(filepath.Join(dir, "zipped"))
	z := gzip.NewWriter(f)
	_, _ = z.Write([]byte("2026-03-01T10:00:00Z,1\n2026-03-01T10:01:00Z,2\n2026-03-01T10:02:30Z,0.5\n2026-03-01T18:00:00Z,3\n2026-03-01T18:01:00Z,4\n"))
	_ = z.Close()
	_ = f.Close()
	s, err := scenario.ReadSeries(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	var lengths []time.Duration
	for _, p := range s.Steps {
		lengths = append(lengths, p.For/time.Second)
	}
	if d := cmp.Diff([]time.Duration{60, 90, 90, 60, 90}, lengths); d != "" { // the median is 90 s
		t.Error(d)
	}
}

func TestBadCSV(t *testing.T) {
	const at = "2026-03-01T10:00:00Z"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(at + ",1\n"))
	_ = z.Close()
	cut := zipped.String()[:zipped.Len()-10]
	for name, c := range map[string]struct{ series, jobs string }{
		"timestamp,value\n":                     {"has no lines of timestamp,value", "has no lines of timestamp,duration_seconds"},
		"":                                      {"has no lines", "has no lines"},
		at + ",1\n" + at + ",2\n":               {":2: does not come after the line before; sort", ""},
		at + ",1\n2026-03-01T09:00:00Z,2\n":     {":2: does not come after", ":2: comes before the line before; sort"},
		"timestamp,value\n" + at + ",-1\n":      {`:2: value "-1" is not a number of 0 or more`, `:2: duration_seconds "-1"`},
		at + ",NaN\n":                           {`value "NaN"`, `"NaN"`},
		at + ",\n":                              {`value ""`, `""`},
		at + "\n":                               {":1: has 1 field; a line is timestamp,value", ":1: has 1 field; a line is timestamp,duration_seconds"},
		at + ";1\n":                             {":1: has no comma; a line is timestamp,value", "put commas where there are semicolons"},
		"\ufefftimestamp,value\n" + at + ",1\n": {"", ""},
		"\ufeff" + at + ",1\n":                  {"", ""},
		"Time,Sum of items\n" + at + ",1\n":     {"", ""},
		at + ",1\nTime,value\n":                 {`:2: timestamp "Time" is not a time`, `:2: timestamp "Time"`},
		strings.Repeat("letters\n", 2):          {":1: has 1 field", ":1: has 1 field"},
		"2026-03-01 10:00,1\n":                  {`:1: timestamp "2026-03-01 10:00" is not a time`, "is not a time"},
		"date,value\n2026,1\n":                  {`:2: timestamp "2026" is not a time`, "is not a time"},
		cut:                                     {"is cut off", "copy it again"},
		"\x1f\x8bno gzip":                       {"EOF", "EOF"},
		"timestamp,value\n\"" + at + ",1\n":     {"quote", "quote"},
		"timestamp,value\n" + at + ",+Inf\n":    {`value "+Inf"`, `"+Inf"`},
	} {
		path := filepath.Join(folder(t, map[string]string{"x.csv": name}), "x.csv")
		_, err := scenario.ReadSeries(path)
		_, err2 := scenario.ReadTrace(path)
		for _, e := range []struct {
			want string
			err  error
		}{{c.series, err}, {c.jobs, err2}} {
			if (e.err == nil) != (e.want == "") || e.err != nil && (!strings.Contains(e.err.Error(), e.want) || !strings.Contains(e.err.Error(), path)) {
				t.Errorf("%q: got %v, want %s", name, e.err, e.want)
			}
		}
	}
	if _, err := scenario.ReadSeries("/no/such/file"); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestMistakes(t *testing.T) {
	stricttest.Bad(t, *update, 20, func(path string) error {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = scenario.Parse(filepath.Base(path), data)
		return err
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(promised))
	files, _ := filepath.Glob("testdata/bad/*.yaml")
	for _, path := range files {
		data, _ := os.ReadFile(path)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := scenario.Parse("x.yaml", data)
		if err != nil {
			return
		}
		served := 0
		for _, fl := range s.Fleets {
			served += len(fl.Serves)
			if fl.Slots < 1 || fl.Billing.Unit.Std() < time.Second {
				t.Errorf("%+v", fl)
			}
		}
		if served != len(s.Queues) || served == 0 || s.Interval.Std() < time.Second {
			t.Errorf("%d of %d queues are served", served, len(s.Queues))
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add("timestamp,value\n2026-03-01T10:00:00Z,1\n")
	f.Add("2026-03-01T10:00:00Z,1,kind\n2026-03-01T10:00:00.5Z,1e300\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(folder(t, map[string]string{"x.csv": text}), "x.csv")
		if s, err := scenario.ReadSeries(path); err == nil {
			for i, p := range s.Steps {
				if p.For <= 0 || !(p.Items >= 0) || i > 0 && p.At <= s.Steps[i-1].At {
					t.Errorf("step %+v", p)
				}
			}
		}
		if tr, err := scenario.ReadTrace(path); err == nil {
			for _, j := range tr.Jobs {
				if j.Took < 0 || j.At < 0 {
					t.Errorf("job %+v", j)
				}
			}
		}
	})
}

// Lengths are drawn as they are described.
func TestLengths(t *testing.T) {
	sec := strict.Duration(time.Second)
	for name, c := range map[string]struct {
		scenario.Length
		half, most, mean float64
	}{
		"constant":    {scenario.Constant(4 * time.Second), 4, 4, 4},
		"exponential": {scenario.Length{Mean: 10 * sec, Exponential: true}, 6.931, 29.957, 10},
		"log-normal":  {scenario.Length{Median: 4 * sec, P95: 12 * sec}, 4, 12, 5},
		"no spread":   {scenario.Length{Median: 4 * sec, P95: 4 * sec}, 4, 4, 4},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		const n = 200_000
		half, most, sum := 0, 0, 0.0
		for range n {
			d := c.Draw(r)
			if sum += d.Seconds(); d.Seconds() <= c.half+1e-9 {
				half++
			}
			if d.Seconds() <= c.most+1e-9 {
				most++
			}
		}
		varies := c.half != c.most
		if varies && (abs(float64(half)/n-.5) > .005 || abs(float64(most)/n-.95) > .003) || !varies && half < n || abs(sum/n-c.mean) > .01*c.mean {
			t.Errorf("%s: %.3f within %g, %.3f within %g, mean %g", name, float64(half)/n, c.half, float64(most)/n, c.most, sum/n)
		}
		if abs(c.Average().Seconds()-c.mean) > .01*c.mean {
			t.Errorf("%s: average %s", name, c.Average())
		}
	}
}

func abs(v float64) float64 { return max(v, -v) }

// What would never end, or cannot be dated, is refused.
func TestUnbearable(t *testing.T) {
	for want, c := range map[string][2]string{
		"until is not after start": {"start: 2026-01-01T00:00:00Z\nuntil: 2025-01-01T00:00:00Z\n", "1"},
		"at most ten years":        {"until: 1000w\n", "1"},
		"begins in 1492":           {"start: 1492-10-12T00:00:00Z\n", "1"},
		"items arrive":             {"", "1e300"},
	} {
		dir := folder(t, map[string]string{
			"s.csv":  "timestamp,value\n2026-03-01T10:00:00Z," + c[1] + "\n",
			"s.yaml": "name: x\n" + c[0] + "queues: [{name: a, arrivals: {csv: s.csv}, seconds: {mean: 1s}}]\n" + rest,
		})
		if _, err := scenario.Load(filepath.Join(dir, "s.yaml")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	sc := scenario.Scenario{Start: scenario.Time{Time: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, End: time.Hour}
	for start, ok := range map[int]bool{200: true, 201: false} {
		sc.Fleets = []scenario.Fleet{{Name: "big", Slots: 10_000, Start: start}}
		if err := sc.Bearable(); (err == nil) != ok {
			t.Errorf("%d instances of 10000 slots at the start: %v", start, err)
		}
	}
	dir := folder(t, map[string]string{"s.yaml": "name: x\nqueues: [{name: a, jobs: {csv: s.csv}}, {name: b, jobs: {csv: t.csv}}]\n" + rest})
	if _, err := scenario.Load(filepath.Join(dir, "s.yaml")); err == nil || !strings.Contains(err.Error(), "s.yaml: queue a: ") || !strings.Contains(err.Error(), "s.csv") || !strings.Contains(err.Error(), "t.csv") {
		t.Errorf("got %v", err)
	}
}
