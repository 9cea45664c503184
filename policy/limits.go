package policy

import (
	"errors"
	"fmt"

	"skynet/signals"
)

// Limits bounds what all fleets of the daemon may have and cost at once. It
// counts this fleet's billed instances, those asked for without an answer so far,
// and what the other fleets have and are about to buy.
//
// It prevents RubberBand between fleets: each within its own maximum, and the
// account's bill above anybody's.
type Limits struct {
	Instances int     // over all fleets; 0: no limit
	Hourly    float64 // money an hour over all fleets; 0: no limit
}

// Name is "limits".
func (Limits) Name() string { return "limits" }

// Soften cuts wakes and launches to what the limits leave. What the others have
// and is not known leaves nothing.
func (l Limits) Soften(s signals.Snapshot, d Decision) Decision {
	asked := len(d.Wake) + d.Launch
	if asked == 0 || l == (Limits{}) {
		return d
	}
	if s.Others == nil || s.Others.Unknown != "" {
		return d.buyAtMost(0).Because("limits", "launch or wake none instead of %d: what the other fleets have is unknown%s", asked, why(s.Others))
	}
	d = l.instances(s, d)
	return l.money(s, d)
}

func why(u *signals.Usage) string {
	if u == nil {
		return ""
	}
	return ": " + u.Unknown
}

func (l Limits) instances(s signals.Snapshot, d Decision) Decision {
	asked, here := len(d.Wake)+d.Launch, s.Billed()+s.Open
	if l.Instances == 0 {
		return d
	}
	if left := max(0, l.Instances-here-s.Others.Instances); left < asked {
		return d.buyAtMost(left).Because("limits", "launch or wake %d instead of %d: %d here and %d in other fleets of %d in all",
			left, asked, here, s.Others.Instances, l.Instances)
	}
	return d
}

func (l Limits) money(s signals.Snapshot, d Decision) Decision {
	asked := len(d.Wake) + d.Launch
	if l.Hourly == 0 || asked == 0 {
		return d
	}
	now, each, err := rate(s)
	if err == nil && s.Others.Unpriced != "" {
		err = errors.New(s.Others.Unpriced)
	}
	if err != nil {
		return d.buyAtMost(0).Because("limits", "launch or wake none instead of %d: what it costs cannot be told: %v", asked, err)
	}
	spent := now + float64(s.Open)*each + s.Others.Hourly
	left := pays(l.Hourly-spent, each)
	if left < asked {
		return d.buyAtMost(left).Because("limits", "launch or wake %d instead of %d: %.2f an hour are spent over all fleets, one more costs %.2f, at most %.2f may be",
			left, asked, spent, each, l.Hourly)
	}
	return d
}

// rate is what the fleet costs an hour now, and what one more instance would.
func rate(s signals.Snapshot) (now, each float64, err error) {
	if now, err = money(s, "cost.per_hour"); err != nil {
		return 0, 0, err
	}
	each, err = money(s, "cost.per_instance")
	return now, each, err
}

// money is a signal that cannot be negative: to pay less than nothing for one
// more instance would allow any number of them.
func money(s signals.Snapshot, name string) (float64, error) {
	v, err := s.Value(name)
	if err == nil && v < 0 {
		err = fmt.Errorf("%s is unknown: %g is below 0", name, v)
	}
	return v, err
}

// Usage is what the fleet uses once the decision is carried out, for limits over
// several fleets: what is about to leave counts until it has left.
func (d Decision) Usage(s signals.Snapshot) signals.Usage {
	bought := len(d.Wake) + d.Launch + s.Open
	u := signals.Usage{Instances: s.Billed() + bought}
	now, each, err := rate(s)
	switch {
	case u.Instances == 0:
	case err != nil:
		u.Unpriced = s.Fleet + ": " + err.Error()
	default:
		u.Hourly = now + float64(bought)*each
	}
	return u
}
