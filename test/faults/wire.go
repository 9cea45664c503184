package faults

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skynet/fleet/ec2"
	"skynet/fleet/roster"
	"skynet/lease"
	"skynet/test/ec2wire"
)

const (
	wiredAccount = "123456789012"
	wiredRegion  = "eu-west-1"
	wiredName    = "skynet" // of the controller
)

// lawSame is the wire's own law.
const lawSame = "what is sent again under a client token is the very same request"

// wired reaches the fleet as the daemon does on AWS: by fleet/ec2, the SDK's client and
// EC2's protocol, and keeps journals in SQLite's files. All of it runs in the caller's
// goroutine, and the world says when time passes.
type wired struct {
	rates ec2wire.Buckets   // the account's
	dir   string            // of all disks
	forms map[string]string // the request under each client token
	zones map[string]string // of instances, as they became known

	orphans []*orphan
}

var _ Way = (*wired)(nil)

// newWired makes the way of one world, with a folder for its disks.
func newWired(w *World) (*wired, error) {
	dir, err := os.MkdirTemp("", "skynet-faults-")
	if err != nil {
		return nil, fmt.Errorf("a folder for journals: %w", err)
	}
	d := &wired{rates: ec2wire.Buckets{Now: w.Now}, dir: dir, forms: map[string]string{}, zones: map[string]string{}}
	d.abandon(w)
	return d, nil
}

// Reach implements Way.
func (d *wired) Reach(h *Host, m Machines) (Reach, error) {
	l := cable{h, d, &ec2wire.Wire{Backend: backend{h, d, m}, Catalogue: catalogue()}}
	l.wire.Before = l.faults
	cfg := aws.Config{
		Region: wiredRegion, BaseEndpoint: aws.String("http://ec2.world"), HTTPClient: lease.Client(l),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "world", SecretAccessKey: "world"}, nil
		}),
	}
	f := ec2.New(ec2.ClientBy(cfg, retries{retry.NewStandard(), h}), ec2.Options{
		Controller: wiredName, Account: wiredAccount, Region: wiredRegion, Identity: me{}, Now: h.World.Now, Log: h.slog(),
		Templates: []ec2.Template{template(h.scene.spot)},
	})
	h.end = h.now + time.Minute
	if err := f.Check(context.Background()); err != nil {
		return Reach{}, err
	}
	news, orphans := &news{Host: h, fleet: f, told: map[*machine]time.Duration{}}, &reaping{Host: h, fleet: f}
	return Reach{
		Cloud: f, Roster: &roster.Roster{Registry: f, Ears: h.Ears()},
		Before: func(now time.Time) { news.read(now); orphans.look(now) },
	}, nil
}

// template is the fleet's, with its share of Spot instances.
func template(spot float64) ec2.Template {
	t := ec2.Template{
		Fleet: fleetName, Name: "render", Version: "$Latest", Types: []string{"c7i.xlarge", "c7a.xlarge"},
		Subnets: []string{"subnet-a", "subnet-b", "subnet-c"}, Tags: map[string]string{"team": "media"},
	}
	if spot > 0 {
		t.Spot = &ec2.Spot{Share: spot, Strategy: "price-capacity-optimized"}
	}
	return t
}

func catalogue() ec2wire.Catalogue {
	zones := []string{wiredRegion + "a", wiredRegion + "b", wiredRegion + "c"}
	return ec2wire.Catalogue{
		Zones: map[string]string{"subnet-a": zones[0], "subnet-b": zones[1], "subnet-c": zones[2]},
		Sold:  map[string][]string{"c7i.xlarge": zones, "c7a.xlarge": zones}, GiB: 30,
		Templates: []ec2wire.Template{{
			Name: "render", ID: "lt-1", Number: 7, Aliases: []string{"$Latest"},
			Data: "<metadataOptions><instanceMetadataTags>enabled</instanceMetadataTags></metadataOptions>",
		}},
	}
}

