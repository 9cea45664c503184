package faults

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"skynet/controller"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/derived"
)

// lawFile is about policy files that change while a controller runs.
const lawFile = "a tick decides by the policy file that was taken up last before it, and by one that is refused never"

// ruling is one content of the policy file, and what follows from it.
type ruling struct {
	name     string
	text     string
	refused  error // and nothing follows from it
	engine   policy.Engine
	settings derived.Settings
	silent   time.Duration
	hours    []timetable
	price    float64
}

// timetable is an hourly schedule.
type timetable struct{ minute, lasts, want int }

// parse reads a policy file as the daemon does.
func (s *scene) parse(name, text string, hours []timetable) (*ruling, error) {
	p, err := file.Parse("faults.policy.yaml", []byte(text), signals.Names{Open: true})
	r := &ruling{name: name, text: text, refused: err, engine: p.Engine, settings: p.Signals, silent: p.Silent, hours: hours, price: s.price}
	r.settings.Queues, r.settings.Slots, r.settings.Interval = []string{"photos"}, s.slots, s.interval
	r.settings.Prices = []derived.Price{{Type: "c7i.xlarge", Hourly: s.price}}
	return r, err
}

// edit has somebody change the policy file: mostly to one that is good, sooner or later
// on every host.
func (h *Host) edit(r *rand.Rand) {
	later := between(r, 0, 10*time.Minute)
	if r.IntN(4) == 0 {
		h.write(h.spoiled(r.IntN(4)))
		h.after(time.Minute+later, func() { h.write(h.newest) })
		return
	}
	text, hours := h.scene.drawPolicy(r, 2+r.IntN(9))
	f, err := h.scene.parse(h.version(), text, hours)
	if err != nil {
		h.breach("the world's own policy files are valid", "%v", err)
		return
	}
	h.newest = f
	h.write(f)
	for _, o := range h.hosts {
		if o != h {
			h.after(later, func() { o.write(h.newest) })
		}
	}
}

// spoiled is a policy file that no daemon takes.
func (h *Host) spoiled(n int) *ruling {
	good := h.newest.text
	f, err := h.scene.parse(h.version(), []string{"", good[:9], "bounds: {min: 5, max: 2}\n", good + "guard: {launch: {per_tick: 1}}\n"}[n], nil)
	if err == nil {
		h.breach("a policy file with mistakes is refused", "%q is taken", f.text)
	}
	return f
}

// version is a name for one more content of the file.
func (w *World) version() string {
	w.files++
	return fmt.Sprintf("v%d", 1+w.files)
}

// write puts another content into a host's policy file. Its daemon finds it within two
// looks, two seconds apart.
func (h *Host) write(f *ruling) {
	if h.file == f {
		return
	}
	h.file = f
	h.Tell(h.name, "its policy file is %s, taken: %t: %s", f.name, f.refused == nil, f.text)
	life := h.life
	h.after(4*time.Second, func() { h.look(life) })
}

// look has the daemon look at its policy file. Who stands by reads it when its turn
// comes.
func (h *Host) look(life int) {
	if h.life != life || !h.up || h.adopt == nil || !h.turn.holds() {
		return
	}
	if left := h.stopped - h.now; left > 0 {
		h.after(left, func() { h.look(life) })
		return
	}
	if h.file.refused == nil {
		h.adopt(h.file)
	}
}

// agree has all hosts have the same policy file, and a good one.
func (w *World) agree() {
	for _, h := range w.hosts {
		h.write(w.newest)
	}
}

// rulesOf are a policy file's, for a controller on the host.
func (h *Host) rulesOf(r *ruling) controller.Rules {
	return controller.Rules{Decider: deciding{r.engine, h, r}, Signals: r.settings, Version: r.name}
}

// deciding notes by which policy file a decision was made.
type deciding struct {
	policy.Engine
	on *Host
	by *ruling
}

func (d deciding) Decide(s signals.Snapshot) policy.Decision {
	made := d.Engine.Decide(s)
	d.on.laws.by[made.ID], d.on.laws.by[d.on.name+made.ID] = d.by, d.by
	d.on.laws.files[d.by.name] = d.by
	return made
}

// takesUp is the host's policy as of the tick that begins.
func (h *Host) takesUp() {
	if h.fresh != nil {
		h.rules, h.fresh, h.ruled = h.fresh, nil, h.now
		h.Tell(h.name, "decides by %s", h.rules.name)
	}
}

// policies are those of a world, for its story.
func (w *World) policies() string {
	if w.newest == w.scene.policy {
		return w.newest.text
	}
	return w.scene.policy.text + "and at last:\n" + w.newest.text
}

// guard is the launch guard.
func (r *ruling) guard() policy.LaunchLimit {
	for _, g := range r.engine.Guards {
		if l, ok := g.(policy.LaunchLimit); ok {
			return l
		}
	}
	return policy.LaunchLimit{PerTick: math.MaxInt, PerHour: math.MaxInt}
}

// most is how many may be billed at once.
func (r *ruling) most() int {
	most := r.engine.Bounds.Max
	for _, c := range r.engine.Caps {
		if b, ok := c.(policy.Budget); ok && b.Hourly > 0 {
			most = min(most, max(r.engine.Bounds.Min, int(b.Hourly/r.price)))
		}
	}
	return most
}

// atRest is how many machines are wanted where nothing waits.
func (r *ruling) atRest(now time.Time) int {
	want := r.engine.Bounds.Min
	for _, c := range r.hours {
		minute := now.Minute()
		if (minute-c.minute+60)%60 < c.lasts {
			want = max(want, c.want)
		}
	}
	return min(want, r.most())
}
