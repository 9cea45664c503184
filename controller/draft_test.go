package controller_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/journal"
	"skynet/test/world"
)

// chooser is a cloud that makes choices, and says what it was sent.
type chooser struct {
	*world.World
	sent []fleet.Order
	fail error
}

func (c *chooser) Draft(o fleet.Order, ws []fleet.Worker) fleet.Order {
	o.Request, o.Count, o.Token = json.RawMessage(fmt.Sprintf(`{"living":%d}`, len(ws))), 99, "another"
	return o
}

func (c *chooser) Launch(ctx context.Context, o fleet.Order) ([]fleet.ID, error) {
	c.sent = append(c.sent, o)
	if c.fail != nil {
		return nil, c.fail
	}
	return c.World.Launch(ctx, o)
}

func choosing(j controller.Journal, change func(controller.World) controller.World) (*chooser, *controller.Controller) {
	c := &chooser{World: world.New(start)}
	w := controller.World{Cloud: c, Roster: &roster.Roster{Registry: c, Ears: c}, Signals: c}
	return c, controller.New(controller.Fleet{Name: "render", Interval: interval}, change(w), rules(engine()), j)
}

func asItIs(w controller.World) controller.World { return w }

// What a cloud chooses is written down before it is sent, and the same bytes are
// sent again by whoever comes after a crash. It has no say in how many.
func TestChoicesAreWrittenBeforeTheyAreSent(t *testing.T) {
	ctx, j := context.Background(), journal.NewMemory(2*time.Hour)
	c, ctl := choosing(j, asItIs)
	c.Waiting, c.fail = 24, errors.New("cut off")
	ctl.Tick(ctx, c.Now)
	open, err := j.Unsettled(ctx, "render")
	if err != nil || len(open) != 1 || string(open[0].Order.Request) != `{"living":0}` || open[0].Order.Count != 3 {
		t.Fatalf("written %+v, %v", open, err)
	}
	c.fail = nil
	next := controller.New(controller.Fleet{Name: "render", Interval: interval}, controller.World{
		Cloud: c, Roster: &roster.Roster{Registry: c, Ears: c}, Signals: c}, rules(engine()), j)
	if _, err := next.Resume(ctx, c.Now); err != nil {
		t.Fatal(err)
	}
	c.Advance(interval)
	next.Tick(ctx, c.Now)
	if len(c.sent) != 2 || string(c.sent[1].Request) != string(c.sent[0].Request) || c.sent[1].Token != c.sent[0].Token ||
		c.sent[1].Token == "another" || c.sent[1].Count != 3 {
		t.Errorf("sent %+v", c.sent)
	}
}

// A dry run shows the request that it does not send.
func TestADryRunDrafts(t *testing.T) {
	j := journal.NewMemory(2 * time.Hour)
	c, ctl := choosing(j, controller.ReadOnly)
	c.Waiting = 24
	ctl.Tick(context.Background(), c.Now)
	records, err := j.Records(context.Background(), "render", start.Add(-time.Hour), 9)
	if err != nil || len(records) != 1 || len(records[0].Intents) != 1 || string(records[0].Intents[0].Order.Request) != `{"living":0}` {
		t.Errorf("written %+v, %v", records, err)
	}
	if len(c.sent) != 0 || len(c.Machines()) != 0 {
		t.Errorf("a dry run sent %v", c.sent)
	}
}
