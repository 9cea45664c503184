package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// TestThePolicyIsTunedWhileItRuns: a refused file changes nothing and is told
// with all its mistakes; a good one decides from the next tick on.
func TestThePolicyIsTunedWhileItRuns(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	d := s.daemon()

	s.write("render.policy.yaml", "bounds: {min: 2, max: 1}\nobjektive: {wait: 2s}\n")
	awaitSaid(t, d, "the changed policy file is refused", "bounds.min: 2 must not exceed max (1)", `did you mean \"objective\"`)
	s.send(media.photo)
	s.awaitHome() // by the policy that ran before

	s.write("render.policy.yaml", "objective: {wait: 15s, quantile: 0.9}\nbounds: {max: 2}\npriors: {boot: 1s, seconds: 1s}\n")
	if err := d.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	awaitSaid(t, d, "the policy has changed")
	s.send(media.photo)
	s.awaitHome()
	s.stop(d)
	explained := call(t, skynet, "explain", "--config", s.config(), "--last", "100")
	tells(t, explained.out, []string{"backlog    wants 1: 1 waiting at 1 a worker", "slo        wants 1: media 1 item × "})
}

// TestAPausedFleetIsLeftAlone though work waits, across a restart, until the
// operator says otherwise.
func TestAPausedFleetIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	d := s.daemon()
	if r := call(t, skynet, "pause", "--config", s.config(), "--for", "1h", "--why", "new template"); r.status != 0 {
		t.Fatalf("pause: %+v", r)
	}
	s.send(media.photo)
	paused := func() error {
		r := call(t, skynet, "explain", "--config", s.config(), "--all", "--last", "1")
		for _, want := range []string{"want 1", "do nothing: paused until", ": new template", "did        nothing: the fleet is paused"} {
			if !strings.Contains(flat(r.out), flat(want)) {
				return fmt.Errorf("explain does not say %q: %s", want, r.out)
			}
		}
		return nil
	}
	await(t, "the pause to hold a launch", patient, paused)
	s.stop(d)
	s.daemon()
	await(t, "the pause to outlive a restart", patient, paused)
	if r := call(t, skynet, "resume", "--config", s.config()); r.status != 0 {
		t.Fatalf("resume: %+v", r)
	}
	s.awaitHome()
}

// awaitSaid waits until a program has said all of these.
func awaitSaid(t *testing.T, p *process, texts ...string) {
	t.Helper()
	await(t, "the daemon to say so", patient, func() error {
		for _, text := range texts {
			if !strings.Contains(p.Said(), text) {
				return fmt.Errorf("it does not say %q: %s", text, p.Said())
			}
		}
		return nil
	})
}
