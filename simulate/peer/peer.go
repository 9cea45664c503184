// Package peer plays what others would have used: EC2 Auto Scaling's target
// tracking and step scaling, KEDA's scaler for SQS under Kubernetes' horizontal
// autoscaler, and a constant number of instances. Each is a policy of its own, by
// the rules that its vendor documents, in the daemon's engine without guards: the
// same controller plays it in the same world with the same seed.
//
// Where the documentation leaves room they are treated well. What they let go is
// drained, and called back before anything is bought, though EC2 Auto Scaling needs
// a lifecycle hook for the first, Kubernetes a long terminationGracePeriodSeconds,
// and neither can do the second; they choose idle instances to go; their metrics
// are not late. What is dead or silent is replaced by the same rules as ours.
//
//   - https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html
//   - https://keda.sh/docs/latest/concepts/scaling-deployments/#long-running-executions
package peer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"skynet/config/strict"
	"skynet/policy"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

// The peers by name.
const (
	TargetTracking = "target-tracking"
	Step           = "step"
	KEDA           = "keda"
	Static         = "static"
	Clairvoyant    = "clairvoyant" // knows every arrival; no policy of this package
)

var names = []string{TargetTracking, Step, KEDA, Static, Clairvoyant}

// Peer is one of those to be compared with, and how it is set.
type Peer struct {
	Name string
	// Setting is the backlog per instance that target-tracking and step aim at, the
	// queueLength of keda, the instances of static. 0 is the default.
	Setting float64
	Tuned   bool // its best setting in hindsight is asked for, or was found

	plain bool // nothing was said of a setting: it goes by its name alone
}

// most bounds settings: beyond it they mean nothing.
const most = 1e9

// Parse reads one entry of --against: a name, name=setting or name=tuned.
func Parse(text string) (Peer, error) {
	name, setting, set := strings.Cut(strings.TrimSpace(text), "=")
	p := Peer{Name: name}
	switch {
	case !slices.Contains(names, name):
		return Peer{}, fmt.Errorf("%q is nothing to compare with%s; known: %s", name, meant(name), strings.Join(names, ", "))
	case !set:
		return p, nil
	case name == Clairvoyant:
		return Peer{}, fmt.Errorf("%q: clairvoyant has no setting; write clairvoyant", text)
	case setting == "tuned":
		p.Tuned = true
		return p, nil
	}
	v, err := strconv.ParseFloat(setting, 64)
	if err != nil || !(v > 0) || v > most {
		return Peer{}, fmt.Errorf("%q: %q is no setting; write a number above 0, or %s=tuned for the best in hindsight", text, setting, name)
	}
	if name == Static && v != math.Trunc(v) {
		return Peer{}, fmt.Errorf("%q: there are no parts of an instance; write static=%g", text, math.Ceil(v))
	}
	p.Setting = v
	return p, nil
}

func meant(name string) string {
	if near := strict.Nearest(name, names); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ""
}

// String is how it is called in results: "keda" at its default, "keda=20",
// "keda=20 (tuned)" once its setting was found and "keda=tuned" before. A static
// fleet whose size nobody gave is "static" all along.
func (p Peer) String() string {
	switch {
	case p.plain || p.Setting == 0 && !p.Tuned:
		return p.Name
	case p.Setting == 0:
		return p.Name + "=tuned"
	case p.Tuned:
		return fmt.Sprintf("%s=%g (tuned)", p.Name, p.Setting)
	}
	return fmt.Sprintf("%s=%g", p.Name, p.Setting)
}

// NeedsTuning reports whether Tune has to find its setting before it can be played
// as it was asked for: tuned, or static without a number.
func (p Peer) NeedsTuning() bool {
	return p.Setting == 0 && (p.Tuned || p.Name == Static)
}

// Policy is the peer with its setting, for a scenario with this objective and these
// bounds. A static one without a setting has the instances that the average load
// keeps busy; Tune finds the fewest that keep the objective.
func (p Peer) Policy(sc *scenario.Scenario, o policy.Objective, b policy.Bounds) simulate.Policy {
	e := policy.Engine{Bounds: b, Plan: policy.DefaultPlan()}
	set := settings{}
	for i := range sc.Fleets {
		f := &sc.Fleets[i]
		if set[f.Name] = p.Setting; p.Setting == 0 {
			set[f.Name] = p.preset(loadOf(sc, f, o))
		}
	}
	sp := simulate.Policy{Name: p.String(), Objective: o, Interval: time.Minute, Blind: true}
	switch p.Name {
	case TargetTracking:
		e.Bounds = atLeastOne(b)
		e.Policies = []policy.Policy{tracking{set, e.Bounds}}
	case Step:
		e.Bounds = atLeastOne(b)
		e.Policies = []policy.Policy{stepping{set, e.Bounds}}
	case KEDA:
		sp.Interval = polling
		e.Policies = []policy.Policy{keda{set, b}}
	case Static:
		sp.Interval = 0
		e.Policies = []policy.Policy{constant(set)}
	}
	sp.Decider = e
	return sp
}

// preset is the default setting for a fleet with this load.
func (p Peer) preset(l load) float64 {
	switch p.Name {
	case KEDA:
		return queueLength
	case Static:
		return max(1, math.Ceil(l.busy))
	}
	return l.acceptable
}

// settings are the peers' numbers by fleet.
type settings map[string]float64

func (set settings) of(fleet string) (float64, error) {
	if v := set[fleet]; v > 0 {
		return v, nil
	}
	return 0, fmt.Errorf("there is no setting for fleet %q", fleet)
}

// within keeps a number to the bounds.
func within(n int, b policy.Bounds) int { return min(max(n, b.Min), b.Max) }

// ceil rounds a number of instances up, within what an int and sense can hold.
func ceil(v float64) int { return int(min(math.Ceil(max(0, v)), most)) }
