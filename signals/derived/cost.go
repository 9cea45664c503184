package derived

import (
	"fmt"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// money puts the cost signals. They follow from prices: what the cloud's bill
// says comes a day later.
func (v *view) money() {
	v.moneyNow()
	v.put(v.today())
	v.put(v.perItem())
	v.put(v.budgetLeft())
}

const noPrices = "no prices in the settings"

func (v *view) moneyNow() {
	for _, s := range []struct {
		name string
		of   func() (float64, error)
	}{
		{"cost.per_hour", v.perHour},
		{"cost.per_instance", func() (float64, error) { return v.dearest(), nil }},
	} {
		n, err := s.of()
		switch {
		case len(v.set.Prices) == 0:
			v.put(signals.Missing(s.name, v.Now, noPrices))
		case err != nil:
			v.put(signals.Missing(s.name, v.Now, err.Error()))
		default:
			v.put(signals.Known(s.name, n, v.Now, 0))
		}
	}
}

// perHour is what runs now.
func (v *view) perHour() (sum float64, err error) {
	if !v.counted() {
		return v.perHourOfCounts()
	}
	each := map[string]int{}
	for i := range v.Workers {
		switch w := &v.Workers[i]; {
		case w.State == fleet.Leaving:
		case w.Hourly > 0: // that of sleeping ones is their volumes'; workers come in the order of their IDs
			sum += w.Hourly
		case !w.State.Billed():
		default:
			each[w.Type]++
		}
	}
	// In the order of the settings, so that the last bit of the sum is always the same.
	for _, p := range v.set.Prices {
		sum += float64(each[p.Type]) * p.Hourly
		delete(each, p.Type)
	}
	// A launch that the cloud does not list yet has no type: it costs at most the
	// dearest. Where there is one price, it is that.
	sum += float64(each[""]) * v.dearest()
	delete(each, "")
	if len(each) > 0 {
		return 0, fmt.Errorf("no price for type %q", least(each))
	}
	return sum, nil
}

// least names one of the types, always the same.
func least(types map[string]int) (name string) {
	for t := range types {
		if name == "" || t < name {
			name = t
		}
	}
	return name
}

// perHourOfCounts is for workers of whom no more is known than how many there are.
func (v *view) perHourOfCounts() (float64, error) {
	if len(v.set.Prices) != 1 {
		return 0, fmt.Errorf("there are %d prices, and which workers run is not known", len(v.set.Prices))
	}
	billed := 0.0
	for _, name := range []string{"fleet.running", "fleet.pending"} {
		n, err := v.value(name)
		if err != nil {
			return 0, err
		}
		billed += n
	}
	if n, err := v.value("fleet.draining"); err == nil { // seldom given
		billed += n
	}
	return billed * v.set.Prices[0].Hourly, nil
}

// dearest is what one more instance costs at most.
func (v *view) dearest() (most float64) {
	for _, p := range v.set.Prices {
		most = max(most, p.Hourly)
	}
	return most
}

// today is what was spent since midnight in the fleet's zone: as the last tick
// knew it, and what ran then for the time since.
func (v *view) today() signals.Signal {
	const name = "cost.today"
	if len(v.set.Prices) == 0 {
		return signals.Missing(name, v.Now, noPrices)
	}
	midnight, read := dayBegins(v.Now, v.set.Zone), signals.Reader{Name: name}
	for i := len(v.Recent) - 1; i >= 0; i-- {
		t := &v.Recent[i]
		if n, ok := then(&read, t); ok {
			return v.spent(name, i, n, midnight)
		}
	}
	s := signals.Known(name, 0, v.Now, 0)
	s.Note = "counted from " + v.Now.UTC().Format(time.DateTime) + " UTC on"
	return s
}

// spent goes on from the tick that knew what was spent until then.
func (v *view) spent(name string, from int, n float64, midnight time.Time) signals.Signal {
	t := &v.Recent[from]
	note := ""
	if t.At.Before(midnight) {
		n = 0
	} else {
		was, _ := signals.Find(t.Signals, name)
		note = was.Note
	}
	more, err := v.costs(v.Recent[from:], midnight)
	if err != nil {
		return signals.Missing(name, v.Now, err.Error())
	}
	s := signals.Known(name, n+more, v.Now, 0)
	s.Note = note
	return s
}

// costs is what ran from the first of the ticks until now cost, less what was
// before start. In a tick that did not know its cost, what ran is taken for what
// ran before, or else after.
func (v *view) costs(ticks []signals.Tick, start time.Time) (float64, error) {
	read, sum := signals.Reader{Name: "cost.per_hour"}, 0.0
	hourly, known, unpriced := 0.0, false, time.Duration(0)
	for i := range ticks {
		n, ok := then(&read, &ticks[i])
		if ok {
			sum += n * unpriced.Hours()
			hourly, known, unpriced = n, true, 0
		}
		end := v.Now
		if i+1 < len(ticks) {
			end = ticks[i+1].At
		}
		if past := end.Sub(later(ticks[i].At, start)); past > 0 && known {
			sum += hourly * past.Hours()
		} else if past > 0 {
			unpriced += past
		}
	}
	if unpriced > 0 {
		n, err := v.value("cost.per_hour")
		return sum + n*unpriced.Hours(), err
	}
	return sum, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// perItem is what the last hour cost over what it completed.
func (v *view) perItem() signals.Signal {
	const name = "cost.per_item"
	if len(v.set.Prices) == 0 {
		return signals.Missing(name, v.Now, noPrices)
	}
	ticks := v.Since(v.Now.Add(-v.atLeastTwoTicks(hour)))
	done, err := v.completions(ticks)
	if err != nil {
		return signals.Missing(name, v.Now, err.Error())
	}
	spent, err := v.costs(ticks, time.Time{})
	switch {
	case err != nil:
		return signals.Missing(name, v.Now, err.Error())
	case len(ticks) == 0:
		return signals.Missing(name, v.Now, "no earlier tick to compare with")
	case done == 0:
		return signals.Missing(name, v.Now, "nothing was completed in the last hour")
	}
	return signals.Known(name, spent/done, v.Now, 0)
}

// completions adds up what was completed after the first of the ticks.
func (v *view) completions(ticks []signals.Tick) (float64, error) {
	sum, err := v.value("queue.completed")
	read := signals.Reader{Name: "queue.completed"}
	for i := 1; i < len(ticks); i++ {
		if n, ok := then(&read, &ticks[i]); ok {
			sum, err = sum+n, nil
		}
	}
	return sum, err
}

func (v *view) budgetLeft() signals.Signal {
	const name = "cost.budget_left"
	if v.set.Daily <= 0 {
		return signals.Missing(name, v.Now, "no daily budget is set")
	}
	s, ok := v.find("cost.today")
	spent, err := number(s, ok, s.Name, v.Now)
	if err != nil {
		return signals.Missing(name, v.Now, err.Error())
	}
	left := signals.Known(name, v.set.Daily-spent, v.Now, 0)
	left.Note = s.Note
	return left
}
