package signals

import (
	"slices"
	"strings"
)

// Kind is one signal of the catalogue: what its number means.
type Kind struct {
	Name   string
	Unit   string
	Says   string
	Source string
	Queue  bool // exists for each queue too, as queues.<name>.<last word>
}

// Catalogue is every signal that a tick knows of, in the order in which people
// read it: the queue, the work, the fleet, the forecast, the calendar, the last
// decision, the cost. Users' own signals come besides.
var Catalogue = []Kind{
	{"queue.visible", "items", "waiting to be received", "queue", true},
	{"queue.in_flight", "items", "received, not yet deleted", "queue", true},
	{"queue.delayed", "items", "not yet receivable", "queue", true},
	{"queue.dead", "items", "in the dead-letter queue", "queue", true},
	{"queue.oldest_age", "s", "age of the oldest waiting item; 0 when nothing waits and nothing is in flight", "CloudWatch, or receipts seen by workers, or arrivals less completions in order; the best that is known", true},
	{"queue.arrived", "items", "arrived since the last tick", "depth change plus completions; CloudWatch where no worker reports", true},
	{"queue.completed", "items", "finished since the last tick", "heartbeats; CloudWatch where no worker reports", true},
	{"queue.arrival_rate", "items/s", "arrivals, five-minute weighted mean", "derived", true},
	{"queue.arrival_rate_1d", "items/s", "arrivals, mean over a day in which older ones fade", "derived", true},
	{"queue.growth", "items/s", "slope of visible over five minutes", "derived", true},
	{"queue.redelivered", "items", "received more than once since the last tick", "heartbeats", true},
	{"work.seconds_mean", "s", "time to process one item, recent items weighing more; over queues, weighted by what waits", "heartbeats", true},
	{"work.seconds_p50", "s", "time to process one item, 50 of 100 take no longer", "heartbeats", true},
	{"work.seconds_p95", "s", "time to process one item, 95 of 100 take no longer", "heartbeats", true},
	{"work.wait_p50", "s", "time from sent to started, last five minutes, 50 of 100 wait no longer", "heartbeats", true},
	{"work.wait_p95", "s", "time from sent to started, last five minutes, 95 of 100 wait no longer", "heartbeats", true},
	{"work.wait_p99", "s", "time from sent to started, last five minutes, 99 of 100 wait no longer", "heartbeats", true},
	{"work.backlog_seconds", "s", "slot-seconds of work waiting: visible × seconds_mean, summed by queue", "derived", true},
	{"work.drain_seconds", "s", "time to empty the queue with what serves now", "derived", true},
	{"work.rate", "items/s", "completions, five-minute weighted mean", "derived", true},
	{"work.failed", "items", "failed since the last tick", "heartbeats", true},
	{"work.error_ratio", "0–1", "failed over finished, last fifteen minutes", "derived", true},
	{"work.bytes_in", "B/s", "media read", "heartbeats", true},
	{"work.bytes_out", "B/s", "media written", "heartbeats", true},
	{"fleet.running", "instances", "serving, and silent ones not replaced yet", "fleet, heartbeats", false},
	{"fleet.pending", "instances", "launched or woken, not serving yet", "fleet", false},
	{"fleet.draining", "instances", "finishing their last items", "fleet, heartbeats", false},
	{"fleet.asleep", "instances", "stopped or hibernated, ready to wake", "fleet", false},
	{"fleet.silent", "instances", "exist, but no heartbeat in time", "heartbeats", false},
	{"fleet.idle", "instances", "running with no item", "heartbeats", false},
	{"fleet.slots", "items/instance", "what one instance works on at once", "heartbeats, config", false},
	{"fleet.busy_slots", "items", "slots at work", "heartbeats", false},
	{"fleet.utilisation", "0–1", "busy slots over all slots", "derived", false},
	{"fleet.cpu_mean", "%", "processor use, mean over instances", "heartbeats (CloudWatch is billed by the instance: a user signal where wanted)", false},
	{"fleet.cpu_p95", "%", "processor use, 95 of 100 instances use no more", "heartbeats (CloudWatch is billed by the instance: a user signal where wanted)", false},
	{"fleet.memory_p95", "%", "memory use, 95 of 100 instances use no more", "heartbeats", false},
	{"fleet.boot_seconds", "s", "launch to first heartbeat, learned", "derived", false},
	{"fleet.boot_p95", "s", "launch to first heartbeat, 95 of 100 take no longer, learned", "derived", false},
	{"fleet.wake_seconds", "s", "wake to first heartbeat, learned", "derived", false},
	{"fleet.launch_failures", "count", "refused launches, last hour", "journal", false},
	{"fleet.dead_on_arrival", "count", "launched, never heard of, last hour", "journal", false},
	{"fleet.interruptions", "count", "Spot interruptions, last hour", "heartbeats, fleet", false},
	{"fleet.spot_share", "0–1", "Spot over all running", "fleet", false},
	{"fleet.billing_left", "s", "least time any running instance has left of a paid hour (hourly billing only)", "fleet", false},
	{"forecast.arrivals_5m", "items", "arrivals expected in the next 5 minutes", "forecast", true},
	{"forecast.arrivals_15m", "items", "arrivals expected in the next 15 minutes", "forecast", true},
	{"forecast.arrivals_60m", "items", "arrivals expected in the next 60 minutes", "forecast", true},
	{"forecast.arrivals_5m_p90", "items", "arrivals in the next 5 minutes: not more, nine times in ten", "forecast", true},
	{"forecast.arrivals_5m_p99", "items", "arrivals in the next 5 minutes: not more, 99 times in 100", "forecast", true},
	{"forecast.arrivals_15m_p90", "items", "arrivals in the next 15 minutes: not more, nine times in ten", "forecast", true},
	{"forecast.arrivals_15m_p99", "items", "arrivals in the next 15 minutes: not more, 99 times in 100", "forecast", true},
	{"forecast.arrivals_60m_p90", "items", "arrivals in the next 60 minutes: not more, nine times in ten", "forecast", true},
	{"forecast.arrivals_60m_p99", "items", "arrivals in the next 60 minutes: not more, 99 times in 100", "forecast", true},
	{"forecast.margin", "×", "how far above the median the slo policy plans: 1 is p90, 2 is p99; learned from how often items start late", "forecast", true},
	{"forecast.usual", "items/s", "what this hour of this weekday usually brings (Sunday evening is its own hour)", "forecast", true},
	{"forecast.error", "ratio", "recent forecast error over that of \"same as last week\" (below 1 is better)", "forecast", true},
	{"forecast.surprise", "σ", "how far arrivals are from what was expected", "forecast", true},
	{"calendar.hour_of_week", "0–167", "in the fleet's time zone; Monday 00:00 is 0", "clock", false},
	{"calendar.weekday", "1–7", "Monday is 1, Sunday is 7", "clock", false},
	{"calendar.holiday", "0/1", "a day from the configured list", "clock", false},
	{"decision.want_raw", "instances", "the last tick's want, before guards", "journal", false},
	{"decision.launched", "instances", "launched and woken by the last tick", "journal", false},
	{"decision.drained", "instances", "asked to drain by the last tick", "journal", false},
	{"cost.per_hour", "money/h", "what runs now", "fleet, prices", false},
	{"cost.per_instance", "money/h", "what one more instance costs at most", "prices", false},
	{"cost.today", "money", "since midnight in the fleet's time zone", "journal, prices", false},
	{"cost.per_item", "money", "cost over completions, last hour", "derived", false},
	{"cost.budget_left", "money", "of today's budget", "derived", false},
	{"cost.spot_price", "money/h", "cheapest eligible Spot offer", "EC2", false},
}

