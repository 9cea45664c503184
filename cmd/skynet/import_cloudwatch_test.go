package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cloudwatchapi "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/spf13/cobra"

	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/simulate/scenario"
	"skynet/test/metrics"
	"skynet/test/moto"
)

var asOf = time.Date(2026, 3, 15, 12, 20, 30, 0, time.UTC)

// aCloudWatch is one that the SDK's own settings lead to.
func aCloudWatch(t *testing.T) *metrics.Server {
	t.Helper()
	s := metrics.Start(t)
	leadTo(t, s.URL)
	return s
}

func leadTo(t *testing.T, url string) {
	t.Helper()
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": url, "AWS_REGION": metrics.Region, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(k, v)
	}
}

// usedQueue is a queue in use: so many items a minute, each held for 30 s.
func usedQueue(s *metrics.Server, queue string, from, to time.Time, perMinute func(time.Time) float64) (items float64) {
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		n := perMinute(at)
		put := func(name string, v float64) { s.Put("AWS/SQS", name, at, v, "QueueName="+queue) }
		put("ApproximateNumberOfMessagesVisible", 2)
		if n > 0 { // SQS says nothing of what did not happen
			put("NumberOfMessagesSent", n)
			put("NumberOfMessagesDeleted", n)
			put("ApproximateNumberOfMessagesNotVisible", n/2)
			put("ApproximateAgeOfOldestMessage", 7)
		}
		items += n
	}
	return items
}

func evenly(n float64) func(time.Time) float64 { return func(time.Time) float64 { return n } }

// imports runs the command as of a time.
func imports(t *testing.T, now time.Time, args ...string) (out, said string, err error) {
	t.Helper()
	c := importCloudWatchCommand()
	c.RunE = func(c *cobra.Command, _ []string) error { return importCloudWatch(c, now) }
	return called(t, c, args...)
}

func TestImportCloudWatch(t *testing.T) {
	s := aCloudWatch(t)
	from := asOf.Add(-26 * time.Hour).Truncate(time.Hour)
	busy := func(at time.Time) float64 { return float64(at.Minute() % 4 * 5) } // none in each fourth minute
	items := usedQueue(s, "photos-prod", from, asOf, busy)
	for at := from; at.Before(asOf); at = at.Add(time.Minute) {
		s.Put("AWS/AutoScaling", "GroupInServiceInstances", at, 3, "AutoScalingGroupName=render")
		s.Put("AWS/EC2", "CPUUtilization", at, 60, "AutoScalingGroupName=render")
		s.Put("Shop", "Orders", at, 11)
	}
	to := filepath.Join(t.TempDir(), "prod.db")
	args := []string{
		"--queue", "photos=photos-prod", "--asg", "render", "--metric", "shop.orders=Shop:Orders:Sum", "--since", "24h",
		"--slots", "4", "--price", "0.17", "--to", to,
	}
	out, said, err := imports(t, asOf, args...)
	if err != nil || said != "" || !strings.Contains(out, to+": 1,446 ticks of fleet fleet added, up to 2026-03-15 12:05:00 UTC; 20 metrics asked for, USD 0.0002\n") ||
		!strings.Contains(out, "known 99.9% of the time") {
		t.Fatal(out, said, err)
	}
	if left, _ := filepath.Glob(to + "*"); len(left) != 1 {
		t.Errorf("leaves %v behind", left)
	}
	records := ticksIn(t, to)
	first, last := records[0], records[len(records)-1]
	if !first.Snapshot.Now.Equal(asOf.Add(-24*time.Hour).Truncate(time.Hour)) || !last.Snapshot.Now.Equal(asOf.Add(-15*time.Minute).Truncate(time.Minute)) {
		t.Errorf("from %s to %s", first.Snapshot.Now, last.Snapshot.Now)
	}
	arrived, quiet := 0.0, 0
	for i, r := range records {
		v, err := r.Snapshot.Value("queues.photos.arrived")
		if (err == nil) == (i == 0) { // before the first tick nothing was counted
			t.Fatalf("%s: %v", r.Snapshot.Now, err)
		}
		if arrived += v; i > 0 && v == 0 {
			quiet++
		}
	}
	before := 0.0
	for at := from; at.Before(first.Snapshot.Now); at = at.Add(time.Minute) {
		before += busy(at)
	}
	after := 0.0
	for at := last.Snapshot.Now; at.Before(asOf); at = at.Add(time.Minute) {
		after += busy(at)
	}
	if arrived != items-before-after || quiet < 300 {
		t.Errorf("%g items of %g, %d quiet minutes", arrived, items-before-after, quiet)
	}
	for name, want := range map[string]float64{
		"queues.photos.visible": 2, "fleet.running": 3, "fleet.cpu_mean": 60, "shop.orders": 11, "fleet.slots": 4, "cost.per_instance": 0.17,
		"queues.photos.seconds_mean": 30, "queues.photos.oldest_age": 7, "queues.photos.completed": 15, "queues.photos.in_flight": 7.5, "queue.arrived": 15,
		"queues.photos.delayed": 0,
	} {
		busiest := records[len(records)-2].Snapshot // tells of 12:03
		if v, err := busiest.Value(name); math.Abs(v-want) > 1e-9 || err != nil {
			t.Errorf("%s at %s: %g, %v", name, busiest.Now, v, err)
		}
	}

	// The same command again adds what is new, and nothing else.
	out, _, err = imports(t, asOf.Add(10*time.Minute), append(args, "--output", "json")...)
	var sum cloudSummary
	if e := json.Unmarshal([]byte(out), &sum); e != nil || err != nil || sum.Added != 10 || sum.Queues[0].SQS != "photos-prod" || sum.Metrics != 10 {
		t.Errorf("%s%v %v", out, e, err)
	}
	out, _, err = imports(t, asOf.Add(10*time.Minute), args...)
	if err != nil || !strings.Contains(out, "nothing new, it ends at 2026-03-15 12:15:00 UTC") {
		t.Error(out, err)
	}
	again := ticksIn(t, to)
	for i := 1; i < len(again); i++ {
		if d := again[i].Snapshot.Now.Sub(again[i-1].Snapshot.Now); d != time.Minute {
			t.Fatalf("%s follows after %s", again[i].Snapshot.Now, d)
		}
	}
	if len(again) != len(records)+10 {
		t.Errorf("%d ticks, then %d", len(records), len(again))
	}
	playsThrough(t, to)
}

