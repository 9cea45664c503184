package faults

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// The laws, each in a sentence.
const (
	lawMaximum   = "nothing is bought beyond the maximum of what is billed, nor beyond what the hourly budget pays for above the minimum (what somebody else starts, or was forgotten by order, counts after ten minutes)"
	lawBudget    = "within an hour no more is launched or woken than the policy's launch guard allows (by the clock of the ticks; an hour less what that was set forward)"
	lawOnce      = "no more machines are bought under an order's token than it asks for"
	lawBusy      = "a machine with an item in hand ends only past its drain's deadline, or unheard for as long as its deadlines say"
	lawLost      = "no item leaves the queue without its result"
	lawTwice     = "what is stored twice under an item's name is the same"
	lawBlind     = "a tick that does not know the queue's depth lets nobody go"
	lawIntent    = "whatever is sent has an intent without an outcome in the sender's journal"
	lawTorn      = "what the journal acknowledged is there after every crash, and is whole"
	lawReplay    = "what a tick knew decides the same again, also from what every journal says of it, and through JSON"
	lawOneActs   = "of two controllers one acts: no call of one is under way while one of the other is, nor after one of whoever took over"
	lawPanics    = "nothing panics"
	lawConverges = "three hours and half a seed after the last item (longer where more waits then than can be done in it), and an hour more for each agent that is dead for good, every item is done and the fleet is as large as calm would leave it"
)

// laws see every call at the moment that it is sent and that it takes effect.
type laws struct {
	*World
	orders map[string]int       // how many each token asked for
	asked  []asking             // what was launched and woken, by the time it was intended
	last   *deed                // that took effect last
	seen   map[string]bool      // intents whose launches are counted
	kept   map[string]decidedOn // ticks, by the names of their decisions
	by     map[string]*ruling   // by which policy file decisions were made, by their names and by their host's besides
	files  map[string]*ruling   // by their versions
	told   *signals.Pause       // of which the last tick was told that was written down
	back   map[string]bool      // orders that were taken back, and of which a tick has told
	term   uint64               // of the lease under which something took effect last
	ticks  int
	ahead  int           // of them, with a forecast
	free   time.Duration // nothing has kept a controller from letting go since then
}

// asking is what an intent may launch or wake, and the time of its tick.
type asking struct {
	at   time.Time
	n    int
	most int // within an hour
}

// deed is one call that changes something.
type deed struct {
	kind   string
	host   *Host
	life   int
	sent   time.Duration
	landed time.Duration
	intent journal.Intent
	causes map[fleet.ID]fleet.Cause
	term   uint64 // of the sender's lease
}

func newLaws(w *World) laws {
	return laws{World: w, orders: map[string]int{}, seen: map[string]bool{}, kept: map[string]decidedOn{}, by: map[string]*ruling{}, files: map[string]*ruling{}, back: map[string]bool{}}
}

// kindsOf are the intents under which a call may be sent. A worker that is to wake is
// recalled first.
var kindsOf = map[string][]journal.Kind{
	"launch": {journal.Launch}, "wake": {journal.Wake}, "sleep": {journal.Sleep}, "terminate": {journal.Terminate},
	"drain": {journal.Drain}, "recall": {journal.Recall, journal.Wake},
}

// sends looks at a call before it leaves.
func (l *laws) sends(kind string, h *Host, ids []fleet.ID, token string) *deed {
	d := &deed{kind: kind, host: h, life: h.life, sent: l.now, causes: map[fleet.ID]fleet.Cause{}}
	if h.turn != nil {
		d.term = h.turn.term
	}
	l.Tell(h.name, "sends %s %s%s", kind, listed(ids), token)
	wanted := kindsOf[kind]
	if wanted == nil {
		return d
	}
	open, err := h.Journal().Unsettled(context.Background(), fleetName)
	if err != nil {
		l.breach(lawTorn, "the intents of %s cannot be read: %v", h.name, err)
		return d
	}
	for _, i := range open {
		if slices.Contains(wanted, i.Kind) && covers(i, ids, token) {
			d.intent = i
		}
	}
	if d.intent.ID == "" {
		l.breach(lawIntent, "%s sends %s %s%s, and its journal has no open intent of it", h.name, kind, listed(ids), token)
	}
	for _, x := range d.intent.Exits {
		d.causes[x.ID] = x.Cause
	}
	l.buys(d)
	l.orderly(d, ids)
	return d
}

