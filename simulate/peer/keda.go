package peer

import (
	"fmt"
	"time"

	"skynet/policy"
	"skynet/signals"
)

// keda is KEDA's aws-sqs-queue scaler on one pod an instance: KEDA itself takes the
// fleet from zero to one and back, the horizontal pod autoscaler that it sets up
// does the rest, with the defaults of both.
//
// Sources: https://keda.sh/docs/latest/scalers/aws-sqs/ (messages are those waiting
// and, by scaleOnInFlight, those in flight; a queueLength of 30 messages at 10 a pod
// are 3 pods), https://keda.sh/docs/latest/concepts/scaling-deployments/ (who does
// what), https://keda.sh/docs/latest/reference/scaledobject-spec/ (30 s, 300 s),
// https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ and
// pkg/controller/podautoscaler of github.com/kubernetes/kubernetes.
type keda struct {
	length settings // queueLength
	bounds policy.Bounds
}

const (
	// queueLength is the scaler's own default.
	queueLength = 5
	// polling is how often KEDA looks. The autoscaler asks twice as often: here it
	// has taken both its turns already when KEDA looks.
	polling   = 30 * time.Second
	turns     = 2
	cooldown  = 300 * time.Second // after the last message, before the last pod goes
	stabilise = 300 * time.Second // the highest recommendation of so long ago counts
	tolerance = .1
)

// Name is "keda".
func (keda) Name() string { return KEDA }

// Window is how long recommendations count.
func (keda) Window() time.Duration { return max(cooldown, stabilise) + polling }

// Want is the number of replicas.
func (p keda) Want(s signals.Snapshot) (int, string, error) {
	now := desired(s, p.bounds)
	length, err := p.length.of(s.Fleet)
	if err != nil {
		return now, "", err
	}
	visible, err := s.Value("queue.visible")
	if err != nil {
		return now, "", err
	}
	inFlight, err := s.Value("queue.in_flight")
	if err != nil {
		return now, "", err
	}
	messages := visible + inFlight
	said := fmt.Sprintf("%g messages at %.4g a pod", messages, length)
	switch {
	case now == 0 && messages == 0:
		return 0, "no messages, and no pods", nil
	case now == 0:
		return within(1, p.bounds), said + ": the first pod", nil
	case messages == 0 && p.bounds.Min == 0 && !active(s):
		return 0, fmt.Sprintf("no messages for more than %s: no pods", cooldown), nil
	}
	n, why := p.scale(s, now, recommend(now, messages, length), length)
	return n, said + why, nil
}

// scale is the autoscaler's turn: up at once but no faster than it may, down to the
// highest recommendation of the last five minutes, and never to zero.
func (p keda) scale(s signals.Snapshot, now, recommended int, length float64) (int, string) {
	b := p.bounds
	b.Min = max(b.Min, min(1, b.Max))
	if recommended > now {
		n := within(min(recommended, fastest(now)), b)
		return n, fmt.Sprintf(" recommend %d: %d instead of %d", recommended, n, now)
	}
	highest := max(recommended, p.highest(s, length))
	if highest < now {
		n := within(highest, b)
		return n, fmt.Sprintf(" recommend at most %d for %s: %d instead of %d", highest, stabilise, n, now)
	}
	return within(now, b), fmt.Sprintf(" recommend %d, up to %d within %s: keeps %d", recommended, highest, stabilise, now)
}

// recommend is ceil(messages ÷ length), and what there is where that is within a
// tenth of it (for an external metric with an AverageValue).
func recommend(now int, messages, length float64) int {
	if ratio := messages / (length * float64(now)); ratio >= 1-tolerance && ratio <= 1+tolerance {
		return now
	}
	return ceil(messages / length)
}

// fastest is how many there may be after the autoscaler's turns: in each, which
// are 15 s apart, twice as many or four more, whichever is more.
func fastest(now int) int {
	for range turns {
		now = max(2*now, now+4)
	}
	return now
}

// highest is the highest recommendation of earlier ticks that still counts. A tick
// that did not know the queue recommended nothing. What there was when the
// autoscaler began counts as its first recommendation.
func (p keda) highest(s signals.Snapshot, length float64) (n int) {
	ticks := s.Since(s.Now.Add(-stabilise))
	before := s.Recent[:len(s.Recent)-len(ticks)]
	now, told := wanted(before, p.bounds)
	if !told {
		if now = within(s.Have(), p.bounds); len(ticks) > 0 {
			now = within(ticks[0].Have, p.bounds)
		}
		n = now
	}
	queue := messages()
	for i := range ticks {
		if m, known := queue.of(&ticks[i]); known && now > 0 {
			n = max(n, recommend(now, m, length))
		}
		if !ticks[i].Blind {
			now = within(ticks[i].Want, p.bounds)
		}
	}
	return n
}

// active reports whether there was a message within the cooldown.
func active(s signals.Snapshot) bool {
	queue := messages()
	ticks := s.Since(s.Now.Add(-cooldown - 1))
	for i := range ticks {
		if m, known := queue.of(&ticks[i]); known && m > 0 {
			return true
		}
	}
	return false
}

// depth reads how many messages there were at earlier ticks.
type depth struct{ visible, inFlight signals.Reader }

func messages() depth {
	return depth{signals.Reader{Name: "queue.visible"}, signals.Reader{Name: "queue.in_flight"}}
}

func (d *depth) of(t *signals.Tick) (float64, bool) {
	visible, known := d.visible.Value(t)
	inFlight, also := d.inFlight.Value(t)
	return visible + inFlight, known && also
}