// playsThrough plays a recording.
func playsThrough(t *testing.T, path string) {
	t.Helper()
	out, _, err := simulateWith(t, "--recording", path, "--policy", wrote(t, "p.yaml", "bounds: {max: 5}\n"), "--output", "json")
	var got struct {
		Results []struct {
			Items           float64 `json:"items"`
			WithinObjective float64 `json:"within_objective"`
		}
	}
	if e := json.Unmarshal([]byte(out), &got); err != nil || e != nil || len(got.Results) != 1 || got.Results[0].Items < 100 || got.Results[0].WithinObjective < 0.5 {
		t.Errorf("%v %v %.500s", err, e, out)
	}
}

func ticksIn(t *testing.T, path string) []journal.Record {
	t.Helper()
	r, err := sqlite.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	list, err := r.Between(t.Context(), "fleet", time.Unix(0, 0), asOf.AddDate(1, 0, 0), 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What is older is there by five minutes and by the hour; what is between pieces is
// not lost.
func TestImportCloudWatchOfMonths(t *testing.T) {
	s := aCloudWatch(t)
	from := asOf.Add(-70 * 24 * time.Hour).Truncate(time.Hour)
	items := 0.0
	for at := from; at.Before(asOf); at = at.Add(time.Hour) { // an hour's worth at once
		s.Put("AWS/SQS", "ApproximateNumberOfMessagesVisible", at, 0, "QueueName=photos")
		s.Put("AWS/SQS", "NumberOfMessagesSent", at, 60, "QueueName=photos")
		items += 60
	}
	to := filepath.Join(t.TempDir(), "r.db")
	if out, said, err := imports(t, asOf, "--queue", "photos", "--since", "80d", "--interval", "1h", "--to", to); err != nil || said != "" {
		t.Fatal(out, said, err)
	}
	periods, before := map[float64]time.Duration{}, map[string]bool{}
	for _, r := range s.Asked() {
		if key := fmt.Sprint(r.Period(), r.From, r.To); !before[key] { // a request may be sent again
			periods[r.Period()], before[key] = periods[r.Period()]+r.To.Sub(r.From), true
		}
	}
	day := 24 * time.Hour
	if periods[60] < 14*day || periods[60] > 15*day || periods[300] < 47*day || periods[300] > 49*day || periods[3600] < 16*day {
		t.Errorf("asked for %v", periods)
	}
	arrived := 0.0
	for _, r := range ticksIn(t, to) {
		v, _ := r.Snapshot.Value("queues.photos.arrived")
		arrived += v
	}
	// By the minute and by five minutes only the first of each hour was reported, so that
	// the rest of it is not known: what is not known all the time is not counted.
	if hours := float64(63*24 - 1); arrived > items-60*hours+60 || arrived < items-60*hours-60*30 {
		t.Errorf("%g items of %g", arrived, items)
	}
}

// What was stopped goes on where it stopped.
func TestImportCloudWatchGoesOn(t *testing.T) {
	s := aCloudWatch(t)
	from := asOf.Add(-5 * 24 * time.Hour).Truncate(time.Hour)
	items := usedQueue(s, "photos", from, asOf, evenly(3))
	to := filepath.Join(t.TempDir(), "r.db")
	args := []string{"--queue", "photos", "--since", "5d", "--interval", "5m", "--to", to}
	s.Fail(metrics.Fault{}, metrics.Fault{}, metrics.Fault{Code: "AccessDenied", Said: "not you"})
	_, _, err := imports(t, asOf, args...)
	if err == nil || !strings.Contains(err.Error(), "not allowed by CloudWatch: not you; the same command goes on where it stopped") || status(err) != exitFinding {
		t.Fatal(err)
	}
	half := len(ticksIn(t, to))
	if _, _, err := imports(t, asOf.Add(time.Hour), args...); err != nil {
		t.Fatal(err)
	}
	list := ticksIn(t, to)
	arrived := 0.0
	for i, r := range list {
		v, err := r.Snapshot.Value("queues.photos.arrived")
		if arrived += v; i > 0 && err != nil && r.Snapshot.Now.Before(asOf.Add(-15*time.Minute)) {
			t.Errorf("%s: %v", r.Snapshot.Now, err)
		}
	}
	if half != 577 || len(list) <= half || arrived > items || arrived < items-3*20 {
		t.Errorf("%d ticks, then %d; %g items of %g", half, len(list), arrived, items)
	}
	if list[0].Snapshot.Now != from {
		t.Errorf("begins at %s", list[0].Snapshot.Now)
	}
}

// A queue that nobody used for hours is not known to be empty, and that is said when
// it is played.
func TestImportCloudWatchGaps(t *testing.T) {
	s := aCloudWatch(t)
	usedQueue(s, "photos", asOf.Add(-24*time.Hour), asOf.Add(-14*time.Hour), evenly(2))
	usedQueue(s, "photos", asOf.Add(-3*time.Hour), asOf, evenly(2))
	to := filepath.Join(t.TempDir(), "r.db")
	out, _, err := imports(t, asOf, "--queue", "photos", "--seconds", "4s", "--since", "24h", "--to", to)
	if err != nil || !strings.Contains(out, "known 5") {
		t.Error(out, err)
	}
	var sc scenario.Scenario
	_, err = played(t, func(c *cobra.Command) (err error) { sc, err = recorded(c); return err }, "--recording", to)
	if said := strings.Join(sc.Notes, "\n"); err != nil || !strings.Contains(said, "photos: what arrived in 11h") {
		t.Error(said, err)
	}
}

func TestImportCloudWatchRefuses(t *testing.T) {
	s := aCloudWatch(t)
	usedQueue(s, "photos", asOf.Add(-3*time.Hour), asOf, evenly(2))
	in := t.TempDir()
	good := filepath.Join(in, "good.db")
	if _, _, err := imports(t, asOf, "--queue", "photos", "--since", "2h", "--to", good); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(in, "x.db")
	for want, args := range map[string][]string{
		"--to is missing":                       {"--queue", "photos"},
		"--queue is missing":                    {"--to", to},
		"is not a queue's name here":            {"--queue", "photos-prod", "--to", to},
		"is not the name of an SQS queue":       {"--queue", "photos=https://sqs", "--to", to},
		"there is a queue photos already":       {"--queue", "photos", "--queue", "photos=b", "--to", to},
		"--interval 7m":                         {"--queue", "photos", "--interval", "7m", "--to", to},
		"--interval 30s":                        {"--queue", "photos", "--interval", "30s", "--to", to},
		"--since \"x\"":                         {"--queue", "photos", "--since", "x", "--to", to},
		"keeps nothing longer than 455d":        {"--queue", "photos", "--since", "500d", "--to", to},
		"there is no --queue videos":            {"--queue", "photos", "--seconds", "videos=4s", "--to", to},
		"is not how long an item takes":         {"--queue", "photos", "--seconds", "0s", "--to", to},
		"--slots 0":                             {"--queue", "photos", "--slots", "0", "--to", to},
		"--price -1":                            {"--queue", "photos", "--price", "-1", "--to", to},
		"--fleet \"A\"":                         {"--queue", "photos", "--fleet", "A", "--to", to},
		"write NAME=NAMESPACE:METRIC:STATISTIC": {"--queue", "photos", "--metric", "a=b:c", "--to", to},
		"\"queue.own\" cannot be its name":      {"--queue", "photos", "--metric", "queue.own=b:c:Sum", "--to", to},
		"\"x\" is not DIMENSION=VALUE":          {"--queue", "photos", "--metric", "a=b:c:Sum:x", "--to", to},
		"its folder does not exist":             {"--queue", "photos", "--to", in + "/none/x.db"},
		"it is a recording of something else":   {"--queue", "videos", "--to", good},
		"it has no fleet render but fleet":      {"--queue", "photos", "--fleet", "render", "--to", good},
		"a file of that name that is no record": {"--queue", "photos", "--to", wrote(t, "text.db", "what?")},
		"--output \"xml\"":                      {"--queue", "photos", "--output", "xml", "--to", to},
	} {
		if _, _, err := imports(t, asOf, args...); err == nil || !strings.Contains(err.Error(), want) || status(err) != exitUsage {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, args := range map[string][]string{
		"has nothing of SQS queue videos from": {"--queue", "videos", "--since", "2h", "--to", to},
	} {
		if _, _, err := imports(t, asOf, args...); err == nil || !strings.Contains(err.Error(), want) || status(err) != exitFinding {
			t.Errorf("%s: %v", want, err)
		}
	}
	if left, _ := filepath.Glob(to + "*"); len(left) > 0 {
		t.Errorf("leaves %v behind", left)
	}
	_, said, err := imports(t, asOf, "--queue", "photos", "--queue", "videos", "--since", "2h", "--to", to)
	if err != nil || !strings.Contains(said, "has nothing of SQS queue videos from") {
		t.Error(said, err)
	}
	t.Setenv("AWS_REGION", "")
	if _, _, err := imports(t, asOf, "--queue", "photos", "--to", to); err == nil || !strings.Contains(err.Error(), "the region is not known") {
		t.Error(err)
	}
}

// Ctrl-C stops it.
func TestImportCloudWatchStops(t *testing.T) {
	s := aCloudWatch(t)
	hang := make(chan struct{})
	defer close(hang)
	s.Fail(metrics.Fault{Hang: hang})
	ctx, cancel := context.WithCancel(t.Context())
	c := importCloudWatchCommand()
	c.SetArgs([]string{"--queue", "photos", "--to", filepath.Join(t.TempDir(), "r.db")})
	c.SetOut(io.Discard)
	c.SilenceErrors, c.SilenceUsage = true, true
	go func() {
		for len(s.Asked()) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if err := c.ExecuteContext(ctx); err == nil || err.Error() != "stopped" || status(err) != exitFinding {
		t.Error(err)
	}
}

// From moto to a simulation. moto speaks no rpc-v2-cbor: a bridge carries it over. It
// takes metrics of AWS/SQS from anybody, which Amazon does not, and has none of its
// own for its queues.
func TestMotoImportCloudWatch(t *testing.T) {
	m := moto.Start(t)
	leadTo(t, metrics.Bridge(t, m.URL))
	now := time.Now().UTC()
	c := m.Config()
	c.BaseEndpoint = aws.String(os.Getenv("AWS_ENDPOINT_URL"))
	api := cloudwatchapi.NewFromConfig(c)
	const minutes = 100
	var data []types.MetricDatum
	for i := range minutes {
		at := now.Add(-time.Duration(minutes+20-i) * time.Minute)
		for name, v := range map[string]float64{"ApproximateNumberOfMessagesVisible": 2, "NumberOfMessagesSent": 6, "NumberOfMessagesDeleted": 6, "ApproximateNumberOfMessagesNotVisible": 3} {
			data = append(data, types.MetricDatum{
				MetricName: &name, Timestamp: &at, Value: &v, Dimensions: []types.Dimension{{Name: aws.String("QueueName"), Value: aws.String("photos-prod")}},
			})
		}
	}
	if _, err := api.PutMetricData(t.Context(), &cloudwatchapi.PutMetricDataInput{Namespace: aws.String("AWS/SQS"), MetricData: data}); err != nil {
		t.Fatal(err, m.Log())
	}
	to := filepath.Join(t.TempDir(), "r.db")
	out, _, err := imports(t, now, "--queue", "photos=photos-prod", "--since", "2h", "--to", to, "--output", "json")
	var sum cloudSummary
	if e := json.Unmarshal([]byte(out), &sum); err != nil || e != nil || sum.Queues[0].Arrived != 6*minutes || sum.Queues[0].Ticks != minutes {
		t.Fatal(out, err, e, m.Log())
	}
	playsThrough(t, to)
}

// The commands that people are shown are taken.
func TestImportCloudWatchExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(page)+importCloudWatchCommand().Example, "\\\n", "")
	n := 0
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "skynet import cloudwatch ")
		if !ok || strings.Contains(rest, "`") {
			continue
		}
		n++
		c := importCloudWatchCommand()
		c.RunE = func(c *cobra.Command, _ []string) error { _, err := watchedOf(c, asOf); return err }
		if _, _, err := called(t, c, strings.Fields(rest)...); err != nil {
			t.Errorf("%s: %v", rest, err)
		}
	}
	if n != 4 {
		t.Errorf("%d examples", n)
	}
}
