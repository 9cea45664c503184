package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"skynet/simulate/recording"
)

// called runs a command by itself.
func called(t *testing.T, c *cobra.Command, args ...string) (out, said string, err error) {
	t.Helper()
	var b, e bytes.Buffer
	c.SetArgs(args)
	c.SetOut(&b)
	c.SetErr(&e)
	c.SilenceUsage, c.SilenceErrors = true, true
	err = c.ExecuteContext(t.Context())
	return b.String(), e.String(), err
}

// played runs a function of the simulate command with its flags.
func played(t *testing.T, do func(c *cobra.Command) error, args ...string) (out string, err error) {
	t.Helper()
	c := &cobra.Command{Use: "simulate", RunE: func(c *cobra.Command, _ []string) error { return do(c) }}
	addRecordingFlags(c)
	out, _, err = called(t, c, args...)
	return out, err
}

// csvs are files to import.
func csvs(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	var photos, gz bytes.Buffer
	for i := range 120 {
		fmt.Fprintf(&photos, "2026-03-01T%02d:%02d:00Z,%d\n", i/60, i%60, i%7)
	}
	z := gzip.NewWriter(&gz)
	fmt.Fprint(z, "timestamp,duration_seconds,kind\n2026-03-01T00:10:00Z,30,clip\n2026-03-01T01:10:00Z,90,clip\n")
	_ = z.Close()
	for name, text := range map[string][]byte{"photos.csv": photos.Bytes(), "clips.csv.gz": gz.Bytes(), "bad.csv": []byte("2026-03-01T00:00:00Z,1\n2026-03-01T00:01:00Z,-1\n")} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestImportCSV(t *testing.T) {
	in := csvs(t)
	to := filepath.Join(in, "recording.db")
	out, said, err := called(t, importCommand(), "csv", "--arrivals", in+"/photos.csv", "--seconds", "4s", "--jobs", "videos="+in+"/clips.csv.gz",
		"--slots", "4", "--price", "0.17", "--to", to)
	if err != nil || said != "" || out != to+": 121 ticks of fleet fleet, photos, videos\n" {
		t.Fatal(out, said, err)
	}
	left, _ := filepath.Glob(filepath.Join(in, "recording.db*"))
	if len(left) != 1 {
		t.Errorf("leaves %v behind", left)
	}
	_, err = played(t, func(c *cobra.Command) error {
		sc, err := recorded(c)
		if err != nil {
			return err
		}
		if sc.Name != "recording" || len(sc.Queues) != 2 || !sc.Priced() || sc.End != 2*time.Hour || sc.Fleets[0].Slots != 4 {
			t.Errorf("%+v", sc)
		}
		return nil
	}, "--recording", to)
	if err != nil {
		t.Error(err)
	}
	if _, _, err := called(t, importCommand(), "csv", "--arrivals", in+"/photos.csv", "--to", to); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Error(err)
	}
	_, err = played(t, func(c *cobra.Command) error { return replay(c, wrote(t, "p.yaml", "bounds: {max: 3}\n"), false) }, "--recording", to)
	if err == nil || !strings.Contains(err.Error(), "was imported") || status(err) != exitUsage {
		t.Error(err)
	}
}

func TestImportCSVSince(t *testing.T) {
	in := csvs(t)
	out, _, err := called(t, importCommand(), "csv", "--queue", "uploads", "--arrivals", in+"/photos.csv", "--since", "30m", "--interval", "5m", "--to", in+"/r.db")
	if err != nil || !strings.Contains(out, ": 7 ticks of fleet fleet, uploads") {
		t.Error(out, err)
	}
}

