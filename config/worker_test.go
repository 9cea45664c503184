package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"pgregory.net/rapid"

	"skynet/config"
	"skynet/config/strict"
)

func TestWorkerDefaults(t *testing.T) {
	w, err := config.LoadWorker("testdata/worker.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Worker{
		Fleet: "render", Metadata: "http://169.254.169.254", Heartbeats: "nats://127.0.0.1:4222/heartbeats",
		Queues: []config.Queue{{Name: "photos", URL: "nats://127.0.0.1:4222/photos", Weight: 1, Visibility: strict.Duration(30 * time.Second), Tries: 3}},
		Slots:  runtime.NumCPU(), Scratch: filepath.Join(os.TempDir(), "skynet-worker"),
		Heartbeat: strict.Duration(15 * time.Second), Poll: strict.Duration(5 * time.Second), Log: config.Log{Level: "info", Format: "text"},
	}
	want.Limits = config.ItemLimits{Time: strict.Duration(time.Hour), Memory: 2 << 30, Disk: 20 << 30, Pixels: 100_000_000}
	if !reflect.DeepEqual(w, want) {
		t.Errorf("got  %+v\nwant %+v", w, want)
	}
}

// A worker on an instance may be set up by its environment alone.
func TestWorkerFromEnvironment(t *testing.T) {
	t.Setenv("SKYNET_WORKER_FLEET", "render")
	t.Setenv("SKYNET_WORKER_QUEUES", "[{name: photos, url: 'nats://h:4222/photos'}]")
	t.Setenv("SKYNET_WORKER_HEARTBEATS", "nats://h:4222/heartbeats")
	t.Setenv("SKYNET_WORKER_STORES", "[file:///srv/a, file:///srv/b]")
	t.Setenv("SKYNET_WORKER_LOG_LEVEL", "debug")
	fs := pflag.NewFlagSet("skynet-worker", pflag.ContinueOnError)
	config.AddFlags[config.Worker](fs)
	if err := fs.Parse([]string{"--while-parent", "--nats-token-file=/run/token"}); err != nil {
		t.Fatal(err)
	}
	w, err := config.LoadWorker("", fs)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Queues) != 1 || w.Queues[0].Tries != 3 || len(w.Stores) != 2 || w.Log.Level != "debug" || !w.WhileParent || w.NATS.TokenFile != "/run/token" {
		t.Errorf("got %+v", w)
	}
}

func TestWorkerWithNothing(t *testing.T) {
	_, err := config.LoadWorker("", nil)
	const want = `settings:1:1: fleet: missing; add it: fleet that the worker belongs to
settings:1:1: heartbeats: missing; add it: queue to report to, nats://host:port/NAME or https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; off: nobody
settings:1:1: queues: no queue to receive from; add queues: [{name: photos, url: nats://host:port/photos}]`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v", err)
	}
}

// What the daemon writes for a worker of its own, the worker reads back the same.
func TestWorkerRoundTrip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "worker.yaml")
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorker(t)
		if err := w.Write(file); err != nil {
			t.Fatal(err)
		}
		back, err := config.LoadWorker(file, nil)
		if err != nil || !reflect.DeepEqual(back, w) {
			out, _ := w.Marshal()
			t.Errorf("wrote %+v\nread  %+v\n%v\n%s", w, back, err, out)
		}
	})
}

// Texts that mean something else in YAML unless they are quoted.
func TestWorkerQuotes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "worker.yaml")
	for _, text := range []string{"? a", "- a", "007", "yes", "true", "null", "~", "1e3", "a: b", "a #b", " a ", "", "'", "*a", "&a", "!a", "%a", "{a", "a\nb", "a\tb", "\u2028", "…"} {
		w, err := config.LoadWorker("testdata/worker.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		w.NATS.TokenFile = text
		if err := w.Write(file); err != nil {
			t.Fatal(err)
		}
		back, err := config.LoadWorker(file, nil)
		if err != nil || !reflect.DeepEqual(back, w) {
			t.Errorf("%q was read back as %q, %v", text, back.NATS.TokenFile, err)
		}
	}
}

func drawWorker(t *rapid.T) config.Worker {
	length := rapid.Map(rapid.Int64Range(int64(time.Second), int64(time.Minute)), func(n int64) strict.Duration { return strict.Duration(n) })
	text := rapid.StringOf(rapid.RuneFrom([]rune("abc 01:#'\"{}[],&*!|>%@-?~äé/\\ntrueyes.e")))
	w := config.Worker{
		Fleet: rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`).Draw(t, "fleet"), Metadata: "http://127.0.0.1:8080",
		Heartbeats: "nats://h:4222/beats",
		NATS:       config.NATS{TokenFile: text.Draw(t, "token file")},
		Slots:      rapid.IntRange(1, 64).Draw(t, "slots"),
		Scratch:    "/" + text.Draw(t, "scratch"),
		Heartbeat:  length.Draw(t, "heartbeat"), Poll: length.Draw(t, "poll"),
		Grace:       strict.Duration(rapid.Int64Range(0, 1e18).Draw(t, "grace")),
		WhileParent: rapid.Bool().Draw(t, "while parent"),
		Log:         config.Log{Level: rapid.SampledFrom([]string{"debug", "info", "warn", "error"}).Draw(t, "level"), Format: "json"},
	}
	w.Limits = config.ItemLimits{
		Time: length.Draw(t, "time"), Memory: strict.Size(rapid.Int64Range(1, 1<<50).Draw(t, "memory")),
		Disk: strict.Size(rapid.Int64Range(1, 1<<50).Draw(t, "disk")), Pixels: rapid.IntRange(1, 1<<40).Draw(t, "pixels"),
	}
	if rapid.Bool().Draw(t, "database") {
		w.Database.URL = "postgres://user:pass@host:5432/" + rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "name")
		w.Results = "nats://h:4222/results"
		w.Send = []config.Queue{{Name: "z9_", URL: "nats://h:4222/Z", Visibility: strict.Duration(30 * time.Second), Weight: 1, Tries: 3}}
	}
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`), 1, 4, rapid.ID[string]).Draw(t, "queues")
	for _, name := range names {
		w.Queues = append(w.Queues, config.Queue{
			Name: name, URL: "nats://h:4222/Q" + name, Visibility: length.Draw(t, "visibility"),
			Weight: rapid.Float64Range(0.001, 1e6).Draw(t, "weight"), Tries: rapid.IntRange(1, 9).Draw(t, "tries"),
		})
	}
	if rapid.Bool().Draw(t, "stores") {
		w.Stores = []string{"file:///srv/media", "file:///tmp/" + rapid.StringMatching(`[a-z0-9#?&: ]{0,8}`).Draw(t, "store")}
	}
	return w
}

// A worker that no controller looks after says so; a controller cannot.
func TestWorkerAlone(t *testing.T) {
	w, err := config.LoadWorker("testdata/worker_alone.yaml", nil)
	if err != nil || w.Metadata != config.Off || w.Heartbeats != config.Off {
		t.Errorf("%+v, %v", w, err)
	}
	file := filepath.Join(t.TempDir(), "skynet.yaml")
	if err := os.WriteFile(file, []byte("heartbeats: off\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(file, nil); err == nil || !strings.Contains(err.Error(), `heartbeats: "off" is not the URL of a queue`) {
		t.Errorf("a controller without heartbeats: %v", err)
	}
}
