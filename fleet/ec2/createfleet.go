package ec2

import (
	"maps"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

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
