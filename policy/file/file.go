// Package file reads the policy file: the one YAML file by which an operator
// tunes a fleet. It is strict (see config/strict), fills in defaults, and
// builds the policy.Engine that decides.
package file

import (
	"fmt"
	"os"
	"regexp"
	"time"
	_ "time/tzdata" // zones are known on every machine (keda#932)

	"skynet/config/strict"
	"skynet/policy"
	"skynet/signals"
	"skynet/signals/derived"
)

// File is the policy file as it is written.
type File struct {
	Bounds    Bounds    `yaml:"bounds" strict:"required" doc:"the fewest and the most workers"`
	Policies  []Entry   `yaml:"policies" strict:"required" doc:"each says how many workers it wants; the largest wins"`
	Guards    Guards    `yaml:"guards" doc:"each makes a decision do less, never more"`
	Sleep     Sleep     `yaml:"sleep" doc:"drained on-demand workers stop instead of ending"`
	Deadlines Deadlines `yaml:"deadlines" doc:"when a worker that is not heard of is given up"`
	Timezone  string    `yaml:"timezone" doc:"IANA time zone of the fleet, such as Europe/Berlin; UTC if left out"`
	Holidays  []string  `yaml:"holidays" doc:"dates, 2006-01-02, that are not like others of their weekday"`

	Objective any `yaml:"objective" doc:"the wait that is promised"`

	known signals.Names
	zone  *time.Location
	built []policy.Policy
}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Bounds are the fewest and the most workers.
type Bounds struct {
	Min int `yaml:"min" strict:"min=0" doc:"the fewest workers that serve"`
	Max int `yaml:"max" strict:"required,min=1,max=100000" doc:"the most workers that are paid for at once: starting, serving and draining"`
}

// Validate checks that the bounds do not cross.
func (b *Bounds) Validate(r *strict.Report) {
	if r.Sound("min", "max") && b.Min > b.Max {
		r.Bad("min", b.Min, "must not exceed max (%d); raise max or lower min", b.Max)
	}
}

// Guards are the settings of the guards.
type Guards struct {
	Launch  Launch          `yaml:"launch" doc:"bounds what is launched or woken"`
	Release Release         `yaml:"release" doc:"holds back the letting go of workers"`
	Quorum  *strict.Percent `yaml:"quorum" doc:"nobody is let go while fewer of the workers are heard; 80% if left out"`
	Breaker Breaker         `yaml:"breaker" doc:"stops buying when launches do not become workers"`
	Budget  any             `yaml:"budget" doc:"caps in money"`
}

// Launch bounds what is launched or woken; 0 stands for the default.
type Launch struct {
	PerTick int `yaml:"per_tick" strict:"min=1" doc:"the most instances launched or woken in one tick; bounds.max if left out"`
	PerHour int `yaml:"per_hour" strict:"min=1" doc:"the same in any hour, failed ones included; four times bounds.max if left out"`
}

// Release holds back the letting go of workers.
type Release struct {
	PerTick       strict.Share    `yaml:"per_tick" doc:"the most workers asked to drain in one tick, a count or a share of those there are"`
	After         strict.Duration `yaml:"after" doc:"how long the want must have been low; 5m if left out"`
	MinAge        strict.Duration `yaml:"min_age" doc:"a younger worker is not drained"`
	DrainDeadline strict.Duration `yaml:"drain_deadline" doc:"a drain that takes longer ends anyway; never if left out"`
	Billing       any             `yaml:"billing" doc:"second or hour"`
}

// Breaker stops buying when launches do not become workers.
type Breaker struct {
	DeadLaunches int `yaml:"dead_launches" strict:"min=1" doc:"so many launches in a row that were never heard of leave one probe at a time"`
}

// Sleep keeps drained workers for later.
type Sleep struct {
	Keep   int             `yaml:"keep" strict:"min=0" doc:"how many drained on-demand workers sleep instead of ending"`
	AtMost strict.Duration `yaml:"at_most" doc:"how long one sleeps before it is let go; no limit if left out"`
}