// me is whose credentials we have.
type me struct{}

func (me) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: aws.String(wiredAccount), Arn: aws.String("arn:of:the-world")}, nil
}

// retries are the SDK's, waiting in the world's time and for as long as its chance says.
type retries struct {
	*retry.Standard
	*Host
}

var _ aws.RetryerV2 = retries{}

// RetryDelay waits itself. Where the call's time is over before, it is not tried again.
func (r retries) RetryDelay(attempt int, _ error) (time.Duration, error) {
	const most = 20 * time.Second
	longest := min(most, time.Second<<min(attempt, 5))
	d := between(r.Draw(forLatency), 0, longest)
	left := r.end - r.now
	r.Wait(max(0, min(d, left)))
	if d >= left {
		return 0, fmt.Errorf("not tried again: %w", context.DeadlineExceeded)
	}
	return 0, nil
}

// cable carries requests to EC2, and answers back.
type cable struct {
	*Host
	way  *wired
	wire *ec2wire.Wire
}

// Do implements the SDK's HTTP client.
func (l cable) Do(r *http.Request) (*http.Response, error) {
	if l.now >= l.end && l.end > 0 {
		return nil, context.DeadlineExceeded
	}
	return ec2wire.Direct{Wire: l.wire}.Do(r)
}

// faults are those of the wire's own kind.
func (l cable) faults(c *ec2wire.Call) *ec2wire.Fault {
	if f := l.throttled(c); f != nil {
		return f
	}
	if l.Strikes(EC2Errors, .3) {
		r := l.Draw(EC2Errors)
		f := ec2wire.Fault{Error: pick(r, ec2wire.Error{Status: 500, Code: "InternalError"}, ec2wire.Error{Status: 503, Code: "Unavailable"}, ec2wire.Error{Status: 502}), After: r.IntN(2) == 0}
		l.Tell("EC2", "answers %s with %d %s (it took effect: %t)", c.Action, f.Status, f.Code, f.After)
		if !f.After {
			l.Wait(between(r, 10*time.Millisecond, time.Second))
		}
		return &f
	}
	if l.Strikes(EC2Cut, .2) {
		l.Tell("EC2", "ends its answer to %s in the middle", c.Action)
		return &ec2wire.Fault{Cut: true}
	}
	return nil
}

// throttled is what a call is answered for which the account has no tokens left: in bad
// weather others in it use up nearly all.
func (l cable) throttled(c *ec2wire.Call) *ec2wire.Fault {
	l.way.rates.Share = 1 - .98*l.Blows(Throttled)
	f := l.way.rates.Take(c.Action, c.Form)
	if f != nil {
		l.Tell("EC2", "throttles %s", c.Action)
		l.Wait(20 * time.Millisecond)
	}
	return f
}

// news are what EventBridge tells of instances: the second way in which an
// interruption is heard of, on a best effort basis.
type news struct {
	*Host
	fleet *ec2.Fleet
	told  map[*machine]time.Duration
}

// read takes in what has arrived, as the daemon does.
func (n *news) read(now time.Time) {
	for _, m := range n.cloud.all {
		if m.notice == nil || n.told[m] == m.started {
			continue
		}
		n.told[m] = m.started
		if n.Strikes(BeatsLost, .3) {
			continue
		}
		e, err := n.fleet.Event(notice(m))
		if err == nil && e.Ours && e.Interruption != nil {
			n.ears.Notice(now, e.ID, *e.Interruption)
		}
	}
}

// notice is an interruption in EventBridge's words.
func notice(m *machine) []byte {
	return fmt.Appendf(nil, `{"detail-type":%q,"source":"aws.ec2","account":%q,"region":%q,"time":%q,"detail":{"instance-id":%q,"instance-action":%q}}`,
		ec2.Interrupted, wiredAccount, wiredRegion, m.notice.At.Add(-warned).Format(time.RFC3339), m.ID, m.notice.Action)
}

var _ sdk.HTTPClient = cable{}
