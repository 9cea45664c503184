package recording

import (
	"time"

	"skynet/config/strict"
	"skynet/simulate/scenario"
)

// price is what an instance costs an hour: what one more would, for a fleet of one
// type, else what one of those that ran did on average.
func (c *crew) price(f *scenario.Fleet) error {
	each, known, err := c.over("cost.per_instance")
	if err != nil {
		return err
	}
	if !known || !(each.Last >= 0) {
		c.note("%s: no prices are recorded, so that cost is not known and budgets cannot be played", c.name)
		return nil
	}
	price := each.Last
	if c.mixed() {
		if mean, ok, err := c.meanPrice(); err != nil {
			return err
		} else if ok {
			price = mean
		}
	}
	f.Price = &price
	for i := range f.Types {
		f.Types[i].Price = &price
	}
	if h, known, err := c.over("fleet.billing_left"); err != nil {
		return err
	} else if known && h.Count > 0 {
		f.Billing.Unit = strict.Duration(time.Hour)
	}
	return nil
}

// mixed reports whether machines of several types were seen.
func (c *crew) mixed() bool {
	seen := ""
	for _, r := range c.looks {
		for i := range r.Snapshot.Workers {
			switch t := r.Snapshot.Workers[i].Type; {
			case t == "":
			case seen == "":
				seen = t
			case t != seen:
				return true
			}
		}
	}
	return false
}

func (c *crew) meanPrice() (float64, bool, error) {
	cost, known, err := c.over("cost.per_hour")
	if err != nil || !known {
		return 0, false, err
	}
	billed := 0.0
	for _, name := range []string{"fleet.running", "fleet.pending", "fleet.draining"} {
		p, _, err := c.over(name)
		if err != nil {
			return 0, false, err
		}
		billed += p.Mean
	}
	return cost.Mean / billed, billed > 0 && cost.Mean > 0, nil
}
