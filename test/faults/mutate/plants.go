package main

import "strconv"

// Plant is one fault: a piece of the product's text, which is there once, and what
// stands there instead.
type Plant struct {
	Law  string // that is to notice, in short
	What string
	File string
	Old  string
	New  string

	Also string // weather that every seed has besides its own
	Wire bool   // only seeds by way of fleet/ec2 and SQLite can show it
	Pkg  string // whose tests are to notice, where the seeds cannot or rarely would; "./test/faults"
	Run  string // which of its tests
}

func (p Plant) pkg() string {
	if p.Pkg == "" {
		return "./test/faults"
	}
	return p.Pkg
}

func (p Plant) args(seeds int) []string {
	switch {
	case p.Pkg != "":
		return []string{"-test.run", p.Run}
	case p.Wire:
		return []string{"-test.run", "^TestSeeds$", "-seeds", strconv.Itoa(seeds / 10), "-wire"}
	}
	return []string{"-test.run", "^TestSeeds$", "-seeds", strconv.Itoa(seeds), "-also", p.Also}
}

// The laws, as docs/faults.md has them.
const (
	billed    = "billed never above the maximum"
	budgets   = "launches within their budgets"
	twice     = "nothing bought twice for one intent"
	busy      = "no busy worker let go"
	lost      = "no item lost"
	once      = "no result written twice"
	leaked    = "no instance leaked"
	blind     = "blind ticks let nobody go"
	intents   = "every deed has an intent"
	torn      = "the journal is never torn"
	alone     = "at most one controller acts"
	ordered   = "operators are obeyed"
	file      = "the policy file that was taken up is decided by"
	converges = "after the faults all is as on a calm day"
)

