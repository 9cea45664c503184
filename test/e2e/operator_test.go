package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// filled is a site that has items in its queue and nobody who works on them:
// the daemon that took them in was stopped before its first tick.
func filled(t *testing.T, p plan) *site {
	t.Helper()
	p.interval = "1h"
	s := newSite(t, p)
	d := s.daemon()
	s.send(media.photo, media.photo)
	s.stop(d)
	p.interval = "1s"
	s.configure(p)
	return s
}

// history is every tick in the journal.
func history(s *site) string {
	s.t.Helper()
	r := call(s.t, skynet, "explain", "--config", s.config(), "--all", "--last", "1000", "--output", "json")
	return r.out + r.err
}

func TestADryRunDecidesAndDoesNothing(t *testing.T) {
	t.Parallel()
	s := filled(t, plan{max: 2})
	before := history(s)
	settings := filepath.Join(s.state(), "workers", "render.yaml")
	if err := os.WriteFile(settings, []byte("# of the last real run\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := count(t, s.dir)
	d := s.daemon("--dry-run")
	await(t, "a decision to launch", patient, func() error {
		if said := read(d.Err); strings.Count(said, "would launch") < 1 {
			return fmt.Errorf("it said %s", said)
		}
		return nil
	})
	if said := read(d.Err); !strings.Contains(said, `"want": 2`) || strings.Contains(said, "launched") {
		t.Errorf("want 2 wanted and nothing launched: %s", said)
	}
	s.stop(d)
	if ids, _ := c.ever(); len(ids) > 0 {
		t.Errorf("a dry run launched %v", ids)
	}
	if text := read(settings); text != "# of the last real run\n" {
		t.Errorf("a dry run wrote settings for workers: %s", text)
	}
	if after := history(s); after != before {
		t.Errorf("a dry run wrote into the journal: %s", strings.TrimPrefix(after, before))
	}

	s.daemon()
	s.awaitHome()
	s.allDone()
}

// TestWorkersOfAFleetThatIsNotInTheSettings are nobody's: each start says so, with
// their processes and a cure that works.
func TestWorkersOfAFleetThatIsNotInTheSettings(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{min: 1, max: 1})
	d := s.daemon()
	old := s.awaitWorkers(1)
	await(t, "the worker to run", patient, func() error { return s.logged("\truns\t") })
	s.stop(d)
	s.write("skynet.yaml", strings.Replace(read(s.config()), "name: render", "name: thumbs", 1))
	s.write("render.policy.yaml", strings.Replace(read(filepath.Join(s.dir, "render.policy.yaml")), "min: 1", "min: 0", 1))
	for _, flags := range [][]string{{"--dry-run"}, nil} {
		d = s.daemon(flags...)
		for id, pid := range old {
			tells(t, read(d.Err), []string{"workers of a fleet that is not in the settings", `"fleet": "render"`, id, fmt.Sprintf("which finish the items that they hold or give them back: kill %d\"", pid)})
		}
		s.stop(d)
	}
	d = s.daemon()
	for _, pid := range old {
		signal(t, pid, syscall.SIGTERM)
	}
	s.awaitWorkers(0)
	s.stop(d)
	d = s.daemon()
	if strings.Contains(read(d.Err), "not in the settings") {
		t.Errorf("it warns of nobody: %s", read(d.Err))
	}
}

func TestOneControllerAStateFolder(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	first := s.daemon()
	for _, flags := range [][]string{nil, {"--dry-run"}} {
		p := s.attempt(flags...)
		runs := fmt.Sprintf("is in use: skynet runs as process %d since ", first.PID())
		if status := p.wait(patient); status != 2 || !strings.Contains(read(p.Err), runs) || !strings.Contains(read(p.Err), "or set state_dir to another folder") {
			t.Errorf("a second controller: status %d, %s", status, p.Said())
		}
	}
	s.send(media.photo)
	s.awaitHome()
	s.allDone()
	s.stop(first)
}

// record is what these tests read of a tick in the journal.
type record struct {
	Decision struct {
		ID      string
		Reasons []struct{ By, Said string }
	}
	Intents  []struct{ ID, Kind string }
	Outcomes []struct {
		Intent string
		Done   []string
	}
}

func records(t *testing.T, text string) (list []record) {
	t.Helper()
	for line := range strings.Lines(text) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		list = append(list, r)
	}
	return list
}

