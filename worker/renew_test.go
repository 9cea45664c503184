package worker_test

import (
	"testing"
	"testing/synctest"
	"time"

	"skynet/fleet"
)

func TestRenewFinishesWhatIsInHandAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 2, takes(time.Minute), only(q)).run()
		fill(q, 2)
		after(time.Second)
		w.agent.Renew()
		fill(q, 3)
		after(30 * time.Second)
		w.wants(fleet.Working, "", 2) // not going: nobody is to be bought in its place
		after(time.Minute)
		select {
		case err := <-w.ended:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("still runs")
		}
		w.wants(fleet.Working, "", 0)
		if q.Left() != 3 || q.Count("deliver") != 2 {
			t.Errorf("%d left, %d delivered, want the 3 that came later and 2", q.Left(), q.Count("deliver"))
		}
	})
}

// TestADrainIsHeardWhileItRenews: the controller has the last word.
func TestADrainIsHeardWhileItRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 1, takes(time.Minute), only(q)).run()
		fill(q, 1)
		after(time.Second)
		w.agent.Renew()
		w.meta.set(func(i *instance) { i.drain = "d1" })
		after(20 * time.Second)
		w.wants(fleet.Draining, "d1", 1)
		after(time.Minute)
		<-w.ended
		w.wants(fleet.Drained, "d1", 0)
	})
}
