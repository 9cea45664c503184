package forecast

import (
	"math"
	"time"
)

// outcome is what came of one moment's forecasts for one horizon.
type outcome struct {
	came, before float64 // items, in the stretch and in the one before it
	ours         [nq]float64
	last, week   said
}

// tally adds up how far forecasts were off.
type tally struct {
	n                                      int
	came, scale                            float64
	loss, last, week, plainLast, plainWeek float64 // pinball losses, of all quantiles together
	within90, within99, sum99              float64
}

func (t *tally) add(o *outcome) {
	t.n++
	t.came += o.came
	t.scale += math.Abs(o.came - o.before)
	for j, tau := range quantiles {
		t.loss += pinball(tau, o.ours[j], o.came)
		t.last += pinball(tau, o.last.q[j], o.came)
		t.week += pinball(tau, o.week.q[j], o.came)
		t.plainLast += pinball(tau, o.last.plain, o.came)
		t.plainWeek += pinball(tau, o.week.plain, o.came)
	}
	t.within90 += count(o.came <= o.ours[1])
	t.within99 += count(o.came <= o.ours[2])
	t.sum99 += o.ours[2]
}

func (t *tally) accuracy(horizon time.Duration) Accuracy {
	scaled := func(loss float64) float64 { return loss / (float64(nq) * max(t.scale, 1e-9)) }
	n := float64(t.n)
	return Accuracy{
		Horizon: horizon, Scored: t.n,
		Loss: scaled(t.loss), LastWeek: scaled(t.week), Last: scaled(t.last),
		PlainWeek: scaled(t.plainWeek), PlainLast: scaled(t.plainLast),
		P90: t.within90 / n, P99: t.within99 / n, Over99: t.sum99 / max(t.came, 1e-9),
	}
}

func count(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