// covers reports whether an intent is about a call.
func covers(i journal.Intent, ids []fleet.ID, token string) bool {
	if i.Order != nil {
		return i.Order.Token == token
	}
	for _, id := range ids {
		if !slices.Contains(i.IDs, id) && !slices.ContainsFunc(i.Exits, func(x fleet.Exit) bool { return x.ID == id }) {
			return false
		}
	}
	return true
}

// buys notes what an intent may buy, at the time that it is sent first.
func (l *laws) buys(d *deed) {
	if d.kind != "launch" && d.kind != "wake" || l.seen[d.intent.ID] {
		return
	}
	l.seen[d.intent.ID] = true
	if o := d.intent.Order; o != nil {
		l.orders[o.Token] = o.Count
	}
	guard := l.ruledBy(d).guard()
	l.asked = append(l.asked, asking{d.intent.At, d.intent.Size(), guard.PerHour})
	window := time.Hour - time.Second
	if l.weather.strength[ClockSteps] > 0 {
		window -= mostStepped
	}
	n, most, over := l.overspent(d.intent.At, window)
	if over || d.intent.Size() > guard.PerTick {
		l.breach(lawBudget, "%s asks for %d (%d a tick are allowed), and %d within %s (%d are allowed)", d.host.name, d.intent.Size(), guard.PerTick, n, window, most)
	}
}

// overspent finds a window that ends then or later in which more is asked for than its
// last intent may. One that no answer came to may be sent after later ones.
func (l *laws) overspent(from time.Time, window time.Duration) (n, most int, over bool) {
	for _, end := range l.asked {
		if end.at.Before(from) {
			continue
		}
		n = 0
		for _, a := range l.asked {
			if a.at.After(end.at.Add(-window)) && !a.at.After(end.at) {
				n += a.n
			}
		}
		if n > end.most {
			return n, end.most, true
		}
	}
	return 0, 0, false
}

// lands looks at a call at the moment that it takes effect.
func (l *laws) lands(d *deed) {
	d.landed = l.now
	if o := l.last; o != nil && (o.host != d.host || o.life != d.life) && d.sent < o.landed {
		l.breach(lawOneActs, "%s sent %s at %s, before %s of %s took effect at %s", d.host.name, d.kind, clock(d.sent), o.kind, o.host.name, clock(o.landed))
	}
	if d.term < l.term {
		l.breach(lawOneActs, "%s acts under term %d of the lease, after something took effect under term %d", d.host.name, d.term, l.term)
	}
	l.last, l.term = d, d.term
}

// bought looks at what a launch brought.
func (l *laws) bought(p Purchase, ms []*machine) {
	token := p.Tags[fleet.TagIntent]
	n := 0
	for _, m := range l.cloud.all {
		if m.Tags[fleet.TagIntent] == token {
			n++
		}
	}
	for _, m := range ms {
		l.Tell("cloud", "launches %s in %s", m.ID, m.Zone)
	}
	if most := l.orders[token]; n > most {
		l.breach(lawOnce, "%d machines under %s, which asks for %d", n, token, most)
	}
	l.billed()
}

// billed looks at how many are billed.
func (l *laws) billed() {
	const known = 10 * time.Minute
	n, most := 0, l.mayBe()
	for _, m := range l.cloud.live() {
		if (!m.byHand || l.now-m.started > known) && (m.left < 0 || l.now-m.left > known) {
			n++
		}
	}
	if n > most {
		l.breach(lawMaximum, "%d are billed, %d may be", n, most)
	}
}

// mayBe is how many may be billed as the last deed takes effect. An order of before the
// policy changed is sent again where the new bounds have room for it, whatever it costs.
func (l *laws) mayBe() int {
	r := l.last.host.rules
	if l.ruledBy(l.last) != r {
		return r.engine.Bounds.Max
	}
	return r.most()
}

// ruledBy is the policy by which a deed was decided.
func (l *laws) ruledBy(d *deed) *ruling {
	id := d.intent.Decision
	return cmp.Or(l.by[d.host.name+id], l.by[id], d.host.rules) // two hosts may tick at the same moment
}

