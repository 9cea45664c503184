package cloudwatch_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"skynet/signals/cloudwatch"
	"skynet/test/metrics"
)

// press is a running Publisher. What it says is kept.
type press struct {
	*cloudwatch.Publisher
	server *metrics.Server
	mu     sync.Mutex
	said   []string
	end    func()
}

func publish(t *testing.T, interval time.Duration) *press {
	t.Helper()
	p := &press{server: metrics.Start(t)}
	p.Publisher = cloudwatch.NewPublisher(sdk.NewFromConfig(p.server.Config()), cloudwatch.Options{
		Namespace: "SkyNet", Controller: "blue", Interval: interval, Say: func(what string, err error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.said = append(p.said, fmt.Sprint(what, ": ", err))
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	p.end = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(p.end)
	return p
}

func (p *press) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

func tick(i int, list ...cloudwatch.Figure) cloudwatch.Figures {
	return cloudwatch.Figures{At: noon.Add(time.Duration(i) * time.Minute), Fleet: "render", List: list}
}

// until waits for what another goroutine does.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s has not happened", what)
		}
	}
}

func TestPublishes(t *testing.T) {
	p := publish(t, time.Minute)
	p.Put(tick(0, cloudwatch.Figure{Name: "want", Value: 4, Unit: "Count"}, cloudwatch.Figure{Name: "have", Value: math.NaN()},
		cloudwatch.Figure{Name: "great", Value: math.Inf(1)}))
	until(t, "a request", func() bool { return len(p.server.Asked()) == 1 })
	p.Put(tick(1, cloudwatch.Figure{Name: "want", Value: 5}))
	p.end()
	if got := p.server.Keys(); !slices.Equal(got, []string{"SkyNet|want|Controller=blue|Fleet=render"}) {
		t.Errorf("got %v", got)
	}
	if n, sum := p.server.Count("SkyNet", "want", "Controller=blue", "Fleet=render"); n != 2 || sum != 9 || len(p.told()) != 0 {
		t.Errorf("%g values, %g; %v", n, sum, p.told())
	}
}

// Ticks of seconds go together by the minute, with all their values.
func TestPublishesByTheMinute(t *testing.T) {
	p := publish(t, time.Second)
	for i := range 150 {
		p.Put(cloudwatch.Figures{At: noon.Add(time.Duration(i) * time.Second), Fleet: "render", List: []cloudwatch.Figure{{Name: "want", Value: float64(i % 3)}}})
		if i == 119 {
			until(t, "a request", func() bool { return len(p.server.Asked()) > 0 })
		}
	}
	p.end()
	if n, sum := p.server.Count("SkyNet", "want", "Controller=blue", "Fleet=render"); n != 150 || sum != 150 || len(p.server.Asked()) > 4 {
		t.Errorf("%g values, %g, in %d requests", n, sum, len(p.server.Asked()))
	}
}

// A thousand metrics and no more go into a request, packed.
func TestPublishesMany(t *testing.T) {
	p := publish(t, time.Minute)
	f := tick(0)
	for i := range 2500 {
		f.List = append(f.List, cloudwatch.Figure{Name: fmt.Sprintf("%0200d", i), Value: float64(i)})
	}
	p.Put(f)
	p.end()
	var sizes []int
	for _, r := range p.server.Asked() {
		if sizes = append(sizes, r.Metrics); !r.Packed {
			t.Error("not packed")
		}
	}
	if len(p.server.Keys()) != 2500 || !slices.Equal(sizes, []int{1000, 1000, 500}) {
		t.Errorf("%d metrics in %v", len(p.server.Keys()), sizes)
	}
}

// Put never waits, also while CloudWatch does not answer, and what waits is bounded:
// the oldest go.
func TestPublishingNeverBlocks(t *testing.T) {
	p := publish(t, time.Minute)
	hang := make(chan struct{})
	p.server.Fail(metrics.Fault{Hang: hang})
	p.Put(tick(0, cloudwatch.Figure{Name: "want", Value: 1}))
	until(t, "a request", func() bool { return len(p.server.Asked()) == 1 })
	for i := range 3000 {
		p.Put(tick(i+1, cloudwatch.Figure{Name: "want", Value: 1}))
	}
	close(hang)
	p.end()
	if n, _ := p.server.Count("SkyNet", "want", "Controller=blue", "Fleet=render"); n != 1001 {
		t.Errorf("%g values", n)
	}
}

