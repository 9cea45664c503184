package traces

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// kept is a Tracer whose spans a test can look at.
func kept() (*Tracer, func() map[string]tracetest.SpanStub) {
	e := tracetest.NewInMemoryExporter()
	return over(sdk.NewSimpleSpanProcessor(e), "1.2"), func() map[string]tracetest.SpanStub {
		all := map[string]tracetest.SpanStub{}
		for _, s := range e.GetSpans() {
			all[s.Name] = s
		}
		return all
	}
}

func TestATickAndItsSteps(t *testing.T) {
	tracer, spans := kept()
	r := tracer.Recorder("render")
	_, endBefore := r.Begin(t.Context(), "before the tick")
	endBefore(nil)
	begun := time.Now()
	ctx, endRead := r.Begin(t.Context(), "read", Text("source", "queues"))
	below, endAsk := Below(ctx, "sqs GetQueueAttributes")
	endAsk(errors.New("throttled"))
	_, endLate := Below(below, "late")
	endRead(nil, Count("signals", 12))
	r.Tick(begun, errors.New("no decision"), Count("have", 3))
	endLate(nil) // after the tick: changes nothing

	got := spans()
	if len(got) != 4 {
		t.Fatalf("got %v", got)
	}
	tick, read, ask, late := got["tick"], got["read"], got["sqs GetQueueAttributes"], got["late"]
	switch {
	case tick.Parent.IsValid() || tick.Status.Description != "no decision":
		t.Errorf("tick: %+v", tick)
	case read.Parent.SpanID() != tick.SpanContext.SpanID() || read.SpanContext.TraceID() != tick.SpanContext.TraceID():
		t.Error("read is not within the tick")
	case ask.Parent.SpanID() != read.SpanContext.SpanID() || ask.Status.Description != "throttled":
		t.Errorf("the request is not within the reading: %+v", ask)
	case late.Parent.SpanID() != ask.SpanContext.SpanID() || !late.EndTime.Equal(tick.EndTime):
		t.Errorf("late: %+v", late)
	case read.StartTime.Before(tick.StartTime) || read.EndTime.After(tick.EndTime):
		t.Error("read is not during the tick")
	}
	r.Tick(time.Now(), nil)
	if again := spans(); len(again) != 4 {
		t.Errorf("steps of the tick before were sent again: %v", again)
	}
}

func TestWithoutATracerNothingIsDone(t *testing.T) {
	var tracer *Tracer
	r := tracer.Recorder("render")
	ctx, end := r.Begin(t.Context(), "read")
	end(nil)
	if _, end := Below(ctx, "ask"); ctx != t.Context() {
		t.Error("the context was changed")
	} else {
		end(nil)
	}
	r.Tick(time.Now(), nil)
	if err := tracer.Close(); err != nil {
		t.Error(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		_, end := r.Begin(ctx, "read")
		end(nil)
		r.Tick(time.Now(), nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestStepsAreBounded(t *testing.T) {
	tracer, _ := kept()
	r := tracer.Recorder("render")
	for range 3 * mostSteps {
		_, end := r.Begin(t.Context(), "read")
		end(nil)
	}
	if len(r.steps) != mostSteps {
		t.Errorf("%d steps", len(r.steps))
	}
}

// What arrives at a collector.
func TestOverHTTP(t *testing.T) {
	var mu sync.Mutex
	var names []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		var got collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &got); err != nil || q.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", q.URL, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, rs := range got.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, span := range ss.Spans {
					names = append(names, span.Name)
				}
			}
		}
	}))
	defer s.Close()
	tracer, err := New(t.Context(), Options{Endpoint: s.URL, Version: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	tracer.Recorder("render").Tick(time.Now(), nil)
	if err := tracer.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(names) != 1 || names[0] != "tick" {
		t.Errorf("got %v", names)
	}
}

// A collector that is not there costs nothing but traces, and is told of once.
func TestACollectorThatIsDown(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	told := make(chan error, 10)
	tracer, err := New(t.Context(), Options{Endpoint: s.URL, Warn: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for range 5000 {
		tracer.Recorder("render").Tick(time.Now(), nil)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("5000 ticks took %s", took)
	}
	_ = tracer.Close()
	for len(told) > 0 {
		<-told
	}
	h := &seldom{warn: func(err error) { told <- err }}
	for range 100 {
		h.Handle(context.Canceled)
	}
	if len(told) != 1 {
		t.Errorf("told %d times", len(told))
	}
}