func TestImportCSVRefuses(t *testing.T) {
	in := csvs(t)
	photos := in + "/photos.csv"
	for want, args := range map[string][]string{
		"--to is missing":                      {"--arrivals", photos},
		"--arrivals or --jobs is missing":      {"--to", in + "/x.db"},
		"no such file":                         {"--arrivals", in + "/none.csv", "--to", in + "/x.db"},
		"huge.csv has 1e+300 items":            {"--arrivals", wrote(t, "huge.csv", "2026-03-01T00:00:00Z,1e300\n2026-03-01T00:01:00Z,1\n"), "--to", in + "/x.db"},
		"is not a time with its zone":          {"--arrivals", wrote(t, "local.csv", "2026-03-01 00:00:00,1\n"), "--to", in + "/x.db"},
		"bad.csv:2: value":                     {"--arrivals", in + "/bad.csv", "--to", in + "/x.db"},
		`"2026" is not a queue's name`:         {"--arrivals", in + "/2026.csv", "--to", in + "/x.db"},
		"queue photos has two files":           {"--arrivals", photos, "--jobs", "photos=" + in + "/clips.csv.gz", "--to", in + "/x.db"},
		"--queue names the queue of a single":  {"--queue", "q", "--arrivals", photos, "--arrivals", photos, "--to", in + "/x.db"},
		"no arrivals of that queue":            {"--arrivals", photos, "--seconds", "clips=4s", "--to", in + "/x.db"},
		"is not how long an item takes":        {"--arrivals", photos, "--seconds", "-4s", "--to", in + "/x.db"},
		"--slots 0 is out of range":            {"--arrivals", photos, "--slots", "0", "--to", in + "/x.db"},
		"--price -1 is out of range":           {"--arrivals", photos, "--price", "-1", "--to", in + "/x.db"},
		"the interval 1ms is out of range":     {"--arrivals", photos, "--interval", "1ms", "--to", in + "/x.db"},
		"--since \"7\"":                        {"--arrivals", photos, "--since", "7", "--to", in + "/x.db"},
		"--fleet \"A b\" is not a name":        {"--arrivals", photos, "--fleet", "A b", "--to", in + "/x.db"},
		"its folder does not exist":            {"--arrivals", photos, "--to", in + "/none/x.db"},
		"duration_seconds \"x\" is not a numb": {"--jobs", "a=" + wrote(t, "a.csv", "2026-03-01T00:00:00Z,x\n"), "--to", in + "/x.db"},
	} {
		_, _, err := called(t, importCommand(), append([]string{"csv"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), want) || status(err) != exitUsage {
			t.Errorf("%s: %v", want, err)
		}
	}
	if left, _ := filepath.Glob(in + "/x.db*"); len(left) > 0 {
		t.Errorf("leaves %v behind", left)
	}
}

// BenchmarkImportCSVMonth is a month by the minute.
func BenchmarkImportCSVMonth(b *testing.B) {
	var text bytes.Buffer
	for i := range 30 * 1440 {
		fmt.Fprintf(&text, "%s,%d\n", time.Date(2026, 3, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339), i%100)
	}
	arrivals := filepath.Join(b.TempDir(), "photos.csv")
	if err := os.WriteFile(arrivals, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c := importCommand()
		c.SetArgs([]string{"csv", "--arrivals", arrivals, "--seconds", "4s", "--to", filepath.Join(b.TempDir(), "month.db")})
		c.SetOut(io.Discard)
		c.SetErr(io.Discard)
		if err := c.Execute(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReplay(t *testing.T) {
	in := aDay(t)
	state := filepath.Join(in, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := simulateWith(t, "--scenario", in+"/day.scenario.yaml", "--policy", in+"/a.policy.yaml", "--journal", state+"/journal.db"); err != nil {
		t.Fatal(err)
	}
	over := func(policy string, asJSON bool) (string, error) {
		return played(t, func(c *cobra.Command) error { return replay(c, policy, asJSON) }, "--recording", state)
	}
	out, err := over(in+"/a.policy.yaml", false)
	if err != nil || !strings.Contains(out, "recording state, fleet fleet, decided again by") || !strings.Contains(out, "changed                          0\n") {
		t.Error(out, err)
	}
	other := wrote(t, "other.yaml", "bounds: {min: 3, max: 5}\n")
	out, err = over(other, false)
	for _, want := range []string{"buys more\n", "  then       have 0, want 0: hold (blind)\n", "  now        have 0, want 3: launch 3 (blind)\n", "bounds: want 3 instead of 0: the minimum", "would have bought more"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("does not say %q: %v\n%.900s", want, err, out)
		}
	}
	out, err = over(other, true)
	var got struct {
		Recording, Fleet string
		Ticks, Changed   int
		Changes          []struct {
			Kinds     []recording.Kind
			Then, Now struct {
				Action     string
				Have, Want int
				Reasons    []struct{ By, Said string }
			}
		}
	}
	if err != nil || json.Unmarshal([]byte(out), &got) != nil || got.Recording != "state" || got.Changed == 0 || got.Changed != len(got.Changes) {
		t.Fatal(got, err)
	}
	if c := got.Changes[0]; !slices.Contains(c.Kinds, recording.BuysMore) || c.Now.Action != "launch" || c.Now.Want != 3 || len(c.Then.Reasons) == 0 {
		t.Errorf("%+v", c)
	}
}

func TestRecordingRefuses(t *testing.T) {
	in := csvs(t)
	for want, args := range map[string][]string{
		"no such file":                   {"--recording", "/no/such"},
		"no journal at":                  {"--recording", in},
		"it is not a journal of SkyNet":  {"--recording", wrote(t, "other.db", "something else altogether")},
		"make one of it with skynet imp": {"--recording", in + "/photos.csv"},
		"is empty: name a journal":       {"--recording", wrote(t, "empty.db", "")},
		"is not a length of time":        {"--recording", in, "--since", "x"},
	} {
		for name, do := range map[string]func(*cobra.Command) error{
			"scenario": func(c *cobra.Command) error { _, err := recorded(c); return err },
			"replay":   func(c *cobra.Command) error { return replay(c, "p.yaml", false) },
		} {
			if _, err := played(t, do, args...); err == nil || !strings.Contains(err.Error(), want) || status(err) != exitUsage {
				t.Errorf("%s, %s: %v", name, want, err)
			}
		}
	}
}
