package cloudwatch

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Putter is what publishing asks of CloudWatch's client. IAM: cloudwatch:PutMetricData,
// which knows no resources; the condition cloudwatch:namespace bounds it:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
type Putter interface {
	PutMetricData(ctx context.Context, in *sdk.PutMetricDataInput, o ...func(*sdk.Options)) (*sdk.PutMetricDataOutput, error)
}

var _ Putter = (*sdk.Client)(nil)

// Limits of a request:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
const (
	mostPut     = 1000    // metrics
	mostBytes   = 900_000 // of 1 MB, B
	mostValues  = 150     // of one metric
	packFrom    = 1 << 10 // B; smaller ones are not worth packing
	mostWaiting = 1000    // ticks
	atOnce      = 100     // ticks
	putWithin   = 20 * time.Second
	lastWithin  = 5 * time.Second
)

var greatest = math.Pow(2, 360) // of a value

// Figures are what one tick of one fleet has to tell.
type Figures struct {
	At    time.Time
	Fleet string
	List  []Figure
}

// Figure is one number. What is not known is left out, not 0.
type Figure struct {
	Name  string
	Value float64
	Unit  string // Count, Seconds, Percent or None, as CloudWatch calls them; "": None
}

// Options say where and how figures are published.
type Options struct {
	Namespace  string        // SkyNet
	Controller string        // the dimension that keeps controllers of one account apart
	Interval   time.Duration // between ticks; those of a minute go together if it is shorter
	// Say is told when publishing begins to fail, and when it works again.
	Say func(what string, err error)
}

// Publisher sends figures to CloudWatch, beside the ticks: they never wait for it.
// While it fails the newest figures are kept and sent later.
type Publisher struct {
	api  Putter
	o    Options
	wake chan struct{}

	mu      sync.Mutex
	waiting []Figures
	dropped int
	failing bool
}

// NewPublisher returns a Publisher; Run makes it send.
func NewPublisher(api Putter, o Options) *Publisher {
	if o.Say == nil {
		o.Say = func(string, error) {}
	}
	return &Publisher{api: api, o: o, wake: make(chan struct{}, 1)}
}

// Put hands figures over and returns at once. If too many wait the oldest go.
func (p *Publisher) Put(f Figures) {
	p.mu.Lock()
	p.waiting = append(p.waiting, f)
	p.bound()
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *Publisher) bound() {
	if over := len(p.waiting) - mostWaiting; over > 0 {
		p.waiting, p.dropped = slices.Delete(p.waiting, 0, over), p.dropped+over
	}
}

// Run sends what is handed over until ctx ends, and then the rest, for a few seconds
// at most.
func (p *Publisher) Run(ctx context.Context) {
	for {
		select {
		case <-p.wake:
			p.send(ctx, putWithin, p.take(false))
		case <-ctx.Done():
			p.send(ctx, lastWithin, p.take(true))
			return
		}
	}
}

// take is what is to be sent now. Where there are several ticks a minute, that is the
// minutes that are over: each request costs.
func (p *Publisher) take(all bool) []Figures {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.waiting)
	if !all && p.o.Interval < time.Minute && n > 0 {
		last := p.waiting[n-1].At.Truncate(time.Minute)
		n = max(0, slices.IndexFunc(p.waiting, func(f Figures) bool { return !f.At.Before(last) }))
	}
	taken := slices.Clone(p.waiting[:n])
	p.waiting = slices.Delete(p.waiting, 0, n)
	return taken
}

// send sends figures, or keeps them for later. What CloudWatch finds wrong it would
// find wrong again: that is dropped.
func (p *Publisher) send(ctx context.Context, within time.Duration, list []Figures) {
	if len(list) == 0 {
		return
	}
	end := ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	defer context.AfterFunc(end, func() { time.AfterFunc(lastWithin, cancel) })() // what is under way is not sent twice
	var err error
	for len(list) > 0 && err == nil {
		some := list[:min(atOnce, len(list))]
		if err = p.put(ctx, some); err == nil {
			list = list[len(some):]
		}
	}
	p.mu.Lock()
	switch {
	case err == nil:
	case hopeless(err):
		p.dropped += len(list)
	default:
		p.waiting = append(slices.Clip(list), p.waiting...)
		p.bound()
	}
	changed, dropped := p.failing != (err != nil), p.dropped
	if p.failing = err != nil; !p.failing {
		p.dropped = 0
	}
	p.mu.Unlock()
	switch {
	case changed && err != nil:
		p.o.Say("figures cannot be published to CloudWatch, and are tried again with each tick", meaning(ctx, err))
	case changed:
		p.o.Say(fmt.Sprintf("figures are published to CloudWatch again; those of %d ticks were dropped", dropped), nil)
	}
}

func (p *Publisher) put(ctx context.Context, list []Figures) error {
	for _, r := range requests(p.o, list) {
		if _, err := p.api.PutMetricData(ctx, r, func(o *sdk.Options) { o.RequestMinCompressSizeBytes = packFrom }); err != nil {
			return err
		}
	}
	return nil
}

// series is what figures have in common that become one metric of a request.
type series struct {
	fleet, name string
	minute      time.Time
}

// requests are figures as CloudWatch takes them: those of one minute together, with
// all their values, so that percentiles are right.
func requests(o Options, list []Figures) (out []*sdk.PutMetricDataInput) {
	var data []types.MetricDatum
	at := map[series]int{}
	for _, f := range list {
		for _, g := range f.List {
			if math.IsNaN(g.Value) || math.Abs(g.Value) > greatest {
				continue
			}
			k := series{f.Fleet, g.Name, f.At.Truncate(time.Minute)}
			i, there := at[k]
			if !there || len(data[i].Values) >= mostValues {
				i, at[k] = len(data), len(data)
				data = append(data, datum(o, f, g))
			}
			add(&data[i], g.Value)
		}
	}
	for len(data) > 0 {
		n, size := 0, 0
		for n < len(data) && n < mostPut && size+sizeOf(&data[n]) <= mostBytes {
			size += sizeOf(&data[n])
			n++
		}
		n = max(n, 1)
		out, data = append(out, &sdk.PutMetricDataInput{Namespace: &o.Namespace, MetricData: data[:n:n]}), data[n:]
	}
	return out
}

func datum(o Options, f Figures, g Figure) types.MetricDatum {
	unit := types.StandardUnit(g.Unit)
	if unit == "" {
		unit = types.StandardUnitNone
	}
	d := types.MetricDatum{MetricName: &g.Name, Timestamp: &f.At, Unit: unit}
	for _, v := range [][2]string{{"Controller", o.Controller}, {"Fleet", f.Fleet}} {
		if v[1] != "" {
			d.Dimensions = append(d.Dimensions, types.Dimension{Name: &v[0], Value: &v[1]})
		}
	}
	return d
}

func add(d *types.MetricDatum, v float64) {
	if i := slices.Index(d.Values, v); i >= 0 {
		d.Counts[i]++
		return
	}
	d.Values, d.Counts = append(d.Values, v), append(d.Counts, 1)
}

// sizeOf is no less than what a metric takes in a request, unpacked, B.
func sizeOf(d *types.MetricDatum) int {
	n := 150 + len(*d.MetricName) + 18*len(d.Values)
	for _, v := range d.Dimensions {
		n += 20 + len(*v.Name) + len(*v.Value)
	}
	return n
}
