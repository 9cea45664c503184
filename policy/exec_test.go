package policy_test

import (
	"testing"

	"skynet/policy"
	"skynet/signals"
)

func TestExec(t *testing.T) {
	for _, c := range []struct {
		name   string
		as     string
		advice []signals.Advice
		want   int
		said   string // or the error
	}{
		{"its answer", "mine", []signals.Advice{{Policy: "other", Want: 1}, {Policy: "mine", Want: 7, Because: "it is Sunday"}}, 7, "it is Sunday"},
		{"no reason given", "", []signals.Advice{{Policy: "exec", Want: 7}}, 7, "its program wants 7"},
		{"nobody wanted", "mine", []signals.Advice{{Policy: "mine"}}, 0, "its program wants 0"},
		{"not asked", "mine", []signals.Advice{{Policy: "other", Want: 1}}, -1, "its program was not asked"},
		{"no answer", "mine", []signals.Advice{{Policy: "mine", Want: 7, Unknown: "no answer within 5s"}}, -1, "no answer within 5s"},
		{"a negative answer", "mine", []signals.Advice{{Policy: "mine", Want: -2}}, -1, "its program wants -2 workers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := policy.Exec{As: c.as}.Want(signals.Snapshot{Now: noon, Advice: c.advice})
			if err != nil {
				n, because = -1, err.Error()
			}
			if n != c.want || because != c.said {
				t.Errorf("wants %d: %q, want %d: %q", n, because, c.want, c.said)
			}
		})
	}
}

// A program that does not answer leaves the fleet as it is, at least.
func TestExecIsBlindWithoutAnAnswer(t *testing.T) {
	e := policy.Engine{Bounds: policy.Bounds{Max: 50}, Policies: []policy.Policy{policy.Exec{}}, Guards: []policy.Guard{policy.Blind{}}}
	d := e.Decide(signals.Snapshot{Now: noon, Workers: crew(5), Advice: []signals.Advice{{Policy: "exec", Unknown: "it crashed"}}})
	if !d.Blind || d.Want != 5 || !d.Idle() {
		t.Errorf("decides %+v", d)
	}
}
