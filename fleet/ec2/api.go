package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skynet/fleet"
)

// Reader is what we read of EC2. None of these calls changes anything.
type Reader interface {
	DescribeInstances(context.Context, *sdk.DescribeInstancesInput, ...func(*sdk.Options)) (*sdk.DescribeInstancesOutput, error)
	DescribeInstanceStatus(context.Context, *sdk.DescribeInstanceStatusInput, ...func(*sdk.Options)) (*sdk.DescribeInstanceStatusOutput, error)
	DescribeInstanceTypes(context.Context, *sdk.DescribeInstanceTypesInput, ...func(*sdk.Options)) (*sdk.DescribeInstanceTypesOutput, error)
	DescribeInstanceTypeOfferings(context.Context, *sdk.DescribeInstanceTypeOfferingsInput, ...func(*sdk.Options)) (*sdk.DescribeInstanceTypeOfferingsOutput, error)
	DescribeLaunchTemplateVersions(context.Context, *sdk.DescribeLaunchTemplateVersionsInput, ...func(*sdk.Options)) (*sdk.DescribeLaunchTemplateVersionsOutput, error)
	DescribeSubnets(context.Context, *sdk.DescribeSubnetsInput, ...func(*sdk.Options)) (*sdk.DescribeSubnetsOutput, error)
	DescribeSpotPriceHistory(context.Context, *sdk.DescribeSpotPriceHistoryInput, ...func(*sdk.Options)) (*sdk.DescribeSpotPriceHistoryOutput, error)
	DescribeVolumes(context.Context, *sdk.DescribeVolumesInput, ...func(*sdk.Options)) (*sdk.DescribeVolumesOutput, error)
}

// Writer is what we change in EC2.
type Writer interface {
	CreateFleet(context.Context, *sdk.CreateFleetInput, ...func(*sdk.Options)) (*sdk.CreateFleetOutput, error)
	StartInstances(context.Context, *sdk.StartInstancesInput, ...func(*sdk.Options)) (*sdk.StartInstancesOutput, error)
	StopInstances(context.Context, *sdk.StopInstancesInput, ...func(*sdk.Options)) (*sdk.StopInstancesOutput, error)
	TerminateInstances(context.Context, *sdk.TerminateInstancesInput, ...func(*sdk.Options)) (*sdk.TerminateInstancesOutput, error)
	CreateTags(context.Context, *sdk.CreateTagsInput, ...func(*sdk.Options)) (*sdk.CreateTagsOutput, error)
	DeleteTags(context.Context, *sdk.DeleteTagsInput, ...func(*sdk.Options)) (*sdk.DeleteTagsOutput, error)
}

// API is all that we use of EC2. The SDK's client has it.
type API interface {
	Reader
	Writer
}

// Identity says whose credentials we have. The SDK's client of STS has it.
type Identity interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

var (
	_ API      = (*sdk.Client)(nil)
	_ Identity = (*sts.Client)(nil)
)

// Client is the SDK's client with adaptive retries, which slow down when a call is
// throttled. What EC2 has not got is not asked for again at once. What reads and what
// changes something slow down apart from each other, as EC2 throttles each call by
// itself: that many terminations were too many must not keep us from seeing the fleet.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
func Client(cfg aws.Config) API {
	return struct {
		Reader
		Writer
	}{ClientBy(cfg, retry.NewAdaptiveMode()), ClientBy(cfg, retry.NewAdaptiveMode())}
}

// ClientBy is one with retries of another's timing: in a world whose time is not this
// machine's, say.
func ClientBy(cfg aws.Config, retries aws.RetryerV2) *sdk.Client {
	return sdk.NewFromConfig(cfg, func(o *sdk.Options) {
		o.Retryer = retryer{RetryerV2: retries, worth: func(err error) bool { return !plainNo(err) || throttled(err) }}
	})
}

// onlyThrottles has a call tried again only where EC2 has said plainly that it did
// nothing. Were it tried again after an answer that was lost, a refusal of the second
// try would hide that the first may have taken effect.
func onlyThrottles(o *sdk.Options) {
	if r, ok := o.Retryer.(aws.RetryerV2); ok {
		o.Retryer = retryer{RetryerV2: r, worth: throttled}
		return
	}
	o.Retryer = aws.NopRetryer{}
}

// retryer tries again what another would, where it is worth it.
type retryer struct {
	aws.RetryerV2
	worth func(error) bool
}

func (r retryer) IsErrorRetryable(err error) bool {
	return r.worth(err) && r.RetryerV2.IsErrorRetryable(err)
}

// noWrites is what a dry run has in place of a client that writes.
type noWrites struct{}

func (noWrites) CreateFleet(context.Context, *sdk.CreateFleetInput, ...func(*sdk.Options)) (*sdk.CreateFleetOutput, error) {
	return nil, fleet.ErrReadOnly
}

func (noWrites) StartInstances(context.Context, *sdk.StartInstancesInput, ...func(*sdk.Options)) (*sdk.StartInstancesOutput, error) {
	return nil, fleet.ErrReadOnly
}

func (noWrites) StopInstances(context.Context, *sdk.StopInstancesInput, ...func(*sdk.Options)) (*sdk.StopInstancesOutput, error) {
	return nil, fleet.ErrReadOnly
}

func (noWrites) TerminateInstances(context.Context, *sdk.TerminateInstancesInput, ...func(*sdk.Options)) (*sdk.TerminateInstancesOutput, error) {
	return nil, fleet.ErrReadOnly
}

func (noWrites) CreateTags(context.Context, *sdk.CreateTagsInput, ...func(*sdk.Options)) (*sdk.CreateTagsOutput, error) {
	return nil, fleet.ErrReadOnly
}

func (noWrites) DeleteTags(context.Context, *sdk.DeleteTagsInput, ...func(*sdk.Options)) (*sdk.DeleteTagsOutput, error) {
	return nil, fleet.ErrReadOnly
}
