package ec2

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/fleet"
)

const pageSize = 1000 // the most that DescribeInstances gives at once

// seen is an instance as EC2 lists it, and what else we must know to act on it.
type seen struct {
	fleet.Instance
	sighting
	reason  string // of the last change of its state, in a sentence
	volumes []string
}

// Instances lists the instances of a fleet that carry our tag, those that ended in
// the last hour among them; the empty name stands for all fleets. What we launched and
// EC2 does not list yet is pending: to overlook it would buy it again. What fails is
// not half a list.
func (f *Fleet) Instances(ctx context.Context, fleetName string) ([]fleet.Instance, error) {
	found, err := f.listed(ctx, fleetName)
	if err != nil {
		return nil, err
	}
	impaired := f.impaired(ctx, found)
	list := make([]fleet.Instance, len(found))
	for i, s := range found {
		s.Impaired = impaired[s.ID]
		list[i] = s.Instance
	}
	return append(list, f.known.awaited(fleetName, f.o.Controller)...), nil
}

// listed lists a fleet, and takes note of who is in it.
func (f *Fleet) listed(ctx context.Context, fleetName string) ([]seen, error) {
	var only []types.Filter
	if fleetName != "" {
		only = append(only, filter("tag:"+fleet.TagFleet, fleetName))
	}
	found, err := f.describe(ctx, only...)
	if err != nil {
		return nil, fmt.Errorf("list instances of fleet %q: %w", fleetName, err)
	}
	f.sizes.note(fleetName, found, f.o.Now())
	byFleet := map[string]map[fleet.ID]sighting{}
	if fleetName != "" {
		byFleet[fleetName] = map[fleet.ID]sighting{}
	}
	for _, s := range found {
		name := s.Tags[fleet.TagFleet]
		if byFleet[name] == nil {
			byFleet[name] = map[fleet.ID]sighting{}
		}
		byFleet[name][s.ID] = s.sighting
	}
	for name, all := range byFleet {
		f.known.list(name, all, f.o.Now())
	}
	return found, nil
}

// describe reads all pages of what carries our tag and passes the filters.
func (f *Fleet) describe(ctx context.Context, filters ...types.Filter) (found []seen, err error) {
	in := &sdk.DescribeInstancesInput{
		Filters:    append([]types.Filter{filter("tag:"+fleet.TagController, f.o.Controller)}, filters...),
		MaxResults: new(int32(pageSize)),
	}
	for pages := sdk.NewDescribeInstancesPaginator(f.read, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx, lean)
		if err != nil {
			return nil, told(err)
		}
		for _, r := range page.Reservations {
			for i := range r.Instances {
				if s := f.see(&r.Instances[i]); s.Tags[fleet.TagController] == f.o.Controller {
					found = append(found, s)
				}
			}
		}
	}
	return found, nil
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// see reads one instance.
func (f *Fleet) see(i *types.Instance) seen {
	s := seen{Instance: fleet.Instance{
		ID: fleet.ID(aws.ToString(i.InstanceId)), Phase: phase(i.State), Type: string(i.InstanceType),
		Spot: i.InstanceLifecycle == types.InstanceLifecycleTypeSpot, Tags: make(map[string]string, len(i.Tags)),
	}, reason: aws.ToString(i.StateTransitionReason)}
	if i.Placement != nil {
		s.Zone = aws.ToString(i.Placement.AvailabilityZone)
	}
	for _, t := range i.Tags {
		s.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	for _, d := range i.BlockDeviceMappings {
		if d.Ebs != nil && d.Ebs.VolumeId != nil {
			s.volumes = append(s.volumes, *d.Ebs.VolumeId)
		}
	}
	if s.Phase > fleet.PhaseRunning {
		s.Reason = why(i)
	}
	s.at, s.fleet, s.spot = f.o.Now(), s.Tags[fleet.TagFleet], s.Spot
	s.hibernates = i.HibernationOptions != nil && i.HibernationOptions.Configured != nil && *i.HibernationOptions.Configured
	f.clock(&s, i)
	return s
}

// aStart is how far the launch time may lie behind the first attachment of the
// network without a start in between.
const aStart = 2 * time.Minute

// clock tells the first launch from later starts. EC2 keeps one launch time, which
// each start moves; when an instance was first launched, its primary network
// interface knows: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
// Until EC2's word has caught up with a deed of ours, ours counts.
func (f *Fleet) clock(s *seen, i *types.Instance) {
	last := moment(i.LaunchTime)
	s.Launched = last
	if first := attached(i); !first.IsZero() && last.Sub(first) > aStart {
		s.Launched, s.Woken = first, last
	}
	woken, stopped := f.known.times(s.ID)
	if woken.After(s.Woken) && woken.After(s.Launched) {
		s.Woken = woken
	}
	if s.Phase == fleet.PhaseStopped || s.Phase == fleet.PhaseStopping {
		s.Stopped = since(s.reason, stopped)
	}
}

// attached is when the primary network interface was.
func attached(i *types.Instance) time.Time {
	for _, n := range i.NetworkInterfaces {
		if a := n.Attachment; a != nil && a.DeviceIndex != nil && *a.DeviceIndex == 0 {
			return moment(a.AttachTime)
		}
	}
	return time.Time{}
}

// transition is how EC2 says when: "User initiated (2026-03-01 12:00:00 GMT)".
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html
var transition = regexp.MustCompile(`\((\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) (GMT|UTC)\)`)

// since is when an instance was stopped: what EC2 says, or else what we remember;
// zero if nobody knows.
func since(reason string, remembered time.Time) time.Time {
	if m := transition.FindStringSubmatch(reason); m != nil {
		if at, err := time.Parse(time.DateTime, m[1]); err == nil {
			return at
		}
	}
	return remembered
}

// when is how EC2 says the time of a change, whatever it holds.
var when = regexp.MustCompile(`\([-0-9: ]+ (GMT|UTC)\)`)

// why is what EC2 says of an instance that stops or ended, such as
// "Client.InternalError: Client error on launch". The message mostly begins with the
// code. Of some it gives only how the state changed, and when.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
func why(i *types.Instance) string {
	if i.StateReason == nil {
		return strings.TrimSpace(when.ReplaceAllString(aws.ToString(i.StateTransitionReason), ""))
	}
	code, message := aws.ToString(i.StateReason.Code), aws.ToString(i.StateReason.Message)
	switch {
	case strings.HasPrefix(message, code):
		return message
	case message == "":
		return code
	}
	return code + ": " + message
}

var phases = map[types.InstanceStateName]fleet.Phase{
	types.InstanceStateNamePending:      fleet.PhasePending,
	types.InstanceStateNameRunning:      fleet.PhaseRunning,
	types.InstanceStateNameStopping:     fleet.PhaseStopping,
	types.InstanceStateNameStopped:      fleet.PhaseStopped,
	types.InstanceStateNameShuttingDown: fleet.PhaseShuttingDown,
	types.InstanceStateNameTerminated:   fleet.PhaseTerminated,
}

// phase is EC2's word. A word that is new to us is paid for until we know better.
func phase(s *types.InstanceState) fleet.Phase {
	if s != nil {
		if p, ok := phases[s.Name]; ok {
			return p
		}
	}
	return fleet.PhaseRunning
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
