package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

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
		if c.Token == "" || len(c.Token) > tokenMax || !strings.HasPrefix(c.Token, o.Token) || c.Count < 1 || len(c.Offers) == 0 {
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
				if o.Subnet == text(l.Overrides.SubnetId) {
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

// createFleet writes a call in EC2's words.
func createFleet(req request, c call) *sdk.CreateFleetInput {
	n, none := int32(c.Count), int32(0) //nolint:gosec // the maximum of a fleet is far below
	in := &sdk.CreateFleetInput{
		Type: types.FleetTypeInstant, ClientToken: &c.Token,
		LaunchTemplateConfigs: []types.FleetLaunchTemplateConfigRequest{{
			LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecificationRequest{LaunchTemplateId: &req.Template, Version: &req.Version},
			Overrides:                   overrides(c),
		}},
		TagSpecifications: tagSpecifications(req.Tags),
	}
	if c.Spot {
		in.SpotOptions = &types.SpotOptionsRequest{
			AllocationStrategy:           types.SpotAllocationStrategy(c.Strategy),
			InstanceInterruptionBehavior: types.SpotInstanceInterruptionBehaviorTerminate,
		}
		in.TargetCapacitySpecification = &types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity: &n, SpotTargetCapacity: &n, OnDemandTargetCapacity: &none, DefaultTargetCapacityType: types.DefaultTargetCapacityTypeSpot,
		}
		return in
	}
	in.OnDemandOptions = &types.OnDemandOptionsRequest{AllocationStrategy: types.FleetOnDemandAllocationStrategy(c.Strategy)}
	in.TargetCapacitySpecification = &types.TargetCapacitySpecificationRequest{
		TotalTargetCapacity: &n, OnDemandTargetCapacity: &n, SpotTargetCapacity: &none, DefaultTargetCapacityType: types.DefaultTargetCapacityTypeOnDemand,
	}
	return in
}

// overrides name each offer. On demand, the preferred type has the smallest number,
// in every zone the same; Spot strategies choose for themselves.
func overrides(c call) []types.FleetLaunchTemplateOverridesRequest {
	list := make([]types.FleetLaunchTemplateOverridesRequest, len(c.Offers))
	rank := map[string]float64{}
	for i, o := range c.Offers {
		if _, ranked := rank[o.Type]; !ranked {
			rank[o.Type] = float64(len(rank))
		}
		list[i] = types.FleetLaunchTemplateOverridesRequest{InstanceType: types.InstanceType(o.Type), SubnetId: new(o.Subnet)}
		if c.Strategy == prioritized {
			list[i].Priority = new(rank[o.Type])
		}
	}
	return list
}

// tagSpecifications tag what is launched in the launch itself: there is no moment at
// which it lives without our tag. A fleet of type instant may tag these:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFleet.html
func tagSpecifications(tags map[string]string) (specs []types.TagSpecification) {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: new(key), Value: new(tags[key])})
	}
	for _, kind := range []types.ResourceType{types.ResourceTypeFleet, types.ResourceTypeInstance, types.ResourceTypeVolume} {
		specs = append(specs, types.TagSpecification{ResourceType: kind, Tags: list})
	}
	return specs
}

// errEmpty says that EC2 acknowledged a token without saying what was launched under
// it.
var errEmpty = errors.New("the answer names neither instances nor errors: what was launched is found by its tag")

// shortfall is why fewer were launched than asked for, nil if none is missing. A fleet
// of type instant is done when its answer comes: what is not in it was not launched,
// and the errors say why, offer by offer.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instant-fleet.html
func (f *Fleet) shortfall(c call, out *sdk.CreateFleetOutput, got int) error {
	for _, e := range out.Errors {
		if o := offerOf(e, c); o.Type != "" {
			f.refusals.add(o, c.Spot, text(e.ErrorCode), f.o.Now())
		} else {
			f.refused(c, text(e.ErrorCode))
		}
	}
	switch {
	case got >= c.Count:
		return nil
	case len(out.Errors) == 0 && len(out.Instances) == 0:
		return errEmpty
	}
	return answer{fmt.Errorf("%w: %d of %d%s launched: %s", reason(out.Errors), got, c.Count, market(c.Spot), listed(out.Errors, c))}
}

func market(spot bool) string {
	if spot {
		return " Spot"
	}
	return " on demand"
}

// reason is the sentinel for what is missing. Where several reasons meet, capacity
// comes first, since it changes by itself.
func reason(errs []types.CreateFleetError) error {
	found := fleet.ErrNoCapacity
	for i, e := range errs {
		said, known := codes[text(e.ErrorCode)]
		switch {
		case !known:
			said = fleet.ErrDenied
			if _, slow := throttles[text(e.ErrorCode)]; slow {
				said = fleet.ErrThrottled
			}
		case errors.Is(said, fleet.ErrNoCapacity):
			return said
		}
		if i == 0 {
			found = said
		}
	}
	return found
}

// offerOf is the offer that an error is about.
func offerOf(e types.CreateFleetError, c call) offer {
	if e.LaunchTemplateAndOverrides == nil || e.LaunchTemplateAndOverrides.Overrides == nil {
		return offer{}
	}
	o := e.LaunchTemplateAndOverrides.Overrides
	for _, of := range c.Offers {
		if of.Type == string(o.InstanceType) && (of.Subnet == text(o.SubnetId) || of.Zone == text(o.AvailabilityZone)) {
			return of
		}
	}
	return offer{Type: string(o.InstanceType), Zone: text(o.AvailabilityZone), Subnet: text(o.SubnetId)}
}

// listed tells each error once, with the offers that it met.
func listed(errs []types.CreateFleetError, c call) string {
	if len(errs) == 0 {
		return "EC2 gives no reason for the others"
	}
	where, words := map[string][]string{}, []string(nil)
	for _, e := range errs {
		word := text(e.ErrorCode) + ": " + text(e.ErrorMessage)
		if where[word] == nil {
			words = append(words, word)
		}
		o := offerOf(e, c)
		where[word] = append(where[word], strings.TrimSpace(o.Type+" "+o.Zone))
	}
	for i, word := range words {
		slices.Sort(where[word])
		words[i] = fmt.Sprintf("%s %s", few(slices.Compact(where[word])), word)
	}
	return strings.Join(words, "; ")
}
