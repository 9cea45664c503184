package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"skynet/fleet"
)

// tokenMax is EC2's limit for a client token:
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
const tokenMax = 64

// Launch sends what an order's Request holds, and no more: every choice was made when
// it was drafted. What is tagged with the order's token already was launched by an
// earlier call whose answer was lost, and is not bought again. Where only part of it is
// found, the rest may not be listed yet or was refused: the call is sent again under
// its token, to which EC2 gives the answer that it gave then.
//
// The error wraps a refusal only where all that is missing was plainly refused. An
// order that may have been sent before is not plainly refused by an error: the call
// before it may have been heard. It is by an answer, which counts for both.
func (f *Fleet) Launch(ctx context.Context, o fleet.Order) ([]fleet.ID, error) {
	first := f.drafts.take(o.Token) || len(o.Request) == 0 // without choices nothing can have been sent
	ids, err := f.launch(ctx, o)
	switch _, answered := errors.AsType[answer](err); {
	case err == nil:
		return ids, nil
	case first || answered || errors.Is(err, fleet.ErrReadOnly):
		return ids, fmt.Errorf("launch %d for fleet %s: %w", o.Count, o.Fleet, err)
	}
	return ids, open(fmt.Errorf("launch %d for fleet %s, which may have been sent before: %w", o.Count, o.Fleet, err))
}

// answer is an error that EC2's answer to a launch holds: it says what became of every
// one of them.
type answer struct{ error }

func (a answer) Unwrap() error { return a.error }

func (f *Fleet) launch(ctx context.Context, o fleet.Order) ([]fleet.ID, error) {
	if err := f.mayAct(); err != nil {
		return nil, err
	}
	req, err := f.understand(o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fleet.ErrDenied, err)
	}
	found, err := f.describe(ctx, filter("tag:"+fleet.TagIntent, o.Token))
	if err != nil {
		// Nothing was sent by us, but an earlier call may have been: nobody can tell.
		return nil, open(fmt.Errorf("look for what was launched before: %w", err))
	}
	var launched []fleet.ID
	var errs []error
	for _, c := range req.Calls {
		before := inMarket(found, c.Spot)
		f.vouch(o.Fleet, before)
		fresh, err := f.buy(ctx, req, c, before)
		launched = append(launched, fresh...)
		if err != nil {
			errs = append(errs, err)
		}
	}
	return launched, verdict(errs)
}

// verdict joins errors such that what the weakest of them says is said of all that is
// missing: beside a doubtful one a refusal is only told, and beside any error an answer.
func verdict(errs []error) error {
	var answers, no, doubts []error
	for _, err := range errs {
		switch _, answered := errors.AsType[answer](err); {
		case answered:
			answers = append(answers, err)
		case fleet.Refused(err):
			no = append(no, err)
		default:
			doubts = append(doubts, err)
		}
	}
	switch {
	case len(doubts) > 0:
		return errors.Join(append(doubts, words(answers, no)...)...)
	case len(no) > 0:
		return errors.Join(append(no, words(answers)...)...)
	}
	return errors.Join(answers...)
}

// words are errors of which only the text is left.
func words(lists ...[]error) (told []error) {
	for _, err := range slices.Concat(lists...) {
		told = append(told, open(err))
	}
	return told
}

// open is an error that leaves it open what was done, whatever it wrapped.
func open(err error) error { return errors.New(err.Error()) }

// understand reads a request, and refuses one that is not for here.
func (f *Fleet) understand(o fleet.Order) (req request, err error) {
	if len(o.Request) == 0 {
		return req, errors.New("no choices were made for this order, since the settings of the fleet did not pass the checks at start")
	}
	if err := json.Unmarshal(o.Request, &req); err != nil {
		return req, fmt.Errorf("the request of this order cannot be read: %w", err)
	}
	count := 0
	for _, c := range req.Calls {
		count += c.Count
		if c.Token == "" || len(c.Token) > tokenMax || !strings.HasPrefix(c.Token, o.Token) || c.Count < 1 || c.Count > o.Count || len(c.Offers) == 0 {
			return req, fmt.Errorf("the request holds a call for %d of %d kinds under the token %q", c.Count, len(c.Offers), c.Token)
		}
	}
	switch {
	case req.Account != f.o.Account || req.Region != f.o.Region || req.Controller != f.o.Controller:
		return req, fmt.Errorf("the request is for account %s, region %s, controller %s; we act in %s, %s, as %s",
			req.Account, req.Region, req.Controller, f.o.Account, f.o.Region, f.o.Controller)
	case count != o.Count || o.Token == "":
		return req, fmt.Errorf("the request is for %d, the order for %d", count, o.Count)
	case req.Tags[fleet.TagController] != f.o.Controller || req.Tags[fleet.TagFleet] != o.Fleet || req.Tags[fleet.TagIntent] != o.Token:
		return req, errors.New("the request does not hold our tags")
	}
	return req, nil
}

func inMarket(found []seen, spot bool) (some []seen) {
	for _, s := range found {
		if s.Spot == spot {
			some = append(some, s)
		}
	}
	return some
}

// vouch takes note of what was launched under the token before.
func (f *Fleet) vouch(fleetName string, before []seen) {
	some := map[fleet.ID]sighting{}
	for _, s := range before {
		some[s.ID] = s.sighting
	}
	f.known.add(fleetName, some)
}

// buy sends one call, unless all of it was launched before.
func (f *Fleet) buy(ctx context.Context, req request, c call, before []seen) ([]fleet.ID, error) {
	ids := make([]fleet.ID, 0, c.Count)
	for _, s := range before {
		ids = append(ids, s.ID)
	}
	if len(ids) >= c.Count {
		return ids, nil
	}
	if err := f.budget.take(f.o.Now()); err != nil {
		return ids, err
	}
	out, err := f.write.CreateFleet(ctx, createFleet(req, c), onlyThrottles)
	if err != nil {
		f.refused(c, code(err))
		return ids, told(err)
	}
	fresh := launchedBy(out)
	f.known.launch(f.launchedNow(req, c, out))
	for _, id := range fresh {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, f.shortfall(c, out, len(ids))
}

// launchedNow is what we know of what was launched before it is listed.
func (f *Fleet) launchedNow(req request, c call, out *sdk.CreateFleetOutput) map[fleet.ID]sighting {
	all := map[fleet.ID]sighting{}
	for _, i := range out.Instances {
		s := sighting{at: f.o.Now(), fleet: req.Tags[fleet.TagFleet], spot: c.Spot, token: req.Tags[fleet.TagIntent], typ: string(i.InstanceType)}
		if l := i.LaunchTemplateAndOverrides; l != nil && l.Overrides != nil {
			for _, o := range c.Offers {
				if o.Subnet == aws.ToString(l.Overrides.SubnetId) {
					s.zone = o.Zone
				}
			}
		}
		for _, id := range named(i.InstanceIds) {
			all[id] = s
		}
	}
	return all
}

// refused remembers a no to all that a call offered.
func (f *Fleet) refused(c call, word string) {
	for _, o := range c.Offers {
		f.refusals.add(o, c.Spot, word, f.o.Now())
	}
}

func launchedBy(out *sdk.CreateFleetOutput) (ids []fleet.ID) {
	for _, i := range out.Instances {
		ids = append(ids, named(i.InstanceIds)...)
	}
	return ids
}
