package cloudwatch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"pgregory.net/rapid"

	"skynet/signals"
	"skynet/signals/cloudwatch"
	"skynet/test/metrics"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(hhmmss string) time.Time {
	t, err := time.Parse(time.TimeOnly, hhmmss)
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 3, 1, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

func readerOf(s *metrics.Server) *cloudwatch.Reader {
	return cloudwatch.NewReader(sdk.NewFromConfig(s.Config()))
}

// sent is what arrives in a queue each minute, as a signal.
func sent() cloudwatch.Signal {
	return cloudwatch.Signal{Name: "photos.sent", Metric: cloudwatch.OfQueue("photos", "NumberOfMessagesSent", "Sum")}
}

func readOne(t *testing.T, s *cloudwatch.Source, now time.Time) signals.Signal {
	t.Helper()
	list := s.Read(t.Context(), now)
	if len(list) != 1 {
		t.Fatalf("got %v", list)
	}
	return list[0]
}

// What is asked for ended two minutes ago; what is newer is not yet whole.
func TestTakesTheNewestThatIsWhole(t *testing.T) {
	s := metrics.Start(t)
	for m := range 10 {
		s.Put("AWS/SQS", "NumberOfMessagesSent", noon.Add(time.Duration(m)*time.Minute+5*time.Second), float64(m), "QueueName=photos")
	}
	src := cloudwatch.NewSource(readerOf(s), time.Minute, sent())
	got := readOne(t, src, at("12:05:30")) // 12:03:30 is two minutes ago: 12:02 to 12:03 is whole
	want := signals.Known("photos.sent", 2, at("12:03:00"), 7*time.Minute)
	if got != want {
		t.Errorf("got %+v", got)
	}
	r := s.Asked()[0]
	if !r.To.Equal(at("12:03:00")) || !r.From.Equal(at("11:56:00")) || r.Metrics != 1 {
		t.Errorf("asked %+v", r)
	}
}

// Fleets share a source: what is known is not asked for again until there must be
// something new, and what is late is asked for at the next tick.
func TestAsksOnceForADatapoint(t *testing.T) {
	s := metrics.Start(t)
	put := func(when string, v float64) {
		s.Put("AWS/SQS", "NumberOfMessagesSent", at(when), v, "QueueName=photos")
	}
	put("12:00:30", 1)
	src := cloudwatch.NewSource(readerOf(s), time.Minute, sent())
	for _, step := range []struct {
		now   string
		asked int
		value float64
	}{
		{"12:03:01", 1, 1}, {"12:03:02", 1, 1}, // another fleet
		{"12:03:59", 1, 1},                     // nothing new can be there
		{"12:04:01", 2, 1},                     // that of 12:01 is late
		{"12:04:03", 2, 1}, {"12:05:01", 3, 1}, // asked for at each tick
	} {
		got := readOne(t, src, at(step.now))
		if len(s.Asked()) != step.asked || got.Value != step.value || got.Unknown != "" {
			t.Errorf("%s: asked %d times, %+v", step.now, len(s.Asked()), got)
		}
	}
	put("12:01:30", 5)
	put("12:02:30", 6)
	if got := readOne(t, src, at("12:05:40")); got.Value != 6 || got.At != at("12:03:00") || len(s.Asked()) != 4 {
		t.Errorf("asked %d times, %+v", len(s.Asked()), got)
	}
}

// A metric of an hour that is late is not asked for each minute: each time costs.
func TestLongPeriodsAreAskedForSeldom(t *testing.T) {
	s := metrics.Start(t)
	hourly := cloudwatch.Signal{Name: "a", Metric: cloudwatch.Metric{Namespace: "N", Name: "A", Statistic: "Average", Period: time.Hour}}
	src := cloudwatch.NewSource(readerOf(s), time.Minute, hourly)
	for m := range 60 {
		readOne(t, src, noon.Add(time.Duration(m)*time.Minute))
	}
	if n := len(s.Asked()); n != 5 {
		t.Errorf("asked %d times", n)
	}
	if n := src.Monthly(); n != 720 {
		t.Errorf("%g metrics a month", n)
	}
}

// One datapoint that comes late does not make a signal unknown; many do.
func TestLateIsNotUnknown(t *testing.T) {
	s := metrics.Start(t)
	src := cloudwatch.NewSource(readerOf(s), time.Minute, sent())
	var blind []string
	for m := range 20 {
		now := noon.Add(time.Duration(m)*time.Minute + time.Second)
		if m < 10 && m != 5 { // that of 12:05 never comes, after 12:09 none
			s.Put("AWS/SQS", "NumberOfMessagesSent", now, 1, "QueueName=photos")
		}
		sig := readOne(t, src, now)
		if _, err := sig.Check(now); err != nil {
			blind = append(blind, now.Format("15:04"))
		}
	}
	want := []string{"12:00", "12:01", "12:02", "12:17", "12:18", "12:19"}
	if !slices.Equal(blind, want) {
		t.Errorf("unknown at %v", blind)
	}
}

func TestManyInBatches(t *testing.T) {
	s := metrics.Start(t)
	var list []cloudwatch.Signal
	for i := range 1201 {
		q := fmt.Sprintf("q%d", i)
		s.Put("AWS/SQS", "NumberOfMessagesSent", noon, float64(i), "QueueName="+q)
		list = append(list, cloudwatch.Signal{Name: q, Metric: cloudwatch.OfQueue(q, "NumberOfMessagesSent", "Sum")})
	}
	s.Pages(100)
	r := readerOf(s)
	got := cloudwatch.NewSource(r, time.Minute, list...).Read(t.Context(), at("12:03:00"))
	for i, sig := range got {
		if sig.Value != float64(i) || sig.Unknown != "" {
			t.Fatalf("%d: %+v", i, sig)
		}
	}
	if n := len(s.Asked()); n != 13 || r.Asked() != (cloudwatch.Asked{Requests: 13, Metrics: 5*500 + 5*500 + 3*201}) {
		t.Errorf("%d requests, counted %+v", n, r.Asked())
	}
	if c := r.Asked().Cost(); c < 0.05 || c > 0.06 {
		t.Errorf("costs %g", c)
	}
}

// What is not whole is unknown, with the reason; others are not.
func TestStatus(t *testing.T) {
	for status, want := range map[string]string{
		"PartialData": "a part of the data only", "InternalError": "an internal error",
		"Forbidden": "cloudwatch:GetMetricData", "Else": `answers "Else"`,
	} {
		s := metrics.Start(t)
		s.Put("AWS/SQS", "NumberOfMessagesSent", noon, 3, "QueueName=photos")
		s.Put("AWS/SQS", "NumberOfMessagesDeleted", noon, 2, "QueueName=photos")
		s.Say("NumberOfMessagesSent", status)
		other := cloudwatch.Signal{Name: "photos.deleted", Metric: cloudwatch.OfQueue("photos", "NumberOfMessagesDeleted", "Sum")}
		got := cloudwatch.NewSource(readerOf(s), time.Minute, sent(), other).Read(t.Context(), at("12:03:00"))
		if !strings.Contains(got[0].Unknown, want) || got[0].Value != 0 || got[1].Value != 2 || got[1].Unknown != "" {
			t.Errorf("%s: %+v", status, got)
		}
	}
}

// A request that fails leaves what was known, while that is good.
func TestFailures(t *testing.T) {
	for code, want := range map[string]string{
		"Throttling":                   "throttled",
		"ThrottlingException":          "throttled",
		"AccessDenied":                 "not allowed by CloudWatch: not you",
		"InternalServiceFault":         "CloudWatch answers InternalServiceFault: not you",
		"InvalidParameterValue":        "CloudWatch answers InvalidParameterValue: not you",
		"UnrecognizedClientException":  "CloudWatch answers UnrecognizedClientException: not you",
		"InvalidParameterCombination!": "CloudWatch answers InvalidParameterCombination!: not you",
	} {
		s := metrics.Start(t)
		s.Put("AWS/SQS", "NumberOfMessagesSent", noon, 3, "QueueName=photos")
		src := cloudwatch.NewSource(readerOf(s), time.Minute, sent())
		fault := metrics.Fault{Code: code, Said: "not you"}
		s.Fail(fault)
		if got := readOne(t, src, at("12:03:00")); !strings.Contains(got.Unknown, want) {
			t.Errorf("%s: %+v", code, got)
		}
		if got := readOne(t, src, at("12:04:00")); got.Value != 3 || got.Note != "" {
			t.Errorf("%s: %+v", code, got)
		}
		s.Fail(fault, fault, fault, fault, fault, fault)
		if got := readOne(t, src, at("12:05:00")); got.Value != 3 || got.At != at("12:01:00") || !strings.Contains(got.Note, want) {
			t.Errorf("%s: %+v", code, got)
		}
		if got := readOne(t, src, at("12:08:01")); !strings.Contains(got.Unknown, want) {
			t.Errorf("%s: %+v", code, got)
		}
	}
}

func TestNothingThere(t *testing.T) {
	s := metrics.Start(t)
	got := readOne(t, cloudwatch.NewSource(readerOf(s), time.Minute, sent()), noon)
	if got.Unknown != "CloudWatch has no datapoint of the last 7m0s: Sum of AWS/SQS NumberOfMessagesSent (QueueName photos)" {
		t.Errorf("%+v", got)
	}
}

// A tick that ends does not wait.
func TestDeadline(t *testing.T) {
	s := metrics.Start(t)
	hang := make(chan struct{})
	defer close(hang)
	s.Fail(metrics.Fault{Hang: hang})
	src := cloudwatch.NewSource(readerOf(s), time.Minute, sent())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if got := src.Read(ctx, noon)[0]; got.Unknown != "CloudWatch has not answered within the deadline" {
		t.Errorf("%+v", got)
	}
	if got := src.Read(ctx, noon)[0]; got.Unknown == "" {
		t.Errorf("%+v", got)
	}
}

// Where CloudWatch hangs, what was known before is there in time.
func TestHangs(t *testing.T) {
	s := metrics.Start(t)
	hang := make(chan struct{})
	defer close(hang)
	src := cloudwatch.NewSource(readerOf(s), time.Minute, sent(),
		cloudwatch.Signal{Name: "hourly", Metric: cloudwatch.Metric{Namespace: "N", Name: "A", Statistic: "Sum", Period: time.Hour}})
	now := time.Now().UTC()
	before := now.Add(-time.Minute)
	s.Put("AWS/SQS", "NumberOfMessagesSent", before.Add(-3*time.Minute), 3, "QueueName=photos")
	s.Put("N", "A", before.Add(-2*time.Minute).Truncate(time.Hour).Add(-time.Minute), 4)
	src.Read(t.Context(), before)
	s.Fail(metrics.Fault{Hang: hang}, metrics.Fault{Hang: hang})
	ctx, cancel := context.WithDeadline(t.Context(), now.Add(time.Second))
	defer cancel()
	got := src.Read(ctx, now)
	if got[0].Value != 3 || !strings.Contains(got[0].Note, "not answered") || got[1].Value != 4 || ctx.Err() != nil {
		t.Errorf("%+v, %v", got, ctx.Err())
	}
}

// Whatever is there, whenever it is asked, the value is that of a whole period: the
// sum of all that was sent in it, and never 0 where there is none.
func TestNeverOfAPeriodThatIsNotWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := metrics.Start(t)
		if rapid.Bool().Draw(rt, "loose") {
			s.Loose() // it says more than it is asked for
		}
		period := time.Duration(rapid.SampledFrom([]int{10, 60, 300}).Draw(rt, "period")) * time.Second
		delay := rapid.SampledFrom([]time.Duration{time.Second, 30 * time.Second, 2 * time.Minute}).Draw(rt, "delay")
		m := cloudwatch.Metric{Namespace: "N", Name: "A", Statistic: "Sum", Period: period}
		src := cloudwatch.NewSource(readerOf(s), time.Minute, cloudwatch.Signal{Name: "a", Metric: m, Delay: delay})
		now, put := noon, noon
		sums := map[time.Time]float64{}
		for range rapid.IntRange(1, 12).Draw(rt, "ticks") {
			now = now.Add(time.Duration(rapid.IntRange(1, 200).Draw(rt, "step")) * time.Second)
			lag := time.Duration(rapid.Int64Range(0, int64(delay/time.Second)).Draw(rt, "lag")) * time.Second
			for ; !put.After(now.Add(-lag)); put = put.Add(5 * time.Second) { // samples come in order, no later than the delay
				if rapid.IntRange(0, 3).Draw(rt, "gap") > 0 {
					s.Put("N", "A", put, 1)
					sums[put.Truncate(period)]++
				}
			}
			got := src.Read(context.Background(), now)[0]
			v, err := got.Check(now)
			if err != nil {
				continue
			}
			from := got.At.Add(-period)
			if got.At.After(now.Add(-delay)) || v == 0 || v != sums[from] {
				rt.Fatalf("at %s: %+v, of %g", now, got, sums[from])
			}
		}
	})
}
