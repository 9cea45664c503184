package main

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/zap"

	"skynet/config"
	"skynet/config/strict"
	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/journal"
	"skynet/policy"
	"skynet/queue"
	"skynet/signals"
	"skynet/signals/heartbeats"
)

const testAccount, testRegion = "123456789012", "eu-west-1"

// cloudOf is an EC2 with some instances; other calls than those here are none of ours.
type cloudOf struct {
	ec2.API
	list  []types.Instance
	ended []string
}

func (c *cloudOf) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: new(testAccount)}, nil
}

func (c *cloudOf) DescribeInstances(context.Context, *sdk.DescribeInstancesInput, ...func(*sdk.Options)) (*sdk.DescribeInstancesOutput, error) {
	return &sdk.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: c.list}}}, nil
}

func (c *cloudOf) DescribeInstanceStatus(context.Context, *sdk.DescribeInstanceStatusInput, ...func(*sdk.Options)) (*sdk.DescribeInstanceStatusOutput, error) {
	return &sdk.DescribeInstanceStatusOutput{}, nil
}

func (c *cloudOf) TerminateInstances(_ context.Context, in *sdk.TerminateInstancesInput, _ ...func(*sdk.Options)) (*sdk.TerminateInstancesOutput, error) {
	c.ended = append(c.ended, in.InstanceIds...)
	out := &sdk.TerminateInstancesOutput{}
	for _, id := range in.InstanceIds {
		out.TerminatingInstances = append(out.TerminatingInstances, types.InstanceStateChange{
			InstanceId: &id, CurrentState: &types.InstanceState{Name: types.InstanceStateNameShuttingDown}})
	}
	return out, nil
}

// add adds an instance of ours that was launched then.
func (c *cloudOf) add(id, fleetName string, at time.Time) {
	var tags []types.Tag
	for k, v := range map[string]string{fleet.TagController: "skynet", fleet.TagFleet: fleetName, fleet.TagIntent: "sky-1"} {
		tags = append(tags, types.Tag{Key: &k, Value: &v})
	}
	c.list = append(c.list, types.Instance{InstanceId: &id, LaunchTime: &at, Tags: tags, State: &types.InstanceState{Name: types.InstanceStateNameRunning}})
}

// onEC2 is a daemon that has one fleet, render, in the settings, and hears its workers.
func onEC2(t *testing.T, c *cloudOf, now time.Time) *daemon {
	t.Helper()
	e := ec2.New(c, ec2.Options{Controller: "skynet", Account: testAccount, Region: testRegion, Identity: c, Now: func() time.Time { return now }})
	if err := e.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	orders, err := openOrders(t.TempDir(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{log: zap.NewNop(), ec2: e, orders: orders, ears: heartbeats.New(), journal: journal.NewMemory(0), cfg: config.Config{
		AWS:    &config.AWS{Account: testAccount, Region: testRegion, Name: "skynet", Orphans: strict.Duration(time.Hour)},
		Fleets: []config.Fleet{{Name: "render", EC2: &config.EC2{}}},
	}}
	for at := now.Add(-2 * time.Hour); !at.After(now); at = at.Add(10 * time.Second) {
		d.ears.Hear(at, nil)
	}
	return d
}

func TestReap(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	long := now.Add(-3 * time.Hour)
	c := &cloudOf{}
	c.add("i-1", "old", long)
	c.add("i-2", "old", long)
	c.add("i-3", "render", long)
	c.add("i-4", "theirs", long)
	c.add("i-5", "old", now.Add(-time.Minute))
	c.add("i-6", "old", long)
	d := onEC2(t, c, now)
	forgotten := signals.Standing{Forget: []signals.Named{{ID: "i-6", Until: now.Add(time.Hour)}}}
	if err := writeOrders(d.orders.path, map[string]signals.Standing{"old": forgotten}); err != nil {
		t.Fatal(err)
	}
	d.ears.Hear(now, []queue.Letter{{Body: []byte(`{"worker":"i-2","fleet":"old","boot":"a","seq":1,"state":"working"}`)}})
	for _, name := range []string{"old", "render"} {
		before := journal.Record{Snapshot: signals.Snapshot{Fleet: name, Now: long}, Decision: policy.Decision{ID: name, Fleet: name}}
		if err := d.journal.Write(t.Context(), before); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.reapOnce(t.Context(), d.ec2, now); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.ended, []string{"i-1"}) {
		t.Errorf("ended %v", c.ended)
	}
	records, err := d.journal.Records(t.Context(), "old", now, 0)
	if err != nil || len(records) != 1 || len(records[0].Intents) != 1 || len(records[0].Outcomes) != 1 {
		t.Fatalf("journal: %+v, %v", records, err)
	}
	if r := records[0]; r.Decision.Failed == "" || len(r.Outcomes[0].Done) != 1 || r.Intents[0].Exits[0].Cause != fleet.CauseOrphan {
		t.Errorf("%+v", r)
	}
}

// Nothing is done that is not in the journal, and nothing by a dry run.
func TestReapIsWrittenDownFirst(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	exits := []fleet.Exit{{ID: "i-1", Cause: fleet.CauseOrphan}}
	c := &cloudOf{}
	c.add("i-1", "old", now.Add(-3*time.Hour))
	d := onEC2(t, c, now)
	d.journal = full{d.journal}
	if err := d.reaper(d.ec2).LetGo(t.Context(), "old", exits, now); err == nil || len(c.ended) > 0 {
		t.Errorf("ended %v, %v", c.ended, err)
	}
	d = onEC2(t, c, now)
	d.dry = true
	if err := d.reaper(d.ec2).LetGo(t.Context(), "old", exits, now); err != nil || len(c.ended) > 0 {
		t.Errorf("a dry run ended %v, %v", c.ended, err)
	}
}

// full is a journal that takes no more.
type full struct{ journal.Journal }

func (full) Write(context.Context, journal.Record) error { return fmt.Errorf("no space left") }

func TestEventsOfEC2(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := &cloudOf{}
	c.add("i-0abc1234", "render", now.Add(-time.Hour))
	d := onEC2(t, c, now)
	if err := d.warnOfStrays(t.Context()); err != nil { // the list is what tells whose an instance is
		t.Fatal(err)
	}
	tell := func(id, account string) {
		d.hearEvent(now, fmt.Appendf(nil, `{"detail-type": "EC2 Spot Instance Interruption Warning", "source": "aws.ec2", "account": %q,
			"time": "2026-03-01T12:00:00Z", "region": "eu-west-1", "detail": {"instance-id": %q, "instance-action": "terminate"}}`, account, id))
	}
	tell("i-0abc1234", "210987654321")
	tell("i-0def1234", testAccount)
	d.hearEvent(now, []byte("what?"))
	for _, id := range []fleet.ID{"i-0abc1234", "i-0def1234"} {
		if b, _, _ := d.ears.Last(id); b.Interruption != nil {
			t.Errorf("%s: %+v", id, b.Interruption)
		}
	}
	tell("i-0abc1234", testAccount)
	if b, _, _ := d.ears.Last("i-0abc1234"); b.Interruption == nil || b.Interruption.Action != "terminate" {
		t.Errorf("%+v", b.Interruption)
	}
}