// Deadlines say when a worker that is not heard of is given up.
type Deadlines struct {
	Boot    strict.Duration `yaml:"boot" doc:"from launch or wake to the first heartbeat; then it is dead on arrival"`
	Silent  strict.Duration `yaml:"silent" doc:"unheard for longer, a worker counts as silent: it stays, but is not relied on"`
	Replace strict.Duration `yaml:"replace" doc:"unheard for longer, a silent worker is replaced"`
}

// Validate refuses deadlines that no worker can meet: were they taken, every
// launch would be given up at once and bought again.
func (d *Deadlines) Validate(r *strict.Report) {
	const least = strict.Duration(10 * time.Second)
	for _, k := range []struct {
		key   string
		value strict.Duration
	}{{"boot", d.Boot}, {"silent", d.Silent}, {"replace", d.Replace}} {
		if k.value < least && r.Sound(k.key) {
			r.Bad(k.key, k.value, "is too short for any worker; write at least %s", least)
		}
	}
}

// Defaults are those that docs/policy.md names.
func (f *File) Defaults() {
	plan := policy.DefaultPlan()
	f.Guards.Release.PerTick = strict.Percentage(100)
	f.Guards.Release.After = strict.Duration(5 * time.Minute)
	f.Guards.Breaker.DeadLaunches = 3
	f.Deadlines = Deadlines{
		Boot: strict.Duration(plan.Boot), Silent: strict.Duration(defaultSilent), Replace: strict.Duration(plan.Silence),
	}
}

// defaultSilent is fleet/roster's: 13 heartbeats at one in 15 s.
const defaultSilent = 200 * time.Second

// Validate checks what concerns the whole file.
func (f *File) Validate(r *strict.Report) {
	f.validateZone(r)
	for i, day := range f.Holidays {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			r.Bad(fmt.Sprintf("holidays[%d]", i), day, "is not a date; write it as 2026-12-25")
		}
	}
	if f.Deadlines.Silent > f.Deadlines.Replace && r.Sound("deadlines") {
		r.Bad("deadlines.replace", f.Deadlines.Replace, "is shorter than deadlines.silent (%s); a worker is silent before it is replaced", f.Deadlines.Silent)
	}
	if len(f.Policies) == 0 && r.Given("policies") && r.Sound("policies") {
		r.Bad("policies", nil, "is empty; give at least one, such as {type: backlog, per_worker: 10}")
	}
	f.refuseLater(r)
	f.built = f.policies(r)
}

func (f *File) validateZone(r *strict.Report) {
	zone, err := time.LoadLocation(f.Timezone)
	if err != nil || f.Timezone == "Local" {
		r.Bad("timezone", f.Timezone, "is not an IANA time zone; write it as Europe/Berlin or UTC")
		zone = time.UTC
	}
	f.zone = zone
}

// refuseLater refuses what the format promises and this build does not have: a
// key that is read and not obeyed would be worse than an error.
func (f *File) refuseLater(r *strict.Report) {
	for _, k := range []struct {
		path  string
		value any
	}{
		{"objective", f.Objective},
		{"guards.budget", f.Guards.Budget},
		{"guards.release.billing", f.Guards.Release.Billing},
	} {
		if k.value != nil {
			r.Bad(k.path, nil, "is not supported by this build yet; leave it out")
		}
	}
}

// Policy is a policy file that was read, ready to decide.
type Policy struct {
	Engine  policy.Engine
	Silent  time.Duration    // unheard for longer, a worker counts as silent
	Signals derived.Settings // as far as the file says: time zone, holidays, priors
}

func (f *File) signals() derived.Settings {
	return derived.Settings{Zone: f.zone, Holidays: f.Holidays, Priors: derived.DefaultPriors()}
}

// Load reads a policy file. Everything wrong with it comes in one error. Known are
// the signals that its policies may speak of.
func Load(path string, known signals.Names) (Policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Policy{}, fmt.Errorf("policy file: %w", err)
	}
	return Parse(path, data, known)
}

// Parse reads a policy file's bytes; name is for messages.
func Parse(name string, data []byte, known signals.Names) (Policy, error) {
	f, err := strict.Read[File](name, data, knowing(known))
	if err != nil {
		return Policy{}, err
	}
	return Policy{Engine: f.engine(), Silent: f.Deadlines.Silent.Std(), Signals: f.signals()}, nil
}
