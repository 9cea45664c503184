// Package alerts holds the alert rules, their runbooks and the Grafana dashboard to
// the metrics that there are.
package alerts

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"skynet/dashboard/metrics"
)

const (
	folder    = "../../deploy/prometheus"
	rulesFile = "skynet.rules.yml"
	testsFile = "skynet.rules.test.yml"
	runbooks  = "../../docs/runbooks.md"
	dashboard = "../../deploy/grafana/skynet.json"
)

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func rules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	read(t, filepath.Join(folder, rulesFile), &file)
	if len(file.Groups) != 1 || len(file.Groups[0].Rules) < 12 {
		t.Fatalf("read %+v", file)
	}
	return file.Groups[0].Rules
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text(t, file)), into); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	named  = regexp.MustCompile(`\b(skynet_[a-z0-9_]+)(\{[^}]*\})?`)
	label  = regexp.MustCompile(`([a-z_]+)\s*(=~|!~|!=|=)\s*"`)
	suffix = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// unknown lists what a query names that is no metric, or no label of it.
func unknown(query string) (bad []string) {
	all := map[string]metrics.Family{}
	for _, f := range metrics.Families() {
		all[f.Name] = f
	}
	for _, m := range named.FindAllStringSubmatch(query, -1) {
		f, ok := all[m[1]]
		if !ok {
			f, ok = all[suffix.ReplaceAllString(m[1], "")]
			ok = ok && f.Kind == "histogram"
		}
		if !ok {
			bad = append(bad, m[1])
			continue
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(append(f.Labels, "instance", "job"), l[1]) {
				bad = append(bad, m[1]+"{"+l[1]+"}")
			}
		}
	}
	return bad
}

func TestUnknownIsFound(t *testing.T) {
	for query, want := range map[string]string{
		`max(skynet_blind{fleet="a"})`:                              "[]",
		`max(skynet_blimd)`:                                         "[skynet_blimd]",
		`skynet_blind{queue=~"a"}`:                                  "[skynet_blind{queue}]",
		`rate(skynet_tick_duration_seconds_bucket{le="1"}[5m])`:     "[skynet_tick_duration_seconds_bucket{le}]",
		`rate(skynet_tick_duration_seconds_bucket{fleet="1"}[5m])`:  "[]",
		`skynet_blind_count`:                                        "[skynet_blind_count]",
		`skynet_calls_total{system!="a", result!="ok"} and up == 1`: "[]",
	} {
		if got := fmt.Sprint(unknown(query)); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

func TestAlertsNameMetricsAndRunbooks(t *testing.T) {
	page := text(t, runbooks)
	for _, r := range rules(t) {
		if bad := unknown(r.Expr); len(bad) > 0 || !strings.Contains(r.Expr, "skynet_") {
			t.Errorf("%s asks for %v", r.Alert, bad)
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["runbook"] != "docs/runbooks.md#"+strings.ToLower(r.Alert) {
			t.Errorf("%s: annotations %v", r.Alert, r.Annotations)
		}
		_, section, there := strings.Cut(page, "\n## "+r.Alert+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		for _, part := range []string{"**Means.**", "**See more.**", "**Do.**", "**Do not**"} {
			if !there || !strings.Contains(section, part) {
				t.Errorf("%s: docs/runbooks.md has no %s of it", r.Alert, part)
			}
		}
	}
}

func TestRunbooksAreOfAlerts(t *testing.T) {
	all := rules(t)
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text(t, runbooks), -1) {
		if !slices.ContainsFunc(all, func(r rule) bool { return r.Alert == m[1] }) {
			t.Errorf("there is no alert %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\]\(#([a-z]+)\)`).FindAllStringSubmatch(text(t, runbooks), -1) {
		if !slices.ContainsFunc(all, func(r rule) bool { return strings.ToLower(r.Alert) == m[1] }) {
			t.Errorf("there is no section %s", m[1])
		}
	}
}

// Every alert has a test in which it fires, and one in which it does not.
func TestEveryAlertIsTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Input []struct {
				Series string `yaml:"series"`
			} `yaml:"input_series"`
			Checks []struct {
				Alert string `yaml:"alertname"`
				Fires []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		} `yaml:"tests"`
	}
	read(t, filepath.Join(folder, testsFile), &file)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, one := range file.Tests {
		for _, in := range one.Input {
			if bad := unknown(in.Series); len(bad) > 0 {
				t.Errorf("a test makes up %v", bad)
			}
		}
		for _, c := range one.Checks {
			if len(c.Fires) > 0 {
				fires[c.Alert] = true
			} else {
				quiet[c.Alert] = true
			}
		}
	}
	for _, r := range rules(t) {
		if !fires[r.Alert] || !quiet[r.Alert] {
			t.Errorf("%s: fires in a test: %v, is quiet in one: %v", r.Alert, fires[r.Alert], quiet[r.Alert])
		}
	}
}

type panel struct {
	Title   string `json:"title"`
	Type    string `json:"type"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

func panels(t *testing.T) []panel {
	t.Helper()
	var d struct {
		Panels     []panel `json:"panels"`
		Templating struct {
			List []struct {
				Name  string          `json:"name"`
				Query json.RawMessage `json:"query"`
			} `json:"list"`
		} `json:"templating"`
	}
	if err := json.Unmarshal([]byte(text(t, dashboard)), &d); err != nil {
		t.Fatal(err)
	}
	for _, v := range d.Templating.List {
		if bad := unknown(string(v.Query)); len(bad) > 0 {
			t.Errorf("variable %s asks for %v", v.Name, bad)
		}
	}
	return d.Panels
}

func TestDashboardNamesMetrics(t *testing.T) {
	n := 0
	for _, p := range panels(t) {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, q := range p.Targets {
			n++
			if bad := unknown(q.Expr); len(bad) > 0 || !strings.Contains(q.Expr, "skynet_") {
				t.Errorf("%s asks for %v: %s", p.Title, bad, q.Expr)
			}
		}
	}
	if n < 30 {
		t.Errorf("found %d queries", n)
	}
}

// promtool finds the program; without it the test is skipped, unless it must be there.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("SKYNET_PROMTOOL") != "" {
			t.Fatal("promtool is not there: deploy/deps.sh prometheus")
		}
		t.Skip("promtool is not there: make alerts installs it")
	}
	return path
}

func TestPromtoolAcceptsTheRules(t *testing.T) {
	tool := promtool(t)
	for _, args := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", testsFile}} {
		c := exec.Command(tool, args...)
		c.Dir = folder
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// The dashboard's queries are PromQL: as rules, promtool reads them.
func TestPromtoolReadsTheDashboard(t *testing.T) {
	tool := promtool(t)
	var b strings.Builder
	b.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	variables := strings.NewReplacer("$__rate_interval", "5m", "$fleet", ".*")
	for i, p := range panels(t) {
		for j, q := range p.Targets {
			fmt.Fprintf(&b, "      - {record: 'panel_%d_%d', expr: %q}\n", i, j, variables.Replace(q.Expr))
		}
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
