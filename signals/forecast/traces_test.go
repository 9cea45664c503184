package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"skynet/signals/forecast"
	"skynet/simulate/scenario"
)

// TestOnRecordedLoad prints how good the forecasts are on recorded series, and fails
// where one with a strong week is forecast no better than by the week before or the
// last value. The series are not part of the project: SKYNET_TRACES names their folder.
func TestOnRecordedLoad(t *testing.T) {
	folder := os.Getenv("SKYNET_TRACES")
	if folder == "" {
		t.Skip("SKYNET_TRACES names no folder of recorded series")
	}
	var paths []string
	for _, kind := range []string{"week_*", "burst_*", "jobs_*"} {
		found, _ := filepath.Glob(filepath.Join(folder, kind))
		paths = append(paths, found...)
	}
	if len(paths) == 0 || testing.Short() {
		t.Skip("none is asked for, or there is no recorded series in " + folder)
	}
	only := os.Getenv("SKYNET_TRACE")
	lines := make([]string, len(paths))
	var wg sync.WaitGroup
	turn := make(chan struct{}, 2)
	for i, path := range paths {
		if only != "" && !strings.Contains(path, only) {
			continue
		}
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			lines[i] = row(t, path)
		})
	}
	wg.Wait()
	fmt.Println("series                          days | h  loss  /week /last /plainweek /plainlast p90 p99 over99 | …")
	for _, l := range lines {
		if l != "" {
			fmt.Println(l)
		}
	}
}

func row(t *testing.T, path string) string {
	start, minutes := load(t, path)
	list := forecast.Measure(forecast.Settings{}, start, minutes, 7*24*60)
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	line := fmt.Sprintf("%-32.32s %4d", name, len(minutes)/1440)
	for _, a := range list {
		line += fmt.Sprintf(" | %2.0f %.3f %.3f %.3f %.2f %.2f %.3f %.4f %.2f", a.Horizon.Minutes(), a.Loss, a.Loss/a.LastWeek, a.Loss/a.Last, a.Loss/a.PlainWeek, a.Loss/a.PlainLast, a.P90, a.P99, a.Over99)
		weekly := strings.HasPrefix(name, "week_") && a.Horizon > 5*time.Minute
		if weekly && !(a.Loss < a.LastWeek && a.Loss < a.Last) {
			t.Errorf("%s at %s: loss %.3f, same as last week %.3f, last value %.3f", name, a.Horizon, a.Loss, a.LastWeek, a.Last)
		}
	}
	return line
}

// load reads at most 28 days of a series as arrivals a minute, 1200 on the mean. Steps
// longer than a minute are spread over their minutes at random.
func load(t *testing.T, path string) (time.Time, []float64) {
	t.Helper()
	days := 28
	if strings.HasPrefix(filepath.Base(path), "jobs_") {
		trace, err := scenario.ReadTrace(path)
		if err != nil {
			t.Fatal(err)
		}
		start := trace.Began.Truncate(time.Minute)
		n := min(int(trace.End()/time.Minute)+1, days*1440)
		minutes := make([]float64, n)
		for _, j := range trace.Jobs {
			if i := int((j.At + trace.Began.Sub(start)) / time.Minute); i < n {
				minutes[i]++
			}
		}
		return start, scaled(minutes)
	}
	series, err := scenario.ReadSeries(path)
	if err != nil {
		t.Fatal(err)
	}
	n := min(int(series.End()/time.Minute), days*1440)
	total := 0.0
	for _, s := range series.Steps {
		if int(s.At/time.Minute) < n {
			total += s.Items
		}
	}
	return series.Began, spread(series, n, 1200*float64(n)/total)
}

func scaled(minutes []float64) []float64 {
	total, sum, given := 0.0, 0.0, 0.0
	for _, m := range minutes {
		total += m
	}
	for i, m := range minutes {
		sum += m * 1200 * float64(len(minutes)) / total
		minutes[i] = math.Floor(sum+0.5) - given
		given += minutes[i]
	}
	return minutes
}

func spread(series scenario.Series, n int, scale float64) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	minutes := make([]float64, n)
	sum, given := 0.0, 0.0
	for _, s := range series.Steps {
		sum += s.Items * scale
		k := math.Floor(sum+0.5) - given
		given += k
		for range int(k) {
			if i := int((s.At + time.Duration(r.Float64()*float64(s.For))) / time.Minute); i < n {
				minutes[i]++
			}
		}
	}
	return minutes
}
