package ec2wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"skynet/test/ec2wire"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ctx  = context.Background()
)

func newWire(n int) (*ec2wire.Wire, *ec2wire.Cloud) {
	c := &ec2wire.Cloud{Now: func() time.Time { return noon }, Zones: map[string]string{"subnet-a": "eu-west-1a", "subnet-b": "eu-west-1b"}, None: map[string]string{}}
	for range n {
		i := c.Add("c7i.xlarge", "subnet-a", false)
		i.State, i.Tags = "running", map[string]string{"skynet:controller": "skynet", "skynet:fleet": "render", "skynet:intent": "sky-0", "team": "media"}
	}
	return &ec2wire.Wire{Backend: c, Catalogue: ec2wire.Catalogue{Zones: c.Zones}}, c
}

func config() aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://ec2.test"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

// direct is the SDK's client without a socket.
func direct(w *ec2wire.Wire) *ec2.Client {
	return ec2.NewFromConfig(config(), func(o *ec2.Options) { o.HTTPClient, o.Retryer = ec2wire.Direct{Wire: w}, aws.NopRetryer{} })
}

// listed are all pages of what passes a filter.
func listed(t testing.TB, c *ec2.Client, most int32, filters ...types.Filter) (ids []string, pages int) {
	t.Helper()
	in := &ec2.DescribeInstancesInput{Filters: filters, MaxResults: &most}
	for p := ec2.NewDescribeInstancesPaginator(c, in); p.HasMorePages(); pages++ {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				ids = append(ids, *i.InstanceId)
			}
		}
	}
	return ids, pages
}

// What the SDK reads is what the cloud holds, with whatever must be escaped, over a
// socket and without one, in full and in short.
func TestTheSDKReadsWhatIsThere(t *testing.T) {
	w, c := newWire(0)
	i := c.Add("c7i.xlarge", "subnet-b", true)
	i.Tags, i.Reason, i.State, i.Hibernates = map[string]string{"a": `<&>"'ä`, "b": ""}, "User initiated (2026-03-01 11:00:05 GMT)", "stopped", true
	i.Code, i.Message = "Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"
	server := httptest.NewServer(w)
	defer server.Close()
	socket := ec2.NewFromConfig(config(), func(o *ec2.Options) { o.BaseEndpoint = &server.URL })
	for _, client := range []*ec2.Client{direct(w), socket} {
		w.Whole = !w.Whole
		out, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{})
		if err != nil {
			t.Fatal(err)
		}
		got := out.Reservations[0].Instances[0]
		tags := map[string]string{}
		for _, tag := range got.Tags {
			tags[*tag.Key] = *tag.Value
		}
		if *got.InstanceId != i.ID || !reflect.DeepEqual(tags, i.Tags) || *got.StateTransitionReason != i.Reason || got.State.Name != "stopped" || *got.State.Code != 80 ||
			*got.Placement.AvailabilityZone != "eu-west-1b" || got.InstanceLifecycle != "spot" || !got.LaunchTime.Equal(noon) || !*got.HibernationOptions.Configured ||
			*got.StateReason.Code != i.Code || *got.StateReason.Message != i.Message || !got.NetworkInterfaces[0].Attachment.AttachTime.Equal(noon) || *got.BlockDeviceMappings[0].Ebs.VolumeId != i.Volumes[0] {
			t.Errorf("read %+v", got)
		}
	}
}

func TestPagesHoldEachOnce(t *testing.T) {
	w, c := newWire(23)
	other := c.All()[4]
	other.Tags["skynet:fleet"] = "other"
	is := types.Filter{Name: aws.String("tag:skynet:fleet"), Values: []string{"render", "films"}}
	ids, pages := listed(t, direct(w), 5, is)
	if want := 22; len(ids) != want || pages != 5 || slices.Contains(ids, other.ID) || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != want {
		t.Errorf("%d on %d pages: %v", len(ids), pages, ids)
	}
}

func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// EC2's own limits hold here, too.
func TestWhatIsRefused(t *testing.T) {
	w, c := newWire(101)
	client := direct(w)
	var all []string
	for _, i := range c.All() {
		all = append(all, i.ID)
	}
	_, err := client.DescribeInstanceStatus(ctx, &ec2.DescribeInstanceStatusInput{InstanceIds: all})
	if code(err) != "InvalidParameterValue" {
		t.Errorf("101 IDs: %v", err)
	}
	_, err = client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1001)})
	if code(err) != "InvalidParameterValue" {
		t.Errorf("1001 on a page: %v", err)
	}
	_, err = client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: aws.String("tags:x"), Values: []string{"y"}}}})
	if code(err) != "InvalidParameterValue" {
		t.Errorf("a filter that there is not: %v", err)
	}
	_, err = client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{all[0], "i-1", "i-2"}})
	if code(err) != "InvalidInstanceID.NotFound" || !strings.Contains(err.Error(), "'i-1, i-2'") || c.All()[0].State != "running" {
		t.Errorf("one that is not there: %v", err)
	}
	_, err = client.DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	if code(err) != "InvalidAction" {
		t.Errorf("a call that is not spoken: %v", err)
	}
}