// letsGo looks at a machine that is to be stopped or terminated.
func (l *laws) letsGo(d *deed, m *machine) {
	cause, exit := d.causes[m.ID]
	l.Tell("cloud", "%s of %s takes effect (%s)", d.kind, m.ID, cause)
	if !m.agent.lives() || m.agent.busy() == 0 {
		return
	}
	const slack = time.Minute
	by, unheard := l.ruledBy(d), m.unheard(l.now, d.host.begun)
	stepped := time.Duration(0)
	if l.weather.strength[ClockSteps] > 0 {
		stepped = mostStepped
	}
	var fair bool
	switch {
	case !exit, cause == fleet.CauseDrained, cause == fleet.CauseSlept:
		fair = m.handled >= 0 && l.now-m.handled < 2*l.scene.interval+controller.CallTimeout
	case cause == fleet.CauseDeadline:
		fair = l.now-m.asked > by.engine.Plan.Drain-slack-stepped
	case cause == fleet.CauseSilent:
		fair = unheard > by.engine.Plan.Silence-slack-stepped || m.impaired(d.host.begun-mostStale) && unheard > by.silent-slack-stepped
	case cause == fleet.CauseDead:
		fair = unheard > by.engine.Plan.Boot-slack-stepped
	}
	if !fair {
		l.breach(lawBusy, "%s has %d in hand and is let go (%s, %s): asked to drain %s ago, unheard for %s",
			m.ID, m.agent.busy(), d.kind, cause, l.now-m.asked, unheard)
	}
}

// stored looks at a result.
func (l *laws) stored(i *item, content uint64) {
	if i.made && i.result != content {
		l.breach(lawTwice, "item %d has two results", i.number)
	}
	i.made, i.result = true, content
}

// removed looks at an item that leaves the queue.
func (l *laws) removed(i *item) {
	if !i.made {
		l.breach(lawLost, "item %d", i.number)
	}
}

// begins is called before a tick.
func (l *laws) begins(h *Host) {
	h.blind, h.begun = false, l.now
	h.takesUp()
	h.stand()
}

// ticked looks at what became of a tick.
func (l *laws) ticked(h *Host, r controller.Report) {
	l.ticks++
	d := r.Decision
	if r.Err != nil && strings.Contains(r.Err.Error(), "a mistake of ours") {
		l.breach(lawPanics, "%v", r.Err)
	}
	if h.blind && len(d.Drain)+len(d.Sleep)+len(d.Terminate) > 0 {
		l.breach(lawBlind, "%s drains %v, puts %v to sleep, terminates %v", h.name, d.Drain, d.Sleep, d.Terminate)
	}
	if _, err := r.Snapshot.Value("forecast.arrivals_60m"); err == nil {
		l.ahead++
	}
	if d.Failed == "" {
		l.obeyed(h, r.Snapshot, d, r.Err == nil)
		l.replays(r)
		l.keep(r)
	}
}

// replays decides a tick again.
func (l *laws) replays(r controller.Report) {
	s := r.Snapshot
	if l.ticks%64 == 1 {
		b, err := json.Marshal(s)
		if err == nil {
			s.Workers, s.Signals, s.Recent = nil, nil, nil
			err = json.Unmarshal(b, &s)
		}
		if err != nil {
			l.breach(lawReplay, "%v", err)
			return
		}
	}
	again := l.files[r.Decision.Version].engine.Decide(s)
	again.Version = r.Decision.Version
	if !sameDecision(again, r.Decision) {
		l.breach(lawReplay, "%s was %+v, is now %+v", r.Decision.ID, r.Decision, again)
	}
}

func sameDecision(a, b policy.Decision) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(x) == string(y)
}

// restarted looks at a journal that was opened again.
func (l *laws) restarted(h *Host) {
	if err := h.disk.Check(); err != nil {
		l.breach(lawTorn, "%s: %v", h.name, err)
	}
	records, err := h.Journal().Records(context.Background(), fleetName, time.Time{}, 0)
	if err != nil {
		l.breach(lawTorn, "%s: %v", h.name, err)
	}
	there := map[string]bool{}
	for _, r := range records {
		there[r.Decision.ID] = true
		l.recorded(h, r)
	}
	for id := range h.acked {
		if !there[id] {
			l.breach(lawTorn, "%s: %s was acknowledged, and is gone", h.name, id)
		}
	}
}
