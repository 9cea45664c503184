// Package file reads the policy file: the one YAML file by which an operator
// tunes a fleet. It is strict (see config/strict), fills in defaults, and
// builds the policy.Engine that decides.
package file

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"
	_ "time/tzdata" // zones are known on every machine (keda#932)

	"skynet/config/strict"
	"skynet/policy"
	"skynet/signals"
	"skynet/signals/derived"
)

// File is the policy file as it is written.
type File struct {
	Objective Objective `yaml:"objective" doc:"the wait that is promised"`
	Bounds    Bounds    `yaml:"bounds" strict:"required" doc:"the fewest and the most workers"`
	Policies  []Entry   `yaml:"policies" doc:"each says how many workers it wants; the largest wins; one of type slo if left out"`
	Guards    Guards    `yaml:"guards" doc:"each makes a decision do less, never more"`
	Sleep     Sleep     `yaml:"sleep" doc:"drained on-demand workers stop instead of ending"`
	Deadlines Deadlines `yaml:"deadlines" doc:"when a worker that is not heard of is given up"`
	Priors    Priors    `yaml:"priors" doc:"what is assumed until it has been learned"`
	Timezone  string    `yaml:"timezone" doc:"IANA time zone of the fleet, such as Europe/Berlin; UTC if left out"`
	Holidays  []string  `yaml:"holidays" doc:"dates, 2006-01-02, that are not like others of their weekday"`

	known signals.Names
	zone  *time.Location
	built []policy.Policy
}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Objective is the wait that is promised, from sent to started.
type Objective struct {
	Wait     strict.Duration `yaml:"wait" doc:"so long an item may wait before it is started; 5m if left out"`
	Quantile float64         `yaml:"quantile" strict:"above=0,max=0.9999" doc:"the share of items that start within it; 0.95 if left out"`
	Queues   []QueueWait     `yaml:"queues" doc:"another wait for some queues"`
}

// QueueWait is the wait that is promised to one queue's items.
type QueueWait struct {
	Name string          `yaml:"name" strict:"required" doc:"the queue"`
	Wait strict.Duration `yaml:"wait" strict:"required" doc:"so long its items may wait"`
}

// Priors are what is assumed until it has been learned.
type Priors struct {
	Boot    strict.Duration `yaml:"boot" doc:"launch to first heartbeat; 2m if left out"`
	Wake    strict.Duration `yaml:"wake" doc:"wake to first heartbeat; 1m if left out"`
	Seconds strict.Duration `yaml:"seconds" doc:"time to process one item; 10s if left out"`
	Queues  []QueuePrior    `yaml:"queues" doc:"another time for items of some queues"`
}

// QueuePrior is what is assumed of one queue's items.
type QueuePrior struct {
	Name    string          `yaml:"name" strict:"required" doc:"the queue"`
	Seconds strict.Duration `yaml:"seconds" strict:"required" doc:"time to process one item of it"`
}

// Bounds are the fewest and the most workers.
type Bounds struct {
	Min int `yaml:"min" strict:"min=0" doc:"the fewest workers that serve; 0 if left out"`
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
	Budget  Budget          `yaml:"budget" doc:"caps in money, in the currency of the fleet's prices"`
}

// Launch bounds what is launched or woken; 0 stands for the default.
type Launch struct {
	PerTick int `yaml:"per_tick" strict:"min=1" doc:"the most instances launched or woken in one tick; bounds.max if left out"`
	PerHour int `yaml:"per_hour" strict:"min=1" doc:"the same in any hour, failed ones included; four times bounds.max if left out"`
}

// Budget caps what a fleet costs; 0 is no budget.
type Budget struct {
	Hourly float64 `yaml:"hourly" strict:"above=0" doc:"the most money an hour; caps what is wanted, as bounds.max does"`
	Daily  float64 `yaml:"daily" strict:"above=0" doc:"the most money a day, midnight to midnight in timezone; near it the fleet shrinks to bounds.min"`
}

// Release holds back the letting go of workers.
type Release struct {
	PerTick       strict.Share     `yaml:"per_tick" doc:"the most workers asked to drain in one tick, a count or a share of those there are, rounded up; 100% if left out"`
	After         *strict.Duration `yaml:"after" doc:"how long the want must have been low; 5m if left out, 0s if slo is the only policy"`
	MinAge        strict.Duration  `yaml:"min_age" doc:"a younger worker is not drained; 0s if left out"`
	DrainDeadline strict.Duration  `yaml:"drain_deadline" doc:"a drain that takes longer ends anyway; never if left out"`
	Billing       string           `yaml:"billing" strict:"enum=second|hour" doc:"how instances are paid for: by the second, or by the hour (then they are let go near the end of a paid one); second if left out"`
}

// Breaker stops buying when launches do not become workers.
type Breaker struct {
	DeadLaunches int `yaml:"dead_launches" strict:"min=1" doc:"so many launches in a row that were never heard of leave one probe at a time, then one each 1, 2, 4 … 15 minutes; 3 if left out"`
}

// Sleep keeps drained workers for later.
type Sleep struct {
	Keep      int             `yaml:"keep" strict:"min=0" doc:"how many drained on-demand workers sleep instead of ending; 0 if left out"`
	AtMost    strict.Duration `yaml:"at_most" doc:"how long one sleeps before it is let go; no limit if left out, but 60d, which is the most, with hibernate"`
	Hibernate bool            `yaml:"hibernate" doc:"EC2: keep what is in memory; a local worker always does"`
}