// What fails is said once, kept, and sent later; what is wrong is dropped.
func TestPublishingFails(t *testing.T) {
	p := publish(t, time.Minute)
	p.server.Fail(metrics.Fault{Code: "Throttling"}, metrics.Fault{Code: "InternalServiceFault", Status: 500}, metrics.Fault{Code: "InvalidParameterValue", Said: "not so"},
		metrics.Fault{Code: "AccessDenied", Said: "not you"})
	for i := range 5 {
		p.Put(tick(i, cloudwatch.Figure{Name: "want", Value: 1}))
		until(t, "a request", func() bool { return len(p.server.Asked()) == i+1 })
	}
	until(t, "its end", func() bool { return len(p.told()) == 2 })
	p.end()
	told := p.told()
	if n, _ := p.server.Count("SkyNet", "want", "Controller=blue", "Fleet=render"); n != 2 {
		t.Errorf("%g values", n)
	}
	if !strings.Contains(told[0], "cannot be published") || !strings.Contains(told[0], "throttled") || !strings.Contains(told[1], "again; those of 3 ticks were dropped") {
		t.Errorf("said %q", told)
	}
}

// What is under way when the daemon ends is waited for, and not sent twice.
func TestPublishingEnds(t *testing.T) {
	p := publish(t, time.Minute)
	hang := make(chan struct{})
	p.server.Fail(metrics.Fault{Hang: hang})
	p.Put(tick(0, cloudwatch.Figure{Name: "want", Value: 1}))
	until(t, "a request", func() bool { return len(p.server.Asked()) == 1 })
	ended := make(chan struct{})
	go func() { p.end(); close(ended) }()
	time.AfterFunc(50*time.Millisecond, func() { close(hang) })
	<-ended
	if n, _ := p.server.Count("SkyNet", "want", "Controller=blue", "Fleet=render"); n != 1 || len(p.server.Asked()) != 1 || len(p.told()) != 0 {
		t.Errorf("%g values in %d requests; %v", n, len(p.server.Asked()), p.told())
	}
}

// A request has at most 150 values of a metric, and is no longer than a megabyte.
func TestPublishesMuch(t *testing.T) {
	p := publish(t, time.Second)
	f := tick(0)
	for i := range 400 {
		f.List = append(f.List, cloudwatch.Figure{Name: "want", Value: float64(i)})
	}
	p.Put(f)
	for second := range 60 {
		f := cloudwatch.Figures{At: noon.Add(time.Duration(second) * time.Second), Fleet: "much"}
		for i := range 900 {
			f.List = append(f.List, cloudwatch.Figure{Name: fmt.Sprint(i), Value: float64(second) + 0.1})
		}
		p.Put(f)
	}
	p.end()
	if n, _ := p.server.Count("SkyNet", "want", "Controller=blue", "Fleet=render"); n != 400 {
		t.Errorf("%g values", n)
	}
	if n, _ := p.server.Count("SkyNet", "899", "Controller=blue", "Fleet=much"); n != 60 || len(p.told()) > 0 {
		t.Errorf("%g values; %v", n, p.told())
	}
}

// A failure in the middle has the rest sent later, and nothing twice.
func TestPublishesTheRestLater(t *testing.T) {
	p := publish(t, time.Minute)
	hang := make(chan struct{})
	p.server.Fail(metrics.Fault{Hang: hang, Code: "Throttling"}, metrics.Fault{}, metrics.Fault{Code: "Throttling"})
	p.Put(tick(0, cloudwatch.Figure{Name: "want", Value: 1}))
	until(t, "a request", func() bool { return len(p.server.Asked()) == 1 })
	for i := range 150 {
		p.Put(tick(i+1, cloudwatch.Figure{Name: "want", Value: 1}))
	}
	close(hang)
	until(t, "three requests", func() bool { return len(p.server.Asked()) == 3 })
	p.end()
	if n, _ := p.server.Count("SkyNet", "want", "Controller=blue", "Fleet=render"); n != 151 {
		t.Errorf("%g values", n)
	}
}
