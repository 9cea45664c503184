package cloudwatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"skynet/signals"
	"skynet/signals/cloudwatch"
	"skynet/test/metrics"
	"skynet/test/moto"
)

// What is published is read again. moto 5.2.5 knows no rpc-v2-cbor, so a bridge
// carries it over; it knows no paging, no status but Complete, no percentiles, and keeps
// every period for ever: TestManyInBatches, TestStatus and TestSpans cover what Amazon
// documents.
func TestMotoPublishesAndReads(t *testing.T) {
	m := moto.Start(t)
	c := m.Config()
	c.BaseEndpoint = aws.String(metrics.Bridge(t, m.URL))
	api := sdk.NewFromConfig(c)
	p := cloudwatch.NewPublisher(api, cloudwatch.Options{Namespace: "SkyNet", Controller: "blue", Interval: time.Minute, Say: func(what string, err error) {
		t.Error(what, err)
	}})
	now := time.Now().UTC()
	for i := range 6 {
		p.Put(cloudwatch.Figures{At: now.Add(time.Duration(i-8) * time.Minute), Fleet: "render", List: []cloudwatch.Figure{{Name: "want", Value: float64(i), Unit: "Count"}}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Run(ctx)
	metric := cloudwatch.Metric{
		Namespace: "SkyNet", Name: "want", Statistic: "Maximum", Period: time.Minute,
		Dimensions: []cloudwatch.Dimension{{Name: "Controller", Value: "blue"}, {Name: "Fleet", Value: "render"}},
	}
	missing := metric
	missing.Name = "wont"
	r := cloudwatch.NewReader(api)
	src := cloudwatch.NewSource(r, time.Minute, cloudwatch.Signal{Name: "want.before", Metric: metric}, cloudwatch.Signal{Name: "wont.before", Metric: missing})
	got := src.Read(t.Context(), now)
	want := signals.Known("want.before", 5, now.Add(-3*time.Minute).Truncate(time.Minute).Add(time.Minute), 7*time.Minute)
	if got[0] != want || got[1].Unknown == "" {
		t.Errorf("got %+v, want %+v; its log:\n%s", got, want, m.Log())
	}
	points, err := r.Past(t.Context(), []cloudwatch.Metric{metric}, cloudwatch.Span{From: now.Add(-2 * time.Hour).Truncate(time.Hour), To: now.Truncate(time.Minute), Period: time.Hour})
	if err != nil || len(points[0]) == 0 || points[0][len(points[0])-1].Value != 5 {
		t.Errorf("%v, %v", points, err)
	}
}