func TestStatusesByFilter(t *testing.T) {
	w, c := newWire(20)
	c.All()[3].Impaired, c.All()[7].Impaired, c.All()[7].State = true, true, "stopped"
	out, err := direct(w).DescribeInstanceStatus(ctx, &ec2.DescribeInstanceStatusInput{MaxResults: aws.Int32(1000),
		Filters: []types.Filter{{Name: aws.String("instance-status.status"), Values: []string{"impaired"}}}})
	if err != nil || len(out.InstanceStatuses) != 1 || *out.InstanceStatuses[0].InstanceId != c.All()[3].ID || out.InstanceStatuses[0].InstanceStatus.Status != "impaired" {
		t.Errorf("%+v, %v", out, err)
	}
}

func fleetOf(token string, n int32) *ec2.CreateFleetInput {
	return &ec2.CreateFleetInput{
		Type: types.FleetTypeInstant, ClientToken: &token,
		TargetCapacitySpecification: &types.TargetCapacitySpecificationRequest{TotalTargetCapacity: &n, DefaultTargetCapacityType: types.DefaultTargetCapacityTypeOnDemand},
		LaunchTemplateConfigs: []types.FleetLaunchTemplateConfigRequest{{Overrides: []types.FleetLaunchTemplateOverridesRequest{
			{InstanceType: "c7i.xlarge", SubnetId: aws.String("subnet-a")}, {InstanceType: "c7i.xlarge", SubnetId: aws.String("subnet-b")},
		}}},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}},
	}
}

// Under a token EC2 buys once, takes one request, and answers as it did.
func TestTokens(t *testing.T) {
	w, c := newWire(0)
	c.None["c7i.xlarge eu-west-1a on-demand"] = "1 InsufficientInstanceCapacity"
	c.None["c7i.xlarge eu-west-1b on-demand"] = "1 InsufficientInstanceCapacity"
	client := direct(w)
	for range 2 {
		out, err := client.CreateFleet(ctx, fleetOf("token", 3))
		if err != nil || len(out.Instances) != 2 || len(out.Errors) != 2 || *out.Errors[0].ErrorCode != "InsufficientInstanceCapacity" ||
			*out.Instances[1].LaunchTemplateAndOverrides.Overrides.SubnetId != "subnet-b" || len(c.All()) != 2 || c.All()[0].Tags["k"] != "v" {
			t.Errorf("%+v, %v, %d bought", out, err, len(c.All()))
		}
	}
	if _, err := client.CreateFleet(ctx, fleetOf("token", 2)); code(err) != "IdempotentParameterMismatch" {
		t.Errorf("another request under the token: %v", err)
	}
	c.Forgetful = true
	if _, err := client.CreateFleet(ctx, fleetOf("token", 3)); err != nil || len(c.All()) != 4 {
		t.Errorf("%v, %d bought", err, len(c.All()))
	}
}

// Faults come instead of the deed, or after it, with an answer or without one.
func TestFaults(t *testing.T) {
	for _, f := range []ec2wire.Fault{{Hangup: true}, {Hangup: true, After: true}, {Error: ec2wire.Error{Status: 500, Code: "InternalError"}}, {After: true, Error: ec2wire.Error{Status: 500, Code: "InternalError"}}} {
		w, c := newWire(1)
		w.Before = func(*ec2wire.Call) *ec2wire.Fault { return &f }
		_, err := direct(w).TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{c.All()[0].ID}})
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) != f.Hangup || code(err) != f.Code || (c.All()[0].State == "shutting-down") != f.After {
			t.Errorf("%+v: %v, and it is %s", f, err, c.All()[0].State)
		}
	}
}

// An answer that ends in the middle is none, over a socket and without one.
func TestAnAnswerIsCutOff(t *testing.T) {
	w, _ := newWire(9)
	w.Before = func(*ec2wire.Call) *ec2wire.Fault { return &ec2wire.Fault{Cut: true} }
	server := httptest.NewServer(w)
	defer server.Close()
	socket := ec2.NewFromConfig(config(), func(o *ec2.Options) { o.BaseEndpoint, o.Retryer = &server.URL, aws.NopRetryer{} })
	for _, client := range []*ec2.Client{direct(w), socket} {
		if out, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{}); err == nil {
			t.Errorf("%d reservations were read", len(out.Reservations))
		}
	}
}

