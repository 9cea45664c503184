package ec2

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/fleet"
)

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
			f.refusals.add(o, c.Spot, aws.ToString(e.ErrorCode), f.o.Now())
		} else {
			f.refused(c, aws.ToString(e.ErrorCode))
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
		said, known := codes[aws.ToString(e.ErrorCode)]
		switch {
		case !known:
			said = fleet.ErrDenied
			if _, slow := throttles[aws.ToString(e.ErrorCode)]; slow {
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
		if of.Type == string(o.InstanceType) && (of.Subnet == aws.ToString(o.SubnetId) || of.Zone == aws.ToString(o.AvailabilityZone)) {
			return of
		}
	}
	return offer{Type: string(o.InstanceType), Zone: aws.ToString(o.AvailabilityZone), Subnet: aws.ToString(o.SubnetId)}
}

// listed tells each error once, with the offers that it met.
func listed(errs []types.CreateFleetError, c call) string {
	if len(errs) == 0 {
		return "EC2 gives no reason for the others"
	}
	where, words := map[string][]string{}, []string(nil)
	for _, e := range errs {
		word := aws.ToString(e.ErrorCode) + ": " + aws.ToString(e.ErrorMessage)
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
