package config_test

import (
	"flag"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"skynet/config"
	"skynet/config/strict"
	"skynet/config/strict/stricttest"
)

var update = flag.Bool("update", false, "write the .error files anew")

const example = "examples/skynet.yaml"

func TestExample(t *testing.T) {
	c, err := config.Load(example, nil)
	if err != nil {
		t.Fatal(err)
	}
	switch f := c.Fleets[0]; {
	case c.Interval.Std() != time.Minute || c.StateDir != "/var/lib/skynet":
		t.Errorf("got %+v", c)
	case c.Heartbeats != "nats://embedded/heartbeats" || c.Journal.Hours.String() != "400d":
		t.Errorf("defaults: %+v", c)
	case c.Queues[1].Weight != 1 || c.Queues[1].Tries != 3 || c.Queues[0].Visibility.Std() != 30*time.Second:
		t.Errorf("queues: %+v", c.Queues)
	case f.Policy != "examples/render.policy.yaml" || f.Local.Slots != 2 || f.Local.Heartbeat.Std() != 5*time.Second:
		t.Errorf("fleet: %+v %+v", f, f.Local)
	}
}

// The shortest file there can be, to hold the defaults to what is promised.
func TestDefaults(t *testing.T) {
	c, err := config.Load("testdata/shortest.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Interval: strict.Duration(time.Minute), StateDir: "/var/lib/skynet", Listen: "127.0.0.1:9464",
		Heartbeats: "nats://embedded/heartbeats",
		Journal: config.Journal{
			Details: strict.Duration(14 * 24 * time.Hour), Minutes: strict.Duration(35 * 24 * time.Hour), Hours: strict.Duration(400 * 24 * time.Hour),
		},
		Queues: []config.Queue{{Name: "photos", URL: "nats://embedded/photos", Weight: 1, Visibility: strict.Duration(30 * time.Second), Tries: 3}},
		Fleets: []config.Fleet{{
			Name: "render", Queues: []string{"photos"}, Policy: "testdata/render.policy.yaml",
			Local: &config.Local{
				Slots: 1, Heartbeat: strict.Duration(5 * time.Second),
				Making: config.Making{Limits: config.ItemLimits{Time: strict.Duration(time.Hour), Memory: 2 << 30, Disk: 20 << 30, Pixels: 100_000_000}},
			},
		}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

// Files that begin with worker are the agent's.
func TestBad(t *testing.T) { stricttest.Bad(t, *update, 40, read) }

func read(file string) (err error) {
	if strings.HasPrefix(filepath.Base(file), "worker") {
		_, err = config.LoadWorker(file, nil)
		return err
	}
	_, err = config.Load(file, nil)
	return err
}

func TestNoSuchFile(t *testing.T) {
	_, err := config.Load("testdata/none.yaml", nil)
	if err == nil || !strings.Contains(err.Error(), "testdata/none.yaml") {
		t.Errorf("got %v", err)
	}
}

// flags are those of the daemon with these given.
func flags(t *testing.T, given ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("skynet", pflag.ContinueOnError)
	config.AddFlags[config.Config](fs)
	if err := fs.Parse(given); err != nil {
		t.Fatal(err)
	}
	return fs
}

func TestPrecedence(t *testing.T) {
	interval := func(fs *pflag.FlagSet) string {
		c, err := config.Load("testdata/interval.yaml", fs)
		if err != nil {
			t.Fatal(err)
		}
		return c.Interval.String()
	}
	if got := interval(flags(t)); got != "2m" {
		t.Errorf("the file goes before the default: got %s", got)
	}
	t.Setenv("SKYNET_INTERVAL", "3m")
	if got := interval(flags(t)); got != "3m" {
		t.Errorf("the environment goes before the file: got %s", got)
	}
	if got := interval(flags(t, "--interval=4m")); got != "4m" {
		t.Errorf("a flag goes before the environment: got %s", got)
	}
	if got := interval(nil); got != "3m" {
		t.Errorf("without flags: got %s", got)
	}
}

func TestEnvironmentReachesEveryScalar(t *testing.T) {
	for name, value := range map[string]string{
		"SKYNET_STATE_DIR": "/srv/sky", "SKYNET_LISTEN": "[::1]:80", "SKYNET_AWS_ACCOUNT": "012345678901", "SKYNET_AWS_REGION": "eu-west-1",
		"SKYNET_JOURNAL_DETAILS": "2w", "SKYNET_HEARTBEATS": "nats://h:4222/beats",
	} {
		t.Setenv(name, value)
	}
	c, err := config.Load(example, nil)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case c.StateDir != "/srv/sky" || c.Listen != "[::1]:80" || *c.AWS != config.AWS{Account: "012345678901", Region: "eu-west-1", Name: "skynet", Orphans: strict.Duration(time.Hour)}:
		t.Errorf("got %+v %+v", c, c.AWS)
	case c.Journal.Details.String() != "14d" || c.Heartbeats != "nats://h:4222/beats":
		t.Errorf("got %+v", c)
	}
}

// Mistakes in the file, the environment and the flags come at once, each under
// the name of where it is.
func TestEachMistakeNamesItsSource(t *testing.T) {
	t.Setenv("SKYNET_LIMITS_INSTANCES", "0")
	t.Setenv("SKYNET_AWS_REGION", "Ireland")
	t.Setenv("SKYNET_STATEDIR", "/srv")
	t.Setenv("SKYNET_PORT", "tcp://10.0.0.1:80") // Kubernetes sets it for a service called skynet
	t.Setenv("SKYNET_WORKER_SLOTS", "many")      // not ours
	_, err := config.Load("testdata/slow.yaml", flags(t, "--listen=here", "--journal-hours=10"))
	const want = `testdata/slow.yaml:1:11: interval: 2h is out of bounds; write 1s to 1h
--journal-hours: journal.hours: "10" needs a unit; write 10s, 10m or 10h
--listen: listen: "here" is not an address; write it like 127.0.0.1:9464
SKYNET_AWS_REGION: aws.account: missing; add it: account number, twelve digits in quotes
SKYNET_AWS_REGION: aws.region: "Ireland" is not a region; write it like eu-west-1
SKYNET_LIMITS_INSTANCES: limits.instances: 0 is too small; write at least 1
SKYNET_STATEDIR: no such setting; did you mean SKYNET_STATE_DIR?`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v", err)
	}
}

func TestAddress(t *testing.T) {
	good := map[string]config.Address{
		"nats://embedded/photos":                                      {System: config.NATSQueue, Name: "photos"},
		"nats://10.0.0.1:4222/a-b":                                    {System: config.NATSQueue, Host: "10.0.0.1:4222", Name: "a-b"},
		"nats://[::1]:4222/Photos_":                                   {System: config.NATSQueue, Host: "[::1]:4222", Name: "Photos_"},
		"https://sqs.eu-west-1.amazonaws.com/123456789012/photos":     {System: config.SQSQueue, Host: "sqs.eu-west-1.amazonaws.com", Name: "photos", Region: "eu-west-1", Account: "123456789012"},
		"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/a.fifo": {System: config.SQSQueue, Host: "sqs.cn-north-1.amazonaws.com.cn", Name: "a.fifo", Region: "cn-north-1", Account: "123456789012"},
	}
	for s, want := range good {
		if got, err := config.ParseAddress(s); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "photos", "nats://embedded", "nats://embedded/", "nats://embedded/a/b", "nats://embedded/a.b", "nats://host/a", "nats://u:p@h:1/a", "nats://h:1/a?x=1", "nats://:4222/a", "nats://h:0/a", "https://example.com/a", "nats://h:x/a", "http://sqs.eu-west-1.amazonaws.com/1/a",
		"http://sqs.eu-west-1.amazonaws.com/123456789012/a", "https://sqs.eu-west-1.amazonaws.com/1/a", "https://sqs.eu-west-1.amazonaws.com/123456789012", "https://sqs.eu-west-1.amazonaws.com/123456789012/",
		"https://sqs.eu-west-1.amazonaws.com/123456789012/a.b", "https://sqs.eu-west-1.amazonaws.com/123456789012/a/b", "https://queue.amazonaws.com/123456789012/a",
		"https://eu-west-1.queue.amazonaws.com/123456789012/a", "https://sqs.eu-west-1.amazonaws.com/123456789012/a?x=1", "https://sqs.eu-west-1.amazonaws.com.example.com/123456789012/a",
		"https://u:p@sqs.eu-west-1.amazonaws.com/123456789012/a"} {
		if got, err := config.ParseAddress(s); err == nil {
			t.Errorf("%s: read as %+v", s, got)
		}
	}
}
