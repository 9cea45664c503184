package ec2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skynet/fleet"
)

// resolved is what Check found out about a fleet's template.
type resolved struct {
	template   string // ID
	version    string // a number
	places     []place
	offered    map[string][]string // zones in which EC2 sells a type, by type
	hibernates bool                // instances are launched so that they can hibernate
}

// place is a zone with the subnets that we have there.
type place struct {
	zone    string
	subnets []string
}

func (r resolved) zones() []string {
	zones := make([]string, len(r.places))
	for i, p := range r.places {
		zones[i] = p.zone
	}
	return zones
}

// Check looks whether account, region, launch templates, subnets and types are what the
// settings say, and pins the templates' versions. It returns all that is wrong at once,
// each with its cure. Until account and region were found right, nothing is changed;
// for a fleet with a fault nothing is launched.
func (f *Fleet) Check(ctx context.Context) error {
	if err := f.whoAmI(ctx); err != nil {
		return err // what follows would be said of another account
	}
	var errs []error
	found := map[string]resolved{}
	for _, t := range f.o.Templates {
		c := &checker{f: f, t: t}
		c.check(ctx)
		if errs = append(errs, c.errs...); len(c.errs) == 0 {
			found[t.Fleet] = c.resolved
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resolved = found
	return errors.Join(errs...)
}

// Hibernates reports whether a fleet's instances are launched so that they can
// hibernate.
func (f *Fleet) Hibernates(fleetName string) bool {
	t, r, _ := f.template(fleetName)
	return r.hibernates && !t.PlainStop
}

// whoAmI compares account and region with those of the settings.
func (f *Fleet) whoAmI(ctx context.Context) error {
	if f.o.Identity == nil {
		return fmt.Errorf("%w: nobody says whose credentials we have", fleet.ErrDenied)
	}
	if c, ok := f.read.(interface{ Options() sdk.Options }); ok && c.Options().Region != f.o.Region {
		return fmt.Errorf("%w: the AWS client acts in region %q, the settings say %q; correct aws.region, or AWS_REGION in the environment", fleet.ErrDenied, c.Options().Region, f.o.Region)
	}
	who, err := f.o.Identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return fmt.Errorf("ask whose credentials we have: %w", told(err))
	}
	account := aws.ToString(who.Account)
	right := account == f.o.Account && account != ""
	f.mu.Lock()
	f.proven = right
	f.mu.Unlock()
	if !right {
		return fmt.Errorf("%w: these are credentials of account %q (%s), the settings say %q; correct aws.account, or use other credentials", fleet.ErrDenied, account, aws.ToString(who.Arn), f.o.Account)
	}
	return nil
}

// checker looks at one fleet.
type checker struct {
	f *Fleet
	t Template
	resolved
	errs []error
}

func (c *checker) bad(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("fleet %s: "+format, append([]any{c.t.Fleet}, args...)...))
}

func (c *checker) check(ctx context.Context) {
	c.settings()
	c.launchTemplate(ctx)
	c.subnets(ctx)
	if len(c.places) > 0 {
		c.types(ctx)
	}
	if c.hibernates && len(c.t.Types) > 0 {
		c.hibernation(ctx)
	}
}

// settings looks at what needs no call.
func (c *checker) settings() {
	if c.t.Name == "" || c.t.Version == "" {
		c.bad("ec2.launch_template needs a name and a version")
	}
	if len(c.t.Types) == 0 || len(c.t.Subnets) == 0 {
		c.bad("ec2 needs at least one of types and one of subnets")
	}
	for _, key := range slices.Sorted(maps.Keys(c.t.Tags)) {
		if err := fleet.CheckTag(key, c.t.Tags[key]); err != nil {
			c.bad("ec2.tags: %w", err)
		}
		if strings.HasPrefix(key, "skynet:") {
			c.bad("ec2.tags: %s is one of our own tags; remove it", key)
		}
	}
	if len(c.t.Tags)+ownTags > fleet.MostTags {
		c.bad("ec2.tags: %d tags, and %d of ours, are more than the %d that an instance may have", len(c.t.Tags), ownTags, fleet.MostTags)
	}
	for key, value := range map[string]string{fleet.TagController: c.f.o.Controller, fleet.TagFleet: c.t.Fleet} {
		if err := fleet.CheckTag(key, value); err != nil || value == "" {
			c.bad("the tag %s cannot be %q", key, value)
		}
	}
}

const ownTags = 4 // controller, fleet, intent, drain

// subnets sorts them by zone, and looks whether they are in the region.
func (c *checker) subnets(ctx context.Context) {
	if len(c.t.Subnets) == 0 {
		return
	}
	out, err := c.f.read.DescribeSubnets(ctx, &sdk.DescribeSubnetsInput{Filters: []types.Filter{filter("subnet-id", c.t.Subnets...)}})
	if err != nil {
		c.bad("ec2.subnets cannot be read: %w", told(err))
		return
	}
	zone := map[string]string{}
	for _, s := range out.Subnets {
		zone[aws.ToString(s.SubnetId)] = aws.ToString(s.AvailabilityZone)
	}
	for _, id := range c.t.Subnets {
		z, there := zone[id]
		switch {
		case !there:
			c.bad("ec2.subnets: there is no subnet %s in account %s, region %s; correct or remove it", id, c.f.o.Account, c.f.o.Region)
		case !strings.HasPrefix(z, c.f.o.Region):
			c.bad("ec2.subnets: %s is in zone %s, which is not in region %s", id, z, c.f.o.Region)
		default:
			c.settle(z, id)
		}
	}
}

func (c *checker) settle(zone, subnet string) {
	for i := range c.places {
		if c.places[i].zone == zone {
			c.places[i].subnets = append(c.places[i].subnets, subnet)
			return
		}
	}
	c.places = append(c.places, place{zone, []string{subnet}})
}

// types looks where EC2 sells the types. Each must be had somewhere, and each zone
// must have one.
func (c *checker) types(ctx context.Context) {
	in := &sdk.DescribeInstanceTypeOfferingsInput{LocationType: types.LocationTypeAvailabilityZone, Filters: []types.Filter{
		filter("instance-type", c.t.Types...), filter("location", c.zones()...),
	}}
	c.offered = map[string][]string{}
	served := map[string]bool{}
	for pages := sdk.NewDescribeInstanceTypeOfferingsPaginator(c.f.read, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			c.bad("ec2.types cannot be looked up: %w", told(err))
			return
		}
		for _, o := range page.InstanceTypeOfferings {
			c.offered[string(o.InstanceType)] = append(c.offered[string(o.InstanceType)], aws.ToString(o.Location))
			served[aws.ToString(o.Location)] = true
		}
	}
	for _, t := range c.t.Types {
		if len(c.offered[t]) == 0 {
			c.bad("ec2.types: EC2 sells no %s in any of the zones %v; correct or remove it, or add a subnet elsewhere", t, c.zones())
		}
	}
	for _, p := range c.places {
		if len(served) > 0 && !served[p.zone] {
			c.bad("ec2.subnets: EC2 sells none of the types in zone %s; remove %v", p.zone, p.subnets)
		}
	}
}
