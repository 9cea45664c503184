package aws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/test/moto"
)

// site is an operator's installation beside an account: settings, a state folder
// and a daemon.
type site struct {
	*account
	dir    string
	moto   *moto.Server
	wire   *wire // between skynet and moto
	agents *wire // between the agents and moto
	hv     *hypervisor
	runs   int
	sent   int
}

// plan is what tests choose of a site's settings.
type plan struct {
	interval string // 2s
	fleet    string // its name: render
	account  string // of the settings
	region   string // of the settings
	template string
	subnets  []string
	queue    string // name of the queue of items
	spot     string // YAML
	aws      string // more YAML in the block aws
	top      string // more YAML at the top
	policy   string // YAML of the policy file
	queues   string // more YAML in the list of queues
	fleets   string // more YAML in the list of fleets
}

// between is a policy of so few and so many workers, two items each.
func between(few, many int, more ...string) string {
	return fmt.Sprintf(`bounds: {min: %d, max: %d}
policies: [{type: backlog, per_worker: 2}]
guards: {release: {after: 4s}}
deadlines: {boot: 60s, silent: 15s, replace: 30s}
%s
`, few, many, strings.Join(more, "\n"))
}

func newSite(t *testing.T, p plan) *site {
	t.Helper()
	program(t, "skynet")
	t.Parallel()
	m := moto.Start(t)
	s := &site{account: prepare(t, m), dir: t.TempDir(), moto: m, wire: tap(t, m.URL), agents: tap(t, m.URL)}
	t.Cleanup(func() { allowed(t, "controller", s.wire); allowed(t, "worker", s.agents) })
	s.hv = newHypervisor(t, s.dir, s.ec2, s.by(s.agents))
	s.configure(p)
	return s
}

