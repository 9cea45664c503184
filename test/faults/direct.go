package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/lease"
)

func isErr(err, is error) bool { return errors.Is(err, is) }

// direct reaches the machines at once: it is to Machines what fleet/ec2 is to EC2.
type direct struct {
	*Host
	Machines
	drafted map[string]bool // tokens of orders that were not sent yet
}

var (
	_ controller.Cloud   = direct{}
	_ controller.Drafter = direct{}
	_ roster.Registry    = direct{}
)

// Draft makes no choices: it notes that an order is new.
func (d direct) Draft(o fleet.Order, _ []fleet.Worker) fleet.Order {
	d.drafted[o.Token] = true
	return o
}

// Launch says of an order that was sent before only what is sure, as an adapter must:
// a refusal of the second try says nothing of the first.
func (d direct) Launch(ctx context.Context, o fleet.Order) ([]fleet.ID, error) {
	if err := d.mayAct(ctx); err != nil {
		return nil, err
	}
	first := d.drafted[o.Token]
	delete(d.drafted, o.Token)
	list, err := d.Machines.Launch(Purchase{
		Token: o.Token, Count: o.Count, Tags: map[string]string{fleet.TagFleet: o.Fleet, fleet.TagIntent: o.Token},
	})
	var ids []fleet.ID
	for _, in := range list {
		ids = append(ids, in.ID)
	}
	if err != nil && !first && !isErr(err, fleet.ErrNoCapacity) {
		err = errors.New(err.Error())
	}
	return ids, err
}

// mayAct is the last look at the lease before anything is sent.
func (d direct) mayAct(ctx context.Context) error {
	if d.turn == nil {
		return nil
	}
	d.pass()                                                         // stopped, perhaps, since it looked at the lease
	_, err := lease.Client(nothing{}).Do(somewhere.WithContext(ctx)) //nolint:bodyclose // has none
	if err != nil {
		return fmt.Errorf("%w: %w", fleet.ErrFenced, err)
	}
	return nil
}

// nothing sends nothing.
type nothing struct{}

func (nothing) Do(*http.Request) (*http.Response, error) { return nil, nil } //nolint:nilnil // nobody looks

var somewhere, _ = http.NewRequest(http.MethodPost, "http://cloud", http.NoBody) //nolint:noctx // given one each time

func (d direct) Wake(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return d.under(ctx, func() ([]fleet.ID, error) { return d.Start(ids) })
}

func (d direct) Sleep(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return d.under(ctx, func() ([]fleet.ID, error) { return d.Stop(ids) })
}

func (d direct) Terminate(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return d.under(ctx, func() ([]fleet.ID, error) { return d.Machines.Terminate(ids) })
}

func (d direct) Tag(ctx context.Context, ids []fleet.ID, key, value string) ([]fleet.ID, error) {
	return d.under(ctx, func() ([]fleet.ID, error) { return d.Machines.Tag(ids, key, value) })
}

func (d direct) Untag(ctx context.Context, ids []fleet.ID, key string) ([]fleet.ID, error) {
	return d.under(ctx, func() ([]fleet.ID, error) { return d.Machines.Untag(ids, key) })
}

func (d direct) Instances(_ context.Context, fleetName string) ([]fleet.Instance, error) {
	return d.List(func(in fleet.Instance) bool { return in.Tags[fleet.TagFleet] == fleetName })
}

func (d direct) under(ctx context.Context, call func() ([]fleet.ID, error)) ([]fleet.ID, error) {
	if err := d.mayAct(ctx); err != nil {
		return nil, err
	}
	return call()
}
