package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/config"
	"skynet/config/strict"
	"skynet/signals"
)

func TestSignals(t *testing.T) {
	c, err := config.Load("testdata/signals.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Signal{
		{Name: "upload.rate", Prometheus: &config.Prometheus{
			URL: "http://prometheus:9090/prom", Query: "sum(rate(uploads_total[5m]))", TokenFile: "testdata/render.policy.yaml",
			Rhythm: config.Rhythm{Timeout: strict.Duration(5 * time.Second), Every: strict.Duration(5 * time.Minute), Good: strict.Duration(15 * time.Minute)},
		}},
		{Name: "shop.orders", HTTPJSON: &config.HTTPJSON{
			URL: "https://shop.example.com/status?key=1", Field: "orders.open", Headers: []config.Pair{{Name: "X-Api-Key", Value: "abc"}},
			Rhythm: config.Rhythm{Timeout: strict.Duration(2 * time.Second)},
		}},
	}
	if diff := cmp.Diff(want, c.Signals); diff != "" {
		t.Error(diff)
	}
	if err := validate(t, strict.Schema[config.Config](), "testdata/signals.yaml"); err != nil {
		t.Error(err)
	}
}

// Every group of the catalogue is taken, and no other: config cannot ask package
// signals, since it imports nothing of ours.
func TestGroupsOfTheCatalogue(t *testing.T) {
	const local = "queues: [{name: p, url: 'nats://embedded/p'}]\n"
	groups := []string{"queues", "queue2", "upload"}
	for _, k := range signals.Catalogue {
		group, _, _ := strings.Cut(k.Name, ".")
		groups = append(groups, group)
	}
	slices.Sort(groups)
	for _, group := range slices.Compact(groups) {
		text := local + "signals: [{name: " + group + ".own, http_json: {url: 'http://h:1/', field: n}}]\n"
		_, err := strict.Read[config.Config]("x.yaml", []byte(text))
		if refused := strings.Contains(err.Error(), "is in a group of the catalogue"); refused != signals.Reserved(group+".own") {
			t.Errorf("%s: refused %v, reserved %v: %v", group, refused, signals.Reserved(group+".own"), err)
		}
	}
}

// The example of docs/signals.md is read as it stands there.
func TestTheSignalsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/signals.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(examples) != 1 {
		t.Fatalf("found %d examples", len(examples))
	}
	folder := t.TempDir()
	for name, text := range map[string]string{
		"shop.token": "hush", "render.policy.yaml": "bounds: {max: 1}\n",
		"skynet.yaml": "aws: {account: '123456789012', region: eu-west-1}\nqueues: [{name: p, url: 'nats://embedded/p'}]\nfleets: [{name: render, queues: [p], policy: render.policy.yaml, local: {}}]\n" + string(examples[0][1]),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(folder, "skynet.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Signals) != 3 || c.Signals[0].CloudWatch.Statistic != "Average" || c.Signals[1].Prometheus.Every.Std() != 5*time.Minute || c.Signals[2].HTTPJSON.Timeout.Std() != 2*time.Second {
		t.Errorf("read %+v", c.Signals)
	}
}

func TestCloudWatch(t *testing.T) {
	c, err := config.Load("testdata/cloudwatch.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Signal{
		{Name: "upload.cpu", CloudWatch: &config.CloudWatch{
			Namespace: "AWS/EC2", Metric: "CPUUtilization", Statistic: "Average", Period: strict.Duration(5 * time.Minute),
			Delay: strict.Duration(5 * time.Minute), Dimensions: []config.Pair{{Name: "AutoScalingGroupName", Value: "upload"}},
		}},
		{Name: "upload.slow", CloudWatch: &config.CloudWatch{Namespace: "Upload", Metric: "Seconds", Statistic: "p99", Period: strict.Duration(time.Minute)}},
	}
	if diff := cmp.Diff(want, c.Signals); diff != "" {
		t.Error(diff)
	}
	if m := c.AWS.Metrics; m.Namespace != "SkyNet" || !slices.Equal(m.Signals, []string{"queue.visible", "work.wait_p95"}) {
		t.Errorf("%+v", m)
	}
}

func TestStatisticsAndPeriods(t *testing.T) {
	refused := func(statistic, period string) bool {
		text := "aws: {account: '123456789012', region: eu-west-1}\nsignals: [{name: a, cloudwatch: {namespace: N, metric: M, statistic: '" + statistic + "', period: " + period + "}}]\n"
		_, err := strict.Read[config.Config]("x.yaml", []byte(text))
		return err != nil && regexp.MustCompile(`signals\[0\]\.cloudwatch`).MatchString(err.Error())
	}
	for _, s := range []string{"Average", "Sum", "Minimum", "Maximum", "SampleCount", "IQM", "p0", "p99", "p99.9", "p100", "tm90", "wm98.5", "tc10", "ts100", "TM(2%:98%)", "WM(150:1000)", "TC(0.005:0.030)", "TS(80%:)", "PR(:300)"} {
		if refused(s, "1m") {
			t.Errorf("%s is refused", s)
		}
	}
	for _, s := range []string{"average", "Avg", "p", "p101", "p-1", "99", "TM()", "TM(:)", "tm", "p99%", "Sum "} {
		if !refused(s, "1m") {
			t.Errorf("%s is not refused", s)
		}
	}
	for period, bad := range map[string]bool{
		"1s": false, "5s": false, "10s": false, "20s": false, "30s": false, "1m": false, "7m": false, "1h": false, "24h": false,
		"2s": true, "15s": true, "90s": true, "500ms": true, "0s": true, "25h": true,
	} {
		if refused("Sum", period) != bad {
			t.Errorf("period %s", period)
		}
	}
}
