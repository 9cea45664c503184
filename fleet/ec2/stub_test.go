package ec2_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/test/ec2wire"
)

// stub speaks EC2's protocol, without a socket, and keeps its documented promises; it can also break
// them, one at a time.
type stub struct {
	mu       sync.Mutex
	clock    time.Time
	cloud    *ec2wire.Cloud
	wire     *ec2wire.Wire
	calls    []url.Values // all that arrived
	faults   func(action string, form url.Values) *fault
	template string // XML of the launch template's data
	tall     bool   // its types cannot hibernate
	prices   string
}

type machine = ec2wire.Instance

// fault is an answer that is not the true one.
type fault struct {
	status        int
	code, message string
	after         bool // what was asked is done first
	hangup        bool
}

const (
	account = "123456789012"
	region  = "eu-west-1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newStub() *stub {
	s := &stub{clock: noon, template: metadataOn}
	s.cloud = &ec2wire.Cloud{Now: func() time.Time { return s.clock }, Zones: zones, None: map[string]string{}}
	s.wire = &ec2wire.Wire{Backend: s.cloud, Before: s.before}
	return s
}

// zones of the subnets that there are: subnet-a1 is in eu-west-1a.
var zones = map[string]string{"subnet-a1": region + "a", "subnet-a2": region + "a", "subnet-b1": region + "b"}

// catalogue is what there is to launch.
func (s *stub) catalogue() ec2wire.Catalogue {
	both := []string{region + "a", region + "b"}
	some := ec2wire.Type{Hibernates: !s.tall, MiB: 8192}
	version := func(n int, aliases ...string) ec2wire.Template {
		return ec2wire.Template{Name: "render", ID: "lt-1", Number: n, Aliases: aliases, Data: s.template}
	}
	return ec2wire.Catalogue{
		Zones: zones, GiB: 30, Prices: s.prices,
		Sold:      map[string][]string{"c7i.xlarge": both, "c7a.xlarge": both, "c7g.xlarge": both[1:]},
		Templates: []ec2wire.Template{version(7), version(9, "$Latest"), version(3, "$Default")},
		Types:     map[string]ec2wire.Type{"c7i.xlarge": some, "c7a.xlarge": some, "c7g.xlarge": some},
	}
}

const metadataOn = `<metadataOptions><httpTokens>required</httpTokens><instanceMetadataTags>enabled</instanceMetadataTags></metadataOptions>`

func (s *stub) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *stub) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

// config is an SDK configuration whose calls end here. It tries three times, without
// a pause.
func (s *stub) config() aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String("http://ec2.test"), HTTPClient: s,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

func (s *stub) client() *sdk.Client {
	return sdk.NewFromConfig(s.config(), func(o *sdk.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxBackoff, o.RateLimiter = time.Nanosecond, ratelimit.None
		})
	})
}

// who is an identity.
type who string

func (w who) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	if w == "" {
		return nil, fmt.Errorf("no answer")
	}
	return &sts.GetCallerIdentityOutput{Account: aws.String(string(w)), Arn: aws.String("arn:of:" + string(w))}, nil
}

func (s *stub) options() ec2.Options {
	return ec2.Options{
		Controller: "skynet", Account: account, Region: region, Identity: who(account), Now: s.now,
		Templates: []ec2.Template{{
			Fleet: "render", Name: "render", Version: "7", Subnets: []string{"subnet-a1", "subnet-b1", "subnet-a2"},
			Types: []string{"c7i.xlarge", "c7a.xlarge"}, Tags: map[string]string{"team": "media"},
			Prices: map[string]float64{"c7i.xlarge": 0.1785},
		}},
	}
}

// fleet is one that has passed the checks.
func (s *stub) fleet(t testing.TB, change ...func(*ec2.Options)) *ec2.Fleet {
	t.Helper()
	o := s.options()
	for _, c := range change {
		c(&o)
	}
	f := ec2.New(s.client(), o)
	if err := f.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	return f
}

func halfSpot(o *ec2.Options) {
	o.Templates[0].Spot = &ec2.Spot{Share: 0.5, Strategy: "price-capacity-optimized"}
}

// sent are the calls of one action, each once, however often the SDK tried it.
func (s *stub) sent(action string) (list []url.Values) {
	tried := map[string]bool{}
	for _, c := range s.tries(action) {
		if !tried[c.Get(invocation)] {
			list = append(list, c)
		}
		tried[c.Get(invocation)] = true
	}
	return list
}

// invocation is the same for all tries of one call.
const invocation = "invocation"

// tries are all tries of one action.
func (s *stub) tries(action string) (list []url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.Get("Action") == action {
			list = append(list, c)
		}
	}
	return list
}

// bought counts what was launched under a token, in all its calls.
func (s *stub) bought(token string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.cloud.All() {
		if m.Tags[fleet.TagIntent] == token {
			n++
		}
	}
	return n
}

// put adds machines of the fleet, by hand.
func (s *stub) put(n int, change ...func(*machine)) (ids []fleet.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		m := s.cloud.Add("c7i.xlarge", "subnet-a1", false)
		m.Tags = map[string]string{fleet.TagController: "skynet", fleet.TagFleet: "render", fleet.TagIntent: "by-hand"}
		m.State = "running"
		for _, c := range change {
			c(m)
		}
		ids = append(ids, fleet.ID(m.ID))
	}
	return ids
}

func (s *stub) machine(id fleet.ID) *machine { return s.cloud.Find(string(id)) }

// lose has some machines never have been there.
func (s *stub) lose(from, to int) {
	for _, m := range slices.Clone(s.cloud.All()[from:to]) {
		s.cloud.Remove(m.ID)
	}
}

// Do answers a call in the caller's goroutine: on a busy machine sockets lose answers.
func (s *stub) Do(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.Catalogue = s.catalogue()
	return ec2wire.Direct{Wire: s.wire}.Do(r)
}

// before takes note of a call, and has it fail where the test says so.
func (s *stub) before(c *ec2wire.Call) *ec2wire.Fault {
	call := maps.Clone(c.Form)
	call.Set(invocation, c.Invocation)
	s.calls = append(s.calls, call)
	if s.faults == nil {
		return nil
	}
	f := s.faults(c.Action, c.Form)
	if f == nil {
		return nil
	}
	return &ec2wire.Fault{Error: ec2wire.Error{Status: f.status, Code: f.code, Message: f.message}, After: f.after, Hangup: f.hangup}
}
