package main

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"

	"skynet/cmd/internal/wire"
	"skynet/controller"
	"skynet/policy"
)

// Log keys, the same everywhere, so that they can be searched for.
const (
	keyFleet    = "fleet"
	keyDecision = "decision"
	keyHave     = "have"
	keyWant     = "want"
	keyAction   = "action"
	keyBecause  = "because"
	keyDone     = "done"
	keyTook     = "took"
)

// addLogFlags adds what is logged and how.
func addLogFlags(c *cobra.Command) {
	c.Flags().String("log-level", "info", "what is logged: debug, info, warn or error")
	c.Flags().String("log-format", "text", "how: text, or json for a collector")
}

// newLog makes the log that the flags ask for, on standard error.
func newLog(c *cobra.Command) (*zap.Logger, error) {
	level, _ := c.Flags().GetString("log-level")
	format, _ := c.Flags().GetString("log-format")
	return wire.Log(os.Stderr, level, format)
}

// logTicks logs what the controller did: a line for each change of mind, and
// one when trouble begins or ends. Quiet ticks are for debugging.
func logTicks(log *zap.Logger) func(controller.Report) {
	trouble, moods := "", map[string]bool{}
	return func(r controller.Report) {
		log := log.With(zap.String(keyFleet, r.Snapshot.Fleet))
		if r.Err != nil {
			if r.Err.Error() != trouble {
				log.Error("nothing is done", zap.Error(r.Err))
			}
			trouble = r.Err.Error()
			return
		}
		if trouble != "" {
			trouble = ""
			log.Info("decides again")
		}
		d := r.Decision
		for _, o := range r.Snapshot.Orders.Changes {
			log.Info("orders: "+o.Said, zap.String("by", o.By), zap.String("why", o.Why), zap.Time("at", o.At))
		}
		logMoods(log, moods, d)
		fields := []zap.Field{
			zap.String(keyDecision, d.ID), zap.Int(keyHave, d.Have), zap.Int(keyWant, d.Want),
			zap.String(keyAction, d.Action()), zap.String(keyBecause, reasons(d)), zap.Duration(keyTook, r.Took),
		}
		if d.Idle() {
			log.Debug("holds", fields...)
			return
		}
		log.Info("acts", append(fields, zap.String(keyDone, summed(r.Deeds)))...)
		for _, f := range r.Deeds.Failures {
			log.Warn("refused", zap.String(keyDecision, d.ID), zap.String("why", strings.TrimSpace(f)))
		}
	}
}

// mood is a state of a fleet that an operator wants to know of when it begins and
// when it ends.
type mood struct {
	name, begins, ends string
	why                func(policy.Decision) string // "" where it is not so
}

var moodsOfAFleet = []mood{
	{"blind", "is blind: nobody is let go", "sees again", policy.Decision.Blindness},
	{"paused", "is paused: nothing is done", "is paused no longer", func(d policy.Decision) string { return argued(d, "freeze") }},
	{"short", "wants more and gets none", "gets what it wants", shortage},
}

// roomy is a journal on a disk that may fill up.
type roomy interface{ Short() string }

// logRoom logs when the disk of the journal is full, or nearly, and when there is room
// again: it is told while ticks go on, by what was set aside, and not only when they are
// refused.
func logRoom(log *zap.Logger, j any) func(controller.Report) {
	r, ok := j.(roomy)
	if !ok {
		return func(controller.Report) {}
	}
	last := ""
	return func(controller.Report) {
		said := r.Short()
		switch {
		case said != "" && said != last:
			log.Warn("make room", zap.String(keyBecause, said))
		case said == "" && last != "":
			log.Info("there is room for the journal again")
		}
		last = said
	}
}

func logMoods(log *zap.Logger, in map[string]bool, d policy.Decision) {
	for _, m := range moodsOfAFleet {
		why := m.why(d)
		switch {
		case why != "" && !in[m.name]:
			log.Warn(m.begins, zap.String(keyDecision, d.ID), zap.Int(keyHave, d.Have), zap.Int(keyWant, d.Want), zap.String(keyBecause, why))
		case why == "" && in[m.name]:
			log.Info(m.ends, zap.String(keyDecision, d.ID))
		}
		in[m.name] = why != ""
	}
}

// shortage is what stands in the way of buying what is wanted.
func shortage(d policy.Decision) string {
	if d.Want <= d.Have || d.Launch+len(d.Wake)+len(d.Recall) > 0 || argued(d, "freeze") != "" {
		return ""
	}
	return argued(d, "launch", "breaker", "limits", "plan")
}

// argued is what some of those who spoke have said.
func argued(d policy.Decision, who ...string) string {
	var said []string
	for _, r := range d.Arguments() {
		if slices.Contains(who, r.By) {
			said = append(said, r.By+": "+r.Said)
		}
	}
	return strings.Join(said, "; ")
}

// logDryTicks logs what the controller would do, whenever it changes its mind.
func logDryTicks(log *zap.Logger) func(controller.Report) {
	last := ""
	return func(r controller.Report) {
		d := r.Decision
		said := fmt.Sprint(d.Action(), d.Have, d.Want, r.Err)
		if said == last {
			return
		}
		last = said
		if r.Err != nil {
			log.Error("would do nothing", zap.String(keyFleet, r.Snapshot.Fleet), zap.Error(r.Err))
			return
		}
		log.Info("would "+d.Action(), zap.String(keyFleet, d.Fleet), zap.Int(keyHave, d.Have), zap.Int(keyWant, d.Want),
			zap.String(keyBecause, reasons(d)))
	}
}

// slogTo is the same log for packages that speak slog.
func slogTo(log *zap.Logger) *slog.Logger { return slog.New(zapslog.NewHandler(log.Core())) }
