package ec2

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/fleet"
)

// launchTemplate looks whether the template exists, and what it says.
func (c *checker) launchTemplate(ctx context.Context) {
	if c.t.Name == "" || c.t.Version == "" {
		return
	}
	out, err := c.f.read.DescribeLaunchTemplateVersions(ctx, &sdk.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateName: &c.t.Name, Versions: []string{c.t.Version},
	})
	switch {
	case err != nil:
		c.bad("ec2.launch_template: version %s of %q cannot be read in account %s, region %s: %w; create it or correct the name and version",
			c.t.Version, c.t.Name, c.f.o.Account, c.f.o.Region, told(err))
		return
	case len(out.LaunchTemplateVersions) != 1 || out.LaunchTemplateVersions[0].LaunchTemplateData == nil || out.LaunchTemplateVersions[0].VersionNumber == nil:
		c.bad("ec2.launch_template: there is no version %s of %q; create it or correct the version", c.t.Version, c.t.Name)
		return
	}
	v := out.LaunchTemplateVersions[0]
	c.template, c.version = aws.ToString(v.LaunchTemplateId), strconv.FormatInt(*v.VersionNumber, 10)
	c.data(v.LaunchTemplateData)
}

// data looks at what a template says.
func (c *checker) data(d *types.ResponseLaunchTemplateData) {
	c.metadata(d.MetadataOptions)
	if d.DisableApiTermination != nil && *d.DisableApiTermination {
		c.bad("launch template %q protects instances from termination (DisableApiTermination), so that none could be let go; turn it off", c.t.Name)
	}
	if d.InstanceMarketOptions != nil {
		c.bad("launch template %q has options of a market (InstanceMarketOptions), which no fleet request may have; remove them, and set ec2.spot here", c.t.Name)
	}
	for _, n := range d.NetworkInterfaces {
		if n.SubnetId != nil || n.NetworkInterfaceId != nil {
			c.bad("launch template %q names a subnet or network interface of its own; remove it, since ec2.subnets says where instances go", c.t.Name)
		}
	}
	for _, s := range d.TagSpecifications {
		for _, t := range s.Tags {
			if s.ResourceType != types.ResourceTypeInstance {
				continue
			}
			if err := fleet.CheckTag(aws.ToString(t.Key), aws.ToString(t.Value)); err != nil {
				c.bad("launch template %q: %w", c.t.Name, err)
			}
		}
	}
	c.hibernates = d.HibernationOptions != nil && d.HibernationOptions.Configured != nil && *d.HibernationOptions.Configured
	c.encrypted(d)
}

// metadata wants instance metadata with tags: the agent reads there that it shall
// drain. By default they are not in it.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
func (c *checker) metadata(m *types.LaunchTemplateInstanceMetadataOptions) {
	if m == nil || m.InstanceMetadataTags != types.LaunchTemplateInstanceMetadataTagsStateEnabled {
		c.bad("launch template %q does not put tags into instance metadata, where the agent reads that it shall drain; set InstanceMetadataTags to enabled in a new version", c.t.Name)
	}
	if m != nil && m.HttpEndpoint == types.LaunchTemplateInstanceMetadataEndpointStateDisabled {
		c.bad("launch template %q turns instance metadata off, where the agent reads that it shall drain; set HttpEndpoint to enabled in a new version", c.t.Name)
	}
}

// encrypted wants the root volume encrypted where instances are to hibernate. Where
// the template says nothing of it, the image or the account may see to it.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
func (c *checker) encrypted(d *types.ResponseLaunchTemplateData) {
	if !c.hibernates {
		return
	}
	for _, b := range d.BlockDeviceMappings {
		if b.Ebs != nil && b.Ebs.Encrypted != nil && !*b.Ebs.Encrypted {
			c.bad("launch template %q wants instances to hibernate, but its volume %s is not encrypted; encrypt it, or turn hibernation off", c.t.Name, aws.ToString(b.DeviceName))
		}
	}
}

// mostHibernated is how much memory an instance that hibernates may have: less than
// 150 GiB, in MiB.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
const mostHibernated = 150 * 1024

// hibernation looks whether the types can: a launch fails where they cannot.
func (c *checker) hibernation(ctx context.Context) {
	in := &sdk.DescribeInstanceTypesInput{}
	for _, t := range c.t.Types {
		in.InstanceTypes = append(in.InstanceTypes, types.InstanceType(t))
	}
	out, err := c.f.read.DescribeInstanceTypes(ctx, in)
	if err != nil {
		c.bad("ec2.types: whether they can hibernate cannot be looked up: %w", told(err))
		return
	}
	for _, i := range out.InstanceTypes {
		switch {
		case i.HibernationSupported == nil || !*i.HibernationSupported:
			c.bad("ec2.types: %s cannot hibernate, but launch template %q wants it; remove the type, or turn hibernation off", i.InstanceType, c.t.Name)
		case i.MemoryInfo != nil && i.MemoryInfo.SizeInMiB != nil && *i.MemoryInfo.SizeInMiB >= mostHibernated:
			c.bad("ec2.types: %s has %d GiB of memory, too much to hibernate, but launch template %q wants it; remove the type, or turn hibernation off",
				i.InstanceType, *i.MemoryInfo.SizeInMiB/1024, c.t.Name)
		}
	}
}