// kindByLeaf and kindByName find a Kind by its last word, and by its whole name.
var kindByLeaf, kindByName = indexes()

func indexes() (leaf, name map[string]Kind) {
	leaf, name = map[string]Kind{}, map[string]Kind{}
	for _, k := range Catalogue {
		name[k.Name] = k
		if k.Queue {
			leaf[k.leaf()] = k
		}
	}
	return leaf, name
}

// leaf is the name without its group, as it stands after queues.<name>: the
// forecast's keeps its group.
func (k Kind) leaf() string {
	if strings.HasPrefix(k.Name, "forecast.") {
		return k.Name
	}
	_, leaf, _ := strings.Cut(k.Name, ".")
	return leaf
}

// OfQueue is the name of a queue's own signal for one of the catalogue's:
// queue.visible of photos is queues.photos.visible.
func OfQueue(name, queue string) string { return "queues." + queue + "." + kindByName[name].leaf() }

// KindOf finds what a signal's number means, also a queue's own; false for what
// is not in the catalogue.
func KindOf(name string) (Kind, bool) {
	if rest, ok := strings.CutPrefix(name, "queues."); ok {
		_, leaf, _ := strings.Cut(rest, ".")
		k, ok := kindByLeaf[leaf]
		return k, ok
	}
	k, ok := kindByName[name]
	return k, ok
}

// Names are the signals that a policy may speak of: those of the catalogue, the
// same for each queue, and the user's own.
type Names struct {
	Queues []string // the fleet's queues
	User   []string // the user's own signals
	Open   bool     // the settings are not known: any queue, and any name outside the catalogue's groups, will do
}

// Known reports whether a name may be spoken of.
func (n Names) Known(name string) bool {
	if rest, ok := strings.CutPrefix(name, "queues."); ok {
		queue, leaf, _ := strings.Cut(rest, ".")
		_, ok := kindByLeaf[leaf]
		return ok && (n.Open || slices.Contains(n.Queues, queue))
	}
	if _, ok := kindByName[name]; ok {
		return true
	}
	return n.Open && !Reserved(name) || slices.Contains(n.User, name)
}

// All lists every name that may be spoken of, for "did you mean".
func (n Names) All() []string {
	var all []string
	for _, k := range Catalogue {
		all = append(all, k.Name)
	}
	for _, q := range n.Queues {
		for _, k := range Catalogue {
			if k.Queue {
				all = append(all, OfQueue(k.Name, q))
			}
		}
	}
	return append(all, n.User...)
}

// Reserved reports whether a name belongs to a group of the catalogue's, in which
// no user's signal may live.
func Reserved(name string) bool {
	group, _, _ := strings.Cut(name, ".")
	if group == "queues" {
		return true
	}
	return slices.ContainsFunc(Catalogue, func(k Kind) bool { return strings.HasPrefix(k.Name, group+".") })
}
