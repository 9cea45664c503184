package metrics

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Family is one metric that may be told.
type Family struct {
	Name   string
	Kind   string // gauge, counter or histogram
	Labels []string
	Help   string
	desc   *prometheus.Desc
}

const (
	gauge   = "gauge"
	counter = "counter"
	summed  = "histogram"
)

// all are the families of the controller itself, in the order in which they are told
// of; those of signals follow from their catalogue.
var all []*Family

func family(name, kind, labels, help string) *Family {
	f := &Family{Name: name, Kind: kind, Labels: strings.Fields(labels), Help: help}
	f.desc = prometheus.NewDesc(name, help, f.Labels, nil)
	all = append(all, f)
	return f
}

func (f *Family) valueType() prometheus.ValueType {
	if f.Kind == counter {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

// histogram makes the histograms of a family.
func histogram(f *Family, buckets []float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.Name, Help: f.Help, Buckets: buckets}, f.Labels)
}

// Families are all metrics of ours that there can be, by name. Go's and the process's
// own come besides: https://pkg.go.dev/github.com/prometheus/client_golang/prometheus/collectors
func Families() []Family {
	var list []Family
	for _, f := range all {
		list = append(list, *f)
	}
	for _, s := range slices.Concat(ofFleets, ofQueues) {
		list = append(list, *s.Family)
	}
	slices.SortFunc(list, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// The process.
var (
	buildInfo = family("skynet_build_info", gauge, "version goversion", "1, with the version that runs and the Go release it was built by.")
	interval  = family("skynet_interval_seconds", gauge, "", "Time from tick to tick.")
	dryRun    = family("skynet_dry_run", gauge, "", "1 where nothing is done to the fleets (skynet run --dry-run).")
	acting    = family("skynet_acting", gauge, "", "1 where this process acts, 0 where it stands by for the lease, and in a dry run.")
)

// Ticks.
var (
	tickDuration    = family("skynet_tick_duration_seconds", summed, "fleet", "How long ticks took, from reading to the last deed.")
	ticksTotal      = family("skynet_ticks_total", counter, "fleet outcome", "Ticks, by outcome: decided, blind (a policy could not tell: nobody was let go) or failed (nothing could be decided or done).")
	tickLast        = family("skynet_tick_last_timestamp_seconds", gauge, "fleet", "When the last tick ended, however it did.")
	tickLastSuccess = family("skynet_tick_last_success_timestamp_seconds", gauge, "fleet", "When the last tick ended that could decide and act, blind or not; until there is one, when this process began to act.")
	blind           = family("skynet_blind", gauge, "fleet", "1 while a policy cannot tell: nobody is let go.")
)

// Signals besides those of the catalogue.
var (
	signalUnknown = family("skynet_signal_unknown", gauge, "fleet signal", "1 for each signal that is unknown now, by its name in policies; its own metric is absent then, never 0.")
	userSignal    = family("skynet_user_signal", gauge, "fleet signal", "The user's own signals, by name.")
)

// Decisions.
var (
	have          = family("skynet_decision_have_instances", gauge, "fleet", "Workers that serve or are on their way to it, at the last decision.")
	want          = family("skynet_decision_want_instances", gauge, "fleet", "Workers wanted by the last decision, within the bounds and the budget.")
	boundMin      = family("skynet_bounds_min_instances", gauge, "fleet", "Least workers, by the policy file.")
	boundMax      = family("skynet_bounds_max_instances", gauge, "fleet", "Most workers that may be billed at once, by the policy file.")
	policyWant    = family("skynet_policy_want_instances", gauge, "fleet policy", "Workers that each policy wants; absent where it has no opinion. A blind one wants at least so many.")
	policyBlind   = family("skynet_policy_blind", gauge, "fleet policy", "1 where this policy cannot tell.")
	guardSoftens  = family("skynet_guard_softening", gauge, "fleet guard", "1 where this guard, cap or bound changed the last decision.")
	guardSoftened = family("skynet_guard_softened_ticks_total", counter, "fleet guard", "Ticks whose decision this guard, cap or bound changed.")
)

// Deeds and workers.
var (
	deeds    = family("skynet_deeds_total", counter, "fleet deed outcome", "Instances that were to be launched, woken, recalled, drained, put to sleep or terminated, by outcome: done, failed (refused, or not known to be done), or planned (by a dry run).")
	exits    = family("skynet_exits_total", counter, "fleet cause", "Instances let go, by cause.")
	refused  = family("skynet_launches_refused_total", counter, "fleet", "Instances that the cloud refused to launch or wake.")
	died     = family("skynet_launches_dead_total", counter, "fleet", "Instances launched or woken that never became workers.")
	workers  = family("skynet_workers", gauge, "fleet state", "Workers by state, as the last tick knew them.")
	versions = family("skynet_worker_version_instances", gauge, "fleet version", "Workers heard of by the version of their agent; beyond 20 versions the rest is other.")
)

// The operator's orders, the breaker, money, the promise.
var (
	paused      = family("skynet_paused", gauge, "fleet", "1 while the operator has the fleet left alone.")
	pauseUntil  = family("skynet_pause_until_timestamp_seconds", gauge, "fleet", "When the pause ends; absent where there is none.")
	floorWant   = family("skynet_floor_instances", gauge, "fleet", "Workers that the operator wants at least; absent where none was ordered.")
	floorUntil  = family("skynet_floor_until_timestamp_seconds", gauge, "fleet", "When that floor ends.")
	breakerOpen = family("skynet_breaker_open", gauge, "fleet", "1 while launches do not become workers: one probe at a time is launched.")
	breakerDead = family("skynet_breaker_dead_launches", gauge, "fleet", "Launches of the last hour in a row that never became workers.")
	budgetLimit = family("skynet_budget_limit", gauge, "fleet period", "Most money an hour, or a day, by the policy file, in the currency of its prices; absent without such a budget.")
	budgetUsed  = family("skynet_budget_used", gauge, "fleet period", "Money of it: what an hour costs at the present rate, what was spent since midnight.")
	budgetCaps  = family("skynet_budget_capping", gauge, "fleet", "1 while the budget allows fewer workers than are wanted.")
	objWait     = family("skynet_objective_wait_seconds", gauge, "fleet queue", "So long an item may wait until it is started.")
	objQuantile = family("skynet_objective_quantile_ratio", gauge, "fleet queue", "So large a share of items is to start within it.")
	objWithin   = family("skynet_objective_within_ratio", gauge, "fleet queue", "Share of the items started in the last five minutes that did, estimated from the waits' median, p95 and p99; absent where none was started.")
	objMissed   = family("skynet_objective_missed", gauge, "fleet queue", "1 while fewer start in time than promised, or the oldest item waits too long and none is started.")
)

// What others are asked, and told.
var (
	callsTotal    = family("skynet_calls_total", counter, "system operation result", "Calls to AWS (ec2, sqs, s3, cloudwatch, sts), the fleet's cloud, queues, sources and the journal, by result: ok, error or timeout. A call of AWS's SDK with its retries counts once.")
	callDuration  = family("skynet_call_duration_seconds", summed, "system operation", "How long calls took, retries included.")
	callThrottles = family("skynet_call_throttles_total", counter, "system operation", "Attempts that AWS turned away because there were too many; most are retried.")
	beatsRefused  = family("skynet_heartbeats_refused_total", counter, "cause", "Letters in the queue of heartbeats that were not taken in: unreadable, forged (not posted by the worker that they name), or of strangers that there is no room for.")
	notifications = family("skynet_notifications_total", counter, "target outcome", "Messages to people, by outcome: sent, failed (after every retry), or dropped (too many waited).")
)