func or(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

// configure writes the settings and the policy.
func (s *site) configure(p plan) {
	s.t.Helper()
	spot := ""
	if p.spot != "" {
		spot = ", spot: " + p.spot
	}
	if p.subnets == nil {
		p.subnets = s.subnets
	}
	settings := fmt.Sprintf(`interval: %s
listen: 127.0.0.1:0
state_dir: %q
aws: {account: %q, region: %s%s}
heartbeats: %q
queues: [{name: photos, url: %q, visibility: 10s}%s]
%s
fleets:
  - name: %s
    queues: [photos]
    policy: render.policy.yaml
    prices: [{type: c5.large, hourly: 0.096}, {type: c5a.large, hourly: 0.086}]
    ec2: {launch_template: {name: %s, version: "1"}, subnets: [%s], types: [c5.large, c5a.large], slots: 1%s}
%s`, or(p.interval, "2s"), filepath.Join(s.dir, "state"), moto.Account, moto.Region, p.aws, queueURL("heartbeats"),
		queueURL(or(p.queue, "photos")), p.queues, p.top, or(p.fleet, "render"), or(p.template, template), strings.Join(p.subnets, ", "), spot, p.fleets)
	s.write("skynet.yaml", strings.NewReplacer(moto.Account, or(p.account, moto.Account), moto.Region, or(p.region, moto.Region)).Replace(settings))
	s.write("render.policy.yaml", or(p.policy, between(0, 3)))
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// by is what a program finds in its environment: moto, by way of a wire.
func (s *site) by(w *wire) []string {
	env := slices.DeleteFunc(s.moto.Env(), func(v string) bool { return strings.HasPrefix(v, "AWS_ENDPOINT_URL=") })
	return append(env, "AWS_ENDPOINT_URL="+w.URL)
}

// attempt starts `skynet run`.
func (s *site) attempt(flags ...string) *process {
	s.t.Helper()
	s.runs++
	p, err := start(s.dir, fmt.Sprintf("run-%d", s.runs), s.by(s.wire), program(s.t, "skynet"), append([]string{"run", "--config", filepath.Join(s.dir, "skynet.yaml")}, flags...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		p.Kill()
		if s.t.Failed() {
			s.t.Log(p.LastWords())
		}
	})
	return p
}

// daemon starts `skynet run` and returns when its loop runs.
func (s *site) daemon(flags ...string) *process {
	s.t.Helper()
	p := s.attempt(flags...)
	await(s.t, "the daemon to run", func() error {
		if strings.Contains(p.Said(), "\truns\t") {
			return nil
		}
		if !p.Runs() {
			s.t.Fatalf("the daemon ended: %s", p.Said())
		}
		return fmt.Errorf("it has said %q", p.Said())
	})
	return p
}

// refused starts `skynet run` and wants it to refuse, with what it must say.
func (s *site) refused(say ...string) {
	s.t.Helper()
	p := s.attempt()
	if status := p.wait(s.t); status != 2 {
		s.t.Errorf("status %d, want 2: %s", status, p.Said())
	}
	for _, want := range say {
		if !strings.Contains(p.Said(), want) {
			s.t.Errorf("does not say %q: %s", want, p.Said())
		}
	}
}

// stop ends a daemon as an operator does.
func (s *site) stop(p *process) {
	s.t.Helper()
	_ = p.Signal(syscall.SIGTERM)
	if status := p.wait(s.t); status != 0 {
		s.t.Fatalf("SIGTERM ended %s with status %d", p.Name, status)
	}
}

// send puts photographs into the bucket.
func (s *site) send(n int) {
	s.t.Helper()
	for range n {
		s.sent++
		s.put(fmt.Sprintf("in/%d.jpg", s.sent), photo)
	}
}

// awaitResults waits until each photograph has its two renditions and their manifest,
// and wants nothing else to be there.
func (s *site) awaitResults() {
	s.t.Helper()
	want := map[string]bool{}
	for n := range s.sent {
		for _, name := range []string{"150.jpg", "1024.jpg", "manifest.json"} {
			want[fmt.Sprintf("out/%s/in/%d.jpg/%s", media, n+1, name)] = true
		}
	}
	await(s.t, "results", func() error {
		keys, err := s.made()
		for _, k := range keys {
			if !want[k] {
				s.t.Fatalf("a result that nobody asked for: %s", k)
			}
		}
		if err == nil && len(keys) < len(want) {
			err = fmt.Errorf("%d results of %d", len(keys), len(want))
		}
		return err
	})
}

// awaitAgents waits until so many agents run, and returns their instances.
func (s *site) awaitAgents(n int) (ids []string) {
	s.t.Helper()
	await(s.t, fmt.Sprintf("%d agents", n), func() error {
		if ids = s.hv.agents(); len(ids) != n {
			return fmt.Errorf("agents of %v", ids)
		}
		return nil
	})
	return ids
}

// awaitHome waits until no instance is left, but for those that sleep.
func (s *site) awaitHome() {
	s.t.Helper()
	await(s.t, "the fleet to be back at 0", func() error {
		for id, i := range s.alive() {
			if i.State.Name != types.InstanceStateNameStopped {
				return fmt.Errorf("%s is %s", id, i.State.Name)
			}
		}
		return nil
	})
}

// signal wants a signal of the last tick to have a value, as skynet tells an operator.
func (s *site) signal(name string, want float64) error { return s.signalOf("render", name, want) }

func (s *site) signalOf(fleet, name string, want float64) error {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), program(s.t, "skynet"), "signals", "--config", filepath.Join(s.dir, "skynet.yaml"), "--fleet", fleet, "--output", "json").Output()
	if err != nil {
		return err
	}
	var told struct {
		Signals []struct {
			Name, Unknown string
			Value         float64
		}
	}
	if err := json.Unmarshal(out, &told); err != nil {
		return err
	}
	for _, sig := range told.Signals {
		if sig.Name == name && sig.Unknown == "" && math.Abs(sig.Value-want) <= want/1e6 {
			return nil
		} else if sig.Name == name {
			return fmt.Errorf("%+v", sig)
		}
	}
	return fmt.Errorf("%s is not told", name)
}

// awaitTicks waits until the instances were listed so many times more.
func (s *site) awaitTicks(n int) {
	s.t.Helper()
	before := s.wire.count("ec2:DescribeInstances")
	await(s.t, "ticks", func() error {
		if past := s.wire.count("ec2:DescribeInstances") - before; past < n {
			return fmt.Errorf("%d of %d", past, n)
		}
		return nil
	})
}

// awaitSaid waits until a program has said something.
func (s *site) awaitSaid(p *process, text string) {
	s.t.Helper()
	await(s.t, p.Name+" to say "+text, func() error {
		if !strings.Contains(p.Said(), text) {
			return errors.New("it has not")
		}
		return nil
	})
}

// asked wants something to have been asked for.
func (s *site) asked(action string) error {
	if s.wire.count(action) == 0 {
		return fmt.Errorf("asked for %v", s.wire.asked())
	}
	return nil
}

// bought is how many times instances were bought.
func (s *site) bought() int { return s.wire.count("ec2:CreateFleet") }

// photo is a photograph of 0.3 megapixels.
var photo = func() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i >> 7)
	}
	m.Set(0, 0, color.White)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}()
