package metrics

import (
	"maps"
	"slices"
	"strings"
	"time"

	"skynet/fleet"
	"skynet/policy"
)

// tellWorkers tells of workers by state, and by version. While the instances cannot be
// listed nothing is known of either.
func (v *view) tellWorkers(out sink) {
	if v.report.Snapshot.Workers == nil && !v.health.Decided {
		return
	}
	var count [int(fleet.Leaving) + 1]int
	for i := range v.report.Snapshot.Workers {
		if s := v.report.Snapshot.Workers[i].State; int(s) < len(count) {
			count[s]++
		}
	}
	for state, n := range count {
		out.put(workers, float64(n), v.health.Name, fleet.State(state).String())
	}
	for _, version := range bounded(v.health.Versions) {
		out.put(versions, float64(version.n), v.health.Name, version.name)
	}
}

// mostVersions bounds what workers can say of themselves, in versions and in letters.
const (
	mostVersions  = 20
	longestLetter = 64 // B
)

type versionCount struct {
	name string
	n    int
}

// bounded are the versions with most workers, and the rest as one.
func bounded(count map[string]int) (list []versionCount) {
	short := map[string]int{}
	for name, n := range count {
		short[strings.ToValidUTF8(name[:min(len(name), longestLetter)], "?")] += n
	}
	for _, name := range slices.Sorted(maps.Keys(short)) {
		list = append(list, versionCount{name, short[name]})
	}
	slices.SortStableFunc(list, func(a, b versionCount) int { return b.n - a.n })
	if len(list) <= mostVersions {
		return list
	}
	rest := versionCount{name: "other"}
	for _, v := range list[mostVersions:] {
		rest.n += v.n
	}
	return append(list[:mostVersions], rest)
}

func (v *view) tellOrders(out sink) {
	name, orders := v.health.Name, v.report.Snapshot.Orders
	if !v.health.Decided { // they were not read
		return
	}
	out.put(paused, number(orders.Pause != nil), name)
	if p := orders.Pause; p != nil {
		out.put(pauseUntil, seconds(p.Until), name)
	}
	if f := orders.Floor; f != nil {
		out.put(floorWant, float64(f.Want), name)
		out.put(floorUntil, seconds(f.Until), name)
	}
}

func (v *view) tellDecision(out sink) {
	name, d := v.health.Name, v.report.Decision
	out.put(have, float64(d.Have), name)
	out.put(want, float64(d.Want), name)
	out.put(boundMin, float64(v.terms.Bounds.Min), name)
	out.put(boundMax, float64(v.terms.Bounds.Max), name)
	out.put(blind, number(v.health.Blind != ""), name)
	for _, w := range merged(d.Wants) {
		if !w.Abstain {
			out.put(policyWant, float64(w.Want), name, w.Policy)
		}
		out.put(policyBlind, number(w.Blind), name, w.Policy)
	}
	for _, g := range guards {
		out.put(guardSoftens, number(softens(d, g)), name, g)
	}
}

// merged has each policy once: of two by one name the larger want counts, as it does
// in the decision.
func merged(wants []policy.Want) (list []policy.Want) {
	for _, w := range wants {
		i := slices.IndexFunc(list, func(o policy.Want) bool { return o.Policy == w.Policy })
		if i < 0 {
			list = append(list, w)
			continue
		}
		if list[i].Abstain || !w.Abstain && w.Want > list[i].Want {
			w.Blind = w.Blind || list[i].Blind
			list[i] = w
		}
	}
	return list
}

func (v *view) tellHealth(out sink) {
	h := v.health
	out.put(breakerOpen, number(h.Open), h.Name)
	out.put(breakerDead, float64(h.Dead), h.Name)
	for _, b := range h.Spending {
		out.put(budgetLimit, b.Limit, h.Name, b.Period)
		if b.Known {
			out.put(budgetUsed, b.Used, h.Name, b.Period)
		}
	}
	if len(h.Spending) > 0 {
		out.put(budgetCaps, number(h.Capped != ""), h.Name)
	}
	for _, p := range h.Promises {
		out.put(objWait, p.Wait.Seconds(), h.Name, p.Queue)
		out.put(objQuantile, p.Quantile, h.Name, p.Queue)
		out.put(objMissed, number(p.Missed != ""), h.Name, p.Queue)
		if p.Known {
			out.put(objWithin, p.Within, h.Name, p.Queue)
		}
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
