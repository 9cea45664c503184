package notify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"skynet/dashboard/health"
)

const (
	failed       = "failed"
	pauseExpired = "pause"
)

// finding is what is wrong.
type finding struct {
	said    string
	numbers map[string]float64
}

// occasion is something that a person should know.
type occasion struct {
	name  string
	after time.Duration                           // it must have lasted so long
	calm  time.Duration                           // it is over when it was not seen for so long: what comes and goes is one trouble
	find  func(f health.Fleet) map[string]finding // by what it is about, "" for the fleet; none where all is well
}

// occasions are all but the pause that expires, which is over when it is told.
var occasions = []occasion{
	{"breaker", 0, 0, breaker},
	{"budget", 5 * time.Minute, 15 * time.Minute, budget},
	{"objective", 15 * time.Minute, 10 * time.Minute, objective},
	{"versions", time.Hour, 10 * time.Minute, versions},
	{"blind", 10 * time.Minute, 2 * time.Minute, blind},
	{failed, 2 * time.Minute, 0, ticks},
}

func one(said string, numbers map[string]float64) map[string]finding {
	return map[string]finding{"": {said, numbers}}
}

func breaker(f health.Fleet) map[string]finding {
	if !f.Open {
		return nil
	}
	return one(fmt.Sprintf("the breaker is open: %s, one probe at a time is launched", f.Deaths),
		map[string]float64{"dead_launches": float64(f.Dead)})
}

func budget(f health.Fleet) map[string]finding {
	if f.Capped == "" {
		return nil
	}
	numbers := map[string]float64{}
	for _, s := range f.Spending {
		numbers[s.Period+"_limit"] = s.Limit
		if s.Known {
			numbers[s.Period+"_used"] = s.Used
		}
	}
	return one("the budget is reached: "+f.Capped, numbers)
}

func objective(f health.Fleet) map[string]finding {
	all := map[string]finding{}
	for _, p := range f.Promises {
		if p.Missed == "" {
			continue
		}
		numbers := map[string]float64{"wait_seconds": p.Wait.Seconds(), "promised": p.Quantile}
		if p.Known {
			numbers["within"] = p.Within
		}
		all[p.Queue] = finding{p.Missed, numbers}
	}
	return all
}

func versions(f health.Fleet) map[string]finding {
	if len(f.Versions) < 2 {
		return nil
	}
	var said []string
	for _, v := range slices.Sorted(maps.Keys(f.Versions)) {
		said = append(said, fmt.Sprintf("%d of %s", f.Versions[v], brief([]byte(v))))
	}
	if rest := len(said) - 5; rest > 0 {
		said = append(said[:5], fmt.Sprintf("%d more", rest))
	}
	return one("its workers run different versions: "+strings.Join(said, ", "), map[string]float64{"versions": float64(len(f.Versions))})
}

func blind(f health.Fleet) map[string]finding {
	if f.Blind == "" {
		return nil
	}
	return one("it is blind, and lets nobody go: "+f.Blind, nil)
}

func ticks(f health.Fleet) map[string]finding {
	if f.Failed == "" {
		return nil
	}
	return one("ticks fail, it neither grows nor shrinks: "+f.Failed, nil)
}