// The rates are those that EC2 documents.
func TestBuckets(t *testing.T) {
	filtered, paged := url.Values{"Filter.1.Name": {"x"}}, url.Values{"MaxResults": {"1000"}}
	ids := func(n int) url.Values {
		form := url.Values{}
		for i := range n {
			form.Set(fmt.Sprintf("InstanceId.%d", i+1), "i")
		}
		return form
	}
	for _, c := range []struct {
		action string
		form   url.Values
		at     int // once
		later  int // ten seconds later
	}{
		{"DescribeInstances", filtered, 100, 100}, {"DescribeInstances", paged, 100, 100}, {"DescribeInstances", nil, 50, 50}, {"DescribeInstanceStatus", ids(3), 50, 50},
		{"DescribeSubnets", nil, 100, 100}, {"CreateFleet", nil, 50, 50}, {"StopInstances", ids(1), 50, 50}, {"StartInstances", ids(1), 5, 5}, {"CreateTags", nil, 100, 100},
		{"TerminateInstances", ids(1), 100, 50}, {"TerminateInstances", ids(100), 10, 2}, {"StopInstances", ids(100), 10, 2}, {"StartInstances", ids(300), 3, 0},
	} {
		now := noon
		b := &ec2wire.Buckets{Now: func() time.Time { return now }}
		took := func() (n int) {
			for n < 1000 && b.Take(c.action, c.form) == nil {
				n++
			}
			return n
		}
		at := took()
		now = now.Add(10 * time.Second)
		if later := took(); at != c.at || later != c.later {
			t.Errorf("%s %v: %d, then %d, want %d and %d", c.action, c.form, at, later, c.at, c.later)
		}
	}
}

// What others in the account use is not there for us.
func TestBucketsAreShared(t *testing.T) {
	now := noon
	b := &ec2wire.Buckets{Now: func() time.Time { return now }}
	took := func() (n int) {
		for n < 1000 && b.Take("DescribeSubnets", nil) == nil {
			n++
		}
		return n
	}
	b.Share = .1
	first := took()
	now = now.Add(time.Second)
	second := took()
	b.Share = 0
	now = now.Add(time.Second)
	if third := took(); first != 10 || second != 2 || third != 20 {
		t.Errorf("%d, a second later %d, and with all of it %d; want 10, 2, 20", first, second, third)
	}
}

// No call, however odd, breaks the wire.
func FuzzCall(f *testing.F) {
	f.Add("Action=DescribeInstances&Filter.1.Name=tag:&Filter.1.Value.1=&NextToken=3&MaxResults=5")
	f.Add("Action=CreateFleet&Type=instant&TargetCapacitySpecification.TotalTargetCapacity=2&LaunchTemplateConfigs.1.Overrides.1.InstanceType=c7i.xlarge&ClientToken=t")
	f.Add("Action=CreateTags&ResourceId.1=i-1&Tag.1.Key=%00&Tag.1.Value=<")
	f.Add("Action=DescribeLaunchTemplateVersions&Filter.1.Name=ta")
	f.Fuzz(func(t *testing.T, body string) {
		if form, err := url.ParseQuery(body); err == nil && len(form.Get("TargetCapacitySpecification.TotalTargetCapacity")) > 4 {
			t.Skip("more than there is room for here")
		}
		w, _ := newWire(3)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		out := httptest.NewRecorder()
		w.ServeHTTP(out, r)
		if out.Code != http.StatusOK && out.Code >= http.StatusInternalServerError {
			t.Errorf("%q: %d %s", body, out.Code, out.Body)
		}
	})
}

// BenchmarkPages writes ten thousand instances, page by page.
func BenchmarkPages(b *testing.B) {
	w, _ := newWire(10_000)
	w.Whole = true
	for b.Loop() {
		for from := 0; from < 10_000; from += 1000 {
			form := url.Values{"Action": {"DescribeInstances"}, "MaxResults": {"1000"}, "Filter.1.Name": {"tag:skynet:controller"}, "Filter.1.Value.1": {"skynet"}}
			if from > 0 {
				form.Set("NextToken", fmt.Sprint(from))
			}
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://ec2.test/", strings.NewReader(form.Encode()))
			out, err := ec2wire.Direct{Wire: w}.Do(r)
			if err != nil || out.StatusCode != http.StatusOK {
				b.Fatal(out, err)
			}
			_ = out.Body.Close()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/10, "ms/page")
}