// Deadlines say when a worker that is not heard of is given up.
type Deadlines struct {
	Boot    strict.Duration `yaml:"boot" doc:"from launch or wake to the first heartbeat; then it is dead on arrival; 15m if left out"`
	Silent  strict.Duration `yaml:"silent" doc:"unheard for longer, a worker counts as silent: it stays, but is not relied on; 200s if left out"`
	Replace strict.Duration `yaml:"replace" doc:"unheard for longer, a silent worker is replaced, a tenth of the fleet a tick at most; 10m if left out"`
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
	f.Guards.Release.Billing = "second"
	f.Guards.Breaker.DeadLaunches = 3
	f.Objective = Objective{Wait: strict.Duration(5 * time.Minute), Quantile: 0.95}
	assumed := derived.DefaultPriors()
	f.Priors = Priors{
		Boot: strict.Duration(assumed.Boot), Wake: strict.Duration(assumed.Wake), Seconds: strict.Duration(assumed.Item),
	}
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
	f.validateQueues(r)
	if !r.Given("policies") {
		f.Policies = []Entry{entry("slo")}
	}
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

// validateQueues wants queues that are spoken of to be there.
func (f *File) validateQueues(r *strict.Report) {
	said := map[string]bool{}
	one := func(section string, i int, name string) {
		path := fmt.Sprintf("%s.queues[%d].name", section, i)
		switch {
		case !f.known.Open && !slices.Contains(f.known.Queues, name):
			r.Unknown(path, name, "a queue of this fleet", f.known.Queues)
		case said[section+name]:
			r.Bad(path, name, "is listed twice; remove one")
		}
		said[section+name] = true
	}
	for i, q := range f.Objective.Queues {
		one("objective", i, q.Name)
	}
	for i, q := range f.Priors.Queues {
		one("priors", i, q.Name)
	}
}

// Validate wants a wait that a controller can keep.
func (o *Objective) Validate(r *strict.Report) { atLeast(r, "wait", o.Wait, time.Second) }

// Validate wants a wait that a controller can keep.
func (q *QueueWait) Validate(r *strict.Report) { atLeast(r, "wait", q.Wait, time.Second) }

// Validate refuses times that nothing takes.
func (p *Priors) Validate(r *strict.Report) {
	atLeast(r, "boot", p.Boot, time.Second)
	atLeast(r, "wake", p.Wake, time.Second)
	atLeast(r, "seconds", p.Seconds, time.Millisecond)
}

// Validate refuses times that nothing takes.
func (q *QueuePrior) Validate(r *strict.Report) { atLeast(r, "seconds", q.Seconds, time.Millisecond) }

func atLeast(r *strict.Report, key string, v strict.Duration, least time.Duration) {
	if v < strict.Duration(least) && r.Given(key) && r.Sound(key) {
		r.Bad(key, v, "is too short; write at least %s", strict.Duration(least))
	}
}

// objective is what the slo policy keeps.
func (f *File) objective() policy.Objective {
	o := policy.Objective{Wait: f.Objective.Wait.Std(), Quantile: f.Objective.Quantile}
	for _, q := range f.Objective.Queues {
		if o.Queues == nil {
			o.Queues = map[string]time.Duration{}
		}
		o.Queues[q.Name] = q.Wait.Std()
	}
	return o
}

// Policy is a policy file that was read, ready to decide.
type Policy struct {
	Engine  policy.Engine
	Silent  time.Duration    // unheard for longer, a worker counts as silent
	Signals derived.Settings // as far as the file says: time zone, holidays, priors
	// Programs are those that policies of type exec ask; their answers belong into
	// Snapshot.Advice.
	Programs []Program
	Money    string // the key that needs the prices of instances, "" if none does
	// Hibernate says that workers which sleep keep what is in their memory, where the
	// cloud can do that.
	Hibernate bool
}

func (f *File) signals() derived.Settings {
	p := derived.Priors{Boot: f.Priors.Boot.Std(), Wake: f.Priors.Wake.Std(), Item: f.Priors.Seconds.Std()}
	for _, q := range f.Priors.Queues {
		if p.ByQueue == nil {
			p.ByQueue = map[string]time.Duration{}
		}
		p.ByQueue[q.Name] = q.Seconds.Std()
	}
	late := 1 - f.Objective.Quantile
	var promises map[string]derived.Promise
	for _, q := range f.Objective.Queues {
		if promises == nil {
			promises = map[string]derived.Promise{}
		}
		promises[q.Name] = derived.Promise{Wait: q.Wait.Std(), Late: late}
	}
	return derived.Settings{
		Promise: derived.Promise{Wait: f.Objective.Wait.Std(), Late: late}, Promises: promises,
		Zone: f.zone, Holidays: f.Holidays, Priors: p,
		Daily: f.Guards.Budget.Daily, Hourly: f.hourly(),
	}
}

// money is the key that needs prices.
func (f *File) money() string {
	if f.Guards.Budget != (Budget{}) {
		return "guards.budget"
	}
	return ""
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
	return Policy{
		Engine: f.engine(), Silent: f.Deadlines.Silent.Std(), Signals: f.signals(), Money: f.money(), Programs: f.programs(),
		Hibernate: f.Sleep.Hibernate,
	}, nil
}
