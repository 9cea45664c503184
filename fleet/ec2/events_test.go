package ec2_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/fleet/ec2"
)

func event(kind, detail string) []byte {
	return fmt.Appendf(nil, `{"version":"0","id":"1","detail-type":%q,"source":"aws.ec2","account":"123456789012","time":"2026-03-01T12:00:00Z",
		"region":"eu-west-1","resources":["arn:aws:ec2:eu-west-1a:instance/i-0abc"],"detail":%s}`, kind, detail)
}

func TestEvents(t *testing.T) {
	of := func(kind ec2.EventKind) ec2.Event {
		return ec2.Event{Kind: kind, ID: "i-0abc", At: noon, Account: account, Region: region}
	}
	warned, changed := of(ec2.Interrupted), of(ec2.Changed)
	warned.Interruption = &fleet.Interruption{Action: "terminate", At: noon.Add(2 * time.Minute)}
	changed.State = "stopped"
	for _, c := range []struct {
		body []byte
		want ec2.Event // zero: refused
	}{
		{event("EC2 Spot Instance Interruption Warning", `{"instance-id":"i-0abc","instance-action":"terminate"}`), warned},
		{event("EC2 Instance Rebalance Recommendation", `{"instance-id":"i-0abc"}`), of(ec2.Rebalance)},
		{event("EC2 Instance State-change Notification", `{"instance-id":"i-0abc","state":"stopped"}`), changed},
		{event("EC2 Instance Launch Successful", `{"instance-id":"i-0abc"}`), ec2.Event{}},
		{event("EC2 Instance Rebalance Recommendation", `{}`), ec2.Event{}},
		{event("EC2 Instance Rebalance Recommendation", `{"instance-id":"i-1 or i-2"}`), ec2.Event{}},
		{event("EC2 Instance Rebalance Recommendation", `[]`), ec2.Event{}},
		{[]byte(`{"source":"aws.s3","detail-type":"Object Created"}`), ec2.Event{}},
		{[]byte(`what?`), ec2.Event{}},
		{nil, ec2.Event{}},
	} {
		got, err := ec2.ParseEvent(c.body)
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.want.ID != "") {
			t.Errorf("%s\nis read as %+v, %v", c.body, got, err)
		}
	}
}

func TestEventsOfOthers(t *testing.T) {
	s := newStub()
	f := s.fleet(t)
	body := func(id fleet.ID) []byte {
		return event("EC2 Instance Rebalance Recommendation", fmt.Sprintf(`{"instance-id":%q}`, id))
	}
	ids := s.put(1)
	if e, err := f.Event(body(ids[0])); err != nil || e.Ours {
		t.Errorf("before it was listed: %+v, %v", e, err)
	}
	_, _ = f.Instances(ctx, "render")
	if e, err := f.Event(body(ids[0])); err != nil || !e.Ours {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := f.Event(body("i-0")); err != nil || e.Ours {
		t.Errorf("of another: %+v, %v", e, err)
	}
	o := s.options()
	o.Account = "999999999999"
	if e, err := ec2.New(s.client(), o).Event(body(ids[0])); err == nil {
		t.Errorf("of another account: %+v", e)
	}
}

func FuzzEvent(f *testing.F) {
	f.Add(event("EC2 Spot Instance Interruption Warning", `{"instance-id":"i-0abc","instance-action":"terminate"}`))
	f.Add([]byte(`{"time":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if e, err := ec2.ParseEvent(body); (err == nil) != (e.ID != "") || err == nil && e.Kind == "" {
			t.Errorf("%q is read as %+v, %v", body, e, err)
		}
	})
}