// Plants are all faults that are planted, by law.
var Plants = []Plant{
	{
		Law: billed, What: "launches that no list shows yet are forgotten", File: "controller/tick.go",
		Old: "s.Workers = withUnlisted(s, max(unlisted, 2*c.fleet.Interval))", New: "_ = withUnlisted(s, unlisted)",
	},
	{
		Law: billed, What: "what drains is not counted against the maximum", File: "policy/plan.go",
		Old: "billed := s.Billed() + s.Open", New: "billed := s.Have() + s.Open",
	},
	{
		Law: billed, What: "a sleeper that is listed asleep after it was woken is not counted", File: "signals/snapshot.go",
		Old: "s.count(fleet.State.Billed) + s.maybeAwake()", New: "s.count(fleet.State.Billed)",
		Pkg: "./signals", Run: ".",
	},
	{
		Law: billed, What: "what was asked for and not answered is not counted", File: "controller/settle.go",
		Old: "doubtful += i.Size() - len(o.Done)", New: "doubtful += 0 * (i.Size() - len(o.Done))",
		Pkg: "./controller", Run: ".",
	},
	{
		Law: billed, What: "an order is sent again though the maximum is reached", File: "controller/settle.go",
		Old: "if room < 0 {", New: "if false {",
		Pkg: "./controller", Run: ".",
	},
	{
		Law: billed, What: "of two orders in doubt each is sent again by itself", File: "controller/settle.go",
		Old: "			n -= max(0, i.Order.Count-len(launchedBy(i.Order.Token, s.Workers)))", New: "			n -= 0 * len(launchedBy(i.Order.Token, s.Workers))",
		Pkg: "./controller", Run: ".",
	},
	{
		Law: billed, What: "a launch whose answer was lost is taken for refused", File: "controller/act.go",
		Old: "return o, i.Kind != journal.Launch || err == nil || fleet.Refused(err)", New: "_ = fleet.Refused\n	return o, true",
		Pkg: "./controller", Run: ".",
	},
	{
		Law: budgets, What: "the hour's launches are not counted", File: "policy/launch.go",
		Old: "left := max(0, min(l.PerTick, l.PerHour-spent))", New: "left := l.PerTick",
	},
	{
		Law: budgets, What: "a restart forgets what was spent", File: "controller/controller.go",
		Old: "c.recent = append(c.recent, asThen(r).Tick())", New: "_ = asThen(r)",
	},
	{
		Law: budgets, What: "wakes and launches that were refused cost nothing", File: "policy/launch.go",
		Old: "n += ticks[i].Deeds.Asked", New: "n += len(ticks[i].Deeds.Launched)",
	},
	{
		Law: twice, What: "an order is sent again under another token", File: "controller/settle.go",
		Old: "	o, sure = c.do(ctx, i)\n", New: "	again := *i.Order\n	again.Token += \"-again\"\n	i.Order = &again\n	o, sure = c.do(ctx, i)\n",
	},
	{
		Law: twice, What: "nobody looks for launches without an outcome after a restart", File: "controller/controller.go",
		Old: "journal: j, unsettled: true,", New: "journal: j, unsettled: false,",
		Pkg: "./controller", Run: ".",
	},
	{
		Law: twice, What: "a launch is sent without a client token", File: "fleet/ec2/createfleet.go",
		Old: "ClientToken: &c.Token,", New: "",
		Pkg: "./fleet/ec2", Run: ".",
	},
	{
		Law: busy, What: "who says that it has drained is believed for any drain", File: "fleet/roster/join.go",
		Old: "beat.Drain == w.Drain && ", New: "",
		Pkg: "./fleet/roster", Run: ".",
	},
	{
		Law: busy, What: "an agent says drained while an item is just arriving", File: "worker/gate/gate.go",
		Old: "case g.receiving+len(g.line)+g.working+g.storing > 0:", New: "case len(g.line)+g.working+g.storing > 0:",
		Pkg: "./worker", Run: "TestLaws|TestAReceive",
	},
	{
		Law: busy, What: "an agent that was told to drain goes on receiving", File: "worker/gate/gate.go",
		Old: "func (g *Gate) told() bool { return g.drain != \"\" || ", New: "func (g *Gate) told() bool { return ",
	},
	{
		Law: busy, What: "who is draining is let go at once", File: "policy/plan.go",
		Old: "case w.State != fleet.Drained || done[i]:", New: "case w.State != fleet.Drained && w.State != fleet.Draining || done[i]:",
	},
	{
		Law: busy, What: "who was silent for a moment is replaced at once", File: "policy/deadlines.go",
		Old: "return w.Silent && (w.Impaired || w.Unheard > p.Silence)", New: "return w.Silent",
	},
	{
		Law: busy, What: "time in which we were deaf counts as their silence", File: "fleet/roster/join.go",
		Old: "latest(w.Launched, w.Woken, w.Heard, e.since)", New: "latest(w.Launched, w.Woken, w.Heard)",
		Pkg: "./fleet/roster", Run: ".",
	},
	{
		Law: busy, What: "who wakes finds its old drain still there", File: "controller/act.go",
		Old: "cleared, err := c.world.Roster.Recall(ctx, ids)", New: "cleared, err := ids, error(nil)",
		Pkg: "./controller", Run: ".",
	},
	{
		Law: busy, What: "who an operator has named to drain is let go at once", File: "policy/orders.go", Also: "orders reloads",
		Old: "d.Drain = append(d.Drain, w.ID)", New: "d.Terminate = append(d.Terminate, fleet.Exit{ID: w.ID, Cause: fleet.CauseDrained})",
	},
	{
		Law: lost, What: "an item whose work was broken off is taken out of its queue", File: "worker/settle.go",
		Old: "		a.giveBack(life, o, log)", New: "		a.finish(life, o, log)", Pkg: "./worker", Run: "TestLaws|TestStop|TestGrace|TestInterruption",
	},
	{
		Law: lost, What: "an item that failed is taken out of its queue", File: "worker/settle.go",
		Old: "		a.fail(life, o, log)", New: "		a.finish(life, o, log)", Pkg: "./worker", Run: "TestLaws|Fail",
	},
	{
		Law: once, What: "the same work done twice has two names", File: "worker/deliver.go",
		Old: "result{\"done\", p.said.Digest}", New: "result{\"done\", p.said.Finished.String()}",
		Pkg: "./worker", Run: "Step|Twice|Again|Dies|Result|Told|Media",
	},
	{
		Law: leaked, What: "who never starts is never given up", File: "policy/deadlines.go",
		Old: "		return fleet.CauseDead, w.Unheard > p.Boot\n	case fleet.Asleep:", New: "		return fleet.CauseDead, false\n	case fleet.Asleep:",
	},
	{
		Law: leaked, What: "who falls silent for good is never given up", File: "policy/deadlines.go",
		Old: "return w.Silent && (w.Impaired || w.Unheard > p.Silence)", New: "return false",
	},
	{
		Law: leaked, What: "launches carry no tag of ours", File: "fleet/ec2/createfleet.go",
		Old: "types.ResourceTypeFleet, types.ResourceTypeInstance, types.ResourceTypeVolume", New: "types.ResourceTypeFleet, types.ResourceTypeVolume", Wire: true,
	},
	{
		Law: blind, What: "the guard is left out", File: "policy/blind.go",
		Old: "if !d.Blind {", New: "if true {",
	},
	{
		Law: blind, What: "a signal that is not known is 0", File: "signals/signals.go",
		Old: "return 0, fmt.Errorf(\"%s is unknown: %s\", s.Name, s.Unknown)", New: "return 0, nil",
	},
	{
		Law: blind, What: "a stale signal is as good as a fresh one", File: "signals/signals.go",
		Old: "return 0, fmt.Errorf(\"%s is stale: measured %s ago, good for %s\", s.Name, now.Sub(s.At).Round(time.Second), s.Good)", New: "return s.Value, nil",
		Pkg: "./policy", Run: "TestLaws|TestProperties|Blind|Stale|.",
	},
	{
		Law: intents, What: "a tick that cannot be written is carried out all the same", File: "controller/tick.go",
		Old: "if err := c.write(ctx, rec); err != nil {", New: "if err := c.write(ctx, rec); err != nil && len(rec.Intents) == 0 {",
	},
	{
		Law: intents, What: "who takes over is not told of the last tick", File: "journal/handover/handover.go",
		Old: "if err := j.note(ctx, &r); err != nil {", New: "if err := j.note(ctx, &r); err != nil && r.Decision.ID == \"\" {",
		Pkg: "./journal/handover", Run: ".",
	},
	{
		Law: torn, What: "a write that failed is reported as done", File: "journal/sqlite/journal.go",
		Old: "	return fail(j.path, doing, err)\n}\n\n// makeRoom", New: "	_ = fail(j.path, doing, err)\n	return nil\n}\n\n// makeRoom", Wire: true,
	},
	{
		Law: torn, What: "what became of a launch is not written", File: "journal/sqlite/write.go",
		Old: "		return w.outcome(o.Clone())", New: "		_ = w.outcome\n		return nil",
		Pkg: "./journal/sqlite", Run: ".",
	},
	{
		Law: alone, What: "a successor does not wait for the last call", File: "lease/acquire.go",
		Old: "max(s.Lasts, l.opt.Lasts) + max(s.Grace, l.opt.Grace) - ", New: "l.opt.Lasts/4 - ",
		Pkg: "./lease", Run: ".",
	},
	{
		Law: alone, What: "a call begins though the lease may end in it", File: "lease/lease.go",
		Old: "if left < need || left <= 0 {", New: "if left < -time.Hour {",
		Pkg: "./lease", Run: ".",
	},
	{
		Law: alone, What: "a holder acts before the lease says that its note counts", File: "lease/hold.go",
		Old: "return l.rewriteInTurn(ctx, func(s *State) { s.Note = n })", New: "_ = l.rewriteInTurn(ctx, func(s *State) { s.Note = n })\n	return nil",
		Pkg: "./lease", Run: ".",
	},
	{
		Law: ordered, What: "a pause is not heard of", File: "policy/freeze.go", Also: "orders reloads",
		Old: "if p == nil || !s.Now.Before(p.Until) {", New: "if true {",
	},
	{
		Law: ordered, What: "an order in doubt is sent again in a pause", File: "controller/settle.go", Also: "orders reloads",
		Old: "if p := s.Orders.Pause; p != nil && now.Before(p.Until) {", New: "if p := s.Orders.Pause; p != nil && now.After(p.Until) {",
	},
	{
		Law: ordered, What: "a tick that fails tells a successor that nothing is ordered", File: "controller/tick.go", Also: "orders reloads",
		Old: "s.Orders.Changes = nil", New: "s.Orders = signals.Standing{}",
	},
	{
		Law: ordered, What: "a floor is not heard of", File: "policy/orders.go", Also: "orders reloads",
		Old: "if f == nil || !s.Now.Before(f.Until) || f.Want <= d.Raw {", New: "if true {",
	},
	{
		Law: ordered, What: "who is named to drain is overlooked", File: "policy/orders.go", Also: "orders reloads",
		Old: "if len(s.Orders.Drain) == 0 {\n\t\treturn d, 0", New: "if true {\n\t\treturn d, 0",
	},
	{
		Law: ordered, What: "who is named to drain is recalled", File: "policy/pick.go", Also: "orders reloads",
		Old: "w.Drain != \"\" && !w.Interrupted && !w.Silent && !done[i] && !ordered(s, w)", New: "w.Drain != \"\" && !w.Interrupted && !w.Silent && !done[i]",
	},
	{
		Law: ordered, What: "who is forgotten is looked after", File: "signals/orders.go", Also: "orders reloads",
		Old: "if len(s.Orders.Forget) == 0 {", New: "if true {",
	},
	{
		Law: ordered, What: "what was taken back is taken over again", File: "signals/orders.go", Also: "orders reloads",
		Old: "s, other = s.but(other.Ended), other.but(s.Ended)", New: "s, other = s.but(nil), other.but(nil)",
		Pkg: "./signals", Run: ".",
	},
	{
		Law: file, What: "another policy file is taken up, and not decided by", File: "controller/controller.go", Also: "orders reloads",
		Old: "c.world, c.rules = f.world, f.rules", New: "c.world = f.world",
	},
	{
		Law: converges, What: "the breaker never closes", File: "policy/breaker.go",
		Old: "if len(born) > 0 {", New: "if len(born) > 1000 {",
		Pkg: "./policy", Run: "TestBreaker",
	},
	{
		Law: converges, What: "a launch counts as starting for hours though nobody lists it", File: "controller/tick.go",
		Old: "unlisted = 2*time.Minute + 3*CallTimeout", New: "unlisted = 20 * time.Hour",
		Pkg: "./controller", Run: ".",
	},
	{
		Law: converges, What: "a quorum that never comes back holds who had drained", File: "policy/quorum.go",
		Old: "bool { return x.ID == id })", New: "bool { return x.ID == id && x.Cause != fleet.CauseDrained })",
		Pkg: "./policy", Run: ".",
	},
	{
		Law: converges, What: "who drains is not recalled, and cannot be replaced at the maximum", File: "policy/plan.go",
		Old: "n -= len(d.Recall)", New: "d.Recall = nil",
	},
}
