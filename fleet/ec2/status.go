package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/fleet"
)

// statusSize is how many IDs DescribeInstanceStatus takes at once:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html
const statusSize = 100

// impaired are those whose status checks fail. It is evidence against an instance
// that is silent, never the only one: if it cannot be had, nobody is suspected.
func (f *Fleet) impaired(ctx context.Context, list []seen) map[fleet.ID]bool {
	var running []string
	for _, s := range list {
		if s.Phase == fleet.PhaseRunning {
			running = append(running, string(s.ID))
		}
	}
	found := map[fleet.ID]bool{}
	var err error
	switch {
	case len(running) > statusSize:
		err = f.failing(ctx, found)
	case len(running) > 0:
		err = f.statuses(ctx, running, found)
	}
	f.tellOfChecks(err)
	if err != nil {
		return nil
	}
	return found
}

// tellOfChecks says once that status checks cannot be read, and once that they can.
func (f *Fleet) tellOfChecks(err error) {
	switch was := f.uncheckable.Swap(err != nil); {
	case err != nil && !was:
		f.o.Log.Warn("status checks of instances cannot be read, none counts as impaired", "err", err)
	case err != nil:
		f.o.Log.Debug("status checks of instances still cannot be read", "err", err)
	case was:
		f.o.Log.Info("status checks of instances can be read again")
	}
}

// checks are the two kinds of status checks, by the filters for them.
var checks = []string{"instance-status.status", "system-status.status"}

// failing finds all of the account whose checks fail: few, whatever the fleet's size.
// To ask for thousands by their IDs takes a call for each hundred, from a bucket that
// EC2 fills with ten calls a second for what has neither a filter nor pages:
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
func (f *Fleet) failing(ctx context.Context, found map[fleet.ID]bool) error {
	for _, check := range checks {
		in := &sdk.DescribeInstanceStatusInput{Filters: []types.Filter{filter(check, string(types.SummaryStatusImpaired))}, MaxResults: new(int32(pageSize))}
		for pages := sdk.NewDescribeInstanceStatusPaginator(f.read, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return told(err)
			}
			note(page.InstanceStatuses, found)
		}
	}
	return nil
}

// statuses asks for some. One that has ended since the list was read fails them all:
// it is left out.
func (f *Fleet) statuses(ctx context.Context, ids []string, found map[fleet.ID]bool) error {
	out, err := f.read.DescribeInstanceStatus(ctx, &sdk.DescribeInstanceStatusInput{InstanceIds: ids})
	if gone := absent(err, ids); len(gone) > 0 && len(gone) < len(ids) {
		return f.statuses(ctx, without(ids, gone), found)
	} else if len(gone) > 0 {
		return nil
	}
	if err != nil {
		return told(err)
	}
	note(out.InstanceStatuses, found)
	return nil
}

func note(list []types.InstanceStatus, found map[fleet.ID]bool) {
	for _, s := range list {
		if fails(s.InstanceStatus) || fails(s.SystemStatus) {
			found[fleet.ID(aws.ToString(s.InstanceId))] = true
		}
	}
}

func fails(s *types.InstanceStatusSummary) bool {
	return s != nil && s.Status == types.SummaryStatusImpaired
}

// without is the list but for some.
func without(ids, some []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(some, id) })
}