// deeds are the kinds of what was done, in order.
func deeds(list []record) (kinds []string) {
	for _, r := range list {
		for _, i := range r.Intents {
			kinds = append(kinds, i.Kind)
		}
	}
	return kinds
}

// TestExplainAndSignals while the daemon runs and after it.
func TestExplainAndSignals(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	if r := call(t, skynet, "explain", "--config", s.config()); r.status != 2 || !strings.Contains(r.err, "no journal") {
		t.Errorf("explain before the first run: %+v", r)
	}
	d := s.daemon()
	s.send(media.photo)
	s.awaitHome()
	told(t, s)
	s.stop(d)
	told(t, s)
}

func told(t *testing.T, s *site) {
	t.Helper()
	explained := call(t, skynet, "explain", "--config", s.config(), "--last", "100")
	tells(t, explained.out, []string{"have 0, want 1: launch", "1 waiting at 1 a worker want 1", "queue.visible 1,", "did        launch 1 of 1: i-", "did        drain 1 of 1", "says it has drained"})
	list := records(t, call(t, skynet, "explain", "--state-dir", s.state(), "--last", "100", "--output", "json").out)
	if kinds := fmt.Sprint(deeds(list)); kinds != "[launch drain terminate]" {
		t.Errorf("deeds: %s", kinds)
	}
	for _, r := range list {
		if len(r.Decision.Reasons) == 0 || len(r.Outcomes) != len(r.Intents) || len(r.Outcomes[0].Done) != 1 {
			t.Errorf("a decision without reasons or an outcome: %+v", r)
		}
	}
	shown := call(t, skynet, "signals", "--config", s.config())
	tells(t, shown.out, []string{"fleet render at ", "SIGNAL", "queue.visible", "queues.media.visible", "fleet.running", "unknown: no worker is running"})
	var now struct {
		Fleet, Time string
		Signals     []struct{ Name string }
	}
	r := call(t, skynet, "signals", "--config", s.config(), "--output", "json")
	if err := json.Unmarshal([]byte(r.out), &now); err != nil || now.Fleet != "render" || len(now.Signals) < 30 {
		t.Errorf("signals as JSON: %v: %s", err, r.out)
	}
}

// TestRecall: two workers are busy, the operator lowers the maximum, and one is
// asked to drain; with the maximum back and more to do it is put to work again
// before anything is bought.
func TestRecall(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 2})
	d := s.daemon()
	s.send(media.clip, media.clip)
	held := s.hold(2)
	were := s.awaitWorkers(2)
	again := func(p plan) {
		s.stop(d)
		s.configure(p)
		d = s.daemon()
	}
	again(plan{max: 1})
	await(t, "a worker to drain", patient, func() error { return s.logged("\tdraining\t") })
	s.send(media.photo, media.photo) // what it holds calls for nobody else: more must wait
	again(plan{max: 2})
	await(t, "a worker to be back", patient, func() error { return s.logged("\tworking\t") })
	if now := workers(s.dir); !maps.Equal(were, now) {
		t.Errorf("workers %v before the recall, %v after it", were, now)
	}
	s.thaw(held)
	s.awaitHome()
	s.allDone()
	if kinds := fmt.Sprint(deeds(records(t, history(s)))); strings.Count(kinds, "launch") > 2 || !strings.Contains(kinds, "recall") {
		t.Errorf("deeds: %s", kinds)
	}
}

// TestTheCloudTakesAnInstanceBack: a worker that reads a notice whose time
// has come gives back what it has in hand, and another does it.
func TestTheCloudTakesAnInstanceBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 2})
	d := s.daemon()
	s.send(media.clip)
	s.hold(1)
	doomed := s.awaitWorkers(1)
	s.stop(d)
	notice(s)
	s.daemon()
	await(t, "the item to be given back", patient, func() error { return s.logged("\tgiven back\t") })
	for _, pid := range doomed {
		kill(t, pid)
	}
	s.awaitHome()
	s.allDone()
}

// notice puts a notice into what the fleet knows of its one instance.
func notice(s *site) {
	s.t.Helper()
	path := filepath.Join(s.state(), "local", "instances.json")
	noticed := strings.Replace(read(path), `"tags": {`, `"notice": {"action": "terminate", "time": "2020-01-01T00:00:00Z"}, "tags": {`, 1)
	if err := os.WriteFile(path, []byte(noticed), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
