package cloudwatch_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/signals/cloudwatch"
	"skynet/test/metrics"
)

const day = 24 * time.Hour

// Whatever is asked for is asked for without a gap, no part twice, nothing finer than
// what is kept, and by the finest that is.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := noon.Add(time.Duration(rapid.Int64Range(0, int64(day)).Draw(rt, "now")))
		from := now.Add(-time.Duration(rapid.Int64Range(0, int64(440*day)).Draw(rt, "from")))
		to := cloudwatch.Settled(now)
		at := from.Truncate(time.Hour)
		for _, s := range cloudwatch.Spans(from, to, now) {
			age := now.Sub(s.From)
			finest := map[time.Duration]time.Duration{time.Minute: 15 * day, 5 * time.Minute: 63 * day, time.Hour: 455 * day}
			coarse := map[time.Duration]time.Duration{time.Minute: 0, 5 * time.Minute: 15*day - 2*time.Hour, time.Hour: 63*day - 2*time.Hour}
			switch {
			case !s.From.Equal(at) || !s.To.After(s.From):
				rt.Fatalf("%v follows %s", s, at)
			case age >= finest[s.Period] || now.Sub(s.To) < coarse[s.Period]-time.Hour:
				rt.Fatalf("%v, now %s", s, now)
			case !s.From.Truncate(time.Hour).Equal(s.From) || s.To.Sub(s.From)/s.Period > 1440:
				rt.Fatalf("%v", s)
			}
			at = s.To
		}
		if at.Before(to) {
			rt.Fatalf("ends at %s of %s", at, to)
		}
	})
}

// The past is whole or not there.
func TestPastIsWhole(t *testing.T) {
	s := metrics.Start(t)
	m := cloudwatch.OfQueue("photos", "NumberOfMessagesSent", "Sum")
	span := cloudwatch.Span{From: noon, To: noon.Add(time.Hour), Period: 5 * time.Minute}
	for i := range 60 {
		s.Put("AWS/SQS", "NumberOfMessagesSent", noon.Add(time.Duration(i)*time.Minute), 1, "QueueName=photos")
	}
	r := readerOf(s)
	s.Pages(7)
	if got, err := r.Past(t.Context(), []cloudwatch.Metric{m}, span); err != nil || len(got[0]) != 12 || got[0][3] != (cloudwatch.Point{At: noon.Add(15 * time.Minute), Value: 5}) {
		t.Errorf("%v, %v", got, err)
	}
	s.Fail(metrics.Fault{Code: "InternalServiceFault", Status: 500}) // is tried again
	if got, err := r.Past(t.Context(), []cloudwatch.Metric{m}, span); err != nil || len(got[0]) != 12 {
		t.Errorf("%v, %v", got, err)
	}
	asked := len(s.Asked())
	s.Fail(metrics.Fault{Code: "AccessDenied"}) // is not
	if got, err := r.Past(t.Context(), []cloudwatch.Metric{m}, span); !errors.Is(err, fleet.ErrDenied) || got != nil || len(s.Asked()) != asked+1 {
		t.Errorf("%v, %v", got, err)
	}
	s.Say("NumberOfMessagesSent", "PartialData")
	if got, err := r.Past(t.Context(), []cloudwatch.Metric{m}, span); err == nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWhileInUse(t *testing.T) {
	at := func(i int, v float64) cloudwatch.Point {
		return cloudwatch.Point{At: noon.Add(time.Duration(i) * time.Minute), Value: v}
	}
	got := cloudwatch.While([]cloudwatch.Point{at(1, 9), at(2, 9), at(4, 9)}, []cloudwatch.Point{at(2, 3), at(5, 4)})
	if want := []cloudwatch.Point{at(1, 0), at(2, 3), at(4, 0), at(5, 4)}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
