package ec2_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/test/moto"
)

// Where moto differs from EC2's documentation, and what covers that instead (the
// stub in stub_test.go speaks EC2's protocol):
//
//   - CreateFleet ignores the client token and the strategy, puts all into one
//     override, and never launches a part: TestLaunch… on the stub.
//   - It launches running and stops at once: there is no pending and no stopping.
//   - A start leaves the launch time as it was, so that Woken is what we remember.
//   - StateTransitionReason says UTC where EC2 says GMT.
//   - StopInstances knows no hibernation: TestSleep… on the stub.
//   - CreateTags takes any ID, status checks are always ok, and a terminated instance
//     is listed for good.

type onMoto struct {
	t      *testing.T
	client *sdk.Client
	ids    *sts.Client
	zones  []string
	nets   []string
}

func startMoto(t *testing.T) onMoto {
	s := moto.Start(t)
	m := onMoto{t: t, client: ec2.ClientBy(s.Config(), retry.NewAdaptiveMode()), ids: sts.NewFromConfig(s.Config())}
	out, err := m.client.DescribeSubnets(t.Context(), &sdk.DescribeSubnetsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range out.Subnets {
		m.nets, m.zones = append(m.nets, *n.SubnetId), append(m.zones, *n.AvailabilityZone)
	}
	images, err := m.client.DescribeImages(t.Context(), &sdk.DescribeImagesInput{})
	if err != nil || len(images.Images) == 0 {
		t.Fatal(err)
	}
	_, err = m.client.CreateLaunchTemplate(t.Context(), &sdk.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("render"), LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: images.Images[0].ImageId, InstanceType: "c5.large",
			MetadataOptions: &types.LaunchTemplateInstanceMetadataOptionsRequest{
				HttpTokens: types.LaunchTemplateHttpTokensStateRequired, InstanceMetadataTags: types.LaunchTemplateInstanceMetadataTagsStateEnabled,
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m onMoto) options() ec2.Options {
	return ec2.Options{
		Controller: "skynet", Account: moto.Account, Region: moto.Region, Identity: m.ids,
		Templates: []ec2.Template{{
			Fleet: "render", Name: "render", Version: "$Latest", Subnets: m.nets, Types: []string{"c5.large", "m5.large"},
			Tags: map[string]string{"team": "media"},
			Spot: &ec2.Spot{BaseOnDemand: 2, Share: 0.5, Strategy: "price-capacity-optimized"},
		}},
	}
}

func (m onMoto) fleet() *ec2.Fleet {
	m.t.Helper()
	f := ec2.New(m.client, m.options())
	if err := f.Check(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	return f
}

func (m onMoto) list(f *ec2.Fleet) map[fleet.ID]fleet.Instance {
	m.t.Helper()
	list, err := f.Instances(m.t.Context(), "render")
	if err != nil {
		m.t.Fatal(err)
	}
	all := map[fleet.ID]fleet.Instance{}
	for _, i := range list {
		all[i.ID] = i
	}
	return all
}

func TestMotoTheLifeOfAFleet(t *testing.T) {
	m := startMoto(t)
	ctx := t.Context()
	f := m.fleet()
	o := f.Draft(fleet.Order{Fleet: "render", Count: 4, Token: fleet.Token("render", 1, 0)}, nil)
	ids, err := f.Launch(ctx, o)
	if err != nil || len(ids) != 4 {
		t.Fatalf("launched %v, %v", ids, err)
	}
	again, err := m.fleet().Launch(ctx, o) // after a crash: another controller, the same bytes
	slices.Sort(ids)
	slices.Sort(again)
	if err != nil || !slices.Equal(ids, again) {
		t.Errorf("sent again: %v, %v, want %v", again, err, ids)
	}
	all := m.list(f)
	spots := 0
	for _, i := range all {
		if i.Spot {
			spots++
		}
		if i.Tags[fleet.TagFleet] != "render" || i.Tags[fleet.TagIntent] != o.Token || i.Tags[fleet.TagController] != "skynet" || i.Tags["team"] != "media" ||
			i.Phase != fleet.PhaseRunning || !slices.Contains(m.zones, i.Zone) || i.Type == "" || time.Since(i.Launched) > time.Minute || !i.Woken.IsZero() {
			t.Errorf("listed %+v", i)
		}
	}
	if len(all) != 4 || spots != 1 {
		t.Errorf("%d are listed, %d of them Spot, want 4 and 1", len(all), spots)
	}
	m.drain(f, ids[0])
	m.nap(f, all)
	done, err := f.Terminate(ctx, append(slices.Clone(ids), "i-0123456789abcdef0"))
	if err == nil || len(done) != 4 {
		t.Errorf("terminated %v, %v; one was not ours", done, err)
	}
	for _, i := range m.list(f) {
		if i.Phase != fleet.PhaseTerminated && i.Phase != fleet.PhaseShuttingDown {
			t.Errorf("%s is %s", i.ID, i.Phase)
		}
	}
}

func (m onMoto) drain(f *ec2.Fleet, id fleet.ID) {
	if done, err := f.Tag(m.t.Context(), []fleet.ID{id}, fleet.TagDrain, "render-1"); err != nil || len(done) != 1 || m.list(f)[id].Tags[fleet.TagDrain] != "render-1" {
		m.t.Errorf("tagged %v, %v", done, err)
	}
	done, err := f.Untag(m.t.Context(), []fleet.ID{id}, fleet.TagDrain)
	if _, tagged := m.list(f)[id].Tags[fleet.TagDrain]; err != nil || len(done) != 1 || tagged {
		m.t.Errorf("untagged %v, %v", done, err)
	}
}

// nap puts an on-demand instance to sleep and wakes it; a Spot one is refused.
func (m onMoto) nap(f *ec2.Fleet, all map[fleet.ID]fleet.Instance) {
	var demand, spot fleet.ID
	for id, i := range all {
		if i.Spot {
			spot = id
		} else {
			demand = id
		}
	}
	done, err := f.Sleep(m.t.Context(), []fleet.ID{demand, spot})
	if !slices.Equal(done, []fleet.ID{demand}) || !fleet.Refused(err) {
		m.t.Errorf("put to sleep %v, %v", done, err)
	}
	if i := m.list(m.fleet())[demand]; i.Phase != fleet.PhaseStopped || time.Since(i.Stopped) > time.Minute || time.Since(i.Stopped) < -time.Second {
		m.t.Errorf("asleep: %+v", i)
	}
	if s, err := f.Sleepers(m.t.Context(), "render"); err != nil || s.Instances != 1 || s.GiB == 0 {
		m.t.Errorf("sleepers %+v, %v", s, err)
	}
	done, err = f.Wake(m.t.Context(), []fleet.ID{demand})
	if i := m.list(f)[demand]; err != nil || len(done) != 1 || i.Phase != fleet.PhaseRunning || i.Woken.IsZero() || !i.Stopped.IsZero() {
		m.t.Errorf("woken %v, %v: %+v", done, err, i)
	}
}

func TestMotoOtherPeoplesInstancesAreNotOurs(t *testing.T) {
	m := startMoto(t)
	ctx := t.Context()
	theirs, o := m.options(), fleet.Order{Fleet: "render", Count: 2, Token: "sky-theirs"}
	theirs.Controller = "another"
	them := ec2.New(m.client, theirs)
	if err := them.Check(ctx); err != nil {
		t.Fatal(err)
	}
	ids, err := them.Launch(ctx, them.Draft(o, nil))
	if err != nil || len(ids) != 2 {
		t.Fatalf("launched %v, %v", ids, err)
	}
	f := m.fleet()
	if list := m.list(f); len(list) != 0 {
		t.Errorf("we list %v", list)
	}
	for what, do := range map[string]func(context.Context, []fleet.ID) ([]fleet.ID, error){
		"terminate": f.Terminate, "sleep": f.Sleep, "wake": f.Wake,
		"tag": func(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
			return f.Tag(ctx, ids, fleet.TagDrain, "x")
		},
		"untag": func(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
			return f.Untag(ctx, ids, fleet.TagFleet)
		},
	} {
		if done, err := do(ctx, ids); len(done) != 0 || !fleet.Refused(err) {
			t.Errorf("%s: %v, %v", what, done, err)
		}
	}
	for id, i := range m.list(them) {
		if i.Phase != fleet.PhaseRunning || len(i.Tags) != 4 {
			t.Errorf("%s was touched: %+v", id, i)
		}
	}
}

func TestMotoWhatIsWrongIsSaidAtStart(t *testing.T) {
	m := startMoto(t)
	o := m.options()
	o.Templates[0].Name, o.Templates[0].Types, o.Templates[0].Subnets = "rendr", []string{"c99.large"}, append([]string{"subnet-123"}, m.nets...)
	err := ec2.New(m.client, o).Check(t.Context())
	for _, want := range []string{`"rendr"`, "no subnet subnet-123", "sells no c99.large"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("said %v, want %q in it", err, want)
		}
	}
	o = m.options()
	o.Account = "999999999999"
	f := ec2.New(m.client, o)
	if err := f.Check(t.Context()); err == nil || !strings.Contains(err.Error(), moto.Account) || !strings.Contains(err.Error(), o.Account) {
		t.Errorf("said %v", err)
	}
	if ids, err := f.Launch(t.Context(), f.Draft(fleet.Order{Fleet: "render", Count: 1, Token: "x"}, nil)); len(ids) != 0 || !fleet.Refused(err) {
		t.Errorf("launched %v, %v in a wrong account", ids, err)
	}
}
